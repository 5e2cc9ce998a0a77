//! Rows of bytes that are found by their number: how many, where each ends, then the rows.

use std::cmp::Ordering;

use super::wire::Reader;

const OFFSET_BYTES: usize = size_of::<u32>();

/// A table in bytes that may be damaged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table<'a> {
    ends: &'a [u8],
    rows: &'a [u8],
}

impl<'a> Table<'a> {
    /// Finds the parts of a table; which rows are sound shows when they are read.
    pub(super) fn read(section: &'a [u8]) -> Option<Self> {
        let (count, rest) = section.split_first_chunk::<OFFSET_BYTES>()?;
        let ends_bytes = usize::try_from(u32::from_le_bytes(*count)).ok()?.checked_mul(OFFSET_BYTES)?;
        let (ends, rows) = rest.split_at_checked(ends_bytes)?;
        Some(Self { ends, rows })
    }

    /// A table without rows.
    pub(super) const EMPTY: Self = Self { ends: &[], rows: &[] };

    pub(super) fn len(self) -> u32 {
        u32::try_from(self.ends.len() / OFFSET_BYTES).unwrap_or(u32::MAX)
    }

    pub(super) fn get(self, index: u32) -> Option<&'a [u8]> {
        let start = match index.checked_sub(1) {
            Some(before) => self.end(before)?,
            None => 0,
        };
        self.rows.get(start..self.end(index)?)
    }

    pub(super) fn text(self, index: u32) -> Option<&'a str> {
        std::str::from_utf8(self.get(index)?).ok()
    }

    /// The row where `compare` finds what it seeks; the rows stand in its order.
    pub(super) fn find(self, compare: impl Fn(Reader<'a>) -> Option<Ordering>) -> Option<(u32, &'a [u8])> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let row = self.get(middle)?;
            match compare(Reader::new(row))? {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return Some((middle, row)),
            }
        }
        None
    }

    fn end(self, index: u32) -> Option<usize> {
        let at = usize::try_from(index).ok()?.checked_mul(OFFSET_BYTES)?;
        let end = self.ends.get(at..)?.first_chunk::<OFFSET_BYTES>()?;
        usize::try_from(u32::from_le_bytes(*end)).ok()
    }
}

/// Rows that become a table.
#[derive(Default)]
pub(super) struct TableWriter {
    ends: Vec<usize>,
    rows: Vec<u8>,
}

impl TableWriter {
    /// Adds a row that `write` appends.
    pub(super) fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.rows);
        self.ends.push(self.rows.len());
    }

    /// The table; `None` where it does not fit 32 bits.
    pub(super) fn finish(self) -> Option<Vec<u8>> {
        let mut section = Vec::with_capacity((self.ends.len() + 1) * OFFSET_BYTES + self.rows.len());
        section.extend(u32::try_from(self.ends.len()).ok()?.to_le_bytes());
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

    fn table(rows: &[&str]) -> Vec<u8> {
        let mut writer = TableWriter::default();
        rows.iter().for_each(|row| writer.push(|out| out.extend(row.bytes())));
        writer.finish().unwrap()
    }

    #[test]
    fn rows_are_found_by_number_and_by_content() {
        let section = table(&["a", "", "ccc"]);
        let rows = Table::read(&section).unwrap();
        assert_eq!(
            (rows.len(), rows.text(0), rows.text(1), rows.text(2)),
            (3, Some("a"), Some(""), Some("ccc"))
        );
        assert_eq!(rows.get(3), None);
        let section = table(&["a", "b", "d"]);
        let rows = Table::read(&section).unwrap();
        let find =
            |name: &str| rows.find(|row| Some(row.rest().cmp(name.as_bytes()))).map(|(index, _)| index);
        assert_eq!((find("a"), find("c"), find("d")), (Some(0), None, Some(2)));
    }

    #[test]
    fn damaged_tables_have_no_rows_where_the_damage_is() {
        assert!(Table::read(&[1, 0, 0]).is_none());
        assert!(Table::read(&[255, 255, 255, 255, 0]).is_none());
        let mut section = table(&["abc", "def"]);
        section[4] = 200;
        let rows = Table::read(&section).unwrap();
        assert_eq!((rows.get(0), rows.get(1)), (None, None));
    }
}
