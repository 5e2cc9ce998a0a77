//! Moments as people and programs read them, in UTC.

use plimsoll_store::Timestamp;

/// This moment.
pub(super) fn now() -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(plimsoll_server::now().unix_ms()).unwrap_or_default()
}

/// For programs: RFC 3339, such as `2026-11-22T14:05:00Z`.
pub(super) fn rfc3339(at: Timestamp) -> String {
    printed(at, "%Y-%m-%dT%H:%M:%SZ")
}

/// For people: to the minute, such as `2026-11-22 14:05`.
pub(super) fn to_the_minute(at: Timestamp) -> String {
    printed(at, "%Y-%m-%d %H:%M")
}

/// A moment past the calendar's end, the year 9999, is as good as never.
fn printed(at: Timestamp, format: &str) -> String {
    match jiff::Timestamp::from_millisecond(at.unix_ms()) {
        Ok(moment) => moment.strftime(format).to_string(),
        Err(_) => "never".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_in_utc() {
        let at = Timestamp::from_unix_ms(1_795_356_300_123);
        assert_eq!(rfc3339(at), "2026-11-22T14:05:00Z");
        assert_eq!(to_the_minute(at), "2026-11-22 14:05");
        assert_eq!(rfc3339(Timestamp::from_unix_ms(i64::MAX)), "never");
    }
}
