//! Reads any bytes as a layer, twice as a stack: nothing may panic, and no byte may be seen or lost twice.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_image::{FileTree, LayerAlgorithms, Limits, read_layer};

fuzz_target!(|bytes: &[u8]| {
    let (head, tail) = bytes.split_at(bytes.len() / 2);
    let limits = Limits { unpacked_bytes_max: 16 << 20, ..Limits::default() };
    let listings: Vec<_> = [head, tail]
        .into_iter()
        .filter_map(|layer| read_layer(layer, LayerAlgorithms::default(), &limits).ok())
        .collect();
    let tree = FileTree::merge(&listings);
    let added: u64 = listings.iter().flat_map(|listing| listing.entries()).map(|entry| entry.size_bytes).sum();
    let lost: u64 = (0..listings.len()).flat_map(|layer| tree.losses(layer)).map(|loss| loss.size_bytes).sum();
    assert_eq!(added - lost, tree.size_bytes());
});
