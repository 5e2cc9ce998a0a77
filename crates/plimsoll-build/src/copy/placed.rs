use std::collections::{BTreeMap, HashMap};

use plimsoll_image::Kind;

use super::owner::Owner;
use crate::BuildError;
use crate::files::{Files, Item, join, last_name, parent, resolve};

/// Most entries of one layer.
const ENTRIES_MAX: usize = 2_000_000;
/// What a name that deletes another begins with (image-spec, `layer.md`, "Whiteouts").
const WHITEOUT_PREFIX: &[u8] = b".wh.";

/// What identifies a file that has several names.
type Identity = (u64, u64);

/// The entries of a layer by their paths, upon a stage.
pub(super) struct Placed<'s> {
    stage: &'s dyn Files,
    /// Who owns directories that are made on the way.
    owner: Owner,
    is_linked: bool,
    items: BTreeMap<Vec<u8>, (Item, Option<Identity>)>,
    /// Where the links of the stage lead a directory.
    resolved: HashMap<Vec<u8>, Vec<u8>>,
}

impl<'s> Placed<'s> {
    pub(super) fn on(stage: &'s dyn Files, owner: Option<Owner>, is_linked: bool) -> Self {
        let (items, resolved) = (BTreeMap::new(), HashMap::new());
        Self { stage, owner: owner.unwrap_or_default(), is_linked, items, resolved }
    }

    /// Puts an entry at its path, as links in the stage lead there, and makes the directories above it.
    pub(super) fn put(&mut self, mut item: Item, identity: Option<Identity>) -> Result<(), BuildError> {
        if last_name(&item.path).starts_with(WHITEOUT_PREFIX) {
            let what = format!("`{}` would delete another file in the image", shown(&item.path));
            return Err(BuildError::wrong(what).help("leave it out with .dockerignore, or rename it"));
        }
        item.path = self.through_links(&item.path)?;
        if !self.may_stand(&item)? {
            return Ok(());
        }
        self.make_parents(&item.path)?;
        if self.items.len() >= ENTRIES_MAX {
            return Err(BuildError::wrong(format!("more than {ENTRIES_MAX} files are copied at once")));
        }
        self.items.insert(item.path.clone(), (item, identity));
        Ok(())
    }

    /// A path as links in the directories above it lead to it.
    pub(super) fn through_links(&mut self, path: &[u8]) -> Result<Vec<u8>, BuildError> {
        let directory = parent(path);
        if self.is_linked || directory.is_empty() {
            return Ok(path.to_vec());
        }
        if let Some(known) = self.resolved.get(directory) {
            return Ok(join(known, last_name(path)));
        }
        let resolved = resolve(self.stage, directory, true)?;
        let whole = join(&resolved, last_name(path));
        self.resolved.insert(directory.to_vec(), resolved);
        Ok(whole)
    }

    /// Whether an entry can take the place of what the stage has there. A directory that a link leads to stays a link.
    fn may_stand(&self, item: &Item) -> Result<bool, BuildError> {
        let there = if self.is_linked { None } else { self.stage.look(&item.path)? };
        let Some(there) = there else { return Ok(true) };
        let path = shown(&item.path);
        match (item.kind == Kind::Directory, there.kind) {
            (true, Kind::Directory) => Ok(true),
            (false, Kind::Directory) => Err(BuildError::wrong(format!(
                "`/{path}` is a directory in the image, and a file is copied there"
            ))),
            (false, _) => Ok(true),
            (true, Kind::Symlink) => {
                let real = resolve(self.stage, &item.path, true)?;
                let leads_to = self.stage.look(&real)?.map(|entry| entry.kind);
                match leads_to {
                    Some(Kind::Directory) => Ok(false),
                    _ => Err(no_directory(&path)),
                }
            }
            (true, _) => Err(no_directory(&path)),
        }
    }

    fn make_parents(&mut self, path: &[u8]) -> Result<(), BuildError> {
        let mut missing = Vec::new();
        let mut directory = parent(path);
        while !directory.is_empty() && !self.items.contains_key(directory) {
            let there = if self.is_linked { None } else { self.stage.look(directory)? };
            match there.map(|entry| entry.kind) {
                None => missing.push(directory.to_vec()),
                Some(Kind::Directory) => break,
                Some(_) => return Err(no_directory(&shown(directory))),
            }
            directory = parent(directory);
        }
        for path in missing {
            let Owner { uid, gid } = self.owner;
            let item =
                Item { path: path.clone(), kind: Kind::Directory, mode: 0o755, uid, gid, ..Item::default() };
            self.items.insert(path, (item, None));
        }
        Ok(())
    }

    /// The entries in the order of their paths; further names of a file become hard links to the first.
    pub(super) fn into_items(self) -> Result<Vec<Item>, BuildError> {
        for path in self.items.keys() {
            let above = self.items.get(parent(path));
            if above.is_some_and(|(above, _)| above.kind != Kind::Directory) {
                return Err(no_directory(&shown(parent(path))));
            }
        }
        let mut first: HashMap<Identity, Vec<u8>> = HashMap::new();
        let mut items = Vec::with_capacity(self.items.len());
        for (path, (mut item, identity)) in self.items {
            let known = identity.and_then(|identity| first.get(&identity));
            match (known, identity) {
                (Some(known), _) => {
                    item = Item {
                        kind: Kind::HardLink,
                        size_bytes: 0,
                        link: known.clone(),
                        content: Default::default(),
                        ..item
                    };
                }
                (None, Some(identity)) => drop(first.insert(identity, path)),
                (None, None) => {}
            }
            items.push(item);
        }
        Ok(items)
    }
}

fn no_directory(path: &str) -> BuildError {
    BuildError::wrong(format!("`/{path}` is no directory in the image, and one is copied there"))
}

fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}
