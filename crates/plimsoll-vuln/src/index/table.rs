//! Rows of bytes that are found by their number: how many, where each block of sixteen ends, then the rows, each behind
//! its length. Fifteen lengths to pass over cost less than the places of fifteen rows.

use std::cmp::Ordering;

use super::wire::{Reader, put_chunk};

const ROWS_PER_BLOCK: u32 = 16;
const OFFSET_BYTES: usize = size_of::<u32>();

/// A table in bytes that may be damaged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table<'a> {
    len: u32,
    ends: &'a [u8],
    rows: &'a [u8],
}

impl<'a> Table<'a> {
    /// A table without rows.
    pub(super) const EMPTY: Self = Self { len: 0, ends: &[], rows: &[] };

    /// Finds the parts of a table; which rows are sound shows when they are read.
    pub(super) fn read(section: &'a [u8]) -> Option<Self> {
        let (len, rest) = section.split_first_chunk::<OFFSET_BYTES>()?;
        let len = u32::from_le_bytes(*len);
        let blocks = usize::try_from(len.div_ceil(ROWS_PER_BLOCK)).ok()?;
        let (ends, rows) = rest.split_at_checked(blocks.checked_mul(OFFSET_BYTES)?)?;
        Some(Self { len, ends, rows })
    }

    pub(super) fn len(self) -> u32 {
        self.len
    }

    pub(super) fn get(self, index: u32) -> Option<&'a [u8]> {
        let mut rows = self.rows_to(index)?;
        rows.nth(usize::try_from(index % ROWS_PER_BLOCK).ok()?)
    }

    pub(super) fn text(self, index: u32) -> Option<&'a str> {
        std::str::from_utf8(self.get(index)?).ok()
    }

    /// The rows from the first of a row's block up to the row itself.
    pub(super) fn rows_to(self, index: u32) -> Option<impl Iterator<Item = &'a [u8]>> {
        if index >= self.len {
            return None;
        }
        let mut rows = self.block(index / ROWS_PER_BLOCK)?;
        Some((0..=index % ROWS_PER_BLOCK).map_while(move |_| rows.chunk()))
    }

    /// All rows, in their order.
    pub(super) fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        let mut rows = Reader::new(self.rows);
        (0..self.len).map_while(move |_| rows.chunk())
    }

    /// The row that `compare` calls equal to what it seeks; the rows stand in its order.
    pub(super) fn find(self, compare: impl Fn(Reader<'a>) -> Option<Ordering>) -> Option<&'a [u8]> {
        let (mut low, mut high) = (0, self.len.div_ceil(ROWS_PER_BLOCK));
        while low < high {
            let middle = low + (high - low) / 2;
            let first = self.block(middle)?.chunk()?;
            if compare(Reader::new(first))?.is_gt() { high = middle } else { low = middle + 1 }
        }
        let mut rows = self.block(low.checked_sub(1)?)?;
        while let Some(row) = rows.chunk() {
            if compare(Reader::new(row))?.is_eq() {
                return Some(row);
            }
        }
        None
    }

    fn block(self, block: u32) -> Option<Reader<'a>> {
        let start = match block.checked_sub(1) {
            Some(before) => self.end(before)?,
            None => 0,
        };
        self.rows.get(start..self.end(block)?).map(Reader::new)
    }

    fn end(self, block: u32) -> Option<usize> {
        let at = usize::try_from(block).ok()?.checked_mul(OFFSET_BYTES)?;
        let end = self.ends.get(at..)?.first_chunk::<OFFSET_BYTES>()?;
        usize::try_from(u32::from_le_bytes(*end)).ok()
    }
}

/// Rows that become a table.
#[derive(Default)]
pub(super) struct TableWriter {
    len: u32,
    ends: Vec<usize>,
    rows: Vec<u8>,
    row: Vec<u8>,
}

impl TableWriter {
    /// Whether the next row is the first of a block.
    pub(super) fn is_at_block(&self) -> bool {
        self.len.is_multiple_of(ROWS_PER_BLOCK)
    }

    /// Adds a row that `write` makes.
    pub(super) fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.row.clear();
        write(&mut self.row);
        put_chunk(&mut self.rows, &self.row);
        if self.is_at_block() {
            self.ends.push(0);
        }
        if let Some(end) = self.ends.last_mut() {
            *end = self.rows.len();
        }
        self.len += 1;
    }

    /// The table; `None` where it does not fit 32 bits.
    pub(super) fn finish(self) -> Option<Vec<u8>> {
        let mut section = Vec::with_capacity((self.ends.len() + 1) * OFFSET_BYTES + self.rows.len());
        section.extend(self.len.to_le_bytes());
        for end in self.ends {
            section.extend(u32::try_from(end).ok()?.to_le_bytes());
        }
        section.extend(self.rows);
        Some(section)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table<'r>(rows: impl IntoIterator<Item = &'r str>) -> Vec<u8> {
        let mut writer = TableWriter::default();
        rows.into_iter().for_each(|row| writer.push(|out| out.extend(row.bytes())));
        writer.finish().unwrap()
    }

    #[test]
    fn rows_are_found_by_number_and_by_content() {
        for count in [0_u32, 1, 15, 16, 17, 100] {
            let texts: Vec<String> = (0..count).map(|number| format!("{:03}", 2 * number)).collect();
            let section = table(texts.iter().map(String::as_str));
            let rows = Table::read(&section).unwrap();
            let find = |name: &str| rows.find(|row| Some(row.rest().cmp(name.as_bytes())));
            for (index, text) in (0..).zip(&texts) {
                assert_eq!((rows.text(index), find(text)), (Some(text.as_str()), Some(text.as_bytes())));
                assert_eq!(find(&format!("{:03}", 2 * index + 1)), None);
            }
            assert_eq!((rows.len(), rows.get(count), rows.iter().count()), (count, None, count as usize));
        }
    }

    #[test]
    fn damaged_tables_have_no_rows_where_the_damage_is() {
        assert!(Table::read(&[1, 0, 0]).is_none());
        assert!(Table::read(&[255, 255, 255, 255, 0]).is_none());
        let mut section = table(["abc", "def"]);
        section[4] = 200;
        assert_eq!(Table::read(&section).unwrap().get(0), None);
        let mut section = table(["abc", "def"]);
        section[8] = 100;
        assert_eq!(Table::read(&section).unwrap().get(1), None);
    }
}
