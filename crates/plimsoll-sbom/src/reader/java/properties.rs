//! `pom.properties`, as Maven's archiver writes it (java.util.Properties, the load format).

use super::artifact::Artifact;

/// Reads the coordinates.
pub(super) fn parse(text: &str) -> Option<Artifact> {
    let value = |wanted: &str| {
        let mut pairs = text.lines().filter_map(pair);
        pairs.find(|(key, _)| key == wanted).map(|(_, value)| value)
    };
    Artifact::new(Some(&value("groupId")?), &value("artifactId")?, &value("version")?)
}

/// A line's key and value. Lines that go on are not joined: coordinates never need it.
fn pair(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    if line.starts_with(['#', '!']) {
        return None;
    }
    let (key, value) = line.split_once(['=', ':'])?;
    Some((key.trim().to_owned(), unescaped(value.trim())))
}

/// A value without the backslashes that the format sets before `:`, `=`, `#` and `!`.
fn unescaped(value: &str) -> String {
    value.replace('\\', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coordinates_are_read_whatever_the_separator() {
        let text = "#Created by Maven\r\n! more\nartifactId: log4j-core\ngroupId = org.apache.logging.log4j\r\n\
                    version=2.14.1\n";
        let artifact = parse(text).unwrap();
        assert_eq!(artifact.group.as_deref(), Some("org.apache.logging.log4j"));
        assert_eq!((artifact.name.as_str(), artifact.version.as_str()), ("log4j-core", "2.14.1"));
    }

    #[test]
    fn what_a_build_left_unfilled_names_nothing() {
        assert_eq!(parse("groupId=g\nartifactId=a\nversion=${project.version}\n"), None);
        assert_eq!(parse("groupId=g\nartifactId=a\n"), None);
    }
}
