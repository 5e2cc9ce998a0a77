use std::path::Path;
use std::time::Duration;

use plimsoll_testkit::run_measured;

use crate::Outcome;

/// The most memory that any process of a scan may hold: the 64 MiB that are promised, and half as much again because the
/// program under test may be built without optimisation.
const MEMORY_BYTES_MAX: u64 = 96 << 20;

/// Far more time than any scan of these tests takes on a slow machine.
const TIME_MAX: Duration = Duration::from_secs(240);

/// Scans an image with the advisories in `db`, within the bounds of memory and time.
#[expect(clippy::print_stdout, reason = "the figures that a test measured are worth reading")]
pub(super) fn scan(ground: &Path, arguments: &[&str]) -> Option<Outcome> {
    let fixed = ["scan", "--db", "db", "--db-age-max", "0", "--offline"];
    let run = run_measured(env!("CARGO_BIN_EXE_plimsoll"), ground, &[&fixed[..], arguments].concat())?;
    println!("{arguments:?}: {:.1} s, {} MiB", run.took.as_secs_f64(), run.peak_memory_bytes >> 20);
    assert!(run.peak_memory_bytes <= MEMORY_BYTES_MAX, "{arguments:?}: {} MiB", run.peak_memory_bytes >> 20);
    assert!(run.took <= TIME_MAX, "{arguments:?} takes {} s", run.took.as_secs());
    Some(Outcome { code: run.code, stdout: run.stdout, stderr: run.stderr })
}
