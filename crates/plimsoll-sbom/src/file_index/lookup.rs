use std::io::{self, Read, Seek, SeekFrom};

use plimsoll_image::compare_paths;

use super::IndexPlace;
use super::entry::{FileEntry, damaged, take_number, take_text};

/// The outline of an index with three million files takes some 5 MB.
const OUTLINE_BYTES_MAX: u64 = 64 << 20;

/// A block holds 64 entries, each of two paths of at most 4 KiB.
const BLOCK_BYTES_MAX: u64 = 1 << 20;

/// A file index that is open for look-ups. Asked in path order, it reads each block at most once.
pub struct FileIndex<R> {
    pub(super) content: R,
    pub(super) place: IndexPlace,
    /// The first path of each block and where the block begins.
    outline: Vec<(Box<[u8]>, u64)>,
    /// The block that was read last.
    block: Option<(usize, Vec<FileEntry>)>,
}

impl<R: Read + Seek> FileIndex<R> {
    /// Reads the outline of the index that stands at `place`.
    pub fn open(mut content: R, place: IndexPlace) -> io::Result<Self> {
        let length = place.end.checked_sub(place.outline).filter(|length| *length <= OUTLINE_BYTES_MAX);
        let bytes = read_at(&mut content, place.outline, length.ok_or_else(damaged)?)?;
        let mut rest = &*bytes;
        let mut outline = Vec::new();
        while !rest.is_empty() {
            let path = take_text(&mut rest)?.into();
            outline.push((path, take_number(&mut rest)?));
        }
        Ok(Self { content, place, outline, block: None })
    }

    /// How many files there are.
    pub fn len(&self) -> u64 {
        self.place.entries
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.place.entries == 0
    }

    /// The entry at `path`, in its normal form.
    pub fn get(&mut self, path: &[u8]) -> io::Result<Option<&FileEntry>> {
        let after = self.outline.partition_point(|(first, _)| compare_paths(first, path).is_le());
        let Some(number) = after.checked_sub(1) else { return Ok(None) };
        let block = self.block(number)?;
        let found = block.binary_search_by(|entry| compare_paths(&entry.entry.path, path));
        Ok(found.ok().map(|at| &block[at]))
    }

    /// All entries in path order.
    pub fn entries(&mut self) -> impl Iterator<Item = io::Result<FileEntry>> {
        let mut number = 0;
        let mut entries = Vec::new().into_iter();
        std::iter::from_fn(move || {
            loop {
                if let Some(entry) = entries.next() {
                    return Some(Ok(entry));
                }
                if number == self.outline.len() {
                    return None;
                }
                match self.read_block(number) {
                    Ok(block) => entries = block.into_iter(),
                    Err(error) => {
                        number = self.outline.len();
                        return Some(Err(error));
                    }
                }
                number += 1;
            }
        })
    }

    fn block(&mut self, number: usize) -> io::Result<&[FileEntry]> {
        let is_at_hand = self.block.as_ref().is_some_and(|(at_hand, _)| *at_hand == number);
        if !is_at_hand {
            self.block = Some((number, self.read_block(number)?));
        }
        Ok(self.block.as_ref().map_or(&[], |(_, entries)| entries))
    }

    fn read_block(&mut self, number: usize) -> io::Result<Vec<FileEntry>> {
        let start = self.outline[number].1;
        let end = self.outline.get(number + 1).map_or(self.place.outline, |(_, start)| *start);
        let length =
            end.checked_sub(start).filter(|length| *length <= BLOCK_BYTES_MAX).ok_or_else(damaged)?;
        let bytes = read_at(&mut self.content, start, length)?;
        let mut rest = &*bytes;
        let mut entries: Vec<FileEntry> = Vec::new();
        while !rest.is_empty() {
            let before = entries.last().map_or(&[][..], |entry| &entry.entry.path);
            entries.push(FileEntry::decode(before, &mut rest)?);
        }
        Ok(entries)
    }
}

fn read_at(content: &mut (impl Read + Seek), start: u64, length: u64) -> io::Result<Vec<u8>> {
    content.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    content.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err(damaged()) }
}
