use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::find_peer;

/// Runs the program that its arguments name, and then writes to standard error how much memory the process that held
/// most had, in KiB: its children count too.
const MEASURED: &str = "
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
";

/// How a run ended, and what it took.
#[derive(Debug)]
pub struct Measured {
    /// The exit code.
    pub code: i32,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    /// The most memory that any one of its processes held.
    pub peak_memory_bytes: u64,
    /// From its start to its end.
    pub took: Duration,
}

/// Runs the built program in a directory with nothing in its environment. Python measures it; without that the test is
/// passed over, aloud.
///
/// # Panics
/// When it is killed, or writes what is not UTF-8.
pub fn run_measured(program: &str, directory: &Path, arguments: &[&str]) -> Option<Measured> {
    let python = find_peer("python3")?;
    let mut command: Command = python.command();
    command.args(["-c", MEASURED, program]).args(arguments).current_dir(directory).env_clear();
    let started = Instant::now();
    let output = command.output().expect("python3 runs");
    let took = started.elapsed();
    let said = String::from_utf8(output.stderr).expect("errors are UTF-8");
    let (stderr, kibibytes) = said.trim_end().rsplit_once('\n').unwrap_or(("", said.trim_end()));
    let kibibytes: u64 = kibibytes.parse().expect("python3 tells a number last");
    Some(Measured {
        code: output.status.code().expect("the program was not killed"),
        stdout: String::from_utf8(output.stdout).expect("output is UTF-8"),
        stderr: stderr.to_owned(),
        peak_memory_bytes: kibibytes * 1024,
        took,
    })
}
