//! The summaries of a shard's advisories, in a shard of their own that is read only where people look.
//!
//! Section 0 is the ecosystem's name; section 1 has a row for each 256 advisories, zstd-compressed.

use std::collections::HashMap;

use super::container::{Container, OpenShardError, ShardKind, frame};
use super::table::{Table, TableWriter};
use super::wire::{Reader, put_chunk};

const SUMMARIES_PER_BLOCK: u32 = 256;
/// A summary has 121 characters of at most four bytes, and two bytes of length.
const BLOCK_BYTES_MAX: usize = SUMMARIES_PER_BLOCK as usize * (121 * 4 + 2);
/// The level from which on these small blocks hardly shrink.
const COMPRESSION_LEVEL: i32 = 12;

/// Blocks that are kept unpacked at most; with blocks of the greatest size they take 8 MB.
const UNPACKED_MAX: usize = 64;

/// An opened shard of summaries.
#[derive(Clone, Debug)]
pub struct Details {
    container: Container,
    name: String,
}

impl Details {
    /// Opens a shard of summaries.
    pub fn open(bytes: Vec<u8>) -> Result<Self, OpenShardError> {
        let container = Container::open(bytes, ShardKind::Details)?;
        let name = std::str::from_utf8(container.section(0));
        let name = name.map_err(|_| OpenShardError::damaged("its name is no text"))?.to_owned();
        Table::read(container.section(1)).ok_or(OpenShardError::damaged("its table is cut short"))?;
        Ok(Self { container, name })
    }

    /// Compares the check sum.
    pub fn verify(&self) -> Result<(), OpenShardError> {
        self.container.verify()
    }

    /// The ecosystem that it belongs to.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn summary(&self, advisory: u32) -> Option<String> {
        text_in(&self.unpack(advisory / SUMMARIES_PER_BLOCK)?, advisory)
    }

    fn unpack(&self, block: u32) -> Option<Vec<u8>> {
        let packed = Table::read(self.container.section(1))?.get(block)?;
        zstd::bulk::decompress(packed, BLOCK_BYTES_MAX).ok()
    }
}

fn text_in(block: &[u8], advisory: u32) -> Option<String> {
    let mut reader = Reader::new(block);
    for _ in 0..advisory % SUMMARIES_PER_BLOCK {
        reader.chunk()?;
    }
    reader.text().map(str::to_owned)
}

/// Blocks of one index's summaries that were unpacked already: to unpack one costs more than all else that a finding
/// needs, and the findings of an image share few.
#[derive(Debug, Default)]
pub(crate) struct Unpacked<'i> {
    blocks: HashMap<(&'i str, u32), Vec<u8>>,
}

impl<'i> Unpacked<'i> {
    pub(super) fn summary(&mut self, details: &'i Details, advisory: u32) -> Option<String> {
        let place = (details.name(), advisory / SUMMARIES_PER_BLOCK);
        if !self.blocks.contains_key(&place) {
            if self.blocks.len() >= UNPACKED_MAX {
                self.blocks.clear();
            }
            self.blocks.insert(place, details.unpack(place.1)?);
        }
        text_in(self.blocks.get(&place)?, advisory)
    }
}

/// The bytes of a shard of summaries; `None` where it is too large.
pub(super) fn write<'s>(name: &str, summaries: impl Iterator<Item = &'s str>) -> Option<Vec<u8>> {
    let mut compressor = zstd::bulk::Compressor::new(COMPRESSION_LEVEL).ok()?;
    let mut table = TableWriter::default();
    let mut block = Vec::new();
    let mut count = 0;
    let mut close = |block: &mut Vec<u8>| {
        let compressed = compressor.compress(block).ok()?;
        table.push(|out| out.extend(compressed));
        block.clear();
        Some(())
    };
    for summary in summaries {
        put_chunk(&mut block, summary.as_bytes());
        count += 1;
        if count % SUMMARIES_PER_BLOCK == 0 {
            close(&mut block)?;
        }
    }
    if !block.is_empty() {
        close(&mut block)?;
    }
    frame(ShardKind::Details, &[name.as_bytes().to_vec(), table.finish()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_summary_is_found_by_its_number() {
        let long = "€".repeat(121);
        let summaries: Vec<String> = (0..600).map(|number| format!("{number} {long}")).collect();
        let cut = |text: &str| text.chars().take(121).collect::<String>();
        let bytes = write(
            "npm",
            summaries.iter().map(|text| cut(text)).collect::<Vec<_>>().iter().map(String::as_str),
        );
        let details = Details::open(bytes.unwrap()).unwrap();
        assert_eq!(details.name(), "npm");
        for number in [0, 255, 256, 599] {
            assert_eq!(details.summary(number), Some(cut(&summaries[number as usize])));
        }
        assert_eq!(details.summary(600), None);
        let mut unpacked = Unpacked::default();
        for number in [599, 0, 255, 256, 600] {
            assert_eq!(unpacked.summary(&details, number), details.summary(number), "{number}");
        }
        assert_eq!(unpacked.blocks.len(), 3, "a block is unpacked once");
    }
}
