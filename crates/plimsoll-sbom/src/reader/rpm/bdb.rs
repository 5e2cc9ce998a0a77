//! A hash of Berkeley DB, as rpm wrote it until 4.16: `Packages`, from a number of four bytes to a header.
//!
//! The pages of buckets are read as they stand in the file, because the order of a hash tells nothing. What is freed
//! has another type. The layouts are those of Berkeley DB's `dbinc/db_page.h`.

use super::Packages;
use super::disk::{Disk, array, byte, piece};
use crate::reader::ReadFault;

const HASH_MAGIC: u32 = 0x0006_1561;
/// The header of every page but the first.
const PAGE_HEADER_BYTES: usize = 26;
/// The types of pages that hold items: unsorted before Berkeley DB 4.6, and sorted.
const UNSORTED_HASH: u8 = 2;
const HASH: u8 = 13;
const OVERFLOW: u8 = 7;
/// The types of items: bytes in the page, and bytes in a chain of overflow pages.
const KEY_DATA: u8 = 1;
const OFF_PAGE: u8 = 3;
/// rpm keeps the number of the next package under the key 0; a header is longer.
const HEADER_BYTES_MIN: usize = 8;

/// How numbers are written: as on the machine that made the file.
#[derive(Clone, Copy, Debug)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    /// Known by the magic number, if these are the first bytes of a hash.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let magic = array(head, 12).ok()?;
        match magic {
            _ if u32::from_le_bytes(magic) == HASH_MAGIC => Some(Self::Little),
            _ if u32::from_be_bytes(magic) == HASH_MAGIC => Some(Self::Big),
            _ => None,
        }
    }

    fn u16(self, bytes: &[u8], offset: usize) -> Result<usize, ReadFault> {
        let bytes = array(bytes, offset)?;
        Ok(match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
        .into())
    }

    fn u32(self, bytes: &[u8], offset: usize) -> Result<u32, ReadFault> {
        let bytes = array(bytes, offset)?;
        Ok(match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        })
    }
}

/// Reads all pages that hold items.
pub(super) fn read(disk: &mut Disk<'_>, order: ByteOrder, packages: &mut Packages) -> Result<(), ReadFault> {
    let mut book = Book::open(disk, order)?;
    for number in 1..=book.last {
        let page = book.page(number)?;
        if matches!(byte(&page, 25)?, HASH | UNSORTED_HASH) {
            book.read_items(&page, packages)?;
        }
    }
    Ok(())
}

/// The pages of a file.
struct Book<'d, 'c> {
    disk: &'d mut Disk<'c>,
    order: ByteOrder,
    page_bytes: usize,
    /// The number of the last page.
    last: u32,
}

impl<'d, 'c> Book<'d, 'c> {
    fn open(disk: &'d mut Disk<'c>, order: ByteOrder) -> Result<Self, ReadFault> {
        let header = disk.read_vec(0, 72)?;
        let page_bytes = order.u32(&header, 20)?;
        if !page_bytes.is_power_of_two() || !(512..=65_536).contains(&page_bytes) {
            return Err(ReadFault::Malformed(format!("its page size is {page_bytes}")));
        }
        if byte(&header, 24)? != 0 {
            return Err(ReadFault::malformed("it is encrypted"));
        }
        let last = order.u32(&header, 32)?;
        Ok(Self { disk, order, page_bytes: page_bytes as usize, last })
    }

    fn page(&mut self, number: u32) -> Result<Vec<u8>, ReadFault> {
        self.disk.read_vec(u64::from(number) * self.page_bytes as u64, self.page_bytes)
    }

    /// Reads a page's items: keys stand at even places, what they name behind each.
    fn read_items(&mut self, page: &[u8], packages: &mut Packages) -> Result<(), ReadFault> {
        let count = self.order.u16(page, 20)?;
        for index in (1..count).step_by(2) {
            let start = self.item_offset(page, index)?;
            match byte(page, start)? {
                KEY_DATA => {
                    // Items fill the page from its end, so this one ends where the one before begins.
                    let end = self.item_offset(page, index - 1)?;
                    let length = end
                        .checked_sub(start + 1)
                        .ok_or_else(|| ReadFault::malformed("its items overlap"))?;
                    self.disk.charge(length as u64)?;
                    take(piece(page, start + 1, length)?, packages)?;
                }
                OFF_PAGE => self.read_chain(piece(page, start, 12)?, packages)?,
                kind => packages.0.damage(format!("an item is of the unknown kind {kind}"))?,
            }
        }
        Ok(())
    }

    fn item_offset(&self, page: &[u8], index: usize) -> Result<usize, ReadFault> {
        self.order.u16(page, PAGE_HEADER_BYTES + 2 * index)
    }

    /// Reads what lies in the overflow pages that an item refers to.
    fn read_chain(&mut self, item: &[u8], packages: &mut Packages) -> Result<(), ReadFault> {
        let mut next = self.order.u32(item, 4)?;
        let size_bytes = u64::from(self.order.u32(item, 8)?);
        if packages.passes_over(size_bytes)? {
            return Ok(());
        }
        if size_bytes > self.disk.size_bytes() {
            return Err(ReadFault::malformed("a package is longer than the file"));
        }
        let size = usize::try_from(size_bytes).map_err(|_| ReadFault::malformed("a package has no end"))?;
        let mut bytes = Vec::with_capacity(size);
        while bytes.len() < size {
            let page = self.page(next)?;
            let length = self.order.u16(&page, 22)?;
            if byte(&page, 25)? != OVERFLOW || length == 0 {
                return packages.0.damage("a package's chain of pages is broken");
            }
            bytes.extend_from_slice(piece(&page, PAGE_HEADER_BYTES, length.min(size - bytes.len()))?);
            next = self.order.u32(&page, 16)?;
        }
        take(&bytes, packages)
    }
}

fn take(bytes: &[u8], packages: &mut Packages) -> Result<(), ReadFault> {
    if bytes.len() < HEADER_BYTES_MIN { Ok(()) } else { packages.take(bytes) }
}
