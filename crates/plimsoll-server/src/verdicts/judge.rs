//! Judging: evidence and policy in, what holds at each gate out.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use jiff::Timestamp;
use plimsoll_attest::{Fact, Gate, Judgement, Proven};
use plimsoll_oci::{Digest, RepositoryName};
use plimsoll_store::catalogue::ToldVerdicts;
use plimsoll_transport::{EvidenceOutcome, JudgedEvidence, Source as _, Target, verify_evidence};

use super::stored::StoredRepository;
use super::{Judge, JudgeError, server};
use crate::projects::Rules;

/// Most images whose judgement is kept; then all are forgotten and judged again.
const KEPT_MAX: usize = 50_000;

/// Tags under which cosign 2 keeps what it says of an image.
const COSIGN_SUFFIXES: [&str; 2] = [".sig", ".att"];

/// What came of an image, and how long it holds.
pub(super) struct Kept {
    /// The evidence and the policy that it rests on.
    basis: Digest,
    /// From when on it may be another, though nothing is said anew.
    pub(super) until: Option<Timestamp>,
    /// What is missing, where something is: at each gate, and under no name at all of them together.
    pub(super) missing: BTreeMap<String, Vec<String>>,
    /// The bundles that prove something.
    pub(super) inputs: Vec<Digest>,
    /// What could not be read.
    pub(super) unread: Option<String>,
}

impl Kept {
    /// What may be told of it: the gates that are open.
    pub(super) fn holds(&self, policy: Digest) -> ToldVerdicts {
        let open = self.missing.iter().filter(|(_, missing)| missing.is_empty());
        open.map(|(gate, _)| (gate.clone(), policy)).collect()
    }
}

impl Judge {
    /// Judges an image, unless it was judged before on the same evidence.
    pub(super) async fn judge(
        &self,
        rules: &Rules,
        repository: &RepositoryName,
        image: Digest,
        now: Timestamp,
    ) -> Result<Arc<Kept>, JudgeError> {
        let source = StoredRepository::new(self.parts.registry.clone(), &server(), repository)?;
        let basis = basis(&source, rules, &image).await?;
        let key = (repository.clone(), image);
        let known = self.parts.kept.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(known) = known.filter(|known| known.basis == basis && !known.is_over(now)) {
            return Ok(known);
        }
        let evidence = verify_evidence(&source, &image, &rules.policy.trust, now).await?;
        let place = (repository, image);
        let remembered = self.remember(&source, place, &evidence, &rules.policy.trust, now).await?;
        let kept = Arc::new(self.weigh(rules, repository, basis, (&evidence, &remembered), now));
        let mut all = self.parts.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= KEPT_MAX {
            all.clear();
        }
        if kept.unread.is_none() {
            all.insert(key, kept.clone());
        }
        Ok(kept)
    }

    fn weigh(
        &self,
        rules: &Rules,
        repository: &RepositoryName,
        basis: Digest,
        (evidence, remembered): (&[JudgedEvidence], &[(Digest, Fact)]),
        now: Timestamp,
    ) -> Kept {
        let remembered = remembered.iter().map(|(bundle, fact)| Proven { bundle: *bundle, fact });
        let proven: Vec<Proven<'_>> = evidence.iter().filter_map(proven).chain(remembered).collect();
        let mut policy = rules.policy.clone();
        for gate in &mut policy.gates {
            gate.repository = Some(self.resource(repository));
        }
        let judgement = policy.judge(&proven, now);
        let unread = evidence.iter().find_map(|one| match &one.outcome {
            EvidenceOutcome::Unreachable(error) => Some(error.to_string()),
            _ => None,
        });
        Kept {
            basis,
            until: policy.next_change(&proven, now),
            missing: missing(&judgement),
            inputs: proven.iter().map(|proven| proven.bundle).collect(),
            unread,
        }
    }

    /// How approvals and summaries name a repository: its registry and itself.
    pub(super) fn resource(&self, repository: &RepositoryName) -> String {
        let host = self.parts.url.split_once("://").map_or(self.parts.url.as_str(), |(_, host)| host);
        format!("{}/{repository}", host.trim_end_matches('/'))
    }
}

impl Kept {
    fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| now >= until)
    }
}

/// Names all that a judgement rests on: the policy, and every piece of evidence by its digest.
async fn basis(source: &StoredRepository, rules: &Rules, image: &Digest) -> Result<Digest, JudgeError> {
    let mut text = rules.digest.to_string();
    for referrer in source.referrers(image).await? {
        text.push_str(&format!("\n{}", referrer.digest));
    }
    for suffix in COSIGN_SUFFIXES {
        let tag = format!("{}{suffix}", plimsoll_oci::Tag::referrers_fallback(image));
        let Ok(tag) = tag.parse() else { continue };
        match source.resolve(&Target::Tag(tag)).await {
            Ok(found) => text.push_str(&format!("\n{suffix} {}", found.digest)),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Digest::sha256_of(text.as_bytes()))
}

pub(super) fn proven(one: &JudgedEvidence) -> Option<Proven<'_>> {
    match (&one.outcome, &one.layer) {
        (EvidenceOutcome::Proven(fact), Some(layer)) => Some(Proven { bundle: layer.digest, fact }),
        _ => None,
    }
}

/// What is missing at each gate, and under no name what is missing at any.
fn missing(judgement: &Judgement<'_>) -> BTreeMap<String, Vec<String>> {
    let unmet: Vec<String> = judgement.unmet().map(|requirement| requirement.to_string()).collect();
    let mut all = unmet.clone();
    let mut missing = BTreeMap::new();
    for (gate, ruling) in &judgement.gates {
        let mut here = unmet.clone();
        here.extend((!ruling.is_open).then(|| shut(gate, ruling)));
        all.extend((!ruling.is_open).then(|| shut(gate, ruling)));
        missing.insert(gate.name.clone(), here);
    }
    missing.insert(String::new(), all);
    missing
}

fn shut(gate: &Gate, ruling: &plimsoll_attest::Ruling) -> String {
    let names = |people: &std::collections::BTreeSet<String>| {
        people.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
    };
    let (wanted, given) = (gate.approvals.max(1), ruling.approvers.len());
    let approved = match given {
        0 => "nobody".to_owned(),
        _ => names(&ruling.approvers),
    };
    let mut text = format!("approval for {}: {given} of {wanted}: {approved}", gate.name);
    if !ruling.rejecters.is_empty() {
        text.push_str(&format!("; rejected by {}", names(&ruling.rejecters)));
    }
    for (bundle, reason) in &ruling.not_counted {
        text.push_str(&format!("; {} does not count: {reason}", bundle.short()));
    }
    text
}
