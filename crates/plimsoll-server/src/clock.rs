use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use plimsoll_registry::Clock;
use plimsoll_store::Timestamp;

/// The machine's clock.
pub fn clock() -> Clock {
    Arc::new(now)
}

/// What time it is.
#[expect(clippy::disallowed_methods, reason = "this is the one place where the server's clock is read")]
pub fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_ms(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
