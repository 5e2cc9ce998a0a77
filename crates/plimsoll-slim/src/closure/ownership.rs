//! Which package a file belongs to, as the package managers' own databases say.

use std::collections::{BTreeMap, HashMap};

use plimsoll_sbom::{Candidate, File, Owned, OwnedFiles, READERS, ReadFault, Reader};

use super::Contents;
use crate::file_system::{FileSystem, NodeId};

/// The readers that tell of owners.
const TELLING: &[&str] = &["dpkg-files", "apk", "rpm", "chisel", "python-files"];

/// The reader of a Python distribution's own list, whose packages are no system's.
const PYTHON: &str = "python-files";

/// Who owns what.
#[derive(Debug, Default)]
pub struct Ownership {
    packages: Vec<Package>,
    owners: HashMap<NodeId, Vec<usize>>,
    /// What could not be read, for a person.
    pub notes: Vec<String>,
}

/// A package with its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its name, with dpkg's `:arch` where dpkg writes one.
    pub name: String,
    /// Whether it is a Python distribution, and no package of the system.
    pub is_python: bool,
    /// The files of it that are there.
    pub files: Vec<NodeId>,
}

impl Ownership {
    /// Reads the databases of an image.
    pub fn read(system: &FileSystem, contents: &mut dyn Contents) -> Self {
        let mut ownership = Self::default();
        let mut by_name: BTreeMap<(bool, String), usize> = BTreeMap::new();
        for (_, node) in system.nodes().filter(|(_, node)| node.is_file()) {
            let Ok(path) = std::str::from_utf8(&node.path) else { continue };
            let name = path.rsplit('/').next().unwrap_or_default();
            let candidate = Candidate { path, name, head: &[], size_bytes: node.size_bytes, mode: node.mode };
            for reader in READERS.iter().filter(|reader| TELLING.contains(&reader.name)) {
                if node.size_bytes > reader.bytes_max || !(reader.wants)(&candidate) {
                    continue;
                }
                match read_with(reader, path, node.size_bytes, contents) {
                    Ok(owned) => {
                        for files in owned {
                            ownership.add(system, &mut by_name, reader.name == PYTHON, files);
                        }
                    }
                    Err(fault) => ownership.notes.push(format!("`/{path}` cannot be read: {fault}")),
                }
            }
        }
        ownership
    }

    /// The packages, in the order in which they were found.
    pub fn packages(&self) -> &[Package] {
        &self.packages
    }

    /// The packages that a file belongs to.
    pub fn owners(&self, id: NodeId) -> impl Iterator<Item = &Package> {
        let positions = self.owners.get(&id).map(Vec::as_slice).unwrap_or_default();
        positions.iter().filter_map(|at| self.packages.get(*at))
    }

    /// Whether a package brought the file.
    pub fn is_owned(&self, id: NodeId) -> bool {
        self.owners.contains_key(&id)
    }

    fn add(
        &mut self,
        system: &FileSystem,
        by_name: &mut BTreeMap<(bool, String), usize>,
        is_python: bool,
        owned: OwnedFiles,
    ) {
        let key = (is_python, owned.package.clone());
        let at = *by_name.entry(key).or_insert_with(|| {
            self.packages.push(Package { name: owned.package, is_python, files: Vec::new() });
            self.packages.len() - 1
        });
        for id in files_of(system, &owned.files) {
            self.owners.entry(id).or_default().push(at);
            if let Some(package) = self.packages.get_mut(at) {
                package.files.push(id);
            }
        }
    }
}

/// A database names paths as its packages do, and a directory of theirs may be a link by now.
fn files_of(system: &FileSystem, owned: &Owned) -> Vec<NodeId> {
    match owned {
        Owned::Paths(paths) => {
            paths.iter().filter_map(|path| system.resolve_unfollowed(path.as_bytes()).end).collect()
        }
        Owned::Beneath(directory) => {
            let found = system.resolve(directory.as_bytes()).end;
            found.into_iter().flat_map(|id| system.beneath(id)).map(|(id, _)| id).collect()
        }
    }
}

fn read_with(
    reader: &Reader,
    path: &str,
    size_bytes: u64,
    contents: &mut dyn Contents,
) -> Result<Vec<OwnedFiles>, ReadFault> {
    let mut content = contents.open(path.as_bytes())?;
    let mut file = File { path, size_bytes, content: &mut content };
    (reader.read)(&mut file).map(|facts| facts.owned)
}
