//! The readers: one for each kind of file that names components.
//!
//! A reader says which files it wants by their path and first bytes alone, because most files of a layer are nobody's.
//! What it wants comes to it whole, in memory or in the spool. Of several readers that want a file, each reads it.

use std::io::{self, Read as _, SeekFrom};

use crate::{Content, Facts};

mod apk;
mod chisel;
mod classifier;
mod dotnet;
mod dpkg;
mod elf;
pub(crate) mod executable;
mod go;
mod inventory;
mod java;
mod lines;
mod lock;
mod npm;
mod os_release;
mod php;
mod python;
mod relative;
mod rpm;
mod ruby;
mod rust;
mod window;
mod zip;

pub use elf::Linkage;

/// Every reader, in the order in which they are asked.
pub const READERS: &[Reader] = &[
    os_release::READER,
    go::READER,
    rust::READER,
    classifier::READER,
    java::READER,
    dpkg::READER,
    dpkg::FILES_READER,
    apk::READER,
    rpm::READER,
    rpm::MANIFEST_READER,
    chisel::READER,
    python::READER,
    python::FILES_READER,
    python::EGG_READER,
    python::REQUIREMENTS,
    python::PIPFILE,
    python::POETRY,
    npm::READER,
    npm::PACKAGE_LOCK,
    npm::YARN_LOCK,
    npm::PNPM_LOCK,
    ruby::READER,
    ruby::GEMFILE_LOCK,
    dotnet::READER,
    php::READER,
    php::LOCK,
    lock::cargo::READER,
    lock::go_mod::READER,
];

/// Readers of files that hold or list the components of others.
const OF_MANY: [Reader; 6] =
    [java::READER, dpkg::READER, apk::READER, rpm::READER, rpm::MANIFEST_READER, chisel::READER];

/// Whether components may be missing because a reader failed: where a limit was in the way, and where the file holds or
/// lists the components of others. A malformed file that speaks for itself alone, such as the broken manifests that
/// packages bring as examples, is nothing that anybody has installed.
pub(crate) fn leaves_a_gap(reader: &Reader, fault: &ReadFault) -> bool {
    matches!(fault, ReadFault::Limit(_)) || OF_MANY.iter().any(|of_many| of_many.name == reader.name)
}

/// Whether some reader wants a file whose bytes are not to be had.
pub(crate) fn is_wanted_unseen(path: &str, size_bytes: u64, mode: u16) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let candidate = Candidate { path, name, head: &[], size_bytes, mode };
    READERS.iter().any(|reader| (reader.wants)(&candidate))
}

/// How large a program may be to be read. It is read in parts, so this bounds time, not memory.
const PROGRAM_BYTES_MAX: u64 = 4 << 30;

/// How one kind of file is read.
#[derive(Clone, Copy, Debug)]
pub struct Reader {
    /// Its name in evidence: `dpkg`, `go-build-info`.
    pub name: &'static str,
    /// Whether it wants this file.
    pub wants: fn(&Candidate<'_>) -> bool,
    /// A larger file is not read, and that is noted.
    pub bytes_max: u64,
    /// Reads it.
    pub read: fn(&mut File<'_>) -> Result<Facts, ReadFault>,
}

/// What is known of a file before it is read.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Its path in the image in normal form: no slash in front.
    pub path: &'a str,
    /// The path's last component.
    pub name: &'a str,
    /// The first bytes, up to [`Candidate::HEAD_BYTES`].
    pub head: &'a [u8],
    /// Its length.
    pub size_bytes: u64,
    /// Its permission bits.
    pub mode: u16,
}

impl Candidate<'_> {
    /// How much of a file's beginning readers see before they choose.
    pub const HEAD_BYTES: usize = 64;

    /// Whether it is an ELF file.
    pub fn is_elf(&self) -> bool {
        self.head.starts_with(b"\x7fELF")
    }
}

/// A file to be read.
pub struct File<'a> {
    /// Its path in the image in normal form.
    pub path: &'a str,
    /// Its length.
    pub size_bytes: u64,
    /// Its bytes; readers may leave the cursor anywhere.
    pub content: &'a mut dyn Content,
}

/// Why a file that was wanted could not be read. The layer's other facts stand; this one becomes a note.
#[derive(Debug, thiserror::Error)]
pub enum ReadFault {
    /// The bytes could not be had.
    #[error("cannot read it")]
    Read(#[from] io::Error),
    /// The file is not what its name or first bytes promise, or it is damaged.
    #[error("it is malformed: {0}")]
    Malformed(String),
    /// The file goes past a named limit.
    #[error("it goes past the limit: {0}")]
    Limit(String),
}

impl ReadFault {
    /// The file is not what it promises to be.
    pub fn malformed(what: impl Into<String>) -> Self {
        Self::Malformed(what.into())
    }
}

impl File<'_> {
    /// All its bytes; [`Reader::bytes_max`] bounds them.
    pub fn bytes(&mut self) -> io::Result<Vec<u8>> {
        self.content.seek(SeekFrom::Start(0))?;
        let mut bytes = Vec::with_capacity(usize::try_from(self.size_bytes).unwrap_or(0).min(1 << 20));
        self.content.take(self.size_bytes).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// All its bytes as text, in which what is not UTF-8 stands as U+FFFD.
    pub fn text(&mut self) -> io::Result<String> {
        let bytes = self.bytes()?;
        Ok(String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Cursor;

    use super::*;

    /// Puts a file before all readers, as the analyser does, and returns what those that want it say.
    pub(crate) fn read(path: &str, bytes: &[u8]) -> Result<Facts, ReadFault> {
        let mut facts = Facts::default();
        for reader in wanted(path, bytes) {
            let mut content = Cursor::new(bytes);
            let mut file = File { path, size_bytes: bytes.len() as u64, content: &mut content };
            let more = (reader.read)(&mut file)?;
            facts.components.extend(more.components);
            facts.owned.extend(more.owned);
            facts.distribution = facts.distribution.or(more.distribution);
            facts.notes.extend(more.notes);
        }
        Ok(facts)
    }

    /// The readers that want a file.
    pub(crate) fn wanted(path: &str, bytes: &[u8]) -> Vec<&'static Reader> {
        let name = path.rsplit('/').next().unwrap_or_default();
        let head = &bytes[..bytes.len().min(Candidate::HEAD_BYTES)];
        let candidate = Candidate { path, name, head, size_bytes: bytes.len() as u64, mode: 0o755 };
        READERS.iter().filter(|reader| (reader.wants)(&candidate)).collect()
    }

    #[test]
    fn readers_have_names_of_their_own() {
        for (index, reader) in READERS.iter().enumerate() {
            assert!(READERS[..index].iter().all(|other| other.name != reader.name), "{}", reader.name);
        }
    }

    #[test]
    fn an_ordinary_file_is_nobodys() {
        assert!(wanted("etc/hostname", b"box\n").is_empty());
    }
}
