//! What an image shows of its layers' records: its components, each with its layer, and who accounts for its programs.
//!
//! A file's facts count when the merged tree still shows the file. So whiteouts and overwritten files need no rule of
//! their own for any ecosystem, and of several versions of a package database the topmost speaks.

mod databases;
mod executables;
mod ownership;
mod visible;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::io::{self, Read, Seek};

use plimsoll_oci::DiffId;
use serde::{Deserialize, Serialize};

use crate::record::FileNote;
use crate::{Distribution, FileFacts, Kinship, LayerRecord, Located};

use databases::Databases;
pub use executables::{Executables, Unaccounted};
use ownership::Ownership;
use visible::Visible;

/// What is inside an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageContents {
    /// The layers as measured, from the base up.
    pub layers: Vec<DiffId>,
    /// The distribution that the image says it is.
    pub distribution: Option<Distribution>,
    /// The components, sorted by package URL and path.
    pub components: Vec<Located>,
    /// Language packages whose files belong to a package of the distribution, which is among `components` and speaks
    /// for them.
    pub owned: Vec<Located>,
    /// The programs, and how many of them are accounted for.
    pub executables: Executables,
    /// What could not be told in full.
    pub notes: Vec<LayerNote>,
    /// Where the image's config is wrong about its layers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mismatches: Vec<Mismatch>,
}

impl ImageContents {
    /// Finds where the image's config names other layers than were measured.
    pub fn compare_with_config(&mut self, said: &[DiffId]) {
        let mut mismatches = Vec::new();
        if said.len() != self.layers.len() {
            let text =
                format!("the config names {} layers, and the image has {}", said.len(), self.layers.len());
            mismatches.push(Mismatch { layer: None, text });
        }
        for (layer, (measured, said)) in self.layers.iter().zip(said).enumerate() {
            let is_comparable = measured.0.algorithm() == said.0.algorithm();
            if is_comparable && measured != said {
                let text = format!("the layer unpacks to {measured}, and the config says {said}");
                mismatches.push(Mismatch { layer: Some(layer), text });
            }
        }
        self.mismatches = mismatches;
    }
}

/// What an image's config says of its layers and measuring denies. Runtimes refuse to unpack such an image; it is
/// damaged, or somebody put another layer in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mismatch {
    /// The layer, counted from 0 at the base; none where it is about all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<usize>,
    /// What is wrong.
    pub text: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.layer {
            Some(layer) => write!(f, "layer {}: {}", layer.saturating_add(1), self.text),
            None => f.write_str(&self.text),
        }
    }
}

/// A note, and the layer whose file it is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LayerNote {
    /// The layer, counted from 0 at the base.
    pub layer: usize,
    /// The note.
    #[serde(flatten)]
    pub note: FileNote,
}

/// Merges the records of an image's layers, from the base up.
pub fn merge<R: Read + Seek>(records: &mut [LayerRecord<R>]) -> io::Result<ImageContents> {
    let visible = Visible::of(records)?;
    let mut gathered = Gathered::new(&visible);
    for (layer, record) in records.iter_mut().enumerate() {
        for facts in record.facts()? {
            gathered.add(layer, facts?);
        }
    }
    let mut contents = gathered.into_contents(records);
    contents.components.sort_by_cached_key(|located| (located.component.full_name(), located.path.clone()));
    contents.owned.sort_by_cached_key(|located| (located.component.full_name(), located.path.clone()));
    contents.notes.sort();
    contents.notes.dedup();
    Ok(contents)
}

/// What the facts of all layers add up to, as they come.
struct Gathered<'v> {
    visible: &'v Visible,
    distributions: HashMap<String, Distribution>,
    databases: Databases,
    /// Language packages and programs: each speaks for itself.
    singles: Vec<Single>,
    ownership: Ownership<'v>,
}

/// A component of a file that is no package database.
struct Single {
    layer: usize,
    /// Where the file is in the tree.
    path: String,
    located: Located,
}

impl<'v> Gathered<'v> {
    fn new(visible: &'v Visible) -> Self {
        Self {
            visible,
            distributions: HashMap::new(),
            databases: Databases::default(),
            singles: Vec::new(),
            ownership: Ownership::new(visible),
        }
    }

    fn add(&mut self, layer: usize, file: FileFacts) {
        let FileFacts { path, reader, facts } = file;
        let shown = self.visible.shown(layer, &path);
        let (system, single): (Vec<_>, Vec<_>) =
            facts.components.into_iter().partition(|component| component.package_type.is_system());
        if !system.is_empty() {
            self.databases.add(layer, &path, &reader, shown.is_some(), system);
        }
        let Some(shown) = shown else { return };
        if let Some(distribution) = facts.distribution {
            self.distributions.insert(shown.to_owned(), distribution);
        }
        for owned in facts.owned {
            self.ownership.add(owned);
        }
        for component in single {
            let located = Located {
                component,
                path: shown.to_owned(),
                layer: None,
                found_by: reader.clone(),
                owner: None,
            };
            self.singles.push(Single { layer, path: shown.to_owned(), located });
        }
    }

    fn into_contents<R: Read + Seek>(mut self, records: &[LayerRecord<R>]) -> ImageContents {
        let layers: Vec<DiffId> = records.iter().map(|record| record.head.measures.diff_id).collect();
        let mut notes: Vec<LayerNote> = records
            .iter()
            .enumerate()
            .flat_map(|(layer, record)| record.head.notes.iter().map(move |note| (layer, note)))
            .filter(|(layer, note)| note.path.is_empty() || self.visible.shown(*layer, &note.path).is_some())
            .map(|(layer, note)| LayerNote { layer, note: note.clone() })
            .collect();
        let distribution =
            ["etc/os-release", "usr/lib/os-release"].iter().find_map(|path| self.distributions.remove(*path));
        let executables = executables::account(self.visible, &self.ownership, &self.singles, &layers);

        let mut components = self.databases.into_located(&layers, &mut notes);
        self.ownership.name_owners(&components, distribution.as_ref());
        let mut owned = Vec::new();
        for Single { layer, path, mut located } in without_installed_locks(self.singles) {
            located.layer = layers.get(layer).copied();
            located.owner = self.ownership.owner_of(&path).cloned();
            if located.owner.is_some() { owned.push(located) } else { components.push(located) }
        }
        let mismatches = Vec::new();
        ImageContents { layers, distribution, components, owned, executables, notes, mismatches }
    }
}

/// Leaves out what lock files tell of packages that are installed: it is no news, and would count twice.
fn without_installed_locks(singles: Vec<Single>) -> Vec<Single> {
    let is_lock = |single: &Single| single.located.component.kinship == Kinship::Locked;
    let identity = |single: &Single| {
        let component = &single.located.component;
        (component.package_type, component.full_name(), component.version.clone())
    };
    let installed: HashSet<_> = singles.iter().filter(|single| !is_lock(single)).map(identity).collect();
    let is_news = |single: &Single| !is_lock(single) || !installed.contains(&identity(single));
    singles.into_iter().filter(is_news).collect()
}

#[cfg(test)]
mod tests;
