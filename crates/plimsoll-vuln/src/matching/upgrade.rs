//! Which version to go to.

use std::sync::Arc;

use crate::finding::Finding;
use crate::index::Shard;

use super::Asked;
use super::lane::Lane;
use super::qualifiers::{self, Qualified};
use super::report::{Report, is_about_security};

/// A release that mends one line of flaws may have others, which the next release mends. More steps than this do not
/// occur in real data, and hostile data must not go on for ever.
const STEPS_MAX: usize = 64;

/// The version that clears a component.
#[derive(Debug, Default)]
pub(super) struct Goal {
    pub(super) version: Option<String>,
    pub(super) leaves_some: bool,
}

/// The first version that satisfies every record which names one.
pub(super) fn latest_fix(reports: &[&Report<'_>]) -> Option<String> {
    let mut latest: Option<(Vec<u8>, &str)> = None;
    for report in reports {
        let Some(fixed) = report.hit.fixed else { continue };
        let key = key_of(report.shard, fixed);
        if latest.as_ref().is_none_or(|(known, _)| *known < key) {
            latest = Some((key, fixed));
        }
    }
    latest.map(|(_, fixed)| fixed.to_owned())
}

/// Goes up from the fixes of all findings until no advisory with a fix names the version any more.
pub(super) fn find(asked: &Asked<'_>, lane: &Lane<'_>, findings: &[Arc<Finding>]) -> Goal {
    let Some(shard) = lane.shards.first() else { return Goal::default() };
    let counted = || findings.iter().filter(|finding| finding.informational.is_none());
    let leaves_some = counted().any(|finding| finding.fixed.is_none());
    let fixes = counted().filter_map(|finding| finding.fixed.as_deref());
    let Some(mut goal) = fixes.map(|fixed| (key_of(shard, fixed), fixed)).max() else {
        return Goal { version: None, leaves_some };
    };
    for _ in 0..STEPS_MAX {
        match next(asked, lane, &goal) {
            Step::Up(higher) => goal = higher,
            Step::Stay { leaves_some: more } => {
                return Goal { version: Some(goal.1.to_owned()), leaves_some: leaves_some || more };
            }
        }
    }
    Goal { version: None, leaves_some: true }
}

enum Step<'i> {
    Up((Vec<u8>, &'i str)),
    Stay { leaves_some: bool },
}

/// The highest fix among the advisories that name a version, if it is above the version.
fn next<'i>(asked: &Asked<'_>, lane: &Lane<'i>, goal: &(Vec<u8>, &str)) -> Step<'i> {
    let (key, version) = goal;
    let there = Asked { version, ..*asked };
    let mut highest: Option<(Vec<u8>, &'i str)> = None;
    let mut leaves_some = false;
    for shard in &lane.shards {
        for affected in shard.affecting(asked.name) {
            let Some(hit) = affected.contains(key, version) else { continue };
            let is_meant = matches!(qualifiers::qualify(&there, &affected, &hit), Qualified::Yes(_));
            let is_vulnerability = affected
                .advisory()
                .is_some_and(|advisory| is_about_security(&advisory) && advisory.informational().is_none());
            if affected.is_not_affected() || !is_meant || !is_vulnerability {
                continue;
            }
            match hit.fixed.map(|fixed| (key_of(shard, fixed), fixed)) {
                Some(fix) if fix.0 > *key => highest = highest.max(Some(fix)),
                _ => leaves_some = true,
            }
        }
    }
    highest.map_or(Step::Stay { leaves_some }, Step::Up)
}

/// A fix that has no order is below all others.
fn key_of(shard: &Shard, version: &str) -> Vec<u8> {
    let mut key = Vec::new();
    match shard.order().encode(version, &mut key) {
        Ok(()) => key,
        Err(_) => Vec::new(),
    }
}
