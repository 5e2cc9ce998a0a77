use std::io::{self, Read};

use super::archive::{Archive, Member};
use super::decode::{Decoder, Decoding};
use super::unpack::Unpacked;
use super::{Compression, Kind, LayerAlgorithms, Limits, PathFault, ReadLayerError, path};
use plimsoll_oci::{Algorithm, DiffId, Digest};
use serde::{Deserialize, Serialize};

/// A layer that streams by, one entry at a time, for those who want its files' content.
///
/// Nothing of an entry stays in memory when the next one is asked for, so a layer of millions of files costs no more
/// than one of ten.
pub struct LayerWalk<'a> {
    archive: Archive<'a>,
    limits: &'a Limits,
    entries: u32,
    size_bytes: u64,
}

/// One step of a walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// An entry.
    Entry(OwnedEntry),
    /// A path of lower layers that is hidden (image-spec, `layer.md`, "Whiteouts").
    Whiteout {
        /// The path in its normal form.
        path: Vec<u8>,
        /// Whether it hides what lies beneath the path, and not the path itself.
        is_opaque: bool,
    },
}

/// An [`Entry`](super::Entry) that owns its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnedEntry {
    /// The path in its normal form: no slash in front; the root is empty. It need not be UTF-8.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// The file's length, holes of sparse files included; 0 for other kinds.
    pub size_bytes: u64,
    /// Whether the archive leaves out the file's holes, so that its content cannot be read as it streams by.
    pub is_sparse: bool,
    /// The permission bits with set-user-id, set-group-id and sticky.
    pub mode: u16,
    /// Whether running it gives capabilities; an index keeps this alone, and not which.
    pub has_capabilities: bool,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// When its content changed, in seconds since 1970; 0 where the header says nothing of use.
    pub modified_unix: u64,
    /// A symbolic link's target as written, or a hard link's target as a path in its normal form.
    pub link: Vec<u8>,
    /// What the file may do although its user may not: the value of `security.capability` (`capabilities(7)`).
    pub capabilities: Vec<u8>,
}

/// What is known of a layer's bytes after the last one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerMeasures {
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
}

impl<'a> LayerWalk<'a> {
    /// Begins to read: a plain tar, gzip or Zstandard, whatever the media type says.
    pub fn new(
        reader: impl Read + 'a,
        algorithms: LayerAlgorithms,
        limits: &'a Limits,
    ) -> Result<Self, ReadLayerError> {
        let decoder = Decoder::new(reader, algorithms.stored, limits)?;
        Ok(Self::of_decoded(decoder, algorithms.unpacked, limits))
    }

    /// Begins to read a layer that is decoded elsewhere, within the same limits.
    pub fn of_decoded(bytes: impl Decoding + 'a, diff: Algorithm, limits: &'a Limits) -> Self {
        let archive = Archive::new(Unpacked::new(bytes, diff), limits);
        Self { archive, limits, entries: 0, size_bytes: 0 }
    }

    /// Moves to the next entry or whiteout; `None` at the end. AUFS's own files are passed over: they are nobody's
    /// content.
    #[expect(clippy::should_implement_trait, reason = "each step borrows the walk to read its content")]
    pub fn next(&mut self) -> Result<Option<Found>, ReadLayerError> {
        while let Some(member) = self.archive.next()? {
            self.count(&member)?;
            if let Some(found) = found(member, self.limits)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The rest of the current entry's content as the archive holds it.
    pub fn content(&mut self) -> impl Read {
        Content(&mut self.archive)
    }

    /// Reads what follows the last entry.
    pub fn finish(self) -> Result<LayerMeasures, ReadLayerError> {
        self.archive.finish()
    }

    fn count(&mut self, member: &Member) -> Result<(), ReadLayerError> {
        self.entries += 1;
        self.size_bytes = self.size_bytes.saturating_add(member.size_bytes);
        if self.entries > self.limits.entries_max {
            return Err(ReadLayerError::Entries(self.limits.entries_max));
        }
        if self.size_bytes > self.limits.unpacked_bytes_max {
            return Err(ReadLayerError::TooLarge(self.limits.unpacked_bytes_max));
        }
        Ok(())
    }
}

struct Content<'w, 'a>(&'w mut Archive<'a>);

impl Read for Content<'_, '_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.read_data(out)
    }
}

/// What a member of the archive means to the image.
fn found(member: Member, limits: &Limits) -> Result<Option<Found>, ReadLayerError> {
    let mut full = normalized(&member.path, limits)?;
    let (directory, name) = path::split_last(&full);
    let directory_length = directory.len();
    match WhiteoutName::of(name) {
        WhiteoutName::None if full.is_empty() && member.kind != Kind::Directory => {
            Err(refused(&member.path, PathFault::Root))
        }
        WhiteoutName::None => entry(member, full, limits).map(|entry| Some(Found::Entry(entry))),
        WhiteoutName::Opaque => {
            full.truncate(directory_length);
            Ok(Some(Found::Whiteout { path: full, is_opaque: true }))
        }
        WhiteoutName::Of(b"" | b"." | b"..") => Err(refused(&member.path, PathFault::Whiteout)),
        WhiteoutName::Of(hidden) => {
            let prefix = full.len() - hidden.len() - WHITEOUT_PREFIX.len();
            full.drain(prefix..prefix + WHITEOUT_PREFIX.len());
            Ok(Some(Found::Whiteout { path: full, is_opaque: false }))
        }
        WhiteoutName::Metadata => Ok(None),
    }
}

fn entry(member: Member, path: Vec<u8>, limits: &Limits) -> Result<OwnedEntry, ReadLayerError> {
    let link = match member.kind {
        Kind::HardLink => normalized(&member.link, limits)?,
        // A symbolic link's target is kept as written: it is resolved where it is followed.
        Kind::Symlink if member.link.len() > limits.path_bytes_max.into() => {
            return Err(refused(&member.link, PathFault::TooLong(limits.path_bytes_max)));
        }
        Kind::Symlink => member.link,
        _ => Vec::new(),
    };
    Ok(OwnedEntry {
        path,
        kind: member.kind,
        size_bytes: member.size_bytes,
        is_sparse: member.is_sparse,
        mode: member.mode,
        has_capabilities: !member.capabilities.is_empty(),
        uid: member.uid,
        gid: member.gid,
        modified_unix: member.modified_unix,
        link,
        capabilities: member.capabilities,
    })
}

fn normalized(raw: &[u8], limits: &Limits) -> Result<Vec<u8>, ReadLayerError> {
    if raw.is_empty() {
        return Err(refused(raw, PathFault::Empty));
    }
    let mut path = Vec::with_capacity(raw.len());
    path::push_normalized(&mut path, raw, limits).map_err(|why| refused(raw, why))?;
    Ok(path)
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

fn refused(path: &[u8], why: PathFault) -> ReadLayerError {
    let path = String::from_utf8_lossy(path).chars().take(200).collect();
    ReadLayerError::Path { path, why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archives::{Raw, archive, gzip, zstd};

    #[test]
    fn content_is_read_where_it_is_wanted_and_passed_over_elsewhere() {
        let bytes = archive(&[Raw::file("a", b"first"), Raw::file("b", b"second"), Raw::file("c", b"third")]);
        for bytes in [gzip(&bytes), zstd(&bytes), bytes] {
            reads_the_first_and_the_last(&bytes);
        }
    }

    fn reads_the_first_and_the_last(bytes: &[u8]) {
        let limits = Limits::default();
        let mut walk = LayerWalk::new(bytes, LayerAlgorithms::default(), &limits).unwrap();
        let mut texts = Vec::new();
        while let Some(found) = walk.next().unwrap() {
            let Found::Entry(entry) = found else { panic!("no whiteouts here") };
            if entry.path != b"b" {
                texts.push(io::read_to_string(walk.content()).unwrap());
            }
        }
        assert_eq!(texts, ["first", "third"]);
        let measures = walk.finish().unwrap();
        let listing = crate::read_layer(bytes, LayerAlgorithms::default(), &limits).unwrap();
        assert_eq!(measures, listing.measures);
    }

    #[test]
    fn whiteouts_are_steps_of_the_walk() {
        let bytes = archive(&[Raw::file("etc/.wh.passwd", b""), Raw::file("opt/.wh..wh..opq", b"")]);
        let limits = Limits::default();
        let mut walk = LayerWalk::new(&*bytes, LayerAlgorithms::default(), &limits).unwrap();
        let mut hidden = Vec::new();
        while let Some(found) = walk.next().unwrap() {
            if let Found::Whiteout { path, is_opaque } = found {
                hidden.push((String::from_utf8(path).unwrap(), is_opaque));
            }
        }
        assert_eq!(hidden, [("etc/passwd".to_owned(), false), ("opt".to_owned(), true)]);
    }
}
