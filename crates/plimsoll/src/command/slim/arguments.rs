use std::time::Duration;

use clap::Args;

/// How long things may take.
#[derive(Clone, Debug, Args)]
pub(super) struct Limits {
    /// Seconds that the container may take until it listens on its ports
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    start_time: u64,
    /// Seconds that the test, and each probe, may take
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    test_time: u64,
}

impl Limits {
    pub(super) fn start(&self) -> Duration {
        Duration::from_secs(self.start_time)
    }

    pub(super) fn test(&self) -> Duration {
        Duration::from_secs(self.test_time)
    }
}
