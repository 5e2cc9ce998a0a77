use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// Longest pause that a registry may ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);

/// How often and after which pauses a call is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often in all; 1 means once.
    pub attempts: u32,
    /// The pause after the first failure; each later one is twice as long.
    pub first_pause: Duration,
}

impl RetryPolicy {
    /// Whether a call that failed `failures` times may be tried again.
    pub(crate) fn allows(&self, failures: u32) -> bool {
        failures < self.attempts
    }

    /// The pause after so many failures.
    pub(crate) fn pause(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        self.first_pause.saturating_mul(1 << doublings).min(RETRY_AFTER_MAX)
    }

    /// The pause before a call is repeated that was answered with this status, if it may be.
    pub(crate) fn pause_after(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        failures: u32,
    ) -> Option<Duration> {
        let is_transient = matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504);
        if !is_transient || !self.allows(failures) {
            return None;
        }
        Some(retry_after(headers).unwrap_or_else(|| self.pause(failures)))
    }
}

/// The pause in a `Retry-After` header in seconds; its other form, a date, is not used by registries.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy { attempts: 3, first_pause: Duration::from_millis(100) };

    #[test]
    fn pauses_double_and_end() {
        let pause = |failures| POLICY.pause_after(StatusCode::BAD_GATEWAY, &HeaderMap::new(), failures);
        assert_eq!(pause(1), Some(Duration::from_millis(100)));
        assert_eq!(pause(2), Some(Duration::from_millis(200)));
        assert_eq!(pause(3), None);
        assert_eq!(POLICY.pause_after(StatusCode::NOT_FOUND, &HeaderMap::new(), 1), None);
    }

    #[test]
    fn a_registry_may_ask_for_a_pause_up_to_the_limit() {
        let asked = |text: &str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            POLICY.pause_after(StatusCode::TOO_MANY_REQUESTS, &headers, 1)
        };
        assert_eq!(asked("2"), Some(Duration::from_secs(2)));
        assert_eq!(asked("86400"), Some(RETRY_AFTER_MAX));
        assert_eq!(asked("soon"), Some(Duration::from_millis(100)));
    }
}
