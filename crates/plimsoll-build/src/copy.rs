//! `COPY` and `ADD`: which files are meant, and where in the image they come to lie.

mod glob;
pub(crate) mod owner;
pub(crate) mod permissions;
mod placed;

use std::sync::Arc;

use plimsoll_dockerfile::ignore::IgnoreFile;
use plimsoll_image::Kind;

use self::owner::Owner;
use self::permissions::Permissions;
use self::placed::Placed;
use crate::BuildError;
use crate::files::spool::SpoolWriter;
use crate::files::{
    Content, Entry, Files, Item, archive, cleaned, components, join, last_name, local::LocalTree, resolve,
};

/// Deepest directory that is copied.
const DEPTH_MAX: usize = 256;

/// What is to be copied, with every variable replaced.
#[derive(Debug, Default)]
pub(crate) struct Copy {
    pub(crate) sources: Vec<String>,
    /// Texts that become files, each with its name.
    pub(crate) texts: Vec<(String, Arc<[u8]>)>,
    pub(crate) destination: String,
    /// What a relative destination is relative to.
    pub(crate) working_directory: String,
    pub(crate) owner: Option<Owner>,
    pub(crate) permissions: Option<Permissions>,
    pub(crate) exclude: IgnoreFile,
    /// Whether the directories of a source are kept below the destination.
    pub(crate) keeps_parents: bool,
    /// Whether the layer is to depend on nothing below it.
    pub(crate) is_linked: bool,
}

/// Finds the entries of the layer that a copy makes upon `stage`, sorted by their paths.
pub(crate) fn collect(copy: &Copy, from: &dyn Files, stage: &dyn Files) -> Result<Vec<Item>, BuildError> {
    let mut placing = Placing::of(copy, stage)?;
    for (name, text) in &copy.texts {
        placing.text(name, text)?;
    }
    for source in &copy.sources {
        for path in matched(from, source)? {
            placing.source(from, source, &path)?;
        }
    }
    placing.placed.into_items()
}

/// The same for `ADD`: what is an archive is unpacked.
pub(crate) fn collect_unpacked(
    copy: &Copy,
    from: &LocalTree,
    stage: &dyn Files,
    spool: &mut SpoolWriter,
) -> Result<Vec<Item>, BuildError> {
    let mut placing = Placing::of(copy, stage)?;
    for (name, text) in &copy.texts {
        placing.text(name, text)?;
    }
    for source in &copy.sources {
        for path in matched(from, source)? {
            let real = resolve(from, &path, true)?;
            let is_file = from.look(&real)?.is_some_and(|entry| entry.kind == Kind::File);
            let shown = String::from_utf8_lossy(&path).into_owned();
            let mut file = None;
            if is_file {
                let opened = from.open(&real);
                let mut opened =
                    opened.map_err(|source| BuildError::Content { path: shown.clone(), source })?;
                file = archive::is_archive(&mut opened, &shown)?.then_some(opened);
            }
            match file {
                Some(file) => placing.members(archive::unpack(file, &shown, spool)?)?,
                None => placing.source(from, source, &path)?,
            }
        }
    }
    placing.placed.into_items()
}

/// The paths that a source names; only one with wildcards may name none.
fn matched(from: &dyn Files, source: &str) -> Result<Vec<Vec<u8>>, BuildError> {
    let path = cleaned(source.as_bytes());
    let found = glob::matches(from, &path)?;
    if found.is_empty() && !glob::is_pattern(&path) {
        let what = format!("`{source}` is not in {}", from.name());
        return Err(BuildError::wrong(what).help("look at the path, and at .dockerignore"));
    }
    Ok(found)
}

struct Placing<'c> {
    copy: &'c Copy,
    stage: &'c dyn Files,
    /// The destination, as links in the stage lead to it.
    destination: Vec<u8>,
    is_directory: bool,
    placed: Placed<'c>,
}

impl<'c> Placing<'c> {
    fn of(copy: &'c Copy, stage: &'c dyn Files) -> Result<Self, BuildError> {
        let text = copy.destination.as_bytes();
        let whole = match text.starts_with(b"/") {
            true => text.to_vec(),
            false => join(copy.working_directory.as_bytes(), text),
        };
        let plain = cleaned(&whole);
        let destination = if copy.is_linked { plain } else { resolve(stage, &plain, true)? };
        let is_named = matches!(last_name(text), b"" | b"." | b"..");
        let several = copy.sources.len() + copy.texts.len() > 1;
        if several && !is_named {
            let what = format!("several files cannot become `{}`", copy.destination);
            return Err(BuildError::wrong(what).help("end the destination with a slash"));
        }
        let is_there = stage.look(&destination)?.is_some_and(|entry| entry.kind == Kind::Directory);
        let is_directory = is_named || (is_there && !copy.is_linked) || destination.is_empty();
        let placed = Placed::on(stage, copy.owner, copy.is_linked);
        Ok(Self { copy, stage, destination, is_directory, placed })
    }

    fn text(&mut self, name: &str, text: &Arc<[u8]>) -> Result<(), BuildError> {
        let entry = Entry {
            kind: Kind::File,
            mode: 0o644,
            size_bytes: text.len() as u64,
            content: Content::Inline(Arc::clone(text)),
            ..Entry::directory()
        };
        let path = self.place_of_file(name.as_bytes());
        self.put(path, entry)
    }

    fn source(&mut self, from: &dyn Files, written: &str, path: &[u8]) -> Result<(), BuildError> {
        let real = resolve(from, path, true)?;
        let absent = || {
            let shown = String::from_utf8_lossy(path).into_owned();
            BuildError::wrong(format!("`{shown}` is a symbolic link to nothing in {}", from.name()))
        };
        let entry = from.look(&real)?.ok_or_else(absent)?;
        let kept = if self.copy.keeps_parents { kept_directories(written, path) } else { Vec::new() };
        if entry.kind == Kind::Directory {
            let top = join(&self.destination, &kept);
            return self.directory(from, &real, entry, &top);
        }
        if self.copy.exclude.ignores(&String::from_utf8_lossy(last_name(path))) {
            return Ok(());
        }
        let place = if self.copy.keeps_parents {
            join(&self.destination, &kept)
        } else {
            self.place_of_file(last_name(path))
        };
        self.put(place, entry)
    }

    /// Copies what is in a directory, and the directory itself where it is not there yet.
    fn directory(
        &mut self,
        from: &dyn Files,
        source: &[u8],
        entry: Entry,
        top: &[u8],
    ) -> Result<(), BuildError> {
        let is_there = !self.copy.is_linked && self.stage.look(top)?.is_some();
        if !top.is_empty() && !is_there {
            self.put(top.to_vec(), entry)?;
        }
        let mut open = vec![(Vec::new(), 0)];
        while let Some((relative, depth)) = open.pop() {
            if depth > DEPTH_MAX {
                let shown = String::from_utf8_lossy(&relative).into_owned();
                return Err(BuildError::wrong(format!("`{shown}` is deeper than {DEPTH_MAX} directories")));
            }
            let directory = join(source, &relative);
            for name in from.names(&directory)? {
                let inner = join(&relative, &name);
                let Some(entry) = from.look(&join(&directory, &name))? else { continue };
                let is_directory = entry.kind == Kind::Directory;
                let is_excluded = self.copy.exclude.ignores(&String::from_utf8_lossy(&inner));
                if !is_excluded {
                    self.put(join(top, &inner), entry)?;
                }
                if is_directory && (!is_excluded || self.copy.exclude.has_exceptions()) {
                    open.push((inner, depth + 1));
                }
            }
        }
        Ok(())
    }

    /// Places the members of an archive.
    fn members(&mut self, members: Vec<Item>) -> Result<(), BuildError> {
        for mut item in members {
            item.path = join(&self.destination, &item.path);
            if item.kind == Kind::HardLink {
                item.link = self.placed.through_links(&join(&self.destination, &item.link))?;
            }
            self.dress(&mut item);
            self.placed.put(item, None)?;
        }
        Ok(())
    }

    fn place_of_file(&self, name: &[u8]) -> Vec<u8> {
        if self.is_directory { join(&self.destination, name) } else { self.destination.clone() }
    }

    fn put(&mut self, path: Vec<u8>, entry: Entry) -> Result<(), BuildError> {
        let what = match entry.kind {
            Kind::CharDevice | Kind::BlockDevice => Some("a device"),
            // The others were found as the files that they name.
            Kind::HardLink => Some("a hard link to nothing"),
            _ => None,
        };
        if let Some(what) = what {
            let shown = String::from_utf8_lossy(&path).into_owned();
            return Err(BuildError::wrong(format!("what is to become `/{shown}` is {what}"))
                .help("leave it out with --exclude"));
        }
        let identity = entry.identity;
        let mut item = Item {
            path,
            kind: entry.kind,
            size_bytes: entry.size_bytes,
            mode: entry.mode,
            uid: entry.uid,
            gid: entry.gid,
            link: entry.link,
            capabilities: Vec::new(),
            content: entry.content,
        };
        self.dress(&mut item);
        self.placed.put(item, identity)
    }

    /// Gives an item the owner and the permissions that were asked for.
    fn dress(&self, item: &mut Item) {
        if let Some(owner) = self.copy.owner {
            (item.uid, item.gid) = (owner.uid, owner.gid);
        }
        if item.kind == Kind::Symlink {
            item.mode = 0o777;
        } else if let Some(permissions) = &self.copy.permissions {
            item.mode = permissions.of(item.mode, item.kind == Kind::Directory);
        }
    }
}

/// The directories of a source that `--parents` keeps: all, or those behind `/./`.
fn kept_directories(written: &str, path: &[u8]) -> Vec<u8> {
    let Some((before, _)) = written.split_once("/./") else { return path.to_vec() };
    let passed = components(&cleaned(before.as_bytes())).count();
    components(path).skip(passed).collect::<Vec<_>>().join(&b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A source with one file of some kind.
    struct Sole(Kind);

    impl Files for Sole {
        fn name(&self) -> String {
            "the source".to_owned()
        }

        fn look(&self, path: &[u8]) -> Result<Option<Entry>, BuildError> {
            Ok((path == b"it").then(|| Entry { kind: self.0, ..Entry::directory() }))
        }

        fn names(&self, _: &[u8]) -> Result<Vec<Vec<u8>>, BuildError> {
            Ok(vec![b"it".to_vec()])
        }
    }

    /// An image with nothing in it.
    struct Nothing;

    impl Files for Nothing {
        fn name(&self) -> String {
            "nothing".to_owned()
        }

        fn look(&self, _: &[u8]) -> Result<Option<Entry>, BuildError> {
            Ok(None)
        }

        fn names(&self, _: &[u8]) -> Result<Vec<Vec<u8>>, BuildError> {
            Ok(Vec::new())
        }
    }

    /// A device without its numbers would be a whiteout to overlays.
    #[test]
    fn devices_and_dangling_links_are_refused() {
        let copy = Copy { sources: vec!["it".to_owned()], destination: "/x".to_owned(), ..Copy::default() };
        for (kind, expected) in [
            (Kind::CharDevice, "`/x` is a device"),
            (Kind::BlockDevice, "`/x` is a device"),
            (Kind::HardLink, "`/x` is a hard link to nothing"),
        ] {
            let refused = collect(&copy, &Sole(kind), &Nothing).unwrap_err().to_string();
            assert!(refused.contains(expected), "{refused}");
        }
        assert_eq!(collect(&copy, &Sole(Kind::Fifo), &Nothing).unwrap().len(), 1);
    }
}
