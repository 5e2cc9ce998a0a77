//! What an image offers to whoever gets in: lists of things, each counted, and no grade.

mod change;
mod names;
mod reach;
mod user;

use std::collections::BTreeSet;

use plimsoll_image::{Kind, Node};
use plimsoll_oci::{Digest, ImageConfig};
use plimsoll_sbom::{Component, ImageContents, Kinship};
use serde::Serialize;

pub use change::{Change, SurfaceChange};
pub use user::RuntimeUser;

use crate::Census;

/// What an image offers to an attacker.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Surface {
    /// The image as the user named it.
    pub name: String,
    /// The manifest's digest.
    pub digest: Digest,
    /// Who runs the image.
    pub user: RuntimeUser,
    /// What there is of each kind.
    pub dimensions: Vec<Dimension>,
    /// What is known against the components, by severity from the worst; absent where no advisories were at hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub findings: Option<Vec<(String, u64)>>,
}

/// Things of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dimension {
    /// Which kind.
    pub kind: SurfaceKind,
    /// Each of them, sorted.
    pub items: BTreeSet<String>,
}

/// The kinds of things that an attacker is glad of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SurfaceKind {
    /// Packages of the distribution.
    SystemPackages,
    /// Packages of languages.
    LanguagePackages,
    /// Programs in the directories that programs are looked for in.
    Executables,
    /// Files that run with their owner's or group's rights.
    Setuid,
    /// Files that give capabilities to who runs them.
    FileCapabilities,
    /// Programs that read commands.
    Shells,
    /// Programs that install others.
    PackageManagers,
    /// Programs that speak to the network.
    NetworkTools,
    /// Programs that run programs in text.
    Interpreters,
    /// Paths that everybody may write to.
    WorldWritable,
    /// Paths that the image's user may write to; for root, everything.
    UserWritable,
}

impl SurfaceKind {
    /// All of them, in the order of a report.
    pub const ALL: [Self; 11] = [
        Self::SystemPackages,
        Self::LanguagePackages,
        Self::Executables,
        Self::Setuid,
        Self::FileCapabilities,
        Self::Shells,
        Self::PackageManagers,
        Self::NetworkTools,
        Self::Interpreters,
        Self::WorldWritable,
        Self::UserWritable,
    ];

    /// What it is called, for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::SystemPackages => "system packages",
            Self::LanguagePackages => "language packages",
            Self::Executables => "executables",
            Self::Setuid => "setuid and setgid",
            Self::FileCapabilities => "file capabilities",
            Self::Shells => "shells",
            Self::PackageManagers => "package managers",
            Self::NetworkTools => "network tools",
            Self::Interpreters => "interpreters",
            Self::WorldWritable => "world-writable",
            Self::UserWritable => "writable by the user",
        }
    }
}

impl Surface {
    /// Counts what an image offers.
    pub fn of(
        name: &str,
        digest: Digest,
        config: &ImageConfig,
        census: &Census<'_>,
        contents: &ImageContents,
    ) -> Self {
        let user = RuntimeUser::of(config.config.user.as_deref());
        let mut items: Vec<BTreeSet<String>> = vec![BTreeSet::new(); SurfaceKind::ALL.len()];
        let mut add = |kind: SurfaceKind, item: String| {
            if let Some(items) = items.get_mut(kind as usize) {
                items.insert(item);
            }
        };
        add_packages(contents, &mut add);
        let directories = reach::program_directories(config);
        let mut writable = reach::Topmost::default();
        for node in census.tree.nodes() {
            add_file(&node, &directories, &mut add);
            if user.may_write(&node.entry) && writable.takes(node.path) {
                add(SurfaceKind::UserWritable, shown(node.path));
            }
        }
        let dimensions =
            SurfaceKind::ALL.into_iter().zip(items).map(|(kind, items)| Dimension { kind, items }).collect();
        Self { name: name.to_owned(), digest, user, dimensions, findings: None }
    }

    /// The things of a kind.
    pub fn items(&self, kind: SurfaceKind) -> &BTreeSet<String> {
        static NONE: BTreeSet<String> = BTreeSet::new();
        let found = self.dimensions.iter().find(|dimension| dimension.kind == kind);
        found.map_or(&NONE, |dimension| &dimension.items)
    }

    /// How many there are of a kind.
    pub fn count(&self, kind: SurfaceKind) -> u64 {
        self.items(kind).len() as u64
    }
}

fn add_packages(contents: &ImageContents, add: &mut impl FnMut(SurfaceKind, String)) {
    for located in contents.components.iter().chain(&contents.owned) {
        let Component { package_type, kinship, .. } = &located.component;
        if *kinship == Kinship::Locked {
            continue;
        }
        let kind = if package_type.is_system() {
            SurfaceKind::SystemPackages
        } else {
            SurfaceKind::LanguagePackages
        };
        add(kind, format!("{}:{}", package_type.as_str(), located.component.full_name()));
    }
}

fn add_file(node: &Node<'_>, directories: &[Vec<u8>], add: &mut impl FnMut(SurfaceKind, String)) {
    let (kind, mode) = (node.entry.kind, node.entry.mode);
    let is_file = matches!(kind, Kind::File | Kind::HardLink);
    if is_file && mode & 0o6000 != 0 {
        add(SurfaceKind::Setuid, shown(node.path));
    }
    if node.entry.has_capabilities {
        add(SurfaceKind::FileCapabilities, shown(node.path));
    }
    if matches!(kind, Kind::File | Kind::HardLink | Kind::Directory) && mode & 0o002 != 0 {
        add(SurfaceKind::WorldWritable, shown(node.path));
    }
    let Some((directory, name)) = split(node.path) else { return };
    let is_looked_for = directories.iter().any(|place| place == directory);
    let is_program = is_file && mode & 0o111 != 0 || kind == Kind::Symlink;
    if !is_looked_for || !is_program {
        return;
    }
    if is_file {
        add(SurfaceKind::Executables, shown(node.path));
    }
    for kind in names::kinds(name) {
        add(kind, shown(node.path));
    }
}

fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let slash = path.iter().rposition(|byte| *byte == b'/')?;
    Some((path.get(..slash)?, path.get(slash + 1..)?))
}

fn shown(path: &[u8]) -> String {
    format!("/{}", String::from_utf8_lossy(path))
}

#[cfg(test)]
mod tests;
