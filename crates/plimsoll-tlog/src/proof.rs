//! Proofs, and how they are checked (RFC 9162, sections 2.1.3.2 and 2.1.4.2).

use crate::hash::{Hash, node_hash};

/// Proves that a leaf is in a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InclusionProof {
    /// The number of the leaf.
    pub index: u64,
    /// The leaves of the tree.
    pub size: u64,
    /// From the leaf's neighbour up to the root's child.
    pub hashes: Vec<Hash>,
}

/// Proves that a tree is the beginning of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsistencyProof {
    /// The leaves of the older tree.
    pub old_size: u64,
    /// The leaves of the newer tree.
    pub new_size: u64,
    /// What joins to both roots.
    pub hashes: Vec<Hash>,
}

/// What a proof says of a tree is not so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {what} has the root `{found}` by the proof, and not `{expected}`")]
pub struct ProofMismatch {
    /// Which tree.
    pub what: &'static str,
    /// The root that the checkpoint names.
    pub expected: Hash,
    /// The root that the proof leads to.
    pub found: Hash,
}

/// Why a proof does not hold, or cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The leaf is not in the tree.
    #[error("a tree of {size} leaves has no leaf {index}")]
    NoSuchLeaf {
        /// The leaf.
        index: u64,
        /// The leaves of the tree.
        size: u64,
    },
    /// The newer tree is smaller.
    #[error("a tree of {new_size} leaves cannot have grown from one of {old_size}")]
    Shrunk {
        /// The leaves of the older tree.
        old_size: u64,
        /// The leaves of the newer tree.
        new_size: u64,
    },
    /// The proof has more or fewer hashes than the tree has levels.
    #[error("the proof has {0} hashes, which is not what trees of these sizes need")]
    Length(usize),
    /// It leads to another root.
    #[error(transparent)]
    Mismatch(#[from] ProofMismatch),
}

impl InclusionProof {
    /// Checks that `leaf` is in the tree with this root.
    pub fn verify(&self, leaf: Hash, root: Hash) -> Result<(), ProofError> {
        let (index, size) = (self.index, self.size);
        if index >= size {
            return Err(ProofError::NoSuchLeaf { index, size });
        }
        let mut way = Way { at: index, last: size - 1 };
        let mut found = leaf;
        for hash in &self.hashes {
            found = match way.step().ok_or(ProofError::Length(self.hashes.len()))? {
                Side::Right => node_hash(*hash, found),
                Side::Left => node_hash(found, *hash),
            };
        }
        if way.last != 0 {
            return Err(ProofError::Length(self.hashes.len()));
        }
        same("tree", root, found)
    }
}

impl ConsistencyProof {
    /// Checks that the tree with the root `old` is the beginning of the one with the root `new`.
    pub fn verify(&self, old: Hash, new: Hash) -> Result<(), ProofError> {
        let (old_size, new_size, length) = (self.old_size, self.new_size, self.hashes.len());
        if old_size > new_size {
            return Err(ProofError::Shrunk { old_size, new_size });
        }
        if old_size == 0 || old_size == new_size {
            let expected = if old_size == 0 { Hash::of_empty_tree() } else { new };
            return if length == 0 {
                same("older tree", old, expected)
            } else {
                Err(ProofError::Length(length))
            };
        }
        let mut hashes = self.hashes.iter().copied();
        // An old tree that is one whole subtree is not repeated in the proof.
        let first = if old_size.is_power_of_two() { Some(old) } else { hashes.next() };
        let first = first.ok_or(ProofError::Length(length))?;
        let mut way = Way { at: old_size - 1, last: new_size - 1 };
        way.climb_while(|at| at & 1 == 1);
        let (mut found_old, mut found_new) = (first, first);
        for hash in hashes {
            match way.step().ok_or(ProofError::Length(length))? {
                Side::Right => {
                    found_old = node_hash(hash, found_old);
                    found_new = node_hash(hash, found_new);
                }
                Side::Left => found_new = node_hash(found_new, hash),
            }
        }
        if way.last != 0 {
            return Err(ProofError::Length(length));
        }
        same("older tree", old, found_old)?;
        same("newer tree", new, found_new)
    }
}

fn same(what: &'static str, expected: Hash, found: Hash) -> Result<(), ProofError> {
    if expected == found { Ok(()) } else { Err(ProofMismatch { what, expected, found }.into()) }
}

/// The way up from a node, beside the one from the last leaf (RFC 9162's `fn` and `sn`).
struct Way {
    at: u64,
    last: u64,
}

/// On which side of its parent a node is.
enum Side {
    Left,
    Right,
}

impl Way {
    /// Goes up by one hash of the proof; a right edge without a neighbour goes up by itself.
    fn step(&mut self) -> Option<Side> {
        if self.last == 0 {
            return None;
        }
        let is_right = self.at & 1 == 1 || self.at == self.last;
        if is_right {
            self.climb_while(|at| at & 1 == 0 && at != 0);
        }
        self.at >>= 1;
        self.last >>= 1;
        Some(if is_right { Side::Right } else { Side::Left })
    }

    fn climb_while(&mut self, goes_on: impl Fn(u64) -> bool) {
        while goes_on(self.at) {
            self.at >>= 1;
            self.last >>= 1;
        }
    }
}
