use super::{Kind, LayerListing, Mark, Record, Span, text};
use crate::layer::archive::Member;
use crate::layer::unpack::Measured;
use crate::layer::{Limits, PathFault, ReadLayerError, path};

/// Collects the members of an archive into a listing, within the limits.
pub(in crate::layer) struct ListingBuilder<'a> {
    limits: &'a Limits,
    names: Vec<u8>,
    records: Vec<Record>,
    whiteouts: Vec<Mark>,
    members: u32,
    size_bytes: u64,
}

impl<'a> ListingBuilder<'a> {
    pub(in crate::layer) fn new(limits: &'a Limits) -> Self {
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
    pub(in crate::layer) fn add(&mut self, member: &Member) -> Result<(), ReadLayerError> {
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
    pub(in crate::layer) fn build(mut self, measured: &Measured, hides_bytes: bool) -> LayerListing {
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
