//! Zip archives as far as jars and eggs need them: the directory at the end, and members one at a time (APPNOTE 6.3.10).
//!
//! The directory is what the JVM and Python go by, so members that only a local header names are not there. It is walked
//! as a stream: what an archive costs in memory is what was chosen from it, not what it lists.

use std::io::{self, BufReader, Read, SeekFrom};

use flate2::read::DeflateDecoder;

use super::ReadFault;
use crate::Content;

mod directory;
mod window;

pub(super) use directory::{Directory, Member};
pub(super) use window::Window;

/// A local file header without its name and extra field (4.3.7).
const LOCAL_HEADER_BYTES: usize = 30;
const LOCAL_HEADER_SIGNATURE: [u8; 4] = *b"PK\x03\x04";
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
const ENCRYPTED_FLAG: u16 = 1;
/// How much of a directory is read at a time.
const DIRECTORY_BUFFER_BYTES: usize = 64 * 1024;

/// A zip archive with the bytes that it stands in.
pub(super) struct Archive<'a> {
    content: &'a mut dyn Content,
    directory: Directory,
}

/// How much of a directory may be looked at and kept, in all archives that one file holds.
pub(super) struct Allowance {
    /// Members that may still be looked at.
    pub(super) members: u64,
    /// Bytes of names that may still be kept.
    pub(super) name_bytes: usize,
}

/// What was chosen from a directory.
#[derive(Default)]
pub(super) struct Selection {
    /// The members, in the directory's order.
    pub(super) members: Vec<Member>,
    /// Whether the allowance ended before the directory did.
    pub(super) cut_short: bool,
}

impl<'a> Archive<'a> {
    /// Finds the directory.
    pub(super) fn open(content: &'a mut dyn Content) -> Result<Self, ReadFault> {
        let directory = Directory::find(content)?;
        Ok(Self { content, directory })
    }

    /// Walks the directory and keeps the members whose names are wanted.
    pub(super) fn select(
        &mut self,
        allowance: &mut Allowance,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Selection, ReadFault> {
        self.content.seek(SeekFrom::Start(self.directory.start))?;
        let mut input =
            BufReader::with_capacity(DIRECTORY_BUFFER_BYTES, (&mut *self.content).take(self.directory.bytes));
        let mut selection = Selection::default();
        let mut scratch = Vec::new();
        while let Some(entry) = self.directory.next_entry(&mut input, &mut scratch)? {
            let name = String::from_utf8_lossy(entry.name);
            let kept_bytes = if wanted(&name) { name.len() } else { 0 };
            if allowance.members == 0 || allowance.name_bytes < kept_bytes {
                selection.cut_short = true;
                break;
            }
            allowance.members -= 1;
            if kept_bytes > 0 {
                allowance.name_bytes -= kept_bytes;
                selection.members.push(entry.into_member(&name));
            }
        }
        Ok(selection)
    }

    /// The member's bytes as they stand in the archive, where they are its content.
    pub(super) fn stored(&mut self, member: &Member) -> Result<Option<Window<'_>>, ReadFault> {
        if member.method != STORED {
            return Ok(None);
        }
        let start = self.data_start(member)?;
        Window::new(&mut *self.content, start, member.stored_bytes).map(Some)
    }

    /// The beginning of a member's content, up to this many bytes.
    pub(super) fn read(&mut self, member: &Member, bytes_max: u64) -> Result<Vec<u8>, ReadFault> {
        let start = self.data_start(member)?;
        let raw = BufReader::new(Window::new(&mut *self.content, start, member.stored_bytes)?);
        let mut bytes = Vec::with_capacity(usize::try_from(member.size_bytes.min(bytes_max)).unwrap_or(0));
        match member.method {
            STORED => raw.take(bytes_max).read_to_end(&mut bytes)?,
            DEFLATED => inflate(raw, bytes_max, &mut bytes)?,
            other => {
                return Err(ReadFault::malformed(format!("compression method {other} is not supported")));
            }
        };
        Ok(bytes)
    }

    /// Where the member's data begins: its local header may have another extra field than the directory.
    fn data_start(&mut self, member: &Member) -> Result<u64, ReadFault> {
        if member.flags & ENCRYPTED_FLAG != 0 {
            return Err(ReadFault::malformed("a member is encrypted"));
        }
        let mut header = [0; LOCAL_HEADER_BYTES];
        self.content.seek(SeekFrom::Start(member.header_at))?;
        self.content.read_exact(&mut header).map_err(cut_short)?;
        if !header.starts_with(&LOCAL_HEADER_SIGNATURE) {
            return Err(ReadFault::malformed("the directory points to a place that is no member"));
        }
        let names = u64::from(u16_at(&header, 26)) + u64::from(u16_at(&header, 28));
        let start = member.header_at.checked_add(LOCAL_HEADER_BYTES as u64 + names);
        start.ok_or_else(|| ReadFault::malformed("a member lies out of range"))
    }
}

fn inflate(raw: impl Read, bytes_max: u64, bytes: &mut Vec<u8>) -> Result<usize, ReadFault> {
    DeflateDecoder::new(raw)
        .take(bytes_max)
        .read_to_end(bytes)
        .map_err(|error| ReadFault::malformed(format!("a member cannot be inflated: {error}")))
}

/// An end that comes too early is damage; anything else is a failure to read.
fn cut_short(error: io::Error) -> ReadFault {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ReadFault::malformed("the archive is cut short"),
        _ => ReadFault::Read(error),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |chunk| u16::from_le_bytes(*chunk))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |chunk| u32::from_le_bytes(*chunk))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |chunk| u64::from_le_bytes(*chunk))
}

#[cfg(test)]
pub(super) mod tests;
