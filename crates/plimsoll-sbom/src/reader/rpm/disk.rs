//! Reading a file of pages in any order, for a bounded time.

use std::io::SeekFrom;

use crate::reader::{Content, File, ReadFault};

/// A sound database is read about once. One whose pages overlap or go in circles would be read for ever.
const READS_OF_WHOLE_MAX: u64 = 4;
/// The least that a read counts for, so that very many very small ones come to an end too.
const READ_COST_MIN: u64 = 256;

/// A file of which pieces are read by their place.
pub(super) struct Disk<'a> {
    content: &'a mut dyn Content,
    size_bytes: u64,
    budget: u64,
}

impl<'a> Disk<'a> {
    pub(super) fn new<'b>(file: &'a mut File<'b>) -> Self
    where
        'b: 'a,
    {
        let size_bytes = file.size_bytes;
        let budget = size_bytes.saturating_mul(READS_OF_WHOLE_MAX).saturating_add(1 << 20);
        Self { content: &mut *file.content, size_bytes, budget }
    }

    /// Its length.
    pub(super) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Fills `buffer` from `offset` on.
    pub(super) fn read(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), ReadFault> {
        let length = buffer.len() as u64;
        if offset.checked_add(length).is_none_or(|end| end > self.size_bytes) {
            return Err(ReadFault::malformed("it is cut short"));
        }
        self.charge(length)?;
        self.content.seek(SeekFrom::Start(offset))?;
        Ok(self.content.read_exact(buffer)?)
    }

    /// `length` bytes from `offset` on.
    pub(super) fn read_vec(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, ReadFault> {
        if length as u64 > self.size_bytes {
            return Err(ReadFault::malformed("it is cut short"));
        }
        let mut bytes = vec![0; length];
        self.read(offset, &mut bytes)?;
        Ok(bytes)
    }

    /// Counts bytes that are looked at once more.
    pub(super) fn charge(&mut self, bytes: u64) -> Result<(), ReadFault> {
        let left = self.budget.checked_sub(bytes.max(READ_COST_MIN));
        self.budget =
            left.ok_or_else(|| ReadFault::malformed("its pages overlap or refer to one another in circles"))?;
        Ok(())
    }
}

/// The array of bytes at a place in a page, for `from_be_bytes` and its kin.
pub(super) fn array<const N: usize>(bytes: &[u8], offset: usize) -> Result<[u8; N], ReadFault> {
    let array = bytes.get(offset..).and_then(|bytes| bytes.first_chunk());
    array.copied().ok_or_else(|| ReadFault::malformed("a page refers to what lies beyond its end"))
}

/// The byte at a place in a page.
pub(super) fn byte(bytes: &[u8], offset: usize) -> Result<u8, ReadFault> {
    array::<1>(bytes, offset).map(|[byte]| byte)
}

/// The bytes at a place in a page.
pub(super) fn piece(bytes: &[u8], offset: usize, length: usize) -> Result<&[u8], ReadFault> {
    let piece = bytes.get(offset..).and_then(|bytes| bytes.get(..length));
    piece.ok_or_else(|| ReadFault::malformed("a page refers to what lies beyond its end"))
}
