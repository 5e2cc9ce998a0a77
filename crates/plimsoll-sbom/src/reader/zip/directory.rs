use std::cmp::Ordering;
use std::io::{Read, SeekFrom};

use super::{cut_short, u16_at, u32_at, u64_at};
use crate::Content;
use crate::reader::ReadFault;

/// The end record without its comment (4.3.16), and the longest comment.
const END_BYTES: usize = 22;
const COMMENT_BYTES_MAX: u64 = 0xffff;
const END_SIGNATURE: [u8; 4] = *b"PK\x05\x06";
/// The zip64 end record without what may follow (4.3.14), and the locator that points to it (4.3.15).
const END64_BYTES: usize = 56;
const END64_SIGNATURE: [u8; 4] = *b"PK\x06\x06";
const LOCATOR_BYTES: usize = 20;
const LOCATOR_SIGNATURE: [u8; 4] = *b"PK\x06\x07";
/// A directory entry without its name, extra field and comment (4.3.12).
const ENTRY_BYTES: usize = 46;
const ENTRY_SIGNATURE: [u8; 4] = *b"PK\x01\x02";
/// The extra field with the sizes and the offset that do not fit (4.5.3).
const ZIP64_EXTRA: u16 = 1;

/// Where an archive's directory lies.
pub(in crate::reader) struct Directory {
    pub(super) start: u64,
    pub(super) bytes: u64,
    /// What stands before the archive, such as the script of an executable jar; offsets do not count it.
    prefix_bytes: u64,
}

/// A member that was chosen.
pub(in crate::reader) struct Member {
    pub(in crate::reader) path: String,
    /// What it says it has when it is inflated.
    pub(in crate::reader) size_bytes: u64,
    pub(super) stored_bytes: u64,
    pub(super) header_at: u64,
    pub(super) method: u16,
    pub(super) flags: u16,
}

impl Member {
    /// The bytes of the archive that it covers at the least.
    pub(in crate::reader) fn extent(&self) -> std::ops::Range<u64> {
        self.header_at..self.header_at.saturating_add(super::LOCAL_HEADER_BYTES as u64 + self.stored_bytes)
    }
}

/// An entry as it stands in the directory.
pub(super) struct Entry<'a> {
    pub(super) name: &'a [u8],
    member: Member,
}

impl Entry<'_> {
    pub(super) fn into_member(self, name: &str) -> Member {
        Member { path: name.to_owned(), ..self.member }
    }
}

impl Directory {
    /// Reads the end of the archive.
    pub(super) fn find(content: &mut dyn Content) -> Result<Self, ReadFault> {
        let length = content.seek(SeekFrom::End(0))?;
        let tail_start = length.saturating_sub(COMMENT_BYTES_MAX + END_BYTES as u64 + LOCATOR_BYTES as u64);
        content.seek(SeekFrom::Start(tail_start))?;
        let mut tail = Vec::new();
        content.take(length - tail_start).read_to_end(&mut tail)?;
        let at =
            end_record(&tail).ok_or_else(|| ReadFault::malformed("it has no zip directory at its end"))?;
        let locator = at.checked_sub(LOCATOR_BYTES).and_then(|start| tail.get(start..at));
        let end = tail.get(at..).unwrap_or_default();
        let end_at = tail_start + at as u64;
        match locator {
            Some(locator) if is_large(end) && locator.starts_with(&LOCATOR_SIGNATURE) => {
                let locator_at = end_at - LOCATOR_BYTES as u64;
                Self::find_large(content, u64_at(locator, 8), locator_at)
            }
            _ => Self::ending_at(end_at, u32_at(end, 12).into(), u32_at(end, 16).into()),
        }
    }

    /// Reads the zip64 end record: where the locator says it is or, when something stands before the archive, right
    /// before the locator.
    fn find_large(content: &mut dyn Content, told_at: u64, locator_at: u64) -> Result<Self, ReadFault> {
        let beside = locator_at.saturating_sub(END64_BYTES as u64);
        for at in [told_at, beside] {
            let mut record = [0; END64_BYTES];
            content.seek(SeekFrom::Start(at))?;
            if content.read_exact(&mut record).is_ok() && record.starts_with(&END64_SIGNATURE) {
                return Self::ending_at(at, u64_at(&record, 40), u64_at(&record, 48));
            }
        }
        Err(ReadFault::malformed("it has no zip64 directory where it says"))
    }

    /// A directory of this length that ends here and says that it starts there.
    fn ending_at(end: u64, bytes: u64, told_start: u64) -> Result<Self, ReadFault> {
        let start = end.checked_sub(bytes);
        let place = start.and_then(|start| Some((start, start.checked_sub(told_start)?)));
        let (start, prefix_bytes) =
            place.ok_or_else(|| ReadFault::malformed("its zip directory lies out of range"))?;
        Ok(Self { start, bytes, prefix_bytes })
    }

    /// The next entry, or `None` at the directory's end.
    pub(super) fn next_entry<'a>(
        &self,
        input: &mut impl Read,
        scratch: &'a mut Vec<u8>,
    ) -> Result<Option<Entry<'a>>, ReadFault> {
        scratch.clear();
        let count = input.take(ENTRY_BYTES as u64).read_to_end(scratch)?;
        if count == 0 {
            return Ok(None);
        }
        if count < ENTRY_BYTES || !scratch.starts_with(&ENTRY_SIGNATURE) {
            return Err(ReadFault::malformed("its zip directory is damaged"));
        }
        let [name, extra, comment] = [28, 30, 32].map(|at| usize::from(u16_at(scratch, at)));
        let rest = name + extra + comment;
        scratch.resize(ENTRY_BYTES + rest, 0);
        input.read_exact(scratch.get_mut(ENTRY_BYTES..).unwrap_or_default()).map_err(cut_short)?;
        let (fixed, names) = scratch.split_at(ENTRY_BYTES);
        let (name, rest) = names.split_at(name);
        let extra = rest.get(..extra).unwrap_or_default();
        let member = self.member(fixed, extra)?;
        Ok(Some(Entry { name, member }))
    }

    fn member(&self, fixed: &[u8], extra: &[u8]) -> Result<Member, ReadFault> {
        let mut large = zip64_values(extra);
        let mut wide = |value: u32| match value {
            u32::MAX => large.next().unwrap_or(value.into()),
            value => value.into(),
        };
        let (size_bytes, stored_bytes) = (wide(u32_at(fixed, 24)), wide(u32_at(fixed, 20)));
        let header_at = wide(u32_at(fixed, 42)).checked_add(self.prefix_bytes);
        Ok(Member {
            path: String::new(),
            size_bytes,
            stored_bytes,
            header_at: header_at.ok_or_else(|| ReadFault::malformed("a member lies out of range"))?,
            method: u16_at(fixed, 10),
            flags: u16_at(fixed, 8),
        })
    }
}

/// The last place that holds an end record whose comment ends where the file does or, where none does, whose comment
/// is at least there: some tools write bytes behind it.
fn end_record(tail: &[u8]) -> Option<usize> {
    let last = tail.len().checked_sub(END_BYTES)?;
    let mut fallback = None;
    for at in (0..=last).rev() {
        let record = tail.get(at..).unwrap_or_default();
        if !record.starts_with(&END_SIGNATURE) {
            continue;
        }
        match usize::from(u16_at(record, 20)).cmp(&(record.len() - END_BYTES)) {
            Ordering::Equal => return Some(at),
            Ordering::Less => fallback = fallback.or(Some(at)),
            Ordering::Greater => {}
        }
    }
    fallback
}

/// Whether the end record leaves something to the zip64 one.
fn is_large(end: &[u8]) -> bool {
    u16_at(end, 10) == u16::MAX || u32_at(end, 12) == u32::MAX || u32_at(end, 16) == u32::MAX
}

/// The values of the zip64 extra field, in their order.
fn zip64_values(extra: &[u8]) -> impl Iterator<Item = u64> {
    let mut rest = extra;
    let mut field = &[][..];
    while rest.len() >= 4 {
        let length = usize::from(u16_at(rest, 2));
        let data = rest.get(4..4 + length).unwrap_or_default();
        if u16_at(rest, 0) == ZIP64_EXTRA {
            field = data;
            break;
        }
        rest = rest.get(4 + length..).unwrap_or_default();
    }
    field.chunks_exact(8).map(|chunk| u64_at(chunk, 0))
}
