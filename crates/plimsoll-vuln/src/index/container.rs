//! The frame that every shard stands in.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `PLIMSOLL` |
//! | 2 | version of the format |
//! | 1 | kind of shard |
//! | 1 | number of sections |
//! | 4 | CRC-32 of all that follows |
//! | 4 for each section | its length |
//! | – | the sections |
//!
//! Numbers are little-endian. The check sum is against accidents; against changes stands the digest in the
//! [`Catalogue`](super::Catalogue).

use std::ops::Range;

use serde::{Deserialize, Serialize};

const MAGIC: [u8; 8] = *b"PLIMSOLL";
/// Raised with every change of what the bytes mean, the encoding of version keys included.
pub(super) const FORMAT: u16 = 2;
const HEADER_BYTES: usize = 16;
const LENGTH_BYTES: usize = size_of::<u32>();
/// A shard has six sections at most.
const SECTIONS_MAX: usize = 8;

/// What a shard holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShardKind {
    /// The advisories of an ecosystem's release.
    Advisories,
    /// Their summaries.
    Details,
    /// What is known of CVEs whatever package they touch: KEV, EPSS, CVSS.
    Enrichment,
}

impl ShardKind {
    fn byte(self) -> u8 {
        match self {
            Self::Advisories => 1,
            Self::Details => 2,
            Self::Enrichment => 3,
        }
    }

    fn sections(self) -> usize {
        match self {
            Self::Advisories => 6,
            Self::Details => 2,
            Self::Enrichment => 4,
        }
    }
}

/// Why bytes are not a shard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenShardError {
    /// Something else altogether.
    #[error("the file is no shard of an advisory index")]
    NotAShard,
    /// Written by a newer or older Plimsoll.
    #[error(
        "the shard has format {found}, and this version reads format {FORMAT}: build or download the index again"
    )]
    Format {
        /// What it has.
        found: u16,
    },
    /// Cut short, or changed.
    #[error("the shard is damaged: {what}; download it again")]
    Damaged {
        /// Where.
        what: &'static str,
    },
    /// Of an ecosystem that this version does not know.
    #[error("the shard is of the ecosystem `{0}`, whose versions this version cannot compare")]
    UnknownEcosystem(String),
    /// Not what the catalogue lists.
    #[error("the shard `{name}` has the digest {found}, and the catalogue lists {listed}: download it again")]
    Digest {
        /// The shard's name.
        name: String,
        /// What the catalogue says.
        listed: plimsoll_oci::Digest,
        /// What the bytes have.
        found: plimsoll_oci::Digest,
    },
    /// Not in the catalogue at all.
    #[error("the catalogue does not list the shard `{0}`")]
    NotListed(String),
}

impl OpenShardError {
    pub(super) fn damaged(what: &'static str) -> Self {
        Self::Damaged { what }
    }
}

/// A shard's bytes, with the places of its sections.
#[derive(Clone, Debug)]
pub(super) struct Container {
    bytes: Vec<u8>,
    sections: [Range<usize>; SECTIONS_MAX],
}

impl Container {
    /// Finds the sections, without a look at what they hold.
    pub(super) fn open(bytes: Vec<u8>, kind: ShardKind) -> Result<Self, OpenShardError> {
        if kind_of(&bytes)? != kind {
            return Err(OpenShardError::NotAShard);
        }
        let sections = places(&bytes, kind.sections()).ok_or(OpenShardError::damaged("it is cut short"))?;
        Ok(Self { bytes, sections })
    }

    pub(super) fn section(&self, index: usize) -> &[u8] {
        self.sections.get(index).and_then(|place| self.bytes.get(place.clone())).unwrap_or_default()
    }

    /// Whether both have the same bytes.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }

    /// Compares the check sum: a pass over all bytes.
    pub(super) fn verify(&self) -> Result<(), OpenShardError> {
        let stored = self.bytes.get(12..).and_then(|rest| rest.split_first_chunk::<4>());
        match stored {
            Some((stored, rest)) if u32::from_le_bytes(*stored) == crc32fast::hash(rest) => Ok(()),
            _ => Err(OpenShardError::damaged("its check sum is wrong")),
        }
    }
}

/// What kind of shard some bytes are.
pub(super) fn kind_of(bytes: &[u8]) -> Result<ShardKind, OpenShardError> {
    let header = bytes.first_chunk::<HEADER_BYTES>().ok_or(OpenShardError::NotAShard)?;
    let [m0, m1, m2, m3, m4, m5, m6, m7, low, high, kind, ..] = *header;
    if [m0, m1, m2, m3, m4, m5, m6, m7] != MAGIC {
        return Err(OpenShardError::NotAShard);
    }
    match u16::from_le_bytes([low, high]) {
        FORMAT => [ShardKind::Advisories, ShardKind::Details, ShardKind::Enrichment]
            .into_iter()
            .find(|known| known.byte() == kind)
            .ok_or(OpenShardError::NotAShard),
        found => Err(OpenShardError::Format { found }),
    }
}

fn places(bytes: &[u8], count: usize) -> Option<[Range<usize>; SECTIONS_MAX]> {
    let mut places: [Range<usize>; SECTIONS_MAX] = std::array::from_fn(|_| 0..0);
    let mut start = HEADER_BYTES + count * LENGTH_BYTES;
    let lengths = bytes.get(HEADER_BYTES..start)?;
    for (place, length) in places.iter_mut().zip(lengths.chunks_exact(LENGTH_BYTES)) {
        let length = usize::try_from(u32::from_le_bytes(length.try_into().ok()?)).ok()?;
        let end = start.checked_add(length)?;
        *place = start..end;
        start = end;
    }
    (start == bytes.len()).then_some(places)
}

/// Frames sections; `None` where one does not fit 32 bits.
pub(super) fn frame(kind: ShardKind, sections: &[Vec<u8>]) -> Option<Vec<u8>> {
    debug_assert_eq!(sections.len(), kind.sections());
    let mut body = Vec::with_capacity(sections.iter().map(|section| section.len() + LENGTH_BYTES).sum());
    for section in sections {
        body.extend(u32::try_from(section.len()).ok()?.to_le_bytes());
    }
    sections.iter().for_each(|section| body.extend_from_slice(section));
    let mut bytes = Vec::with_capacity(HEADER_BYTES + body.len());
    bytes.extend(MAGIC);
    bytes.extend(FORMAT.to_le_bytes());
    bytes.push(kind.byte());
    bytes.push(u8::try_from(sections.len()).ok()?);
    bytes.extend(crc32fast::hash(&body).to_le_bytes());
    bytes.extend(body);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_found_again() {
        let bytes = frame(ShardKind::Details, &[b"one".to_vec(), Vec::new()]).unwrap();
        let container = Container::open(bytes, ShardKind::Details).unwrap();
        assert_eq!(
            (container.section(0), container.section(1), container.section(7)),
            (&b"one"[..], &[][..], &[][..])
        );
        container.verify().unwrap();
    }

    #[test]
    fn every_cut_and_every_changed_byte_is_noticed() {
        let whole = frame(ShardKind::Details, &[b"one".to_vec(), b"two".to_vec()]).unwrap();
        for cut in 0..whole.len() {
            assert!(Container::open(whole[..cut].to_vec(), ShardKind::Details).is_err(), "{cut}");
        }
        for index in (0..whole.len()).filter(|index| *index != 11) {
            let mut changed = whole.clone();
            changed[index] ^= 0x10;
            let seen = Container::open(changed, ShardKind::Details).and_then(|it| it.verify());
            assert!(seen.is_err(), "{index}");
        }
    }

    #[test]
    fn another_format_is_named() {
        let mut bytes = frame(ShardKind::Details, &[Vec::new(), Vec::new()]).unwrap();
        bytes[8] = 9;
        assert_eq!(
            Container::open(bytes, ShardKind::Details).unwrap_err(),
            OpenShardError::Format { found: 9 }
        );
    }
}
