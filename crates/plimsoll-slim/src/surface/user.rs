use plimsoll_image::{Entry, Kind};
use serde::Serialize;

/// Who runs an image, as far as the image says it in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RuntimeUser {
    /// As the image's config says it; nothing where it says nothing, and so root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written: Option<String>,
    /// The number; nothing where only a name is given, whose number stands in a file of the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// The group's number, where it is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
}

impl RuntimeUser {
    /// Reads `USER`: a name or number, and perhaps a group.
    pub fn of(written: Option<&str>) -> Self {
        let written = written.filter(|text| !text.is_empty());
        let (user, group) = match written.map(|text| text.split_once(':').unwrap_or((text, ""))) {
            Some((user, group)) => (user, group),
            None => ("0", ""),
        };
        let number = |name: &str| if name == "root" { Some(0) } else { name.parse().ok() };
        Self { written: written.map(str::to_owned), uid: number(user), gid: number(group) }
    }

    /// Whether the image runs as root.
    pub fn is_root(&self) -> bool {
        self.uid == Some(0)
    }

    /// Whether the user may write to a file or directory, by its rights.
    pub(super) fn may_write(&self, entry: &Entry<'_>) -> bool {
        let has_rights = matches!(entry.kind, Kind::File | Kind::HardLink | Kind::Directory);
        let as_owner = self.uid == Some(entry.uid) && entry.mode & 0o200 != 0;
        let as_group = self.gid == Some(entry.gid) && entry.mode & 0o020 != 0;
        has_rights && (self.is_root() || as_owner || as_group || entry.mode & 0o002 != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_named_is_root() {
        assert!(RuntimeUser::of(None).is_root());
        assert!(RuntimeUser::of(Some("")).is_root());
        assert!(RuntimeUser::of(Some("root:root")).is_root());
        assert_eq!(
            RuntimeUser::of(Some("1000:50")),
            RuntimeUser { written: Some("1000:50".into()), uid: Some(1000), gid: Some(50) }
        );
        assert_eq!(RuntimeUser::of(Some("app")).uid, None);
    }
}
