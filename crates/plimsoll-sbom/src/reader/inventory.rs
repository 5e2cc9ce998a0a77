//! What a package database tells, gathered within limits: a database names as much as its author likes.

use std::collections::BTreeMap;

use super::ReadFault;
use crate::{Component, Facts, Note, Owned, OwnedFiles};

/// The memory that the components of one database may take: some 30,000 of them.
const COMPONENT_BYTES_MAX: usize = 16 << 20;
/// The memory that the paths of one database may take: some 160,000 of them.
const PATH_BYTES_MAX: usize = 16 << 20;
/// What a path takes beside its letters: the `String` and the allocator's share.
const PATH_OVERHEAD_BYTES: usize = 40;
/// Linux opens no longer path.
const PATH_LENGTH_MAX: usize = 4096;
/// Of more notes than these only the number is told.
const NOTES_MAX: usize = 20;
/// A file with more parts that cannot be read is no database.
const DAMAGES_MAX: u32 = 1000;

/// Facts in the making.
#[derive(Default)]
pub(super) struct Inventory {
    components: Vec<Component>,
    component_bytes: usize,
    owned: BTreeMap<String, Vec<String>>,
    path_bytes: usize,
    notes: Vec<Note>,
    notes_left_out: usize,
    damage: Option<String>,
    damages: u32,
}

impl Inventory {
    /// Adds a component.
    pub(super) fn add(&mut self, component: Component) -> Result<(), ReadFault> {
        self.component_bytes += memory_bytes(&component);
        if self.component_bytes > COMPONENT_BYTES_MAX {
            let what = format!("its components take more than {COMPONENT_BYTES_MAX} bytes of memory");
            return Err(ReadFault::Limit(what));
        }
        self.components.push(component);
        Ok(())
    }

    /// Adds a file of a package, and says whether there is room for more. A path that leads nowhere is passed over.
    pub(super) fn own(&mut self, package: &str, path: &str) -> bool {
        if self.path_bytes > PATH_BYTES_MAX {
            return false;
        }
        self.path_bytes += path.len() + PATH_OVERHEAD_BYTES;
        if let Some(path) = normal_path(path) {
            match self.owned.get_mut(package) {
                Some(paths) => paths.push(path),
                None => drop(self.owned.insert(package.to_owned(), vec![path])),
            }
        }
        true
    }

    /// Adds what a person should know.
    pub(super) fn note(&mut self, text: impl Into<String>) {
        self.push_note(Note::new(text));
    }

    /// Adds that packages may be missing.
    pub(super) fn note_loss(&mut self, text: impl Into<String>) {
        self.push_note(Note::unread(text));
    }

    fn push_note(&mut self, note: Note) {
        if self.notes.len() < NOTES_MAX {
            self.notes.push(note);
        } else {
            self.notes_left_out += 1;
        }
    }

    /// Adds that a part of the database cannot be read. A file of nothing else is soon put down.
    pub(super) fn damage(&mut self, what: impl Into<String>) -> Result<(), ReadFault> {
        let what = what.into();
        self.note_loss(format!("a part of it is passed over: {what}"));
        self.damages += 1;
        if self.damages > DAMAGES_MAX {
            return Err(ReadFault::Malformed(format!(
                "more than {DAMAGES_MAX} parts cannot be read, such as: {what}"
            )));
        }
        self.damage.get_or_insert(what);
        Ok(())
    }

    /// The facts, when all is read or `outcome` has put an end to it. What was read before stands, because each
    /// package is told by itself; where nothing was, the fault is the answer.
    pub(super) fn finish(mut self, outcome: Result<(), ReadFault>) -> Result<Facts, ReadFault> {
        match (outcome, self.damage.take()) {
            (Err(fault), _) if self.tells_nothing() => return Err(fault),
            (Err(fault), _) => self.notes.push(Note::unread(format!("it is read in part only: {fault}"))),
            (Ok(()), Some(damage)) if self.tells_nothing() => return Err(ReadFault::Malformed(damage)),
            (Ok(()), _) => {}
        }
        if self.notes_left_out > 0 {
            self.notes.push(Note::new(format!("{} more notes are left out", self.notes_left_out)));
        }
        if self.path_bytes > PATH_BYTES_MAX {
            let text =
                format!("it names files past the limit of {PATH_BYTES_MAX} bytes: not all owners are known");
            self.notes.push(Note::new(text));
        }
        let owned =
            self.owned.into_iter().map(|(package, paths)| OwnedFiles { package, files: Owned::Paths(paths) });
        Ok(Facts {
            components: self.components,
            owned: owned.collect(),
            distribution: None,
            notes: self.notes,
        })
    }

    fn tells_nothing(&self) -> bool {
        self.components.is_empty() && self.owned.is_empty()
    }
}

fn memory_bytes(component: &Component) -> usize {
    let texts = [&component.name, &component.version].into_iter();
    let texts = texts.chain(&component.architecture).chain(&component.licenses);
    let texts = texts.chain(component.source.iter().flat_map(|source| [&source.name, &source.version]));
    let texts = texts.chain(component.properties.iter().flat_map(|(name, value)| [name, value]));
    size_of::<Component>() + texts.map(|text| text.len() + size_of::<String>()).sum::<usize>()
}

/// A path as the file index writes it: no slash in front, no `.`. One that names the root or climbs is none.
fn normal_path(raw: &str) -> Option<String> {
    if raw.len() > PATH_LENGTH_MAX || raw.contains('\0') {
        return None;
    }
    let mut path = String::with_capacity(raw.len());
    for component in raw.split('/').filter(|component| !matches!(*component, "" | ".")) {
        if component == ".." {
            return None;
        }
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(component);
    }
    (!path.is_empty()).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PackageType;

    #[test]
    fn paths_take_their_normal_form() {
        for raw in ["/usr/bin/x", "./usr/bin/x", "usr//bin/./x", "usr/bin/x/"] {
            assert_eq!(normal_path(raw).as_deref(), Some("usr/bin/x"), "{raw}");
        }
        for raw in ["", "/.", "../x", "a/../b", "a\0b", &"x".repeat(5000)] {
            assert_eq!(normal_path(raw), None, "{raw}");
        }
    }

    #[test]
    fn a_database_of_endless_packages_ends_at_the_limit() {
        let mut inventory = Inventory::default();
        let fault =
            (0..1_000_000).find_map(|_| inventory.add(Component::new(PackageType::Deb, "a", "1")).err());
        assert!(matches!(fault, Some(ReadFault::Limit(_))), "{fault:?}");
        let facts = inventory.finish(fault.map_or(Ok(()), Err)).unwrap();
        assert!(facts.components.len() > 30_000);
        assert!(facts.notes[0].text.starts_with("it is read in part only: it goes past the limit"));
    }

    #[test]
    fn files_past_the_limit_are_told() {
        let mut inventory = Inventory::default();
        inventory.add(Component::new(PackageType::Deb, "a", "1")).unwrap();
        let path = "usr/share/".to_owned() + &"x".repeat(90);
        let count = (0..1_000_000).take_while(|_| inventory.own("a", &path)).count();
        assert!((100_000..200_000).contains(&count), "{count}");
        let facts = inventory.finish(Ok(())).unwrap();
        assert!(facts.notes[0].text.ends_with("not all owners are known"));
    }

    #[test]
    fn damage_without_end_ends_at_the_limit() {
        let mut inventory = Inventory::default();
        let count = (0..5000).take_while(|_| inventory.damage("x").is_ok()).count();
        assert_eq!(count, 1000);
        assert!(inventory.finish(Ok(())).is_err());
    }

    #[test]
    fn notes_without_end_are_counted() {
        let mut inventory = Inventory::default();
        (0..50).for_each(|number| inventory.note(number.to_string()));
        let notes = inventory.finish(Ok(())).unwrap().notes;
        assert_eq!(notes.len(), 21);
        assert_eq!(notes[20].text, "30 more notes are left out");
    }
}
