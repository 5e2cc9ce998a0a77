use super::{Fix, apply};

/// Lines of text around a change.
const AROUND: usize = 3;
/// Most lines that are looked through for where both texts say the same again.
const DISTANCE_MAX: usize = 1_000;

/// Changes as a unified diff that `git apply` takes; empty where nothing changes. Changes that touch each other are made
/// one after the other, so that all of them are in it.
pub fn patch<'f>(path: &str, source: &[u8], fixes: impl IntoIterator<Item = &'f Fix>) -> Vec<u8> {
    let (changed, _) = apply(source, fixes);
    diff(path, source, &changed)
}

/// The difference between two texts as a unified diff that `git apply` takes; empty where there is none.
pub fn diff(path: &str, before: &[u8], after: &[u8]) -> Vec<u8> {
    if before == after {
        return Vec::new();
    }
    let (before, after) = (lines(before), lines(after));
    let mut text = format!("diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n").into_bytes();
    for hunk in hunks(&before, &after) {
        write(&mut text, &before, &after, &hunk);
    }
    text
}

/// Lines that differ: where in the old text and in the new.
#[derive(Clone, Debug)]
struct Hunk {
    old: std::ops::Range<usize>,
    new: std::ops::Range<usize>,
}

fn lines(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|byte| *byte == b'\n').collect()
}

/// The lines that differ, in groups whose surroundings touch.
fn hunks(before: &[&[u8]], after: &[&[u8]]) -> Vec<Vec<Hunk>> {
    let mut groups: Vec<Vec<Hunk>> = Vec::new();
    let (mut old, mut new) = (0, 0);
    while old < before.len() || new < after.len() {
        if old < before.len() && before.get(old) == after.get(new) {
            (old, new) = (old + 1, new + 1);
            continue;
        }
        let (skipped_old, skipped_new) = next_common(before, after, old, new);
        let hunk = Hunk { old: old..old + skipped_old, new: new..new + skipped_new };
        (old, new) = (hunk.old.end, hunk.new.end);
        let is_near = |group: &&mut Vec<Hunk>| {
            group.last().is_some_and(|last| hunk.old.start <= last.old.end + 2 * AROUND)
        };
        match groups.last_mut().filter(is_near) {
            Some(group) => group.push(hunk),
            None => groups.push(vec![hunk]),
        }
    }
    groups
}

/// How many lines of each are passed over until both say the same again.
fn next_common(before: &[&[u8]], after: &[&[u8]], old: usize, new: usize) -> (usize, usize) {
    let rest = (before.len() - old) + (after.len() - new);
    for distance in 1..=rest.min(DISTANCE_MAX) {
        for skipped_old in 0..=distance {
            let skipped_new = distance - skipped_old;
            let (one, other) = (before.get(old + skipped_old), after.get(new + skipped_new));
            if one.is_some() && one == other {
                return (skipped_old, skipped_new);
            }
        }
    }
    (before.len() - old, after.len() - new)
}

fn write(text: &mut Vec<u8>, before: &[&[u8]], after: &[&[u8]], group: &[Hunk]) {
    let (Some(first), Some(last)) = (group.first(), group.last()) else { return };
    let lead = first.old.start.min(AROUND);
    let tail = (before.len() - last.old.end).min(AROUND);
    let old = first.old.start - lead..last.old.end + tail;
    let new = first.new.start - lead..last.new.end + tail;
    let start = |range: &std::ops::Range<usize>| if range.is_empty() { range.start } else { range.start + 1 };
    let head = format!("@@ -{},{} +{},{} @@\n", start(&old), old.len(), start(&new), new.len());
    text.extend_from_slice(head.as_bytes());
    let mut at = old.start;
    for hunk in group {
        put(text, b' ', before, at..hunk.old.start);
        put(text, b'-', before, hunk.old.clone());
        put(text, b'+', after, hunk.new.clone());
        at = hunk.old.end;
    }
    put(text, b' ', before, at..old.end);
}

fn put(text: &mut Vec<u8>, sign: u8, lines: &[&[u8]], range: std::ops::Range<usize>) {
    for line in lines.get(range).unwrap_or_default() {
        text.push(sign);
        text.extend_from_slice(line);
        if !line.ends_with(b"\n") {
            text.extend_from_slice(b"\n\\ No newline at end of file\n");
        }
    }
}
