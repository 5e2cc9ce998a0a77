//! When something entered the line of an image, left it and returned: gathered here, reasoned by
//! [`plimsoll_index::lineage`].
//!
//! Which builds hold it is known from the inventory alone. What a build is made of is read only where something changed,
//! so a line of a thousand builds costs little more than a short one.

mod clocks;
mod edges;
mod evidence;
mod known;
mod members;
mod runs;

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use plimsoll_index::lineage::{
    Answer, Clocks, Holding, Interval, LineReport, LogPosition, Question, QuestionError, ReportedBuild,
    ReportedEdge, ReportedInterval, entry, exit, intervals,
};
use plimsoll_index::{Concerned, Interned};
use plimsoll_oci::{Digest, RepositoryName};
use plimsoll_registry::access::{CanList, CanPull};
use plimsoll_registry::{Known, LineQuestion};
use plimsoll_store::CatalogueError;
use plimsoll_store::Timestamp;
use plimsoll_tlog::{Checkpoint, SignedNote};
use plimsoll_vuln::finding::Finding;

use super::Scanner;
use super::advisories::InForce;
use crate::clock::now;

use clocks::Told;
use edges::{EdgeBuild, EdgeBuilds};
pub(super) use evidence::AtHand;
use evidence::Statements;
use members::Member;
pub(super) use members::Platforms;

/// Intervals whose causes are told; of a line with more, the newest.
const EXPLAINED_MAX: usize = 100;

/// Builds that are read at a time.
const AT_A_TIME: usize = 8;

/// What was asked, and everything that answers it.
struct Case {
    asked: String,
    repository: RepositoryName,
    question: Question,
    in_force: InForce,
    /// The components that it is about.
    concerned: Vec<Concerned>,
}

impl Scanner {
    /// The history of what is asked about in the line of an image.
    pub(super) async fn find_line(
        &self,
        asked: &LineQuestion,
        can_pull: &CanPull,
        can_list: &CanList,
    ) -> Result<Known, CatalogueError> {
        if !self.follows_soon().await? {
            return Ok(Known::Waiting);
        }
        let Some(platform) = self.platform_of(asked.image).await? else { return Ok(Known::NotImage) };
        let case = match self.open_case(asked, can_pull).await {
            Ok(case) => case,
            Err(known) => return Ok(known),
        };
        let (mut members, is_truncated) = self.members(can_pull.repository(), &platform).await?;
        let statements = self.take_in_evidence(can_pull.repository(), &mut members).await?;
        members.sort_by_cached_key(Member::place_in_time);
        self.judge_members(&case, &mut members);
        if members.iter().any(|member| member.digest == asked.image && member.is_waiting()) {
            return Ok(Known::Waiting);
        }
        let mut report = self.begin_report(&case, asked.image, platform, &members).await?;
        report.is_truncated = is_truncated;
        report.intervals = self.intervals(&case, &members, &statements, can_list).await?;
        Ok(match serde_json::to_vec(&report) {
            Ok(json) => Known::Document(json),
            Err(error) => Known::Failed(error.to_string()),
        })
    }

    /// Finds out what is asked about, and which components it concerns.
    async fn open_case(&self, asked: &LineQuestion, can_pull: &CanPull) -> Result<Case, Known> {
        let scanner = self.clone();
        let (text, repository) = (asked.what.clone(), can_pull.repository().clone());
        // Finding the packages that a vulnerability is in means to read all advisories.
        let opening = tokio::task::spawn_blocking(move || {
            let in_force = scanner.in_force();
            let question = Question::parse(&text, &in_force.index)?;
            let concerned = scanner.inventory().concerned(&question);
            Ok::<_, QuestionError>(Case { asked: text, repository, question, in_force, concerned })
        });
        match opening.await {
            Ok(Ok(case)) => Ok(case),
            Ok(Err(error)) => Err(Known::NotEvaluated(error.to_string())),
            Err(error) => Err(Known::Failed(error.to_string())),
        }
    }

    /// Finds out of each member whether it holds what is asked about.
    fn judge_members(&self, case: &Case, members: &mut [Member]) {
        let numbers: Vec<u32> = case.concerned.iter().map(|concerned| concerned.number).collect();
        let inventory = self.inventory();
        for member in members.iter_mut().filter(|member| member.unknown.is_none()) {
            member.judge(inventory.held_by(member.digest, &numbers), &case.concerned);
        }
    }

    async fn begin_report(
        &self,
        case: &Case,
        image: Digest,
        platform: String,
        members: &[Member],
    ) -> Result<LineReport, CatalogueError> {
        let findings = case.findings(members);
        let ids: BTreeSet<String> = findings.iter().flat_map(|finding| finding.ids.clone()).collect();
        let at = now();
        Ok(LineReport {
            api_version: "plimsoll/v1".to_owned(),
            kind: "ImageLine".to_owned(),
            asked: case.asked.clone(),
            ids: ids.into_iter().collect(),
            summary: findings.iter().find_map(|finding| finding.summary.clone()),
            repository: case.repository.to_string(),
            platform,
            image,
            builds: members.iter().map(|member| member.report(case)).collect(),
            is_truncated: false,
            intervals: Vec::new(),
            advisories: case.in_force.artifact,
            log: self.log_position().await?,
            judged_at: moment(at),
        })
    }

    async fn intervals(
        &self,
        case: &Case,
        members: &[Member],
        statements: &Statements,
        can_list: &CanList,
    ) -> Result<Vec<ReportedInterval>, CatalogueError> {
        let line: Vec<Holding> = members.iter().map(|member| member.holding).collect();
        let found = intervals(&line);
        let untold = found.len().saturating_sub(EXPLAINED_MAX);
        let explained = found.get(untold..).unwrap_or_default();
        let places: BTreeSet<usize> = explained.iter().flat_map(places_of).collect();
        let reading = stream::iter(places).map(|place| async move {
            let member = members.get(place);
            let build = match member {
                Some(member) => self.edge_build(case, member, can_list).await?,
                None => EdgeBuild::default(),
            };
            Ok::<_, CatalogueError>((place, build))
        });
        let builds: EdgeBuilds = reading.buffer_unordered(AT_A_TIME).try_collect().await?;
        let known = self.known_here(case, members).await?;
        let runs = self.runs_of_members(&case.repository, members).await?;
        let mut reported = Vec::with_capacity(found.len());
        for interval in &found {
            let clocks = self
                .clocks(
                    case,
                    members,
                    interval,
                    &Told { builds: &builds, known: &known, runs: &runs, statements },
                )
                .await?;
            reported.push(report_interval(interval, &builds, clocks));
        }
        Ok(reported)
    }

    /// How far the log has got.
    async fn log_position(&self) -> Result<Option<LogPosition>, CatalogueError> {
        let newest = self.parts.storage.catalogue().log_checkpoint().await?;
        Ok(newest.and_then(|(_, note)| {
            let note: SignedNote = note.parse().ok()?;
            let Checkpoint { origin, size, root, .. } = note.text().parse().ok()?;
            Some(LogPosition { origin, size, root: root.to_string() })
        }))
    }
}

impl Case {
    /// What is known of the components that some member holds.
    fn findings(&self, members: &[Member]) -> Vec<Arc<Finding>> {
        let held: BTreeSet<u32> = members.iter().flat_map(|member| &member.held).copied().collect();
        self.findings_in(&held)
    }

    /// What is known of these components.
    fn findings_in(&self, numbers: &BTreeSet<u32>) -> Vec<Arc<Finding>> {
        let among = self.concerned.iter().filter(|concerned| numbers.contains(&concerned.number));
        let finding = |concerned: &Concerned| match &concerned.answer {
            Answer::Held(finding) => finding.clone(),
            Answer::Free | Answer::NotEvaluated(_) => None,
        };
        among.filter_map(finding).collect()
    }
}

/// The builds that tell why an interval began and ended.
fn places_of(interval: &Interval) -> impl Iterator<Item = usize> {
    let Interval { before, first, last, after } = *interval;
    before.into_iter().chain([first, last]).chain(after)
}

fn report_interval(interval: &Interval, builds: &EdgeBuilds, clocks: Clocks) -> ReportedInterval {
    let build = |place: usize| builds.get(&place).map(|build| &build.build);
    let has_origins = |one: Option<usize>, other: usize| {
        [one, Some(other)]
            .iter()
            .all(|place| place.and_then(build).is_some_and(|build| build.origin.is_some()))
    };
    let entered = ReportedEdge {
        after: interval.before,
        with: interval.first,
        confidence: interval.entry_confidence(has_origins(interval.before, interval.first)),
        changes: build(interval.first)
            .map(|with| entry(interval.before.and_then(build), with))
            .unwrap_or_default(),
    };
    let left = interval.after.map(|after| ReportedEdge {
        after: Some(interval.last),
        with: after,
        confidence: interval.exit_confidence(has_origins(Some(interval.last), after)),
        changes: build(interval.last)
            .zip(build(after))
            .map(|(last, after)| exit(last, after))
            .unwrap_or_default(),
    });
    let exposure = clocks.exposure(moment(now()));
    ReportedInterval {
        first: interval.first,
        last: interval.last,
        entry: entered,
        exit: left,
        source: None,
        clocks,
        exposure,
    }
}

/// The moment as documents write it.
fn moment(at: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(at.unix_ms()).unwrap_or_default()
}

impl Member {
    fn report(&self, case: &Case) -> ReportedBuild {
        let held = case.concerned.iter().filter(|concerned| self.held.contains(&concerned.number));
        let purl = |concerned: &Concerned| {
            let Interned { component, distribution } = &*concerned.component;
            component.purl(distribution.as_ref()).to_string()
        };
        ReportedBuild {
            digest: self.digest,
            tags: self.tags.iter().map(ToString::to_string).collect(),
            built: self.built.clone(),
            pushed: moment(self.pushed),
            origin: self.origin.clone(),
            holding: self.holding,
            reason: self.unknown.as_ref().map(ToString::to_string),
            components: held.map(purl).collect(),
        }
    }
}
