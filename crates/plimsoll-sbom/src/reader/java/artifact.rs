use crate::{Component, PackageType};

/// Longer names and versions are nobody's.
const TEXT_BYTES_MAX: usize = 256;

/// Maven's coordinates.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Artifact {
    pub(super) group: Option<String>,
    pub(super) name: String,
    pub(super) version: String,
}

impl Artifact {
    /// The coordinates, if Maven would take them: placeholders such as `${project.version}` name nothing.
    pub(super) fn new(group: Option<&str>, name: &str, version: &str) -> Option<Self> {
        let sound = is_coordinate(name) && is_coordinate(version) && group.is_none_or(is_coordinate);
        sound.then(|| Self {
            group: group.map(str::to_owned),
            name: name.to_owned(),
            version: version.to_owned(),
        })
    }

    pub(super) fn into_component(self) -> Component {
        Component { namespace: self.group, ..Component::new(PackageType::Maven, self.name, self.version) }
    }
}

/// Whether it can be a group, an artifact or a version.
pub(super) fn is_coordinate(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+~".contains(&byte);
    !text.is_empty() && text.len() <= TEXT_BYTES_MAX && text.bytes().all(allowed)
}
