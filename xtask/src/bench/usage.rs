//! What a process has cost so far, read from /proc.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::Context as _;

/// CPU time and memory of a process and all its descendants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    /// User and system time, of threads and children that have ended too.
    pub(super) cpu: Duration,
    /// The most memory that was resident at any time (`VmHWM`).
    pub(super) rss_peak_bytes: u64,
}

impl Usage {
    pub(super) fn of(pid: u32) -> anyhow::Result<Self> {
        let mut usage = Self::default();
        for process in with_descendants(pid)? {
            usage.cpu += process.cpu;
            usage.rss_peak_bytes += rss_peak_bytes(process.pid).unwrap_or_default();
        }
        Ok(usage)
    }
}

/// One line of `/proc/PID/stat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    pid: u32,
    parent: u32,
    cpu: Duration,
}

fn with_descendants(root: u32) -> anyhow::Result<Vec<Stat>> {
    let mut all: BTreeMap<u32, Stat> = BTreeMap::new();
    for entry in fs::read_dir("/proc").context("listing `/proc`")? {
        let name = entry.context("listing `/proc`")?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // A process that ended since the listing has no file any more.
        let Ok(text) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        all.extend(parse_stat(&text).map(|stat| (pid, stat)));
    }
    all.get(&root).with_context(|| format!("process {root} has ended"))?;
    Ok(all.values().filter(|stat| descends_from(root, stat, &all)).copied().collect())
}

fn descends_from(root: u32, stat: &Stat, all: &BTreeMap<u32, Stat>) -> bool {
    let mut ancestry = std::iter::successors(Some(*stat), |stat| all.get(&stat.parent).copied());
    ancestry.any(|ancestor| ancestor.pid == root)
}

/// Reads the fields that count from the text of a `stat` file (proc(5)); the name in it may hold anything.
fn parse_stat(text: &str) -> Option<Stat> {
    let pid = text.split_once(' ')?.0.parse().ok()?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    let [user, system, children_user, children_system] = [11, 12, 13, 14].map(number);
    let ticks = user? + system? + children_user? + children_system?;
    let ticks_per_second = rustix::param::clock_ticks_per_second();
    let cpu = Duration::from_nanos(ticks * 1_000_000_000 / ticks_per_second);
    Some(Stat { pid, parent: u32::try_from(number(1)?).ok()?, cpu })
}

fn rss_peak_bytes(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_stat_line_is_read_whatever_the_process_is_called() {
        let text = "42 (a) b (c) S 7 42 42 0 -1 4194304 100 0 0 0 150 50 30 20 20 0 9 0 12345 1 2 3\n";
        let stat = parse_stat(text).unwrap();
        let ticks_per_second = rustix::param::clock_ticks_per_second();
        assert_eq!((stat.pid, stat.parent), (42, 7));
        assert_eq!(stat.cpu, Duration::from_nanos(250 * 1_000_000_000 / ticks_per_second));
        assert_eq!(parse_stat("42 (short) S 7"), None);
    }

    #[test]
    fn the_work_of_a_child_counts_for_its_parent_after_it_ended() {
        let script = "(i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done); read end";
        let mut shell = Command::new("sh").args(["-c", script]).stdin(Stdio::piped()).spawn().unwrap();
        let mut usage = Usage::default();
        for _ in 0..600 {
            std::thread::sleep(Duration::from_millis(50));
            usage = Usage::of(shell.id()).unwrap();
            if usage.cpu >= Duration::from_millis(30) {
                break;
            }
        }
        drop(shell.stdin.take());
        shell.wait().unwrap();
        assert!(usage.cpu >= Duration::from_millis(30), "{usage:?}");
        assert!(usage.rss_peak_bytes > 100_000, "{usage:?}");
    }
}
