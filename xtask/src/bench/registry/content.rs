//! Bytes to push: never twice the same blob, and no time spent on hashing while the clock runs.

use std::hash::{BuildHasher as _, RandomState};

use sha2::{Digest as _, Sha256};

pub(super) const MIB: usize = 1 << 20;

/// Bytes at the end of each blob that make it unlike any other.
const TAIL_BYTES: usize = 32;

/// A store of random bytes from which blobs of any size up to its own are cut.
pub(super) struct Content {
    random: Vec<u8>,
    /// The hash of the first bytes, for each size a blob may have; finishing it with a tail is cheap.
    hashed: Vec<(usize, Sha256)>,
    /// Differs from run to run, so that a registry that keeps its data has none of these blobs.
    run: u64,
}

/// Some bytes and their digest.
pub(super) struct Blob<'a> {
    pub(super) digest: String,
    front: &'a [u8],
    tail: [u8; TAIL_BYTES],
}

impl Content {
    /// Prepares blobs of these sizes, each more than 32 bytes.
    pub(super) fn of_sizes(sizes: &[usize]) -> Self {
        let longest = sizes.iter().copied().max().unwrap_or_default();
        let random = random_bytes(longest);
        let hashed = sizes.iter().map(|size| (*size, Sha256::new_with_prefix(&random[..size - TAIL_BYTES])));
        let hashed = hashed.collect();
        Self { random, hashed, run: RandomState::new().hash_one(0) }
    }

    /// The blob of `size` with this number; the size is one that was prepared.
    pub(super) fn blob(&self, size: usize, number: u64) -> Blob<'_> {
        let front = &self.random[..size - TAIL_BYTES];
        let prepared = self.hashed.iter().find(|(prepared, _)| *prepared == size);
        let mut hash = prepared.map_or_else(|| Sha256::new_with_prefix(front), |(_, hash)| hash.clone());
        let tail = Sha256::digest(format!("{} {number}", self.run)).into();
        hash.update(tail);
        Blob { digest: format!("sha256:{}", hex::encode(hash.finalize())), front, tail }
    }

    /// A config that no other image has.
    pub(super) fn config(&self, number: u64) -> Vec<u8> {
        let comment = format!("{:016x} {number}", self.run);
        let config = serde_json::json!({
            "architecture": "amd64",
            "os": "linux",
            "config": { "Labels": { "number": comment } },
            "rootfs": { "type": "layers", "diff_ids": [] },
        });
        config.to_string().into_bytes()
    }
}

impl Blob<'_> {
    pub(super) fn pieces(&self) -> [&[u8]; 2] {
        [self.front, &self.tail]
    }

    pub(super) fn len(&self) -> usize {
        self.front.len() + self.tail.len()
    }
}

pub(super) fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// Bytes that do not compress (the generator is SplitMix64).
fn random_bytes(length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 8);
    let mut state = 0_u64;
    while bytes.len() < length {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes.extend_from_slice(&(mixed ^ (mixed >> 31)).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_has_the_digest_of_its_pieces_and_no_twin() {
        let content = Content::of_sizes(&[1000, 4096]);
        let blob = content.blob(1000, 1);
        let bytes = blob.pieces().concat();
        assert_eq!((bytes.len(), blob.len()), (1000, 1000));
        assert_eq!(digest_of(&bytes), blob.digest);
        assert_ne!(content.blob(1000, 2).digest, blob.digest);
        assert_ne!(Content::of_sizes(&[1000]).blob(1000, 1).digest, blob.digest);
    }
}
