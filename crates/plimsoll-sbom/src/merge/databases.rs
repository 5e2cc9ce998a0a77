use std::collections::{BTreeMap, HashMap, HashSet};

use plimsoll_oci::DiffId;

use super::LayerNote;
use crate::record::FileNote;
use crate::{Component, Located, PackageType};

/// The package databases of an image, each in the versions that its layers hold.
#[derive(Default)]
pub(super) struct Databases {
    by_path: BTreeMap<String, Vec<Version>>,
}

/// A database as one layer has it.
struct Version {
    layer: usize,
    reader: String,
    is_shown: bool,
    components: Vec<Component>,
}

/// What makes two entries of a database the same package.
type Identity<'a> = (&'a str, &'a str, Option<&'a str>);

fn identity(component: &Component) -> Identity<'_> {
    (&component.name, &component.version, component.architecture.as_deref())
}

impl Databases {
    pub(super) fn add(
        &mut self,
        layer: usize,
        path: &str,
        reader: &str,
        is_shown: bool,
        components: Vec<Component>,
    ) {
        let version = Version { layer, reader: reader.to_owned(), is_shown, components };
        self.by_path.entry(path.to_owned()).or_default().push(version);
    }

    /// The packages of every database that the image shows. A database that was deleted is still evidence where no
    /// other of its kind is left.
    pub(super) fn into_located(self, layers: &[DiffId], notes: &mut Vec<LayerNote>) -> Vec<Located> {
        let shown_types: HashSet<PackageType> = self
            .by_path
            .values()
            .flatten()
            .filter(|version| version.is_shown)
            .flat_map(|version| version.components.first())
            .map(|component| component.package_type)
            .collect();
        let mut located = Vec::new();
        for (path, versions) in self.by_path {
            let Some(top) = versions.last() else { continue };
            let package_type = top.components.first().map(|component| component.package_type);
            if !top.is_shown && package_type.is_none_or(|kind| shown_types.contains(&kind)) {
                continue;
            }
            if !top.is_shown {
                let text =
                    "the package database is gone from the image; what it listed is still counted".to_owned();
                notes.push(LayerNote {
                    layer: top.layer,
                    note: FileNote { path: path.clone(), text, is_unread: false },
                });
            }
            located.extend(attribute(&path, versions, layers));
        }
        located
    }
}

/// The packages of the topmost version, each with the layer that brought it: the lowest from which on every version
/// lists it.
fn attribute(path: &str, mut versions: Vec<Version>, layers: &[DiffId]) -> Vec<Located> {
    let Some(top) = versions.pop() else { return Vec::new() };
    let mut since: HashMap<Identity<'_>, usize> =
        top.components.iter().map(|component| (identity(component), top.layer)).collect();
    let mut unbroken: HashSet<Identity<'_>> = since.keys().copied().collect();
    for version in versions.iter().rev() {
        let listed: HashSet<Identity<'_>> = version.components.iter().map(identity).collect();
        unbroken.retain(|package| listed.contains(package));
        for package in &unbroken {
            since.insert(*package, version.layer);
        }
    }
    let brought: Vec<usize> = top
        .components
        .iter()
        .map(|component| since.get(&identity(component)).copied().unwrap_or(top.layer))
        .collect();
    top.components
        .iter()
        .zip(brought)
        .map(|(component, layer)| Located {
            component: component.clone(),
            path: path.to_owned(),
            layer: layers.get(layer).copied(),
            found_by: top.reader.clone(),
            owner: None,
        })
        .collect()
}
