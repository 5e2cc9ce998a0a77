mod builder;

use serde::Serialize;

use super::{LayerMeasures, path};

pub use builder::ListingBuilder;

/// What one layer holds, without the content of its files.
///
/// Entries are sorted so that a directory stands right before everything beneath it, and are kept compactly: 32 bytes
/// each and their paths in one piece, so that a layer of millions of files stays readable.
#[derive(Debug)]
pub struct LayerListing {
    /// What is known of its bytes.
    pub measures: LayerMeasures,
    /// Members that a later member of the same path replaces.
    pub shadowed_entries: u32,
    names: Vec<u8>,
    records: Vec<Record>,
    whiteouts: Vec<Mark>,
}

/// One entry of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The path in its normal form: no slash in front; the root is empty. It need not be UTF-8.
    pub path: &'a [u8],
    /// What it is.
    pub kind: Kind,
    /// The file's length, holes of sparse files included; 0 for other kinds.
    pub size_bytes: u64,
    /// The permission bits with set-user-id, set-group-id and sticky.
    pub mode: u16,
    /// Whether running it gives capabilities (`capabilities(7)`).
    pub has_capabilities: bool,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// A symbolic link's target as written, or a hard link's target as a path in its normal form.
    pub link: &'a [u8],
}

/// What an entry is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A regular file.
    #[default]
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// Another name of a file in this layer or one below.
    HardLink,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Fifo,
}

/// A whiteout: a path of lower layers that this layer hides (image-spec, `layer.md`, "Whiteouts").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Whiteout<'a> {
    pub(crate) path: &'a [u8],
    /// Whether it hides what lies beneath the path, and not the path itself.
    pub(crate) is_opaque: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: u32,
    length: u16,
}

/// The bits of a mode that are rights.
const MODE_BITS: u16 = 0o7777;
/// A bit of a record's mode that no right uses: records stay at 32 bytes.
const HAS_CAPABILITIES: u16 = 1 << 15;

#[derive(Clone, Copy, Debug)]
struct Record {
    size_bytes: u64,
    uid: u32,
    gid: u32,
    path: u32,
    link: u32,
    path_length: u16,
    link_length: u16,
    mode: u16,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    path: Span,
    is_opaque: bool,
}

impl LayerListing {
    /// The entries in path order, one per path.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = Entry<'_>> {
        self.records.iter().map(|record| self.view(record))
    }

    /// The paths that this layer hides from below; `true` stands for an opaque directory, whose own entry stays.
    pub fn hidden(&self) -> impl ExactSizeIterator<Item = (&[u8], bool)> {
        self.whiteouts().map(|whiteout| (whiteout.path, whiteout.is_opaque))
    }

    /// The entry at `path`, in its normal form.
    pub fn get(&self, path: &[u8]) -> Option<Entry<'_>> {
        self.position(path).map(|at| self.entry(at))
    }

    pub(crate) fn whiteouts(&self) -> impl ExactSizeIterator<Item = Whiteout<'_>> {
        self.whiteouts.iter().map(|mark| Whiteout { path: self.text(mark.path), is_opaque: mark.is_opaque })
    }

    /// Whether a whiteout names exactly this path.
    pub(crate) fn hides(&self, wanted: &[u8]) -> bool {
        let order =
            |mark: &Mark| path::compare(self.text(mark.path), wanted).then(mark.is_opaque.cmp(&false));
        self.whiteouts.binary_search_by(order).is_ok()
    }

    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.records.len()).expect("entries are counted in 32 bits when they are added")
    }

    pub(crate) fn entry(&self, at: u32) -> Entry<'_> {
        self.view(&self.records[at as usize])
    }

    /// The position of the entry at `wanted` among the entries.
    pub fn position(&self, wanted: &[u8]) -> Option<u32> {
        let found =
            self.records.binary_search_by(|record| path::compare(self.text(record.path()), wanted)).ok()?;
        u32::try_from(found).ok()
    }

    fn view(&self, record: &Record) -> Entry<'_> {
        Entry {
            path: self.text(record.path()),
            kind: record.kind,
            size_bytes: record.size_bytes,
            mode: record.mode & MODE_BITS,
            has_capabilities: record.mode & HAS_CAPABILITIES != 0,
            uid: record.uid,
            gid: record.gid,
            link: self.text(Span { start: record.link, length: record.link_length }),
        }
    }

    fn text(&self, span: Span) -> &[u8] {
        text(&self.names, span)
    }
}

impl Record {
    fn path(&self) -> Span {
        Span { start: self.path, length: self.path_length }
    }
}

fn text(names: &[u8], span: Span) -> &[u8] {
    &names[span.start as usize..][..span.length.into()]
}
