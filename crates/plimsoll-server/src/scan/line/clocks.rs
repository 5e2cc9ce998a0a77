use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use plimsoll_index::lineage::{Cause, Clock, Clocks, Interval, Source, entry};
use plimsoll_oci::Digest;
use plimsoll_store::CatalogueError;
use plimsoll_vuln::finding::Finding;

use super::edges::EdgeBuilds;
use super::evidence::Statements;
use super::known::KnownHere;
use super::runs::Runs;
use super::{Case, Member, moment};
use crate::scan::Scanner;

/// What clocks are read from.
pub(super) struct Told<'a> {
    pub(super) builds: &'a EdgeBuilds,
    pub(super) known: &'a KnownHere,
    pub(super) statements: &'a Statements,
    pub(super) runs: &'a Runs,
}

impl Statements {
    /// When one of the members was approved for the first time.
    fn approval_of(&self, members: &[Member]) -> Option<Clock> {
        let is_of_one = |image: &Digest| members.iter().any(|member| member.digest == *image);
        let clocks = self.approvals.iter().filter(|(image, _)| is_of_one(image)).map(|(_, clock)| clock);
        clocks.min_by_key(|clock| clock.at).cloned()
    }
}

impl Scanner {
    /// The clocks of one interval.
    pub(super) async fn clocks(
        &self,
        case: &Case,
        members: &[Member],
        interval: &Interval,
        told: &Told<'_>,
    ) -> Result<Clocks, CatalogueError> {
        let Some(first) = members.get(interval.first) else { return Ok(Clocks::default()) };
        let held_by = members.get(interval.first..=interval.last).unwrap_or_default();
        let components: BTreeSet<u32> = held_by.iter().flat_map(|member| &member.held).copied().collect();
        let fixed = interval.after.and_then(|after| members.get(after));
        let (run, gone) = told.runs.clocks(held_by);
        Ok(Clocks {
            run,
            gone,
            approval: told.statements.approval_of(held_by),
            base: base_clock(interval, told.builds),
            build: first.built.clone(),
            push: Some(pushed(first)),
            disclosed: case
                .findings_in(&components)
                .iter()
                .filter_map(|finding| disclosed(finding))
                .min_by_key(|clock| clock.at),
            known_here: told.known.known.clone(),
            detected: detected(held_by, &components, told.known),
            fixable: told.known.fixable.clone(),
            fixed: fixed.map(|member| member.built.clone().unwrap_or_else(|| pushed(member))),
            ..Clocks::default()
        })
    }
}

fn pushed(member: &Member) -> Clock {
    Clock { at: moment(member.pushed), source: Source::Push { digest: member.digest } }
}

/// When the base that brings it was there, if a base does.
fn base_clock(interval: &Interval, builds: &EdgeBuilds) -> Option<Clock> {
    let with = builds.get(&interval.first)?;
    let before = interval.before.and_then(|before| builds.get(&before));
    let causes = entry(before.map(|before| &before.build), &with.build);
    let is_of_base = causes.iter().any(|change| {
        matches!(change.cause, Cause::BaseDrift { .. } | Cause::BaseBump { .. } | Cause::BaseChanged { .. })
    });
    let digest = with.build.base.as_ref().filter(|_| is_of_base)?.digest?;
    Some(Clock { at: moment(with.base_seen?), source: Source::Push { digest } })
}

/// The day on which an advisory was published.
fn disclosed(finding: &Finding) -> Option<Clock> {
    let at = finding.published?.to_zoned(TimeZone::UTC).ok()?.timestamp();
    let id = finding.advisories.first().unwrap_or(&finding.id).clone();
    Some(Clock { at, source: Source::Advisory { id } })
}

/// When it was told of one of the images that hold it: by an event, or because its contents were found out under advisories
/// that knew of it.
fn detected(held_by: &[Member], components: &BTreeSet<u32>, known: &KnownHere) -> Option<Clock> {
    let since = held_by.iter().map(|member| member.pushed).min()?;
    let told = known.told.iter().filter(|told| components.contains(&told.component) && told.told_at >= since);
    let told =
        told.map(|told| Clock { at: moment(told.told_at), source: Source::Event { number: told.number } });
    let known_at = known.known.as_ref().map(|clock| clock.at);
    let analysed = held_by.iter().filter(|member| !member.held.is_empty()).filter_map(|member| {
        let at = member.analysed.map(moment).filter(|at| known_at.is_some_and(|known| *at >= known))?;
        Some(Clock { at, source: Source::Contents { digest: member.digest } })
    });
    told.chain(analysed).min_by_key(|clock| clock.at)
}
