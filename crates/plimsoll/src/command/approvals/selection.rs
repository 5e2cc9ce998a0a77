use std::time::Duration;

use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::listed::Row;
use crate::command::robot::parse_expiry;

/// Which approvals are listed; all of them, if nothing is said.
#[derive(Debug, Args)]
pub(super) struct Selection {
    /// Only for this gate
    #[arg(long, value_name = "NAME")]
    gate: Option<String>,
    /// Only those that count now and end within this time, such as 14d
    #[arg(long, value_name = "TIME", value_parser = parse_expiry)]
    expiring: Option<Duration>,
    /// Only those whose approver has not seen what is said now
    #[arg(long)]
    superseded: bool,
    /// Only by this person
    #[arg(long, value_name = "PERSON")]
    by: Option<String>,
    /// Only those that were given at this time or later, such as 2026-11-22T00:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Only those that were given before
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
}

impl Selection {
    /// Whether an approval is one of those, as of `now`.
    pub(super) fn holds(&self, row: &Row, now: Timestamp) -> bool {
        self.gate.as_ref().is_none_or(|gate| *gate == row.gate)
            && self.by.as_ref().is_none_or(|person| *person == row.person)
            && self.since.is_none_or(|since| row.issued_at >= since)
            && self.until.is_none_or(|until| row.issued_at < until)
            && (!self.superseded || !row.unseen.is_empty())
            && self.expiring.is_none_or(|within| expires_within(row, within, now))
    }
}

fn expires_within(row: &Row, within: Duration, now: Timestamp) -> bool {
    let within = SignedDuration::try_from(within).unwrap_or(SignedDuration::MAX);
    row.not_counted.is_none()
        && row.expires_at.is_some_and(|end| end > now && end.duration_since(now) <= within)
}
