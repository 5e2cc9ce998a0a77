//! The team's own tests: a command on the machine that is told where the container is reached.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// How often is looked whether it has ended.
const PAUSE: Duration = Duration::from_millis(5);

/// A command of the user's on the machine.
#[derive(Clone, Debug)]
pub struct HostTest<'a> {
    /// A line for the shell.
    pub line: &'a str,
    /// Variables beside those of this process.
    pub variables: &'a [(&'a str, String)],
    /// How long it may take.
    pub time_max: Duration,
}

impl HostTest<'_> {
    /// Runs it with all that it starts, and says how it ended; nothing where it took too long and was ended. What it says
    /// goes to `output`.
    pub fn run(&self, output: &File) -> io::Result<Option<ExitStatus>> {
        let mut child = self.spawn(output)?;
        let until = Instant::now() + self.time_max;
        let status = loop {
            match child.try_wait()? {
                Some(status) => break Some(status),
                None if Instant::now() >= until => break None,
                None => std::thread::sleep(PAUSE),
            }
        };
        // What it left running would speak to a container that is about to go.
        if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        if status.is_none() {
            child.wait()?;
        }
        Ok(status)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the user's own command, in the user's own environment, bounded"
    )]
    fn spawn(&self, output: &File) -> io::Result<Child> {
        Command::new("/bin/sh")
            .arg("-c")
            .arg(self.line)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output.try_clone()?)
            .process_group(0)
            .spawn()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(line: &str, time_max: Duration) -> (Option<i32>, String) {
        let place = tempfile::NamedTempFile::new().unwrap();
        let variables = [("PLIMSOLL_TARGET", "127.0.0.1:1".to_owned())];
        let test = HostTest { line, variables: &variables, time_max };
        let status = test.run(place.as_file()).unwrap();
        (status.and_then(|status| status.code()), std::fs::read_to_string(place.path()).unwrap())
    }

    #[test]
    fn a_test_is_told_its_target_and_tells_how_it_went() {
        let (code, said) = run("echo $PLIMSOLL_TARGET; exit 7", Duration::from_secs(20));
        assert_eq!((code, said.as_str()), (Some(7), "127.0.0.1:1\n"));
    }

    #[test]
    fn a_test_that_takes_too_long_is_ended_with_all_that_it_started() {
        let start = Instant::now();
        let (code, _) = run("sleep 60 & sleep 60", Duration::from_millis(100));
        assert_eq!(code, None);
        assert!(start.elapsed() < Duration::from_secs(20));
    }
}
