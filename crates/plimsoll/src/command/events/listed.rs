use std::collections::BTreeMap;

use plimsoll_oci::Digest;
use plimsoll_store::Timestamp;
use plimsoll_vuln::severity::Severity;
use serde::{Deserialize, Serialize};

use super::super::moment::to_the_minute;
use crate::terminal::{Column, Page, Report, Table};

/// Events, as the server tells them.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Events {
    api_version: String,
    kind: String,
    events: Vec<Event>,
    last: i64,
    /// Whether these follow others that are on the screen.
    #[serde(skip)]
    is_continued: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    number: i64,
    told_at_unix_ms: i64,
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vulnerability: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<State>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<State>,
    advisories: Advisories,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    purl: Option<String>,
    places: usize,
    images: Vec<Place>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct State {
    severity: Severity,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fixed: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    exploited: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    informational: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Advisories {
    before: Option<Digest>,
    after: Digest,
}

#[derive(Serialize, Deserialize)]
struct Place {
    repository: String,
    digest: Digest,
    tags: Vec<String>,
}

impl Events {
    /// No events, after the one with a number.
    pub(super) fn none(last: i64) -> Self {
        let (api_version, kind) = ("plimsoll/v1".to_owned(), "VulnerabilityEvents".to_owned());
        Self { api_version, kind, events: Vec::new(), last, is_continued: false }
    }

    /// The number up to which the server has looked.
    pub(super) fn last(&self) -> i64 {
        self.last
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Adds those that follow.
    pub(super) fn append(&mut self, next: Self) {
        self.events.extend(next.events);
        self.last = self.last.max(next.last);
    }

    /// Whether they follow others that were printed.
    pub(super) fn in_follow(self, is_continued: bool) -> Self {
        Self { is_continued, ..self }
    }

    /// How many of each kind and severity, what is new and worst first.
    fn summary(&self) -> String {
        let mut counts: BTreeMap<(&str, std::cmp::Reverse<Severity>), usize> = BTreeMap::new();
        for event in &self.events {
            let severity = event.state().map_or(Severity::Unknown, |state| state.severity);
            *counts.entry((&event.kind, std::cmp::Reverse(severity))).or_default() += 1;
        }
        let told = ["appeared", "changed", "resolved"].iter().filter_map(|kind| {
            let of_kind = counts.iter().filter(|((found, _), _)| found == kind);
            let each: Vec<String> =
                of_kind.map(|((_, severity), count)| format!("{count} {}", severity.0)).collect();
            (!each.is_empty()).then(|| format!("{kind}: {}", each.join(", ")))
        });
        told.collect::<Vec<_>>().join("; ")
    }
}

impl Event {
    /// What is known now, or was known last.
    fn state(&self) -> Option<&State> {
        self.after.as_ref().or(self.before.as_ref())
    }

    fn severity(&self) -> String {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) if before.severity != after.severity => {
                format!("{} → {}", before.severity, after.severity)
            }
            _ => self.state().map_or_else(|| "-".to_owned(), |state| state.severity.to_string()),
        }
    }

    fn fixed(&self) -> String {
        self.state().and_then(|state| state.fixed.clone()).unwrap_or_else(|| "-".to_owned())
    }

    /// The first image, and how many more places there are.
    fn image(&self) -> String {
        let Some(place) = self.images.first() else { return "-".to_owned() };
        let more = self.places.saturating_sub(1) + place.tags.len().saturating_sub(1);
        let name = match place.tags.first() {
            Some(tag) => format!("{}:{tag}", place.repository),
            None => format!("{}@{}", place.repository, place.digest.short()),
        };
        if more == 0 { name } else { format!("{name} (+{more})") }
    }

    /// What it is about; the reason where that is not known.
    fn subject(&self) -> String {
        let reason = self.reason.as_ref().map(|reason| format!("what changed is not known: {reason}"));
        self.purl.clone().or(reason).unwrap_or_default()
    }
}

impl Report for Events {
    fn draw(&self, page: &mut Page) {
        if self.events.is_empty() {
            page.line("no advisory has changed anything for these images");
            return;
        }
        let mut table = Table::new(&[
            Column::Left("TIME (UTC)"),
            Column::Left("EVENT"),
            Column::Left("SEVERITY"),
            Column::Left("VULNERABILITY"),
            Column::Left("FIXED IN"),
            Column::Left("IMAGE"),
            Column::Left("COMPONENT"),
        ]);
        if self.is_continued {
            table = table.without_titles();
        }
        for event in &self.events {
            let time = to_the_minute(Timestamp::from_unix_ms(event.told_at_unix_ms));
            let vulnerability = event.vulnerability.clone().unwrap_or_else(|| "-".to_owned());
            let cells = [
                time,
                event.kind.clone(),
                event.severity(),
                vulnerability,
                event.fixed(),
                event.image(),
                event.subject(),
            ];
            table.row(cells);
        }
        page.table(&table);
        let summary = self.summary();
        if !self.is_continued && !summary.is_empty() {
            page.heading(&summary);
        }
    }
}
