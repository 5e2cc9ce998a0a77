//! The server has one core to itself and the load generator another, so that neither slows the other down.

use anyhow::Context as _;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The cores this process was given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cores {
    pub(super) server: usize,
    pub(super) client: usize,
}

impl Cores {
    /// The first core for the server and the last for the client; the same when there is only one.
    pub(super) fn split() -> anyhow::Result<Self> {
        let given = sched_getaffinity(None).context("asking for the cores of this process")?;
        let mut usable = (0..CpuSet::MAX_CPU).filter(|core| given.is_set(*core));
        let server = usable.next().context("this process has no core")?;
        Ok(Self { server, client: usable.next_back().unwrap_or(server) })
    }
}

/// Runs `work` on one core; a child that it starts stays there.
pub(super) fn on_core<T>(core: usize, work: impl FnOnce() -> T) -> anyhow::Result<T> {
    let before = sched_getaffinity(None).context("asking for the cores of this thread")?;
    let mut only = CpuSet::new();
    only.set(core);
    sched_setaffinity(None, &only).with_context(|| format!("moving to core {core}"))?;
    let result = work();
    sched_setaffinity(None, &before).context("moving back")?;
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_on_the_core_asked_for_and_the_thread_is_moved_back() {
        let cores = Cores::split().unwrap();
        let before = sched_getaffinity(None).unwrap().count();
        let inside = on_core(cores.client, || sched_getaffinity(None).unwrap()).unwrap();
        assert!(inside.is_set(cores.client) && inside.count() == 1);
        assert_eq!(sched_getaffinity(None).unwrap().count(), before);
    }
}
