use plimsoll_tlog::{ConsistencyProof, Hash, InclusionProof, ProofPlan};
use proptest::prelude::*;

use crate::naive::{self, MemoryLog, leaves};

/// Past one full tile, so that tiles of level 1 are there.
const SIZES: u64 = 300;

fn inclusion(log: &MemoryLog, index: u64, size: u64) -> InclusionProof {
    let plan = ProofPlan::inclusion(index, size).unwrap();
    plan.prove(&log.fetch(plan.tiles())).unwrap()
}

fn consistency(log: &MemoryLog, old: u64, new: u64) -> ConsistencyProof {
    let plan = ProofPlan::consistency(old, new).unwrap();
    plan.prove(&log.fetch(plan.tiles())).unwrap()
}

fn at(number: u64) -> usize {
    usize::try_from(number).unwrap()
}

#[test]
fn a_tree_grown_leaf_by_leaf_has_the_naive_root_at_every_size() {
    let leaves = leaves(1100);
    let mut log = MemoryLog::default();
    assert_eq!(log.edge.root(), naive::root(&[]));
    for (size, leaf) in (1..).zip(&leaves) {
        assert_eq!(log.append(&[*leaf]), naive::root(&leaves[..size]), "{size} leaves");
    }
}

#[test]
fn every_inclusion_proof_is_the_naive_one_and_holds() {
    let leaves = leaves(SIZES);
    let mut log = MemoryLog::default();
    log.append(&leaves);
    for size in (1..=SIZES).filter(|size| size % 7 == 0 || *size < 70 || (250..262).contains(size)) {
        let tree = &leaves[..at(size)];
        let root = naive::root(tree);
        for index in 0..size {
            let proof = inclusion(&log, index, size);
            assert_eq!(proof.hashes, naive::inclusion(at(index), tree), "{index} of {size}");
            proof.verify(tree[at(index)], root).unwrap();
        }
    }
}

#[test]
fn every_consistency_proof_is_the_naive_one_and_holds() {
    let leaves = leaves(SIZES);
    let mut log = MemoryLog::default();
    log.append(&leaves);
    let roots: Vec<Hash> = (0..=at(SIZES)).map(|size| naive::root(&leaves[..size])).collect();
    for new in (0..=SIZES).filter(|size| size % 11 == 0 || *size < 40 || (254..259).contains(size)) {
        for old in 0..=new {
            let proof = consistency(&log, old, new);
            assert_eq!(proof.hashes, naive::consistency(at(old), &leaves[..at(new)]), "{old} in {new}");
            proof.verify(roots[at(old)], roots[at(new)]).unwrap();
        }
    }
}

#[test]
fn what_is_in_no_tree_has_no_proof() {
    assert!(ProofPlan::inclusion(5, 5).is_err());
    assert!(ProofPlan::inclusion(0, 0).is_err());
    assert!(ProofPlan::consistency(6, 5).is_err());
    let missing = ProofPlan::inclusion(0, 1000).unwrap().prove(&plimsoll_tlog::Tiles::default());
    assert_eq!(missing.unwrap_err().to_string(), "tile `0/000` is missing or too narrow");
}

fn flip(hash: Hash, bit: usize) -> Hash {
    let mut bytes = *hash.as_bytes();
    bytes[bit / 8] ^= 1 << (bit % 8);
    Hash::new(bytes)
}

proptest! {
    #[test]
    fn batches_of_any_sizes_give_the_same_tree(sizes in prop::collection::vec(0_u64..400, 0..12)) {
        let total = sizes.iter().sum();
        let leaves = leaves(total);
        let mut log = MemoryLog::default();
        let mut rest = leaves.as_slice();
        for size in sizes {
            let (batch, behind) = rest.split_at(at(size));
            log.append(batch);
            rest = behind;
        }
        prop_assert_eq!(log.edge.size(), total);
        prop_assert_eq!(log.edge.root(), naive::root(&leaves));
        let mut at_once = MemoryLog::default();
        at_once.append(&leaves);
        prop_assert_eq!(log.tiles, at_once.tiles);
    }

    #[test]
    fn one_bit_anywhere_breaks_an_inclusion_proof(size in 2_u64..600, leaf in 0_u64..600, which in 0_usize..12, bit in 0_usize..256) {
        let leaf = leaf % size;
        let leaves = leaves(size);
        let mut log = MemoryLog::default();
        let root = log.append(&leaves);
        let proof = inclusion(&log, leaf, size);
        proof.verify(leaves[at(leaf)], root).unwrap();
        prop_assert!(proof.verify(flip(leaves[at(leaf)], bit), root).is_err());
        prop_assert!(proof.verify(leaves[at(leaf)], flip(root, bit)).is_err());
        let mut changed = proof.clone();
        let which = which % changed.hashes.len();
        changed.hashes[which] = flip(changed.hashes[which], bit);
        prop_assert!(changed.verify(leaves[at(leaf)], root).is_err());
        let mut shorter = proof.clone();
        shorter.hashes.remove(which);
        prop_assert!(shorter.verify(leaves[at(leaf)], root).is_err());
        let mut longer = proof.clone();
        longer.hashes.push(root);
        prop_assert!(longer.verify(leaves[at(leaf)], root).is_err());
        let elsewhere = InclusionProof { index: (leaf + 1) % size, ..proof };
        prop_assert!(elsewhere.verify(leaves[at(leaf)], root).is_err());
    }

    #[test]
    fn one_bit_anywhere_breaks_a_consistency_proof(new in 2_u64..600, old in 1_u64..600, which in 0_usize..12, bit in 0_usize..256) {
        let old = 1 + old % (new - 1);
        let leaves = leaves(new);
        let mut log = MemoryLog::default();
        let new_root = log.append(&leaves);
        let old_root = naive::root(&leaves[..at(old)]);
        let proof = consistency(&log, old, new);
        proof.verify(old_root, new_root).unwrap();
        prop_assert!(proof.verify(flip(old_root, bit), new_root).is_err());
        prop_assert!(proof.verify(old_root, flip(new_root, bit)).is_err());
        let mut changed = proof.clone();
        let which = which % changed.hashes.len();
        changed.hashes[which] = flip(changed.hashes[which], bit);
        prop_assert!(changed.verify(old_root, new_root).is_err());
        let mut longer = proof.clone();
        longer.hashes.push(new_root);
        prop_assert!(longer.verify(old_root, new_root).is_err());
    }

    #[test]
    fn checking_a_made_up_proof_ends(index in any::<u64>(), size in any::<u64>(), count in 0_usize..70) {
        let hashes = vec![Hash::of_empty_tree(); count];
        let root = Hash::of_empty_tree();
        let inclusion = InclusionProof { index, size, hashes: hashes.clone() };
        prop_assert!(size == 1 || inclusion.verify(root, root).is_err());
        let (old_size, new_size) = (index.min(size), index.max(size));
        let proof = ConsistencyProof { old_size, new_size, hashes };
        let _ = proof.verify(root, root);
        let _ = ProofPlan::consistency(old_size, new_size).map(|plan| plan.tiles());
    }
}
