use std::cmp::Ordering;

use super::{Limits, PathFault};

/// Writes the normal form of `raw` to the end of `names`: components joined by single slashes, with no slash in
/// front or behind, no `.`, and `..` resolved. The root is the empty path.
pub(super) fn push_normalized(names: &mut Vec<u8>, raw: &[u8], limits: &Limits) -> Result<(), PathFault> {
    if raw.contains(&0) {
        return Err(PathFault::Nul);
    }
    if raw.len() > limits.path_bytes_max.into() {
        return Err(PathFault::TooLong(limits.path_bytes_max));
    }
    let start = names.len();
    let mut depth = 0;
    for component in raw.split(|byte| *byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => {
                depth -= usize::from(depth > 0);
                pop_component(names, start).ok_or(PathFault::Escapes)?;
            }
            _ => {
                depth += 1;
                if names.len() > start {
                    names.push(b'/');
                }
                names.extend_from_slice(component);
            }
        }
    }
    if depth > limits.depth_max { Err(PathFault::TooDeep(limits.depth_max)) } else { Ok(()) }
}

/// Takes the last component off the path that begins at `start`.
fn pop_component(names: &mut Vec<u8>, start: usize) -> Option<()> {
    if names.len() == start {
        return None;
    }
    let slash = names[start..].iter().rposition(|byte| *byte == b'/');
    names.truncate(start + slash.unwrap_or(0));
    Some(())
}

/// Orders paths so that a directory stands right before everything beneath it: a slash counts as less than any other
/// byte.
pub fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let differs = a.iter().zip(b).position(|(a, b)| a != b);
    let rank = |byte: u8| if byte == b'/' { 0 } else { byte };
    match differs {
        Some(at) => rank(a[at]).cmp(&rank(b[at])),
        None => a.len().cmp(&b.len()),
    }
}

/// Whether `path` lies beneath `directory`, and is not it.
pub(crate) fn is_beneath(path: &[u8], directory: &[u8]) -> bool {
    match directory {
        [] => !path.is_empty(),
        _ => path.strip_prefix(directory).is_some_and(|rest| rest.first() == Some(&b'/')),
    }
}

/// Splits a path into its directory and its last component.
pub(crate) fn split_last(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (&[], path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalized(raw: &str) -> Result<String, PathFault> {
        let mut names = b"kept".to_vec();
        push_normalized(&mut names, raw.as_bytes(), &Limits::default())?;
        Ok(String::from_utf8(names.split_off(4)).unwrap())
    }

    #[test]
    fn a_path_has_one_normal_form() {
        for raw in ["a/b", "./a/b", "/a/b/", "a//./b", "x/../a/b", "a/c/../b"] {
            assert_eq!(normalized(raw).unwrap(), "a/b", "{raw}");
        }
        assert_eq!(normalized("./").unwrap(), "");
    }

    #[test]
    fn a_path_that_leaves_the_image_is_refused() {
        for raw in ["..", "../a", "a/../../b", "/..", "./../x"] {
            assert_eq!(normalized(raw), Err(PathFault::Escapes), "{raw}");
        }
    }

    #[test]
    fn long_deep_and_cut_paths_are_refused() {
        assert_eq!(normalized(&"a".repeat(5000)), Err(PathFault::TooLong(4096)));
        assert_eq!(normalized(&"a/".repeat(300)), Err(PathFault::TooDeep(256)));
        assert_eq!(normalized("a\0b"), Err(PathFault::Nul));
    }

    #[test]
    fn a_directory_stands_right_before_its_content() {
        let mut paths = ["a-b", "a/b", "a", "a/b/c", "ab", ""].map(str::as_bytes);
        paths.sort_by(|a, b| compare(a, b));
        assert_eq!(paths, ["", "a", "a/b", "a/b/c", "a-b", "ab"].map(str::as_bytes));
    }
}
