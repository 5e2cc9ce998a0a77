use jiff::Timestamp;
use plimsoll_index::lineage::{
    Base, Cause, Change, Clock, Confidence, Exposure, Ground, Holding, LineReport, Moved, Occurrence,
    ReportedBuild, ReportedEdge, ReportedInterval, Source, SourceRange, Step,
};
use plimsoll_oci::Digest;

use crate::terminal::{Page, Report};

/// Builds in one row of the picture.
const BUILDS_IN_ROW: usize = 60;

impl Report for LineReport {
    fn draw(&self, page: &mut Page) {
        let builds = count(self.builds.len(), "build");
        page.heading(&format!("{} in {} ({}), {builds}", self.asked, self.repository, self.platform));
        if let Some(summary) = &self.summary {
            page.line(summary);
        }
        draw_line(self, page);
        if self.is_truncated {
            page.line("there are older builds, which were not looked at");
        }
        if self.intervals.is_empty() {
            page.line(&format!("no build of this line is known to hold {}", self.asked));
        }
        for (number, interval) in (1_usize..).zip(&self.intervals) {
            draw_interval(self, number, interval, page);
        }
        draw_sources(self, page);
    }
}

fn draw_line(report: &LineReport, page: &mut Page) {
    page.line("");
    for (row, builds) in report.builds.chunks(BUILDS_IN_ROW).enumerate() {
        let picture: String = builds.iter().map(|build| mark(build.holding)).collect();
        page.line(&format!("{:>6}  {picture}", one_more(row.saturating_mul(BUILDS_IN_ROW))));
    }
    page.line("        ● holds it  ○ does not  ? not known");
    for (place, build) in report.builds.iter().enumerate() {
        if let Some(reason) = &build.reason {
            page.line(&format!("? build {} {}: {reason}", one_more(place), build_name(build)));
        }
    }
}

fn draw_interval(report: &LineReport, number: usize, interval: &ReportedInterval, page: &mut Page) {
    let (first, last) = (one_more(interval.first), one_more(interval.last));
    let builds = if first == last { format!("build {first}") } else { format!("builds {first} to {last}") };
    let state = if interval.exit.is_some() { "" } else { ", and nothing after is known to be free of it" };
    page.heading(&format!("{number}. {builds}{state}"));
    draw_edge(report, "came", &interval.entry, page);
    if let Some(exit) = &interval.exit {
        draw_edge(report, "left", exit, page);
    }
    for (name, clock) in clocks(interval) {
        page.fact(name, &format!("{}  {}", to_the_minute(clock.at), source(&clock.source)));
    }
    if let Some(SourceRange { commits, next: Some(next) }) = &interval.source {
        page.fact("", &format!("one of {} commits; to find out which:", commits.len()));
        page.fact("", &format!("  {next}"));
    }
    for (name, time) in exposure(&interval.exposure) {
        page.fact(name, &time);
    }
}

fn draw_edge(report: &LineReport, word: &str, edge: &ReportedEdge, page: &mut Page) {
    let name = |place: usize| report.builds.get(place).map_or_else(String::new, build_name);
    let doubt = match (edge.confidence, edge.after) {
        (Confidence::Exact, _) => String::new(),
        (Confidence::NoProvenance, _) => "; no provenance".to_owned(),
        (Confidence::Range, None) => ", or earlier".to_owned(),
        (Confidence::Range, Some(after)) => format!(", or with one after {}", name(after)),
    };
    page.fact(word, &format!("with {}{doubt}", name(edge.with)));
    for change in &edge.changes {
        page.fact("", &cause(change));
        for moved in &change.components {
            page.fact("", &format!("  {}", movement(moved)));
        }
    }
}

fn draw_sources(report: &LineReport, page: &mut Page) {
    page.heading("judged by");
    page.fact("at", &to_the_minute(report.judged_at));
    if let Some(advisories) = &report.advisories {
        page.fact("advisories", &advisories.to_string());
    }
    if let Some(log) = &report.log {
        page.fact("log", &format!("{}, {} leaves, root {}", log.origin, log.size, log.root));
    }
}

/// The number that people give to what is at this place.
fn one_more(place: usize) -> usize {
    place.saturating_add(1)
}

fn mark(holding: Holding) -> char {
    match holding {
        Holding::Held => '●',
        Holding::Free => '○',
        Holding::Unknown => '?',
    }
}

fn build_name(build: &ReportedBuild) -> String {
    let digest = build.digest.short();
    match build.tags.as_slice() {
        [] => digest.to_string(),
        [tag] => format!("{tag} ({digest})"),
        [tag, more @ ..] => format!("{tag} +{} ({digest})", more.len()),
    }
}

fn cause(change: &Change) -> String {
    match &change.cause {
        Cause::FirstBuild => "no earlier build is known".to_owned(),
        Cause::BaseDrift { name, from, to, ground } => {
            let name = name.as_deref().unwrap_or("the base's tag");
            let commit = if *ground == Ground::SameCommit { "no commit at all" } else { "FROM is the same" };
            format!("base drift: {name} moved from {} to {}; {commit}", base_digest(from), base_digest(to))
        }
        Cause::BaseBump { from, to, .. } => {
            format!("base bump: FROM changed from {} to {}", base_name(from), base_name(to))
        }
        Cause::BaseChanged { from, to } => format!(
            "another base: {} became {}; whether FROM changed is not known",
            base_name(from),
            base_name(to)
        ),
        Cause::LockFile { path } => format!("lock file {path}"),
        Cause::Instruction { step, text } => {
            let text = text.as_deref().unwrap_or("which the image does not tell");
            match step {
                Step::Added => format!("new instruction: {text}"),
                Step::Repeated => format!("the same instruction brought something else: {text}"),
                Step::Removed => format!("instruction gone: {text}"),
            }
        }
        Cause::Unexplained => "neither layers nor provenance tell why".to_owned(),
    }
}

fn movement(moved: &Moved) -> String {
    let version = |occurrence: &Occurrence| occurrence.version.clone();
    match (&moved.before, &moved.now) {
        (Some(before), Some(now)) => {
            format!("{} {} → {} in {}", now.name, version(before), version(now), now.path)
        }
        (None, Some(now)) => format!("{} {} in {}", now.name, version(now), now.path),
        (Some(before), None) => format!("{} {} is gone from {}", before.name, version(before), before.path),
        (None, None) => String::new(),
    }
}

fn base_digest(base: &Base) -> String {
    base.digest
        .map_or_else(|| "an image not seen here".to_owned(), |digest: Digest| digest.short().to_string())
}

fn base_name(base: &Base) -> String {
    let name = base.declared.as_ref().or_else(|| base.tags.first());
    name.map_or_else(|| base_digest(base), |name| format!("{name} ({})", base_digest(base)))
}

fn clocks(interval: &ReportedInterval) -> impl Iterator<Item = (&'static str, &Clock)> {
    let clocks = &interval.clocks;
    let all = [
        ("code", &clocks.code),
        ("base", &clocks.base),
        ("built", &clocks.build),
        ("pushed", &clocks.push),
        ("approved", &clocks.approval),
        ("ran", &clocks.run),
        ("gone", &clocks.gone),
        ("disclosed", &clocks.disclosed),
        ("known here", &clocks.known_here),
        ("detected", &clocks.detected),
        ("fixable", &clocks.fixable),
        ("fixed", &clocks.fixed),
    ];
    all.into_iter().filter_map(|(name, clock)| Some((name, clock.as_ref()?)))
}

fn exposure(exposure: &Exposure) -> impl Iterator<Item = (&'static str, String)> {
    let all = [
        ("exposed", exposure.exposed_seconds),
        ("knowingly", exposure.knowingly_exposed_seconds),
        ("detected after", exposure.detection_lag_seconds),
    ];
    all.into_iter().filter_map(|(name, seconds)| Some((name, lapse(seconds?))))
}

fn source(source: &Source) -> String {
    match source {
        Source::Evidence { digest, is_verified: true } => format!("evidence {}", digest.short()),
        Source::Evidence { digest, is_verified: false } => format!("claimed by {}", digest.short()),
        Source::Push { digest } => format!("push of {}", digest.short()),
        Source::Contents { digest } => format!("contents of {}", digest.short()),
        Source::Advisory { id } => format!("advisory {id}"),
        Source::Advisories { digest } => format!("advisories {}", digest.short()),
        Source::Event { number } => format!("event {number}"),
        Source::Observation { place } => format!("observed in {place}"),
        Source::Commit { commit } => format!("commit {commit}"),
    }
}

fn to_the_minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M").to_string()
}

/// A time as people speak of it: in its largest unit of which there are two, or seconds.
fn lapse(seconds: i64) -> String {
    const UNITS: [(i64, &str); 3] = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let fit = UNITS.iter().find(|(length, _)| seconds >= length.saturating_mul(2));
    let (length, unit) = fit.copied().unwrap_or((1, "second"));
    count(usize::try_from(seconds.checked_div(length).unwrap_or_default()).unwrap_or_default(), unit)
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lapse_is_told_in_a_unit_of_which_there_are_two() {
        let cases = [
            (0, "0 seconds"),
            (1, "1 second"),
            (119, "119 seconds"),
            (120, "2 minutes"),
            (7_200, "2 hours"),
            (172_799, "47 hours"),
            (172_800, "2 days"),
        ];
        for (seconds, text) in cases {
            assert_eq!(lapse(seconds), text);
        }
    }
}
