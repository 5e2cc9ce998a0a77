use sha2::digest::Digest as _;
use sha2::digest::common::hazmat::{SerializableState, SerializedState};
use sha2::{Sha256, Sha512};

use crate::{Algorithm, Digest};

/// Hashes bytes as they pass, and can be put down and taken up again by another process.
#[derive(Clone, Debug)]
pub struct Hasher(State);

#[derive(Clone, Debug)]
enum State {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
    /// Starts a hash with `algorithm`.
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
            Algorithm::Sha512 => State::Sha512(Sha512::new()),
        })
    }

    /// The algorithm it was started with.
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            State::Sha256(_) => Algorithm::Sha256,
            State::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// Adds `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha256(hash) => hash.update(bytes),
            State::Sha512(hash) => hash.update(bytes),
        }
    }

    /// The digest of all bytes so far.
    pub fn finish(self) -> Digest {
        match self.0 {
            State::Sha256(hash) => Digest::from_hash(Algorithm::Sha256, &hash.finalize()),
            State::Sha512(hash) => Digest::from_hash(Algorithm::Sha512, &hash.finalize()),
        }
    }

    /// The state between two updates, to be kept beside the number of bytes hashed.
    pub fn save(&self) -> HasherState {
        let bytes = match &self.0 {
            State::Sha256(hash) => hash.serialize().to_vec(),
            State::Sha512(hash) => hash.serialize().to_vec(),
        };
        HasherState { algorithm: self.algorithm(), bytes }
    }

    /// Continues from a saved state.
    pub fn resume(state: &HasherState) -> Result<Self, ParseHasherStateError> {
        let resumed = match state.algorithm {
            Algorithm::Sha256 => deserialize(&state.bytes).map(State::Sha256),
            Algorithm::Sha512 => deserialize(&state.bytes).map(State::Sha512),
        };
        resumed.map(Self).ok_or(ParseHasherStateError(state.algorithm))
    }
}

fn deserialize<H: SerializableState>(bytes: &[u8]) -> Option<H> {
    let sized = SerializedState::<H>::try_from(bytes).ok()?;
    H::deserialize(&sized).ok()
}

/// A hash put down between two updates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HasherState {
    /// Which algorithm the bytes belong to.
    pub algorithm: Algorithm,
    /// The algorithm's inner state with its unfinished block.
    pub bytes: Vec<u8>,
}

/// A saved hash state that does not have the form of its algorithm.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the saved {0} state is damaged")]
pub struct ParseHasherStateError(Algorithm);

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn a_resumed_hash_ends_in_the_same_digest(bytes: Vec<u8>, cut: usize, long: bool) {
            let algorithm = if long { Algorithm::Sha512 } else { Algorithm::Sha256 };
            let (head, tail) = bytes.split_at(cut % (bytes.len() + 1));
            let mut first = Hasher::new(algorithm);
            first.update(head);
            let mut second = Hasher::resume(&first.save()).unwrap();
            second.update(tail);
            proptest::prop_assert_eq!(second.finish(), Digest::of(algorithm, &bytes));
        }
    }

    #[test]
    fn a_damaged_state_is_refused() {
        let state = HasherState { algorithm: Algorithm::Sha256, bytes: vec![1; 3] };
        assert_eq!(Hasher::resume(&state).unwrap_err(), ParseHasherStateError(Algorithm::Sha256));
    }
}
