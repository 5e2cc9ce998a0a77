//! A program that runs to its end, and what it took.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use crate::bench::usage::Usage;

/// How often the memory of a program and its children is looked at. Each process keeps its own peak, so only what grows
/// right before the end is missed.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// A program that takes longer than this is ended.
const TIME_MAX: Duration = Duration::from_secs(1200);

/// What a program took, its children included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    pub(super) cpu: Duration,
    pub(super) wall: Duration,
    pub(super) rss_peak_bytes: u64,
}

/// Runs a program to its end, which must be a success.
pub(super) fn run(command: &mut Command) -> anyhow::Result<Taken> {
    let what = command.get_program().to_string_lossy().into_owned();
    let start = Instant::now();
    let mut child = command.spawn().with_context(|| format!("starting `{what}`"))?;
    let watched = watch(&child, start).with_context(|| format!("watching `{what}`"));
    if watched.is_err() {
        // It may have ended already.
        let _ = child.kill();
    }
    let status = child.wait().with_context(|| format!("waiting for `{what}`"))?;
    let taken = watched?;
    ensure!(status.success(), "`{what}` ended with {status}");
    Ok(taken)
}

/// Looks on until the child has ended, and leaves it to be waited for: what it took is known until then.
fn watch(child: &Child, start: Instant) -> anyhow::Result<Taken> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("it has no process id")?;
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    let mut rss_peak_bytes = 0;
    loop {
        let has_ended = waitid(WaitId::Pid(pid), options)?.is_some();
        let usage = Usage::of(child.id())?;
        rss_peak_bytes = rss_peak_bytes.max(usage.rss_peak_bytes);
        if has_ended {
            return Ok(Taken { cpu: usage.cpu, wall: start.elapsed(), rss_peak_bytes });
        }
        if start.elapsed() > TIME_MAX {
            bail!("it runs for more than {} s", TIME_MAX.as_secs());
        }
        std::thread::sleep(LOOK_INTERVAL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_and_its_child_took_is_known_after_their_end() {
        let script = "sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'; sleep 0.1";
        let taken = run(Command::new("sh").args(["-c", script])).unwrap();
        assert!(taken.cpu >= Duration::from_millis(20), "{taken:?}");
        assert!(taken.wall >= Duration::from_millis(100) && taken.rss_peak_bytes > 100_000, "{taken:?}");
    }

    #[test]
    fn a_program_that_fails_is_no_measurement() {
        let error = run(Command::new("sh").args(["-c", "exit 3"])).unwrap_err();
        assert!(format!("{error:#}").contains('3'), "{error:#}");
        assert!(run(&mut Command::new("/no/such/program")).is_err());
    }
}
