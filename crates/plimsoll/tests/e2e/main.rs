//! The built program at work: with the tools of others, killed, replicated, on failing storage and on a full disk.

mod killed;

/// The program under test.
const PLIMSOLL: &str = env!("CARGO_BIN_EXE_plimsoll");
