//! What a jar's file name says: `name-version[-classifier].jar`, the form of every Maven repository.

use super::artifact::is_coordinate;

/// What follows a number within a version, with or without a number of its own.
const QUALIFIERS: &[&str] = &[
    "alpha",
    "android",
    "b",
    "beta",
    "build",
    "cr",
    "final",
    "ga",
    "incubating",
    "jre",
    "m",
    "milestone",
    "pre",
    "preview",
    "rc",
    "release",
    "rev",
    "snapshot",
    "sp",
];

/// A file name taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileName<'a> {
    /// The name without directory and extension.
    pub(super) stem: &'a str,
    /// Name and version, where there is a version.
    pub(super) parts: Option<(&'a str, &'a str)>,
}

impl<'a> FileName<'a> {
    /// Takes the last component of a path apart.
    pub(super) fn parse(path: &'a str) -> Self {
        let file = path.rsplit('/').next().unwrap_or_default();
        let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
        let parts = parts(stem).filter(|(name, version)| is_coordinate(name) && is_coordinate(version));
        Self { stem, parts }
    }

    /// The artifact's name: without the version, where there is one.
    pub(super) fn name(&self) -> &'a str {
        self.parts.map_or(self.stem, |(name, _)| name)
    }
}

/// The version is the last run of parts that are numbers or qualifiers, begins with a number and holds a dot; what
/// follows it is a classifier (`linux-x86_64`).
fn parts(stem: &str) -> Option<(&str, &str)> {
    let segments = segments(stem);
    let last_number = segments.iter().rposition(|(_, text)| is_number(text))?;
    let run = segments.get(..=last_number)?;
    let before = run.iter().rev().take_while(|(_, text)| is_number(text) || is_qualifier(text)).count();
    let first = last_number + 1 - before;
    let first =
        (first..=last_number).find(|at| segments.get(*at).is_some_and(|(_, text)| is_number(text)))?;
    let after = segments.iter().skip(last_number + 1).take_while(|(_, text)| is_qualifier(text)).count();
    let (start, _) = segments.get(first)?;
    let (end_start, end_text) = segments.get(last_number + after)?;
    let name = stem.get(..start.checked_sub(1)?)?;
    let version = stem.get(*start..end_start + end_text.len())?;
    (version.contains('.') && !name.is_empty()).then_some((name, version))
}

/// The parts between hyphens, with where each begins.
fn segments(stem: &str) -> Vec<(usize, &str)> {
    let mut at = 0;
    let place = |text| {
        let start = at;
        at += str::len(text) + 1;
        (start, text)
    };
    stem.split('-').map(place).collect()
}

fn is_number(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
}

fn is_qualifier(text: &str) -> bool {
    let word = text.trim_end_matches(|last: char| last.is_ascii_digit() || last == '.').to_ascii_lowercase();
    QUALIFIERS.contains(&word.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_version_are_told_apart() {
        for (file, name, version) in [
            ("lib/log4j-core-2.14.1.jar", "log4j-core", "2.14.1"),
            ("log4j-1.2-api-2.14.1.jar", "log4j-1.2-api", "2.14.1"),
            ("guava-31.1-jre.jar", "guava", "31.1-jre"),
            ("x-1.0-beta-2.jar", "x", "1.0-beta-2"),
            ("x-1.0-20210101.123456-1.jar", "x", "1.0-20210101.123456-1"),
            ("app-0.0.1-SNAPSHOT.war", "app", "0.0.1-SNAPSHOT"),
            ("bcprov-jdk15on-1.70.jar", "bcprov-jdk15on", "1.70"),
            ("kafka_2.13-3.4.0.jar", "kafka_2.13", "3.4.0"),
            ("netty-tcnative-2.0.46.Final-linux-x86_64.jar", "netty-tcnative", "2.0.46.Final"),
            ("x-1.0-rc1.jar", "x", "1.0-rc1"),
        ] {
            assert_eq!(FileName::parse(file).parts, Some((name, version)), "{file}");
        }
    }

    #[test]
    fn a_name_without_a_version_has_none() {
        for file in ["app.jar", "http-2-client.jar", "-1.0.jar", "1.0.jar", "", ".jar", "-", "x-.jar"] {
            assert_eq!(FileName::parse(file).parts, None, "{file}");
        }
    }
}
