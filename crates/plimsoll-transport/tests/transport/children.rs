//! Programs that tests run: each is found first, bounded in time, and ended by its own handle.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longest time that a program may run.
const RUN_MAX: Duration = Duration::from_secs(60);

/// Whether the program is installed; if not, the test says so.
pub(crate) fn is_installed(program: &str) -> bool {
    let found =
        ["/usr/bin", "/usr/local/bin", "/bin"].iter().any(|place| Path::new(place).join(program).exists());
    if !found {
        notice(&format!("`{program}` is not installed"));
    }
    found
}

/// Says why a test checks nothing.
#[expect(clippy::print_stdout, reason = "a test that checks nothing must not pass in silence")]
pub(crate) fn notice(why: &str) {
    println!("notice: {why}, so this test checks nothing");
}

/// Starts a program; it is ended when the value is dropped.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(program: &str, arguments: &[&str]) -> Self {
        Self(command(program, arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a program to its end, and panics with what it said unless it succeeds.
pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let (succeeded, said) = try_run(program, arguments);
    assert!(succeeded, "{program} {arguments:?}: {said}");
    said
}

/// Runs a program to its end; tells whether it succeeded, and what it said.
pub(crate) fn try_run(program: &str, arguments: &[&str]) -> (bool, String) {
    let output = tempfile::tempfile().unwrap();
    let mut child = command(program, arguments)
        .stdout(output.try_clone().unwrap())
        .stderr(output.try_clone().unwrap())
        .spawn()
        .unwrap();
    let end = Instant::now() + RUN_MAX;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > end {
            let _ = child.kill();
            panic!("{program} {arguments:?} did not end in {RUN_MAX:?}");
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    use std::io::{Read as _, Seek as _};
    let mut said = String::new();
    let mut output = output;
    output.rewind().unwrap();
    output.read_to_string(&mut said).unwrap();
    (status.success(), said)
}

#[expect(clippy::disallowed_methods, reason = "the one place of these tests that starts programs")]
fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    command
}
