//! The static closure: what the programs that start an image need, found without running them.
//!
//! Files are kept one by one, each with its reason; a kept file is examined once, and what it asks for is kept in turn.
//! The rules of languages look at what is kept and add whole libraries, until nothing more is added.

mod command;
mod constants;
mod elf;
mod language;
mod loader;
mod ownership;
mod script;
mod system;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, Read as _};

use plimsoll_image::Kind;
use plimsoll_sbom::Content;

use crate::file_system::{FileSystem, NodeId};
use crate::trace::{Touch, Trace};
use crate::{Cause, Reason};

pub use command::{Seed, Setting};
use loader::Loader;
pub use ownership::{Ownership, Package};

/// Reasons that are remembered of one file: the first are enough to understand it.
const REASONS_MAX: usize = 4;

/// Rounds of the rules of languages; each adds whole libraries, so two are usual.
const ROUNDS_MAX: usize = 16;

/// Where the content of an image's files comes from.
pub trait Contents {
    /// Opens a regular file by its path in normal form.
    fn open(&mut self, path: &[u8]) -> io::Result<Box<dyn Content + '_>>;

    /// When its content changed last, in seconds since 1970: Python compiles a module anew whose time is another.
    fn modified_unix(&mut self, path: &[u8]) -> io::Result<u64>;
}

/// The files that are kept, each with its reasons.
#[derive(Debug, Default)]
pub struct Kept {
    /// In the order of the paths.
    pub files: BTreeMap<NodeId, BTreeSet<Reason>>,
    /// What could not be followed, for a person to read.
    pub notes: Vec<String>,
}

/// The closure while it grows.
pub struct Closure<'a> {
    system: &'a FileSystem,
    contents: &'a mut dyn Contents,
    ownership: &'a Ownership,
    setting: &'a Setting,
    loader: Loader,
    kept: Kept,
    waiting: VecDeque<NodeId>,
    c_libraries: Vec<NodeId>,
    uses: elf::Uses,
}

impl<'a> Closure<'a> {
    /// An empty closure over a file system.
    pub fn new(
        system: &'a FileSystem,
        contents: &'a mut dyn Contents,
        ownership: &'a Ownership,
        setting: &'a Setting,
    ) -> Self {
        let loader = Loader::of(system, contents, setting);
        let kept = Kept::default();
        Self {
            system,
            contents,
            ownership,
            setting,
            loader,
            kept,
            waiting: VecDeque::new(),
            c_libraries: Vec::new(),
            uses: elf::Uses::default(),
        }
    }

    /// Keeps what the seeds run, what they name, and all that follows.
    pub fn add_seeds(&mut self, seeds: &[Seed]) {
        for seed in seeds {
            self.add_command(seed);
        }
    }

    /// Keeps what the tests touched.
    pub fn add_trace(&mut self, trace: &Trace) {
        for (path, touches) in &trace.touched {
            let Some(first) = touches.first() else { continue };
            let reason = Reason::new(Cause::Traced, first.name());
            let follows = touches.iter().any(|touch| *touch != Touch::LookAtLink);
            let resolved =
                if follows { self.system.resolve(path) } else { self.system.resolve_unfollowed(path) };
            for link in resolved.links {
                self.keep(link, reason.clone());
            }
            if let Some(end) = resolved.end {
                self.keep(end, reason);
            }
        }
    }

    /// Keeps a path that the user named, whole where it is a directory.
    ///
    /// Tells whether there is such a path.
    pub fn add_path(&mut self, path: &[u8]) -> bool {
        let reason = Reason::new(Cause::Asked, path);
        let Some(end) = self.keep_path(path, &reason) else { return false };
        self.keep_beneath(end, &reason);
        true
    }

    /// Follows everything to its end.
    pub fn finish(mut self) -> Kept {
        self.add_application();
        for _ in 0..ROUNDS_MAX {
            self.examine_waiting();
            let before = self.kept.files.len();
            self.add_c_library_plug_ins();
            self.add_system();
            self.add_languages();
            if self.kept.files.len() == before {
                break;
            }
        }
        self.examine_waiting();
        self.add_directories();
        self.kept
    }

    /// Keeps a file for a reason.
    fn keep(&mut self, id: NodeId, reason: Reason) {
        let reasons = self.kept.files.entry(id).or_insert_with(|| {
            self.waiting.push_back(id);
            BTreeSet::new()
        });
        if reasons.len() < REASONS_MAX {
            reasons.insert(reason);
        }
    }

    /// Keeps what stands at a path with every link on the way, and tells what it is.
    fn keep_path(&mut self, path: &[u8], reason: &Reason) -> Option<NodeId> {
        let resolved = self.system.resolve(path);
        let end = resolved.end?;
        for link in resolved.links {
            self.keep(link, Reason::new(Cause::Link, path));
        }
        self.keep(end, reason.clone());
        Some(end)
    }

    /// Keeps all that lies beneath a directory.
    fn keep_beneath(&mut self, directory: NodeId, reason: &Reason) {
        if self.system.node(directory).kind != Kind::Directory {
            return;
        }
        let system = self.system;
        for (id, _) in system.beneath(directory) {
            self.keep(id, reason.clone());
        }
    }

    fn is_kept(&self, id: NodeId) -> bool {
        self.kept.files.contains_key(&id)
    }

    fn examine_waiting(&mut self) {
        while let Some(id) = self.waiting.pop_front() {
            let node = self.system.node(id);
            match node.kind {
                Kind::File | Kind::HardLink => self.examine_file(id),
                Kind::Symlink => {
                    let path = node.path.clone();
                    self.keep_path(&path, &Reason::new(Cause::Link, &path));
                }
                _ => {}
            }
        }
    }

    fn examine_file(&mut self, id: NodeId) {
        match self.head(id, 4) {
            Ok(head) if head.starts_with(b"\x7fELF") => self.examine_elf(id),
            Ok(head) if head.starts_with(b"#!") => self.examine_script(id),
            Ok(_) => {}
            Err(error) => self.note(id, &error),
        }
    }

    /// The first bytes of a file.
    fn head(&mut self, id: NodeId, bytes_max: u64) -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        self.contents.open(&self.system.node(id).path)?.take(bytes_max).read_to_end(&mut head)?;
        Ok(head)
    }

    /// A small file as text; nothing where it is not there, too large or not text.
    fn text(&mut self, path: &[u8], bytes_max: u64) -> Option<String> {
        let id = self.system.file(path)?;
        if self.system.node(id).size_bytes > bytes_max {
            return None;
        }
        String::from_utf8(self.head(id, bytes_max).ok()?).ok()
    }

    fn note(&mut self, id: NodeId, why: &dyn std::fmt::Display) {
        let path = String::from_utf8_lossy(&self.system.node(id).path).into_owned();
        self.kept.notes.push(format!("`/{path}` cannot be followed: {why}"));
    }

    /// Keeps the directories that kept files lie in, and the empty ones that programs write to.
    fn add_directories(&mut self) {
        let system = self.system;
        let mut wanted: BTreeSet<&[u8]> = BTreeSet::new();
        for id in self.kept.files.keys() {
            let mut path = system.node(*id).directory();
            while wanted.insert(path) && !path.is_empty() {
                path = crate::file_system::parent(path);
            }
        }
        let inhabited: Vec<NodeId> = wanted.into_iter().filter_map(|path| system.get(path)).collect();
        for id in inhabited {
            self.kept.files.entry(id).or_default();
        }
        let room = Reason::new(Cause::System, "a directory to write to");
        for (id, node) in system.nodes() {
            if node.kind == Kind::Directory && system::is_room(&node.path) {
                self.keep(id, room.clone());
                let mut path = node.directory();
                while let Some(parent) = system.get(path) {
                    self.kept.files.entry(parent).or_default();
                    if path.is_empty() {
                        break;
                    }
                    path = crate::file_system::parent(path);
                }
            }
        }
    }
}
