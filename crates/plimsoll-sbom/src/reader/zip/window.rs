use std::io::{self, Read, Seek, SeekFrom};

use crate::Content;
use crate::reader::ReadFault;

/// A stretch of a file as a file of its own: an archive that lies uncompressed within another.
pub(in crate::reader) struct Window<'a> {
    content: &'a mut dyn Content,
    start: u64,
    bytes: u64,
    at: u64,
}

impl<'a> Window<'a> {
    /// The stretch that begins there, with the cursor at its beginning.
    pub(super) fn new(content: &'a mut dyn Content, start: u64, bytes: u64) -> Result<Self, ReadFault> {
        let length = content.seek(SeekFrom::End(0))?;
        if start.checked_add(bytes).is_none_or(|end| end > length) {
            return Err(ReadFault::malformed("a member lies beyond the archive's end"));
        }
        content.seek(SeekFrom::Start(start))?;
        Ok(Self { content, start, bytes, at: 0 })
    }
}

impl Read for Window<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.bytes.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let count = buffer.get_mut(..wanted).map_or(Ok(0), |part| self.content.read(part))?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Window<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(distance) => self.bytes.checked_add_signed(distance),
            SeekFrom::Current(distance) => self.at.checked_add_signed(distance),
        };
        let target = at.and_then(|at| Some((at, self.start.checked_add(at)?)));
        let (at, target) = target.ok_or(io::ErrorKind::InvalidInput)?;
        self.content.seek(SeekFrom::Start(target))?;
        self.at = at;
        Ok(at)
    }
}
