use std::collections::{BTreeMap, HashSet};

use plimsoll_image::Kind;

use crate::Census;

/// How deep a directory is named whose files belong to no package.
const DEPTH_MAX: usize = 2;

/// Whose the bytes of an image are: packages by their name, other files by the directory that they lie in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    pub(super) bytes: BTreeMap<Holder, u64>,
}

/// What holds bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holder {
    Package(String),
    Directory(String),
}

impl Holdings {
    /// Sums up the files that an image shows.
    pub fn of(census: &Census<'_>) -> Self {
        let mut holdings = Self::default();
        let mut counted = HashSet::new();
        for node in census.tree.nodes() {
            let is_file = matches!(node.entry.kind, Kind::File | Kind::HardLink);
            if !is_file || !counted.insert(node.content) {
                continue;
            }
            let holder = match census.package(node.path) {
                Some(package) => Holder::Package(package.to_owned()),
                None => Holder::Directory(directory(node.path)),
            };
            let sum = holdings.bytes.entry(holder).or_default();
            *sum = sum.saturating_add(node.size_bytes);
        }
        holdings
    }
}

fn directory(path: &[u8]) -> String {
    let text = String::from_utf8_lossy(path);
    let parts: Vec<&str> = text.split('/').collect();
    let above = parts.len().saturating_sub(1).min(DEPTH_MAX);
    format!("/{}", parts.iter().take(above).copied().collect::<Vec<_>>().join("/"))
}
