use std::fmt;
use std::str::FromStr;

use sha2::block_api::compress256;
use sha2::{Digest as _, Sha256};

use crate::text;

/// A hash of the tree: SHA-256, printed in base64 as checkpoints and proofs do.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash([u8; 32]);

/// A text that is not a hash.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not 32 bytes in base64")]
pub struct ParseHashError(String);

/// The hash of a leaf (RFC 6962, section 2.1): the zero byte keeps leaves apart from nodes.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    let hasher = Sha256::new_with_prefix([0]).chain_update(entry);
    Hash(hasher.finalize().into())
}

/// The hash of a node above two others (RFC 6962, section 2.1).
///
/// A proof from a large tree is hundreds of these. What is hashed has 65 bytes always, so that its padding (FIPS 180-4,
/// section 5.1.1) is known and the two blocks go straight to the compression function: a third quicker than a hasher that
/// takes any length.
pub fn node_hash(left: Hash, right: Hash) -> Hash {
    let mut blocks = NODE_BLOCKS;
    let bytes = blocks.as_flattened_mut();
    bytes[1..33].copy_from_slice(&left.0);
    bytes[33..65].copy_from_slice(&right.0);
    let mut state = INITIAL_STATE;
    compress256(&mut state, &blocks);
    let mut hash = [0; 32];
    for (bytes, word) in hash.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    Hash(hash)
}

/// The one that keeps nodes apart from leaves, room for two hashes, and the padding: a one bit, zeros, and the length in bits.
const NODE_BLOCKS: [[u8; 64]; 2] = {
    let mut blocks = [[0; 64]; 2];
    blocks[0][0] = 1;
    blocks[1][1] = 0x80;
    [blocks[1][62], blocks[1][63]] = (65_u16 * 8).to_be_bytes();
    blocks
};

/// What SHA-256 begins with (FIPS 180-4, section 5.3.3).
const INITIAL_STATE: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

impl Hash {
    /// The bytes of one hash.
    pub const BYTES: usize = 32;

    /// A hash from its bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The root of the tree without leaves.
    pub fn of_empty_tree() -> Self {
        Self(Sha256::digest([]).into())
    }

    /// SHA-256 of bytes as they are, for what lies outside the tree.
    pub fn sha256_of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads hashes that lie one behind the other. `None` if the last one is not whole.
    pub fn read_all(bytes: &[u8]) -> Option<Vec<Self>> {
        let (hashes, rest) = bytes.as_chunks::<32>();
        rest.is_empty().then(|| hashes.iter().copied().map(Self).collect())
    }

    /// Lays hashes one behind the other.
    pub fn write_all(hashes: &[Self]) -> Vec<u8> {
        hashes.iter().flat_map(|hash| hash.0).collect()
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::to_base64(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Hash {
    type Err = ParseHashError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = text::from_base64(text).and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| ParseHashError(text::shortened(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_rfc_6962() {
        // Known answers, computed with sha256sum over the prefixed bytes.
        assert_eq!(Hash::of_empty_tree().to_string(), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
        assert_eq!(leaf_hash(b"").to_string(), "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=");
    }

    #[test]
    fn a_node_hashes_as_any_hasher_hashes_its_bytes() {
        let mut left = leaf_hash(b"left");
        for number in 0..100_u8 {
            let right = leaf_hash(&[number]);
            let bytes = [&[1][..], left.as_bytes(), right.as_bytes()].concat();
            let node = node_hash(left, right);
            assert_eq!(node, Hash::sha256_of(&bytes));
            left = node;
        }
    }

    #[test]
    fn a_hash_reads_as_it_prints() {
        let hash = leaf_hash(b"x");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        for text in [
            "",
            "AAAA",
            "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=",
            "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
        ] {
            assert!(text.parse::<Hash>().is_err(), "{text}");
        }
    }
}
