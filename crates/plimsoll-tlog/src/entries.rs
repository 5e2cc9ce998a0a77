//! Bundles of entries (c2sp.org/tlog-tiles, "Log entries").

use crate::tile::TILE_WIDTH;

/// Most bytes of one entry: its length is written in two bytes. A log holds hashes, never documents.
pub const ENTRY_BYTES_MAX: usize = 65_535;

/// The entries below one tile of level 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryBundle(Vec<Vec<u8>>);

/// Bytes that are not a bundle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// An entry ends before its length.
    #[error("the bundle ends inside entry {0}")]
    Truncated(usize),
    /// There are other entries than the path says.
    #[error("the bundle holds {found} entries and not {expected}")]
    Count {
        /// As many as the path says.
        expected: usize,
        /// As many as there are.
        found: usize,
    },
    /// An entry is too long to be written.
    #[error("an entry has {0} bytes, more than {ENTRY_BYTES_MAX}")]
    EntryTooLong(usize),
}

impl EntryBundle {
    /// Takes entries.
    pub fn new(entries: Vec<Vec<u8>>) -> Self {
        Self(entries)
    }

    /// The entries in their order.
    pub fn entries(&self) -> &[Vec<u8>] {
        &self.0
    }

    /// Writes each entry behind its length.
    pub fn to_bytes(&self) -> Result<Vec<u8>, BundleError> {
        let mut bytes = Vec::new();
        for entry in &self.0 {
            let length = u16::try_from(entry.len()).map_err(|_| BundleError::EntryTooLong(entry.len()))?;
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(entry);
        }
        Ok(bytes)
    }

    /// Reads a bundle of `width` entries.
    pub fn parse(bytes: &[u8], width: usize) -> Result<Self, BundleError> {
        let mut entries = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let found = entries.len();
            if found as u64 == TILE_WIDTH {
                return Err(BundleError::Count { expected: width, found: found + 1 });
            }
            let (length, behind) = rest.split_first_chunk().ok_or(BundleError::Truncated(found))?;
            let length = usize::from(u16::from_be_bytes(*length));
            let (entry, behind) = behind.split_at_checked(length).ok_or(BundleError::Truncated(found))?;
            entries.push(entry.to_vec());
            rest = behind;
        }
        let found = entries.len();
        if found == width { Ok(Self(entries)) } else { Err(BundleError::Count { expected: width, found }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_reads_as_it_was_written() {
        let bundle = EntryBundle::new(vec![b"a".to_vec(), Vec::new(), vec![7; ENTRY_BYTES_MAX]]);
        let bytes = bundle.to_bytes().unwrap();
        assert_eq!(&bytes[..5], &[0, 1, b'a', 0, 0]);
        assert_eq!(EntryBundle::parse(&bytes, 3), Ok(bundle));
    }

    #[test]
    fn what_is_no_bundle_is_refused() {
        assert_eq!(EntryBundle::parse(&[0], 1), Err(BundleError::Truncated(0)));
        assert_eq!(EntryBundle::parse(&[0, 1, 7, 0, 2, 7], 2), Err(BundleError::Truncated(1)));
        assert_eq!(EntryBundle::parse(&[0, 0], 2), Err(BundleError::Count { expected: 2, found: 1 }));
        assert_eq!(EntryBundle::parse(&[0; 514], 256), Err(BundleError::Count { expected: 256, found: 257 }));
        let long = EntryBundle::new(vec![vec![0; ENTRY_BYTES_MAX + 1]]);
        assert_eq!(long.to_bytes(), Err(BundleError::EntryTooLong(65_536)));
    }
}
