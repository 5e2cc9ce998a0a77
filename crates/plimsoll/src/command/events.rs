mod listed;

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo};
use plimsoll_oci::RegistryHost;
use plimsoll_server::now;
use plimsoll_store::Timestamp;
use plimsoll_transport::{Insight, RegistryClient, WarningCollector};

use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;

use listed::Events;

/// Events that are asked for at a time.
const PAGE: usize = 200;

/// Most events of one answer; with `--follow` there is no end.
const EVENTS_MAX: usize = 100_000;

/// How often a server is asked for what is new.
const FOLLOW_INTERVAL: Duration = Duration::from_secs(2);

/// How often, and each time how long, to wait for a server that has just started.
const WAITS_MAX: u32 = 60;
const WAIT: Duration = Duration::from_secs(1);

/// Tell what new advisories meant for the images of a registry
///
/// Whenever other advisories come into force, the server finds the components of which they say something else. An event
/// is about one component and one vulnerability, and is listed with the images that hold the component now.
#[derive(Debug, Args)]
pub(crate) struct ListEvents {
    /// The registry, a Plimsoll server
    #[arg(value_name = "REGISTRY")]
    server: RegistryHost,
    /// Events of this time, such as 12h or 7d, or from this day on
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = since)]
    since: Since,
    /// Go on with what is new, until Ctrl-C
    #[arg(long)]
    follow: bool,
    #[command(flatten)]
    registries: RegistryArguments,
}

/// From when on events are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Since {
    Ago(Duration),
    At(Timestamp),
}

impl ListEvents {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let warnings = Arc::new(WarningCollector::default());
        let registries = self.registries.places(context, warnings.clone())?.registries;
        let since = match self.since {
            Since::Ago(time) => now().minus(time),
            Since::At(moment) => moment,
        };
        let (mut after, mut is_first) = (0, true);
        loop {
            let news = context.block_on(self.pages(&registries, after, since))?;
            for (host, text) in warnings.take() {
                context.terminal().warn(&format!("{host}: {text}"));
            }
            after = news.last();
            if news.len() >= EVENTS_MAX && !self.follow {
                context.terminal().note(&format!(
                    "these are the first {EVENTS_MAX} events; ask with a later --since for those after them"
                ));
            }
            if is_first || !news.is_empty() {
                context.terminal().print(&news.in_follow(!is_first))?;
            }
            if !self.follow {
                return Ok(());
            }
            is_first = false;
            context.block_on(async {
                tokio::time::sleep(FOLLOW_INTERVAL).await;
                Ok(())
            })?;
        }
    }

    /// All events with higher numbers, a page at a time.
    async fn pages(
        &self,
        registries: &RegistryClient,
        after: i64,
        since: Timestamp,
    ) -> Result<Events, Failure> {
        let mut all = Events::none(after);
        loop {
            let page = self.page(registries, all.last(), since).await?;
            let is_last = page.last() <= all.last();
            all.append(page);
            if is_last || all.len() >= EVENTS_MAX {
                return Ok(all);
            }
        }
    }

    async fn page(
        &self,
        registries: &RegistryClient,
        after: i64,
        since: Timestamp,
    ) -> Result<Events, Failure> {
        for _ in 0..WAITS_MAX {
            match registries.events(&self.server, after, since.unix_ms(), PAGE).await? {
                Insight::Document(json) => return self.read(&json),
                Insight::Waiting => tokio::time::sleep(WAIT).await,
                Insight::NotServed => {
                    let what = format!("`{}` does not look into its images", self.server);
                    let help = "ask a Plimsoll server whose setting `scan.enabled` is on";
                    return Err(Failure::not_evaluated(what).help(help));
                }
            }
        }
        Err(Failure::not_evaluated(format!("`{}` is still busy with finding out what it holds", self.server))
            .help("ask again in a while"))
    }

    fn read(&self, json: &[u8]) -> Result<Events, Failure> {
        serde_json::from_slice(json).map_err(|error| {
            let failure = Failure::not_evaluated("the server's answer is not understood");
            failure.because(&error).at(self.server.to_string())
        })
    }
}

/// Reads a time before now, a day, or a moment. Days have 24 hours and begin in UTC.
fn since(text: &str) -> Result<Since, &'static str> {
    const EXPECTED: &str = "a time such as `12h` or `7d`, or a moment such as `2026-11-22`";
    let day = || text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok().map(|day| day.timestamp());
    if let Some(moment) = text.parse::<jiff::Timestamp>().ok().or_else(day) {
        return Ok(Since::At(Timestamp::from_unix_ms(moment.as_millisecond())));
    }
    let span: Span = text.parse().map_err(|_| EXPECTED)?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| EXPECTED)?;
    Duration::try_from(duration).map(Since::Ago).map_err(|_| EXPECTED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_asked_for_from_a_moment_or_for_a_time() {
        assert_eq!(since("7d"), Ok(Since::Ago(Duration::from_secs(7 * 24 * 3600))));
        assert_eq!(since("12h"), Ok(Since::Ago(Duration::from_secs(12 * 3600))));
        let day = Since::At(Timestamp::from_unix_ms(1_795_305_600_000));
        assert_eq!(since("2026-11-22"), Ok(day));
        assert_eq!(since("2026-11-22T01:00:00+01:00"), Ok(day));
        for wrong in ["", "7", "-7d", "1mo", "yesterday", "2026-13-01", "99999999999999d"] {
            assert!(since(wrong).is_err(), "{wrong}");
        }
    }
}
