//! From what records say to findings.

use std::hash::{Hash as _, Hasher};
use std::sync::Arc;

use plimsoll_sbom::PackageType;

use crate::finding::{Claim, Finding, Group, Mark, is_cve, merge};
use crate::index::{Advisory, Affected, Enrichment, Hit, Index, Information, Shard, Unpacked};
use crate::priority::{Epss, Priority};
use crate::severity::{Opinion, Rating};

use super::lane::Lane;
use super::{Answer, Asked, Matches, upgrade};

/// One record that names the component, as it stands in the index.
#[derive(Clone, Copy)]
pub(super) struct Record<'i> {
    shard: &'i Shard,
    hit: Hit<'i>,
    affected: Affected<'i>,
    advisory: Advisory<'i>,
    mark: Option<Mark>,
}

impl<'i> Record<'i> {
    /// Reads the record, unless it is a distribution's update that mends no flaw.
    pub(super) fn read(
        shard: &'i Shard,
        affected: Affected<'i>,
        hit: Hit<'i>,
        mark: Option<Mark>,
    ) -> Option<Self> {
        let advisory = affected.advisory().filter(is_about_security)?;
        Some(Self { shard, hit, affected, advisory, mark })
    }

    /// Adds all that a finding is made of but its summary.
    pub(super) fn hash(&self, hasher: &mut impl Hasher) {
        let advisory = &self.advisory;
        let ids = [advisory.id()].into_iter().chain(advisory.aliases());
        ids.for_each(|id| id.hash(hasher));
        0xff_u8.hash(hasher);
        advisory.upstream().for_each(|id| id.hash(hasher));
        0xff_u8.hash(hasher);
        advisory.severities().for_each(|vector| vector.hash(hasher));
        let information = advisory.informational().map(Information::as_str);
        (self.hit.fixed, self.affected.label(), information, self.mark, advisory.published()).hash(hasher);
    }
}

/// One record that names the component, with its ids as text.
pub(super) struct Report<'i> {
    pub(super) shard: &'i Shard,
    pub(super) hit: Hit<'i>,
    affected: Affected<'i>,
    advisory: Advisory<'i>,
    id: String,
    aliases: Vec<String>,
    upstream: Vec<String>,
    mark: Option<Mark>,
}

impl<'i> Report<'i> {
    fn of(record: Record<'i>) -> Self {
        let Record { shard, hit, affected, advisory, mark } = record;
        Self {
            shard,
            hit,
            affected,
            advisory,
            id: advisory.id().to_string(),
            aliases: advisory.aliases().map(|id| id.to_string()).collect(),
            upstream: advisory.upstream().map(|id| id.to_string()).collect(),
            mark,
        }
    }

    fn claim(&self) -> Claim<'_> {
        Claim { id: &self.id, aliases: texts(&self.aliases), upstream: texts(&self.upstream) }
    }
}

fn texts(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

/// Distributions publish updates that mend bugs or bring something new in the same form.
pub(super) fn is_about_security(advisory: &Advisory<'_>) -> bool {
    !matches!(advisory.informational(), Some(Information::BugFix | Information::Enhancement))
}

/// The ids of the vulnerabilities that an advisory speaks of.
fn vulnerability_ids(advisory: &Advisory<'_>) -> Vec<String> {
    let ids = [advisory.id()].into_iter().chain(advisory.aliases()).chain(advisory.upstream());
    ids.map(|id| id.to_string()).collect()
}

/// Makes findings of an answer, without the version that clears them and with a line that says what they are where summaries are asked for.
pub(super) fn tell<'i>(
    asked: &Asked<'_>,
    lane: &Lane<'_>,
    answer: Answer<'i>,
    index: &Index,
    summaries: Option<&mut Unpacked<'i>>,
) -> Matches {
    let evaluation = answer.evaluation(lane);
    let reports: Vec<Report<'i>> = answer.records.into_iter().map(Report::of).collect();
    let claims: Vec<Claim<'_>> = reports.iter().map(Report::claim).collect();
    let groups = merge(&claims);
    let mut findings: Vec<Finding> =
        groups.iter().map(|group| finding(asked, lane, group, &claims, &reports, index)).collect();
    if let Some(summaries) = summaries {
        for (finding, group) in findings.iter_mut().zip(&groups) {
            let mut reports = reports_of(group, &reports);
            finding.summary = reports.find_map(|report| report.advisory.summary_among(summaries));
        }
    }
    Matches {
        evaluation,
        findings: findings.into_iter().map(Arc::new).collect(),
        not_affected: answer.denials.iter().flat_map(vulnerability_ids).collect(),
        clears: None,
        leaves_some: false,
    }
}

fn finding(
    asked: &Asked<'_>,
    lane: &Lane<'_>,
    group: &Group<'_>,
    claims: &[Claim<'_>],
    reports: &[Report<'_>],
    index: &Index,
) -> Finding {
    let reports: Vec<&Report<'_>> = reports_of(group, reports).collect();
    let enrichments: Vec<(&str, Enrichment)> =
        group.ids.iter().filter_map(|id| enrichment(index, id)).collect();
    let rating = rating(&reports, &enrichments);
    Finding {
        id: group.primary(claims).to_owned(),
        ids: sorted(group.ids.iter().map(|id| (*id).to_owned()).collect()),
        advisories: sorted(reports.iter().map(|report| report.id.clone()).collect()),
        ecosystem: lane.evaluation.ecosystem().unwrap_or_default().to_owned(),
        package: asked.name.to_owned(),
        installed: asked.version.to_owned(),
        fixed: upgrade::latest_fix(&reports),
        priority: priority(&rating, &enrichments),
        rating,
        summary: None,
        published: reports.iter().filter_map(|report| report.advisory.published()).min(),
        informational: information(&reports),
        marks: marks(asked, &reports),
    }
}

fn reports_of<'r, 'i>(
    group: &'r Group<'_>,
    reports: &'r [Report<'i>],
) -> impl Iterator<Item = &'r Report<'i>> {
    group.claims.iter().filter_map(|position| reports.get(*position))
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort_unstable();
    list.dedup();
    list
}

fn enrichment<'a>(index: &Index, id: &'a str) -> Option<(&'a str, Enrichment)> {
    if is_cve(id) { Some((id, index.enrichment(id)?)) } else { None }
}

fn rating(reports: &[&Report<'_>], enrichments: &[(&str, Enrichment)]) -> Rating {
    let vectors: Vec<Vec<&str>> =
        reports.iter().map(|report| report.advisory.severities().collect()).collect();
    let said = reports.iter().zip(&vectors);
    let vendor: Vec<Opinion<'_>> = said
        .map(|(report, vectors)| Opinion { by: &report.id, label: report.affected.label(), vectors })
        .collect();
    let vectors: Vec<(&str, Vec<&str>)> =
        enrichments.iter().map(|(cve, known)| (*cve, texts(&known.vectors))).collect();
    let others: Vec<Opinion<'_>> =
        vectors.iter().map(|(cve, vectors)| Opinion { by: cve, label: None, vectors }).collect();
    Rating::of(&vendor, &others)
}

fn priority(rating: &Rating, enrichments: &[(&str, Enrichment)]) -> Priority {
    let known = || enrichments.iter().map(|(_, known)| known);
    let epss = known().filter_map(|known| {
        Some(Epss { probability: known.epss?, percentile: known.percentile.unwrap_or_default() })
    });
    Priority {
        exploited_since: known().filter_map(|known| known.kev_date).min(),
        epss: epss.max_by(|left, right| left.probability.total_cmp(&right.probability)),
        severity: rating.severity,
    }
}

/// A vulnerability is information only if every record says so.
fn information(reports: &[&Report<'_>]) -> Option<String> {
    let mut words = reports.iter().map(|report| report.advisory.informational());
    let first = words.next()??;
    words.all(|word| word.is_some()).then(|| first.as_str().to_owned())
}

fn marks(asked: &Asked<'_>, reports: &[&Report<'_>]) -> Vec<Mark> {
    let is_program = asked.component.package_type == PackageType::Generic;
    let of_component = Mark::of_kinship(asked.component.kinship).into_iter();
    let of_program = is_program.then_some(Mark::KnownByBytes);
    // One record that is sure settles it.
    let is_unsure = reports.iter().all(|report| report.mark == Some(Mark::WholeModule));
    of_component.chain(of_program).chain(is_unsure.then_some(Mark::WholeModule)).collect()
}
