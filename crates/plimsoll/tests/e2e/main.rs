//! The built program at work: with the tools of others, killed, replicated, on failing storage and on a full disk.

#![expect(clippy::print_stdout, reason = "the figures that a test measured are worth reading")]

mod analyser;
mod building;
mod events;
mod failing_s3;
mod following;
mod full_disk;
mod introduced;
mod keyless;
mod killed;
mod log;
mod peers;
mod replicated;
mod slimmed;
mod small_disk;
mod stopping;

/// The program under test.
const PLIMSOLL: &str = env!("CARGO_BIN_EXE_plimsoll");
