use std::hint::black_box;
use std::time::Instant;

use plimsoll_tlog::{Edge, ProofPlan, Tiles};

use crate::naive::leaves;

/// The worst proof of ten million leaves joins every hash of three tiles and more; a debug build takes longer.
#[test]
fn a_proof_among_ten_million_leaves_is_quick() {
    const SIZE: u64 = 10_000_000;
    let hashes = leaves(256);
    let mut slowest_us = 0.0_f64;
    for index in [0, 9_999_999, 1_234_567, 8_388_607, 8_388_608, 5_000_000] {
        let plan = ProofPlan::inclusion(index, SIZE).unwrap();
        let mut tiles = Tiles::default();
        for id in plan.tiles() {
            tiles.insert(id, hashes[..id.width()].to_vec());
        }
        let started = Instant::now();
        const ROUNDS: u32 = 20;
        for _ in 0..ROUNDS {
            let plan = ProofPlan::inclusion(black_box(index), SIZE).unwrap();
            black_box(plan.prove(&tiles).unwrap());
        }
        slowest_us = slowest_us.max((started.elapsed() / ROUNDS).as_secs_f64() * 1e6);
    }
    println!("slowest inclusion proof at {SIZE} leaves: {slowest_us:.0} us");
    assert!(slowest_us < 10_000.0, "{slowest_us} us");
}

#[test]
fn ten_thousand_leaves_are_appended_in_no_time() {
    let leaves = leaves(10_000);
    let started = Instant::now();
    let mut edge = Edge::default();
    for batch in leaves.chunks(500) {
        black_box(edge.append(batch).unwrap());
    }
    let per_second = 10_000.0 / started.elapsed().as_secs_f64();
    println!("{per_second:.0} leaves appended per second, in batches of 500");
    assert!(per_second > 5_000.0, "{per_second}");
}
