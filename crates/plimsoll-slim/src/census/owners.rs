use std::collections::HashMap;
use std::io;

use plimsoll_image::FileTree;
use plimsoll_sbom::{FileFacts, Owned, OwnedFiles};

/// What one file of a layer says about owners.
#[derive(Debug)]
pub(super) struct Claim {
    /// The file that says so.
    path: String,
    /// Whether it belongs to the distribution's package manager, whose word counts before that of others.
    is_system: bool,
    owned: Vec<OwnedFiles>,
}

/// Readers of what a distribution's package manager writes.
const SYSTEM_READERS: [&str; 3] = ["dpkg-files", "apk", "rpm"];

/// The claims of a file, if it makes any.
pub(super) fn claims(facts: io::Result<FileFacts>) -> io::Result<Option<Claim>> {
    let FileFacts { path, reader, facts } = facts?;
    let is_system = SYSTEM_READERS.iter().any(|own| reader.starts_with(own));
    let claim = Claim { path, is_system, owned: facts.owned };
    Ok((!claim.owned.is_empty()).then_some(claim))
}

/// Which package each file belongs to.
#[derive(Debug, Default)]
pub(super) struct Owners {
    names: Vec<String>,
    numbers: HashMap<String, u32>,
    by_path: HashMap<Box<[u8]>, Owner>,
    directories: Vec<(String, u32)>,
}

#[derive(Clone, Copy, Debug)]
struct Owner {
    package: u32,
    rank: Rank,
}

/// Whose word counts: the last before the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// The file that says so is hidden by a later layer.
    Hidden,
    Shown,
    ShownBySystem,
}

impl Owners {
    pub(super) fn of<'c>(tree: &FileTree<'_>, layers: impl Iterator<Item = &'c [Claim]>) -> Self {
        let mut owners = Self::default();
        let mut places = Places { tree, directories: HashMap::new() };
        for (layer, claims) in layers.enumerate() {
            for claim in claims {
                owners.add(layer, claim, &mut places);
            }
        }
        // The deepest directory decides.
        owners.directories.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        owners
    }

    /// The package that owns what the image shows at a path.
    pub(super) fn of_shown(&self, path: &[u8]) -> Option<&str> {
        let owner = self.by_path.get(path).filter(|owner| owner.rank > Rank::Hidden);
        owner
            .map(|owner| owner.package)
            .or_else(|| self.of_directory(path))
            .and_then(|number| self.name(number))
    }

    /// The package that owns a path, or did in some layer.
    pub(super) fn of_any(&self, path: &[u8]) -> Option<&str> {
        let owner = self.by_path.get(path).map(|owner| owner.package);
        owner.or_else(|| self.of_directory(path)).and_then(|number| self.name(number))
    }

    fn add(&mut self, layer: usize, claim: &Claim, places: &mut Places<'_, '_>) {
        let rank = match (places.shows(layer, &claim.path), claim.is_system) {
            (false, _) => Rank::Hidden,
            (true, false) => Rank::Shown,
            (true, true) => Rank::ShownBySystem,
        };
        for owned in &claim.owned {
            let package = self.number(&owned.package);
            match &owned.files {
                Owned::Beneath(directory) if rank > Rank::Hidden => {
                    self.directories.push((directory.clone(), package));
                }
                Owned::Beneath(_) => {}
                Owned::Paths(paths) => {
                    for path in paths {
                        self.put(places.real(path), Owner { package, rank });
                    }
                }
            }
        }
    }

    fn put(&mut self, path: Box<[u8]>, owner: Owner) {
        let before = self.by_path.entry(path).or_insert(owner);
        if owner.rank >= before.rank {
            *before = owner;
        }
    }

    fn of_directory(&self, path: &[u8]) -> Option<u32> {
        let is_above = |directory: &str| {
            path.strip_prefix(directory.as_bytes()).is_some_and(|rest| rest.first() == Some(&b'/'))
        };
        self.directories.iter().find(|(directory, _)| is_above(directory)).map(|(_, package)| *package)
    }

    fn name(&self, number: u32) -> Option<&str> {
        self.names.get(number as usize).map(String::as_str)
    }

    /// The number of a package, whose name may carry dpkg's `:arch`.
    fn number(&mut self, package: &str) -> u32 {
        let name = package.split(':').next().unwrap_or(package);
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }
}

/// Where paths that package managers write stand in the tree: `/lib` is `/usr/lib` in most.
struct Places<'t, 'a> {
    tree: &'t FileTree<'a>,
    directories: HashMap<Box<[u8]>, Box<[u8]>>,
}

impl Places<'_, '_> {
    /// Whether the tree shows a file of this layer at its path.
    fn shows(&mut self, layer: usize, path: &str) -> bool {
        let real = self.real(path);
        self.tree.get(&real).is_some_and(|node| node.layer == layer)
    }

    fn real(&mut self, path: &str) -> Box<[u8]> {
        let Some((directory, name)) = path.rsplit_once('/') else { return path.as_bytes().into() };
        let tree = self.tree;
        if !self.directories.contains_key(directory.as_bytes()) {
            // The tree follows the links above a last component; that of the file asked for is none of the links.
            let real = tree.real_path(&[directory.as_bytes(), b"/x"].concat()).into_owned();
            let real = real.strip_suffix(b"/x").unwrap_or(&real).into();
            self.directories.insert(directory.as_bytes().into(), real);
        }
        let real = self.directories.get(directory.as_bytes()).map_or(directory.as_bytes(), |real| real);
        [real, b"/", name.as_bytes()].concat().into_boxed_slice()
    }
}
