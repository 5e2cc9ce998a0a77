use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The distribution that a root file system says it is (os-release(5)).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Distribution {
    /// `ID`: `debian`, `alpine`, `rhel`.
    pub id: String,
    /// `VERSION_ID`: `12`, `3.19.1`, `9.4`; empty for rolling ones, such as Debian's testing.
    pub version_id: String,
    /// `VERSION_CODENAME`: `bookworm`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codename: Option<String>,
    /// `PRETTY_NAME`, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pretty_name: Option<String>,
    /// `ID_LIKE`: what it descends from, nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub like: Vec<String>,
}

impl Distribution {
    /// Reads an os-release file: shell assignments, one a line. Lines that are none are passed over, as shells in
    /// containers that source it would not, but as every other reader does.
    pub fn parse(text: &str) -> Option<Self> {
        let assignments: BTreeMap<&str, String> = text.lines().filter_map(assignment).collect();
        let get = |name: &str| assignments.get(name).filter(|value| !value.is_empty()).cloned();
        Some(Self {
            id: get("ID")?.to_lowercase(),
            version_id: get("VERSION_ID").unwrap_or_default(),
            codename: get("VERSION_CODENAME"),
            pretty_name: get("PRETTY_NAME"),
            like: get("ID_LIKE").iter().flat_map(|ids| ids.split_whitespace()).map(str::to_owned).collect(),
        })
    }
}

fn assignment(line: &str) -> Option<(&str, String)> {
    let (name, value) = line.trim().split_once('=')?;
    Some((name, unquoted(value.trim())))
}

/// A value without its quotes and with its backslash escapes resolved.
fn unquoted(value: &str) -> String {
    let (quote, inner) = match value.as_bytes() {
        [quote @ (b'"' | b'\''), .., last] if quote == last => (Some(*quote), &value[1..value.len() - 1]),
        _ => (None, value),
    };
    if quote == Some(b'\'') {
        return inner.to_owned();
    }
    let mut text = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => text.extend(characters.next()),
            _ => text.push(character),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_os_release_file_names_the_distribution() {
        let text = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID='12'\nVERSION_CODENAME=bookworm\n\
                    # a comment\nID=debian\nID_LIKE=\"rhel \\\"fedora\\\"\"\n";
        let distribution = Distribution::parse(text).unwrap();
        assert_eq!(distribution.id, "debian");
        assert_eq!(distribution.version_id, "12");
        assert_eq!(distribution.codename.as_deref(), Some("bookworm"));
        assert_eq!(distribution.pretty_name.as_deref(), Some("Debian GNU/Linux 12 (bookworm)"));
        assert_eq!(distribution.like, ["rhel", "\"fedora\""]);
    }

    #[test]
    fn a_file_without_an_id_names_nothing() {
        assert_eq!(Distribution::parse("VERSION_ID=12\nID=\n"), None);
    }
}
