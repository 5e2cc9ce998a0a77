use std::collections::HashMap;

use super::Visible;
use crate::{Distribution, Located, Owned, OwnedFiles, Purl};

/// Which files belong to packages, as far as anyone asks: files with facts, and programs.
pub(super) struct Ownership<'v> {
    visible: &'v Visible,
    /// The package that owns a path of interest.
    owners: HashMap<String, String>,
    /// Directories that belong to a package as a whole.
    directories: HashMap<String, String>,
    /// The package URLs of the distribution's packages, by name and by `name:arch`.
    urls: HashMap<String, Purl>,
}

impl<'v> Ownership<'v> {
    pub(super) fn new(visible: &'v Visible) -> Self {
        Self { visible, owners: HashMap::new(), directories: HashMap::new(), urls: HashMap::new() }
    }

    pub(super) fn add(&mut self, owned: OwnedFiles) {
        match owned.files {
            Owned::Beneath(directory) => {
                self.directories.insert(directory, owned.package);
            }
            Owned::Paths(paths) => {
                for path in paths {
                    let path = self.visible.real_path(&path).unwrap_or(path);
                    if self.visible.is_of_interest(&path) {
                        self.owners.insert(path, owned.package.clone());
                    }
                }
            }
        }
    }

    /// Takes the names of the distribution's packages: only they own language packages.
    pub(super) fn name_owners(&mut self, packages: &[Located], distribution: Option<&Distribution>) {
        for located in packages {
            let component = &located.component;
            let url = component.purl(distribution);
            if let Some(architecture) = &component.architecture {
                self.urls.insert(format!("{}:{architecture}", component.name), url.clone());
            }
            self.urls.insert(component.name.clone(), url);
        }
    }

    /// The package URL of the distribution's package that owns a file.
    pub(super) fn owner_of(&self, path: &str) -> Option<&Purl> {
        self.urls.get(self.owners.get(path)?)
    }

    /// Whether any package, of whatever kind, says that a file is its own.
    pub(super) fn is_owned(&self, path: &str) -> bool {
        self.owners.contains_key(path) || self.is_beneath_owned(path)
    }

    fn is_beneath_owned(&self, path: &str) -> bool {
        let mut directory = path;
        while let Some((above, _)) = directory.rsplit_once('/') {
            if self.directories.contains_key(above) {
                return true;
            }
            directory = above;
        }
        false
    }
}
