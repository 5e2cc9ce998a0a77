//! What takes too long for every day: an 8 GiB blob, a long siege, a million manifests. Built for release.

mod killed;

/// The program under test.
const PLIMSOLL: &str = env!("CARGO_BIN_EXE_plimsoll");
