//! Proofs from a tree of ten million leaves.

use anyhow::{Context as _, ensure};
use plimsoll_tlog::{Edge, Hash, InclusionProof, ProofPlan, Tiles, leaf_hash};

use crate::bench::part::Figures;
use crate::bench::stopwatch::Stopwatch;

const LEAVES: u64 = 10_000_000;
const BATCH: u64 = 10_000;
/// How many leaves are proven, all over the tree.
const PROOFS: u64 = 2000;

pub(super) fn measure() -> anyhow::Result<Figures> {
    let mut figures = Figures::new();
    let (mut edge, mut tiles) = (Edge::default(), Tiles::default());
    let watch = Stopwatch::start();
    let mut root = Hash::of_empty_tree();
    for first in (0..LEAVES).step_by(usize::try_from(BATCH)?) {
        let leaves: Vec<Hash> = (first..first + BATCH).map(leaf).collect();
        let appended = edge.append(&leaves)?;
        appended.tiles.into_iter().for_each(|tile| tiles.insert(tile.id, tile.hashes));
        root = appended.root;
    }
    figures.insert("tree.grow".to_owned(), watch.cpu_seconds());

    let indices = || (0..PROOFS).map(|number| number * (LEAVES - 1) / (PROOFS - 1));
    let watch = Stopwatch::start();
    let proofs: Vec<InclusionProof> = indices()
        .map(|index| anyhow::Ok(ProofPlan::inclusion(index, LEAVES)?.prove(&tiles)?))
        .collect::<Result<_, _>>()?;
    figures.insert("tree.prove".to_owned(), watch.cpu_seconds() * 1e6 / PROOFS as f64);

    let watch = Stopwatch::start();
    let verified = proofs.iter().filter(|proof| proof.verify(leaf(proof.index), root).is_ok()).count();
    figures.insert("tree.verify".to_owned(), watch.cpu_seconds() * 1e6 / PROOFS as f64);
    ensure!(verified == proofs.len(), "a proof is wrong");
    let hashes = proofs.iter().map(|proof| proof.hashes.len()).max().context("there is no proof")?;
    ensure!(hashes >= 20, "the proofs are too short for the tree");
    Ok(figures)
}

fn leaf(number: u64) -> Hash {
    leaf_hash(&number.to_le_bytes())
}
