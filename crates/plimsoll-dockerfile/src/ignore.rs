//! `.dockerignore`: which files of the context are not sent.
//!
//! The meaning is Docker's (`moby/patternmatcher`), which is not git's: a pattern without a slash matches at the top
//! only, and the last pattern that matches decides.

mod pattern;

use pattern::Pattern;

/// Most patterns of an ignore file.
pub const IGNORE_PATTERNS_MAX: usize = 10_000;

/// The patterns of a `.dockerignore`, in their order.
#[derive(Clone, Debug, Default)]
pub struct IgnoreFile {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    pattern: Pattern,
    is_exception: bool,
}

/// Why an ignore file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IgnoreError {
    /// A pattern is malformed.
    #[error("line {line}: `{pattern}` is no pattern: a bracket is not closed, or an escape ends it")]
    Pattern {
        /// The line, from one.
        line: usize,
        /// The pattern.
        pattern: String,
    },
    /// `!` stands alone.
    #[error("line {0}: `!` is followed by no pattern")]
    Exception(usize),
    /// It has too many patterns.
    #[error("it has more than {IGNORE_PATTERNS_MAX} patterns")]
    ManyPatterns,
}

impl IgnoreFile {
    /// Reads the bytes of a `.dockerignore`.
    pub fn parse(bytes: &[u8]) -> Result<Self, IgnoreError> {
        let text = String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
        let mut entries = Vec::new();
        for (index, line) in text.lines().enumerate() {
            entries.extend(entry(index + 1, line)?);
            if entries.len() > IGNORE_PATTERNS_MAX {
                return Err(IgnoreError::ManyPatterns);
            }
        }
        Ok(Self { entries })
    }

    /// Whether a file or directory of the context is left out. Its path is relative, with slashes.
    pub fn ignores(&self, path: &str) -> bool {
        let path = clean(path);
        if path == "." {
            return false;
        }
        self.entries.iter().fold(false, |is_ignored, entry| {
            // Only what would change the answer is looked at.
            let matters = entry.is_exception == is_ignored;
            if matters && entry.matches(&path) { !entry.is_exception } else { is_ignored }
        })
    }

    /// Whether some pattern takes files back, so that a directory that is left out may hold some that are not.
    pub fn has_exceptions(&self) -> bool {
        self.entries.iter().any(|entry| entry.is_exception)
    }

    /// Whether everything at the top is left out.
    pub fn ignores_everything(&self) -> bool {
        let is_all = |entry: &Entry| ["*", "**", "**/*"].contains(&entry.pattern.text());
        self.entries.iter().any(|entry| !entry.is_exception && is_all(entry))
    }
}

impl Entry {
    /// Whether the pattern matches the path, or a directory that it is in.
    fn matches(&self, path: &str) -> bool {
        let parents = path.match_indices('/').filter_map(|(at, _)| path.get(..at));
        self.pattern.matches(path) || parents.into_iter().any(|parent| self.pattern.matches(parent))
    }
}

fn entry(line_number: usize, line: &str) -> Result<Option<Entry>, IgnoreError> {
    let text = line.trim();
    if line.starts_with('#') || text.is_empty() {
        return Ok(None);
    }
    let (sign, path) = match text.strip_prefix('!') {
        Some(rest) => ("!", rest.trim()),
        None => ("", text),
    };
    let path = if path.is_empty() { String::new() } else { clean(path) };
    let path = path.strip_prefix('/').filter(|rest| !rest.is_empty()).unwrap_or(&path);
    // Docker cleans it a second time, with the sign before it.
    let cleaned = clean(format!("{sign}{path}").trim());
    let (path, is_exception) = match cleaned.strip_prefix('!') {
        Some("") => return Err(IgnoreError::Exception(line_number)),
        Some(path) => (path, true),
        None => (cleaned.as_str(), false),
    };
    let wrong = || IgnoreError::Pattern { line: line_number, pattern: text.to_owned() };
    let pattern = Pattern::parse(path).ok_or_else(wrong)?;
    Ok(Some(Entry { pattern, is_exception }))
}

/// The shortest path that means the same: without `.`, `..` where possible, and doubled slashes.
pub fn clean(path: &str) -> String {
    let is_absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if is_absolute => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (is_absolute, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignored(file: &str, path: &str) -> bool {
        IgnoreFile::parse(file.as_bytes()).unwrap().ignores(path)
    }

    #[test]
    fn patterns_mean_what_docker_means() {
        assert!(ignored("node_modules", "node_modules/a/b.js"));
        assert!(!ignored("node_modules", "web/node_modules/a.js"));
        assert!(ignored("**/node_modules", "web/node_modules/a.js"));
        assert!(ignored("/a/../b/", "b/c"));
        assert!(ignored("*.md\n!README.md", "CHANGES.md"));
        assert!(!ignored("*.md\n!README.md", "README.md"));
        assert!(ignored("!README.md\n*.md", "README.md"));
        assert!(ignored("# no\n*\n!src", "target/x"));
        assert!(!ignored("# no\n*\n!src", "src/x"));
        assert!(ignored("a?c/[x-z]*", "abc/y1"));
        assert!(!ignored("*", "."));
    }

    #[test]
    fn what_is_no_pattern_is_told_with_its_line() {
        assert_eq!(
            IgnoreFile::parse(b"a\n[b").unwrap_err(),
            IgnoreError::Pattern { line: 2, pattern: "[b".to_owned() }
        );
        assert_eq!(IgnoreFile::parse(b"!").unwrap_err(), IgnoreError::Exception(1));
    }
}
