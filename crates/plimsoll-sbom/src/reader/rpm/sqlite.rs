//! The SQLite database file format, as far as reading one table needs it: table b-trees and overflow chains.
//!
//! Section numbers are those of SQLite's "Database File Format".

use super::disk::{Disk, array, byte, piece};
use super::{HEADER_BYTES_MAX, Packages};
use crate::reader::ReadFault;

/// Section 1.3: how every database begins.
pub(super) const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// A b-tree of the largest file has fewer levels.
const DEPTH_MAX: u32 = 20;
/// A row is a header and a few bytes more.
const ROW_BYTES_MAX: u64 = HEADER_BYTES_MAX + 64;
/// The header of the file, before the first page's b-tree (section 1.3).
const FILE_HEADER_BYTES: usize = 100;
const INTERIOR_TABLE: u8 = 0x05;
const LEAF_TABLE: u8 = 0x0d;

/// A row's record, or the length of one that is too large.
enum Row<'a> {
    Record(&'a [u8]),
    TooLarge(u64),
}

type TakeRow<'a> = dyn FnMut(Row<'_>) -> Result<(), ReadFault> + 'a;

/// Reads the table `Packages` of rpm's database, whose second column is the header.
pub(super) fn read(disk: &mut Disk<'_>, packages: &mut Packages) -> Result<(), ReadFault> {
    let mut book = Book::open(disk)?;
    let root = book.find_table(b"Packages")?;
    book.walk(root, 0, &mut |row| match row {
        Row::Record(record) => packages.take(column(record, 1)?),
        Row::TooLarge(size_bytes) => packages.passes_over(size_bytes).map(drop),
    })
}

/// The pages of a file.
struct Book<'d, 'c> {
    disk: &'d mut Disk<'c>,
    page_bytes: usize,
    /// The part of each page that is not reserved for extensions.
    usable_bytes: usize,
}

impl<'d, 'c> Book<'d, 'c> {
    fn open(disk: &'d mut Disk<'c>) -> Result<Self, ReadFault> {
        let header = disk.read_vec(0, FILE_HEADER_BYTES)?;
        let page_bytes = match u16::from_be_bytes(array(&header, 16)?) {
            1 => 65_536,
            size if size.is_power_of_two() && size >= 512 => usize::from(size),
            size => return Err(ReadFault::Malformed(format!("its page size is {size}"))),
        };
        let usable_bytes = page_bytes - usize::from(byte(&header, 20)?);
        if usable_bytes < 480 {
            return Err(ReadFault::malformed("its pages leave no room"));
        }
        Ok(Self { disk, page_bytes, usable_bytes })
    }

    fn page(&mut self, number: u32) -> Result<Vec<u8>, ReadFault> {
        let index = number.checked_sub(1).ok_or_else(|| ReadFault::malformed("it refers to a page 0"))?;
        self.disk.read_vec(u64::from(index) * self.page_bytes as u64, self.page_bytes)
    }

    /// Finds a table's first page in the schema, which is the tree of page 1 (section 2.6).
    fn find_table(&mut self, name: &[u8]) -> Result<u32, ReadFault> {
        let mut root = None;
        self.walk(1, 0, &mut |row| {
            let Row::Record(record) = row else { return Ok(()) };
            if column(record, 0)? == b"table" && column(record, 1)?.eq_ignore_ascii_case(name) {
                root = Some(unsigned(column(record, 3)?)?);
            }
            Ok(())
        })?;
        root.ok_or_else(|| ReadFault::malformed("it has no table `Packages`"))
    }

    /// Goes through a table in the order of its rows (section 1.6).
    fn walk(&mut self, number: u32, depth: u32, take: &mut TakeRow<'_>) -> Result<(), ReadFault> {
        if depth > DEPTH_MAX {
            return Err(ReadFault::malformed("its pages refer to one another in circles"));
        }
        let page = self.page(number)?;
        let start = if number == 1 { FILE_HEADER_BYTES } else { 0 };
        let cell_count = usize::from(u16::from_be_bytes(array(&page, start + 3)?));
        match byte(&page, start)? {
            INTERIOR_TABLE => {
                for index in 0..cell_count {
                    let cell = u16::from_be_bytes(array(&page, start + 12 + 2 * index)?);
                    self.walk(u32::from_be_bytes(array(&page, cell.into())?), depth + 1, take)?;
                }
                self.walk(u32::from_be_bytes(array(&page, start + 8)?), depth + 1, take)
            }
            LEAF_TABLE => {
                for index in 0..cell_count {
                    let cell = u16::from_be_bytes(array(&page, start + 8 + 2 * index)?);
                    self.row(&page, cell.into(), take)?;
                }
                Ok(())
            }
            kind => Err(ReadFault::Malformed(format!("page {number} is of the kind {kind}, and no table's"))),
        }
    }

    /// Reads the row in the cell at an offset of a leaf.
    fn row(&mut self, page: &[u8], cell: usize, take: &mut TakeRow<'_>) -> Result<(), ReadFault> {
        let (size_bytes, length_bytes) = varint(page, cell)?;
        let (_row_id, id_bytes) = varint(page, cell + length_bytes)?;
        if size_bytes > ROW_BYTES_MAX {
            return take(Row::TooLarge(size_bytes));
        }
        let size = usize::try_from(size_bytes).map_err(|_| ReadFault::malformed("a row has no end"))?;
        let local = self.local_bytes(size);
        let start = cell + length_bytes + id_bytes;
        let here = piece(page, start, local)?;
        self.disk.charge(local as u64)?;
        if local == size {
            return take(Row::Record(here));
        }
        let record = self.with_overflow(here, size, u32::from_be_bytes(array(page, start + local)?))?;
        take(Row::Record(&record))
    }

    /// How much of a row lies in the leaf itself (section 1.6, "cell payload overflow").
    fn local_bytes(&self, size: usize) -> usize {
        let usable = self.usable_bytes;
        let most = usable - 35;
        if size <= most {
            return size;
        }
        let least = (usable - 12) * 32 / 255 - 23;
        let filled = least + (size - least) % (usable - 4);
        if filled <= most { filled } else { least }
    }

    /// Adds to a row's beginning what the chain of overflow pages holds (section 1.7).
    fn with_overflow(&mut self, beginning: &[u8], size: usize, first: u32) -> Result<Vec<u8>, ReadFault> {
        if size as u64 > self.disk.size_bytes() {
            return Err(ReadFault::malformed("a row is longer than the file"));
        }
        let mut record = Vec::with_capacity(size);
        record.extend_from_slice(beginning);
        let mut next = first;
        while record.len() < size {
            let page = self.page(next)?;
            next = u32::from_be_bytes(array(&page, 0)?);
            let length = (size - record.len()).min(self.usable_bytes - 4);
            record.extend_from_slice(piece(&page, 4, length)?);
        }
        Ok(record)
    }
}

/// The bytes of a record's column (section 2.1); those of NULL and of the small constants are none.
fn column(record: &[u8], wanted: usize) -> Result<&[u8], ReadFault> {
    let (header_bytes, mut at) = varint(record, 0)?;
    let mut offset = index(header_bytes)?;
    let header = piece(record, 0, offset)?;
    for _ in 0..wanted {
        let (kind, length) = varint(header, at)?;
        at += length;
        offset = offset.saturating_add(column_bytes(kind)?);
    }
    let (kind, _) = varint(header, at)?;
    piece(record, offset, column_bytes(kind)?)
}

/// The length of a column by its serial type (section 2.1).
fn column_bytes(kind: u64) -> Result<usize, ReadFault> {
    match kind {
        0 | 8 | 9 => Ok(0),
        1..=4 => index(kind),
        5 => Ok(6),
        6 | 7 => Ok(8),
        10 | 11 => Err(ReadFault::malformed("a column is of a kind that is reserved")),
        _ => index((kind - 12) / 2),
    }
}

fn index(number: u64) -> Result<usize, ReadFault> {
    usize::try_from(number).map_err(|_| ReadFault::malformed("a row refers to what lies beyond its end"))
}

/// A page's number, written as an integer of any width.
fn unsigned(bytes: &[u8]) -> Result<u32, ReadFault> {
    let number =
        bytes.iter().try_fold(0u32, |number, byte| Some(number.checked_mul(256)? + u32::from(*byte)));
    number.ok_or_else(|| ReadFault::malformed("a table's first page lies beyond its end"))
}

/// A number of one to nine bytes, and how many it takes (section 1.6).
fn varint(bytes: &[u8], offset: usize) -> Result<(u64, usize), ReadFault> {
    let mut number = 0;
    for length in 1..=8 {
        let byte = byte(bytes, offset + length - 1)?;
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Ok((number, length));
        }
    }
    Ok((number << 8 | u64::from(byte(bytes, offset + 8)?), 9))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_one_to_nine_bytes() {
        assert_eq!(varint(&[0x7f], 0).unwrap(), (127, 1));
        assert_eq!(varint(&[0xff, 0x81, 0x00], 1).unwrap(), (128, 2));
        assert_eq!(varint(&[0xff; 9], 0).unwrap(), (u64::MAX, 9));
        assert!(varint(&[0xff; 8], 0).is_err());
    }

    #[test]
    fn columns_are_found_behind_the_header() {
        // NULL, the text `ab`, a 24-bit number, a blob of one byte.
        let record = [5, 0, 17, 3, 14, b'a', b'b', 1, 2, 3, 9];
        assert_eq!(column(&record, 0).unwrap(), b"");
        assert_eq!(column(&record, 1).unwrap(), b"ab");
        assert_eq!(unsigned(column(&record, 2).unwrap()).unwrap(), 0x01_02_03);
        assert_eq!(column(&record, 3).unwrap(), [9]);
        assert!(column(&record, 4).is_err());
    }
}
