//! What the source repository says of the moment at which something came: the clock of the code, sharpened.

use std::path::Path;

use jiff::Timestamp;
use plimsoll_index::lineage::{Cause, Clock, LineReport, ReportedInterval, Source, SourceRange};

use crate::failure::Failure;
use crate::source_tree::{Commit, WorkingTree};

/// Tells of each interval which commits may have brought it. Returns what is to be said aloud.
pub(super) async fn sharpen(report: &mut LineReport, directory: &Path) -> Result<Vec<String>, Failure> {
    let nothing = || {
        Failure::usage("there is no git repository").at(directory.display().to_string()).help("--source DIR")
    };
    let tree = WorkingTree::open(directory).await?.ok_or_else(nothing)?;
    let commits: Vec<Option<String>> = report
        .builds
        .iter()
        .map(|build| build.origin.as_ref()?.commit.clone().filter(|commit| is_commit(commit)))
        .collect();
    let commit_of = |place: usize| commits.get(place).cloned().flatten();
    let mut notes = Vec::new();
    for (number, interval) in (1_usize..).zip(&mut report.intervals) {
        let files = files_of(interval);
        if files.is_empty() {
            continue;
        }
        let between = interval.entry.after.and_then(commit_of).zip(commit_of(interval.entry.with));
        let Some((good, bad)) = between else {
            notes.push(format!("interval {number}: the builds at its beginning name no commits"));
            continue;
        };
        match tree.commits_that_changed(&good, &bad, &files).await? {
            Some(found) => tell(interval, &good, &bad, &files, &found),
            None => notes.push(format!("interval {number}: the source lacks commit {good} or {bad}")),
        }
    }
    Ok(notes)
}

/// The files one of which must have changed for there to be the cause of an interval, as git takes them. Where a tag moved,
/// nobody changed anything.
fn files_of(interval: &ReportedInterval) -> Vec<String> {
    let mut files: Vec<String> = interval
        .entry
        .changes
        .iter()
        .flat_map(|change| match &change.cause {
            Cause::LockFile { path } => {
                let name = path.rsplit('/').next().unwrap_or(path);
                vec![format!(":(top,glob)**/{}", literal(name))]
            }
            Cause::BaseBump { .. } | Cause::BaseChanged { .. } | Cause::Instruction { .. } => {
                let names = ["dockerfile", "containerfile"];
                names.map(|name| format!(":(top,glob,icase)**/*{name}*")).into()
            }
            Cause::BaseDrift { .. } | Cause::FirstBuild | Cause::Unexplained => Vec::new(),
        })
        .collect();
    files.sort();
    files.dedup();
    files
}

/// A name in which a pattern means nothing.
fn literal(name: &str) -> String {
    name.chars().map(|c| if matches!(c, '*' | '?' | '[' | ']' | '\\') { '?' } else { c }).collect()
}

fn tell(interval: &mut ReportedInterval, good: &str, bad: &str, files: &[String], found: &[Commit]) {
    let Some(first) = found.first() else { return };
    interval.clocks.code = Timestamp::from_second(first.committed_at)
        .ok()
        .map(|at| Clock { at, source: Source::Commit { commit: first.commit.clone() } });
    let quoted: Vec<String> = files.iter().map(|file| format!("'{file}'")).collect();
    let next = (found.len() > 1).then(|| format!("git bisect start {bad} {good} -- {}", quoted.join(" ")));
    interval.source =
        Some(SourceRange { commits: found.iter().map(|commit| commit.commit.clone()).collect(), next });
}

/// Whether a text is the full name of a commit: it comes from whoever made the provenance, and goes to git.
fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_full_names_of_commits_go_to_git() {
        assert!(is_commit(&"c0ffee00".repeat(5)));
        assert!(is_commit(&"0".repeat(64)));
        for wrong in ["", "HEAD", "--output=x", "c0ffee", &format!("{}\n", "0".repeat(39))] {
            assert!(!is_commit(wrong), "{wrong}");
        }
        assert_eq!(literal("a*[b].lock"), "a??b?.lock");
    }
}
