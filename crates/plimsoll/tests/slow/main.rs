//! What takes too long for every day: an 8 GiB blob, a long siege, a million manifests, three million files, servers of
//! Debian made smaller. Built for release.

#![expect(clippy::print_stdout, reason = "the figures that a test measured are worth reading")]

mod empty_files;
mod killed;
mod large_blob;
mod million_manifests;
mod slim;

/// The program under test.
const PLIMSOLL: &str = env!("CARGO_BIN_EXE_plimsoll");
