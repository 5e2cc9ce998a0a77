use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Measures what happens in this process from its making on.
pub(super) struct Stopwatch {
    wall: Instant,
    cpu: Duration,
}

impl Stopwatch {
    pub(super) fn start() -> Self {
        Self { wall: Instant::now(), cpu: cpu_of_process() }
    }

    /// Processor time of all threads, in seconds.
    pub(super) fn cpu_seconds(&self) -> f64 {
        cpu_of_process().saturating_sub(self.cpu).as_secs_f64()
    }

    pub(super) fn wall_seconds(&self) -> f64 {
        self.wall.elapsed().as_secs_f64()
    }
}

fn cpu_of_process() -> Duration {
    // The kernel's clocks of processes do not run below zero.
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_takes_time_and_sleep_takes_no_processor() {
        let watch = Stopwatch::start();
        let sum: u64 = (0..20_000_000_u64).map(std::hint::black_box).sum();
        assert!(std::hint::black_box(sum) > 0);
        assert!(watch.cpu_seconds() > 0.0);
        let watch = Stopwatch::start();
        std::thread::sleep(Duration::from_millis(30));
        assert!(watch.wall_seconds() >= 0.03);
    }
}
