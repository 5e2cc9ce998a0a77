use plimsoll_oci::{DiffId, Digest};
use serde::Serialize;

use super::archive::Member;
use super::unpack::Measured;
use super::{Compression, Limits, PathFault, ReadLayerError, path};

/// What one layer holds, without the content of its files.
///
/// Entries are sorted so that a directory stands right before everything beneath it, and are kept compactly: 32 bytes
/// each and their paths in one piece, so that a layer of millions of files stays readable.
#[derive(Debug)]
pub struct LayerListing {
    /// The digest of the bytes as stored.
    pub digest: Digest,
    /// How many there are.
    pub stored_bytes: u64,
    /// The digest of the uncompressed archive.
    pub diff_id: DiffId,
    /// The archive's length.
    pub unpacked_bytes: u64,
    /// How the layer is compressed.
    pub compression: Compression,
    /// Bytes after the last compressed member, which decoders skip or refuse.
    pub trailing_bytes: u64,
    /// Whether something other than zeros stands behind the archive's end, where no reader looks.
    pub hides_bytes: bool,
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

    pub(crate) fn position(&self, wanted: &[u8]) -> Option<u32> {
        let found =
            self.records.binary_search_by(|record| path::compare(self.text(record.path()), wanted)).ok()?;
        u32::try_from(found).ok()
    }

    fn view(&self, record: &Record) -> Entry<'_> {
        Entry {
            path: self.text(record.path()),
            kind: record.kind,
            size_bytes: record.size_bytes,
            mode: record.mode,
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

/// Collects the members of an archive into a listing, within the limits.
pub(super) struct ListingBuilder<'a> {
    limits: &'a Limits,
    names: Vec<u8>,
    records: Vec<Record>,
    whiteouts: Vec<Mark>,
    members: u32,
    size_bytes: u64,
}

impl<'a> ListingBuilder<'a> {
    pub(super) fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            names: Vec::new(),
            records: Vec::new(),
            whiteouts: Vec::new(),
            members: 0,
            size_bytes: 0,
        }
    }

    /// Takes one member: an entry, a whiteout, or one of AUFS's own files, which are nobody's content.
    pub(super) fn add(&mut self, member: &Member) -> Result<(), ReadLayerError> {
        self.count(member)?;
        let path = self.push_path(&member.path)?;
        let (directory, name) = path::split_last(text(&self.names, path));
        let directory = Span { start: path.start, length: short_length(directory.len()) };
        match WhiteoutName::of(name) {
            WhiteoutName::None if path.length == 0 && member.kind != Kind::Directory => {
                Err(refused(&member.path, PathFault::Root))
            }
            WhiteoutName::None => self.push_record(member, path),
            WhiteoutName::Opaque => {
                self.whiteouts.push(Mark { path: directory, is_opaque: true });
                Ok(())
            }
            WhiteoutName::Of(b"" | b"." | b"..") => Err(refused(&member.path, PathFault::Whiteout)),
            WhiteoutName::Of(_) => {
                let path = self.without_prefix(path, directory);
                self.whiteouts.push(Mark { path, is_opaque: false });
                Ok(())
            }
            WhiteoutName::Metadata => Ok(()),
        }
    }

    /// Sorts what was collected. Of several entries at one path the last is what an unpacked image has.
    pub(super) fn build(mut self, measured: &Measured, hides_bytes: bool) -> LayerListing {
        let names = std::mem::take(&mut self.names);
        let by_path = |a: Span, b: Span| path::compare(text(&names, a), text(&names, b));
        self.records.sort_by(|a, b| by_path(a.path(), b.path()));
        let before = self.records.len();
        // `dedup_by` keeps the first of a run, so the last is copied there; the sort kept their order.
        self.records.dedup_by(|later, kept| {
            let is_same = by_path(later.path(), kept.path()).is_eq();
            if is_same {
                *kept = *later;
            }
            is_same
        });
        self.records.shrink_to_fit();
        self.whiteouts.sort_by(|a, b| by_path(a.path, b.path).then(a.is_opaque.cmp(&b.is_opaque)));
        let Measured { digest, stored_bytes, diff_id, unpacked_bytes, compression, trailing_bytes } =
            *measured;
        LayerListing {
            digest,
            stored_bytes,
            diff_id,
            unpacked_bytes,
            compression,
            trailing_bytes,
            hides_bytes,
            shadowed_entries: u32::try_from(before - self.records.len()).unwrap_or(u32::MAX),
            names,
            records: self.records,
            whiteouts: self.whiteouts,
        }
    }

    fn count(&mut self, member: &Member) -> Result<(), ReadLayerError> {
        self.members += 1;
        self.size_bytes = self.size_bytes.saturating_add(member.size_bytes);
        if self.members > self.limits.entries_max {
            return Err(ReadLayerError::Entries(self.limits.entries_max));
        }
        if self.size_bytes > self.limits.unpacked_bytes_max {
            return Err(ReadLayerError::TooLarge(self.limits.unpacked_bytes_max));
        }
        Ok(())
    }

    fn push_record(&mut self, member: &Member, path: Span) -> Result<(), ReadLayerError> {
        let link = match member.kind {
            Kind::HardLink => self.push_path(&member.link)?,
            Kind::Symlink => self.push_link(&member.link)?,
            _ => Span::default(),
        };
        self.records.push(Record {
            size_bytes: member.size_bytes,
            uid: member.uid,
            gid: member.gid,
            path: path.start,
            link: link.start,
            path_length: path.length,
            link_length: link.length,
            mode: member.mode,
            kind: member.kind,
        });
        Ok(())
    }

    fn push_path(&mut self, raw: &[u8]) -> Result<Span, ReadLayerError> {
        if raw.is_empty() {
            return Err(refused(raw, PathFault::Empty));
        }
        let start = self.names.len();
        path::push_normalized(&mut self.names, raw, self.limits).map_err(|why| refused(raw, why))?;
        self.span_from(start)
    }

    /// Keeps a symbolic link's target as written: it is resolved where it is followed.
    fn push_link(&mut self, target: &[u8]) -> Result<Span, ReadLayerError> {
        if target.len() > self.limits.path_bytes_max.into() {
            return Err(refused(target, PathFault::TooLong(self.limits.path_bytes_max)));
        }
        let start = self.names.len();
        self.names.extend_from_slice(target);
        self.span_from(start)
    }

    fn span_from(&self, start: usize) -> Result<Span, ReadLayerError> {
        let within = self.names.len() <= self.limits.names_bytes_max as usize;
        match u32::try_from(start) {
            Ok(offset) if within => {
                Ok(Span { start: offset, length: short_length(self.names.len() - start) })
            }
            _ => Err(ReadLayerError::Names(self.limits.names_bytes_max)),
        }
    }

    /// Cuts `.wh.` out of the last component of `path`, the newest text in `names`.
    fn without_prefix(&mut self, path: Span, directory: Span) -> Span {
        let slash = u16::from(directory.length > 0);
        let name = path.start as usize + usize::from(directory.length + slash);
        self.names.drain(name..name + WHITEOUT_PREFIX.len());
        Span { length: path.length - short_length(WHITEOUT_PREFIX.len()), ..path }
    }
}

const WHITEOUT_PREFIX: &[u8] = b".wh.";

/// What a file's name says by the whiteout convention.
enum WhiteoutName<'a> {
    None,
    Opaque,
    Of(&'a [u8]),
    Metadata,
}

impl<'a> WhiteoutName<'a> {
    fn of(name: &'a [u8]) -> Self {
        match name.strip_prefix(WHITEOUT_PREFIX) {
            None => Self::None,
            Some(b".wh..opq") => Self::Opaque,
            Some(rest) if rest.starts_with(WHITEOUT_PREFIX) => Self::Metadata,
            Some(hidden) => Self::Of(hidden),
        }
    }
}

/// Lengths of paths fit 16 bits, because a path is held to its limit first.
fn short_length(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

fn refused(path: &[u8], why: PathFault) -> ReadLayerError {
    let path = String::from_utf8_lossy(path).chars().take(200).collect();
    ReadLayerError::Path { path, why }
}
