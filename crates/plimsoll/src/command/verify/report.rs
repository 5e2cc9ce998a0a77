use jiff::Timestamp;
use plimsoll_attest::{PredicateType, Proven, Provenance, RequirementRuling};
use plimsoll_oci::Digest;
use plimsoll_transport::{EvidenceOutcome, JudgedEvidence};
use serde::Serialize;

use super::gates::GateRuling;
use super::identity::SignedBy;
use super::verdict::{Gathered, origin_of};
use super::way::Way;
use crate::failure::{Failure, Verdict};
use crate::terminal::{Page, Report, bytes};
use crate::trust::PolicyInForce;

/// What the verification found.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Verified {
    api_version: &'static str,
    kind: &'static str,
    image: String,
    digest: Digest,
    /// Where it is written who is trusted.
    policy: String,
    /// Whether it is the word of the registry that was asked for the image.
    #[serde(skip)]
    is_from_registry: bool,
    /// The time that was judged by.
    at: Timestamp,
    /// `pass`, `fail` or `not-evaluated`.
    result: &'static str,
    requirements: Vec<Met>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    gates: Vec<GateRuling>,
    /// The way from the commit to the approvals.
    chain: Way,
    facts: Vec<ProvenFact>,
    refused: Vec<Refused>,
    /// What nobody signed, as hints only.
    claims: Vec<Claimed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_read: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Met {
    requirement: String,
    predicate_type: PredicateType,
    is_met: bool,
    by: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
    #[serde(skip)]
    identities: Vec<SignedBy>,
    #[serde(skip)]
    next: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProvenFact {
    evidence: Digest,
    predicate_type: PredicateType,
    signer: String,
    key_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<SignedBy>,
    roles: Vec<String>,
    /// When a trusted log says that it was signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    logged_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    builder: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
}

#[derive(Serialize)]
struct Refused {
    evidence: Digest,
    reason: String,
    /// Whether it could not be fetched.
    unknown: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Claimed {
    evidence: Digest,
    predicate_type: PredicateType,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
}

impl Verified {
    pub(super) fn of(image: &str, gathered: &Gathered, by: &PolicyInForce, at: Timestamp) -> Self {
        let proven = gathered.proven();
        let judgement = by.policy.judge(&proven, at);
        let chain = Way::of(image, gathered, &proven, &judgement, &by.policy);
        let result = match (judgement.is_pass(), gathered.has_unknown()) {
            (true, _) => "pass",
            (false, true) => "not-evaluated",
            (false, false) => "fail",
        };
        let claimed = |one: &super::verdict::Claim| Claimed {
            evidence: one.manifest,
            predicate_type: one.claim.statement().predicate_type.clone(),
            origin: one.claim.provenance().as_ref().map(origin_of),
        };
        Self {
            api_version: "plimsoll/v1",
            kind: "Verification",
            image: image.to_owned(),
            digest: gathered.subject.digest,
            policy: by.origin.clone(),
            is_from_registry: by.is_from_registry,
            at,
            result,
            requirements: judgement.requirements.iter().map(|ruling| Met::of(ruling, image)).collect(),
            gates: judgement.gates.into_iter().map(GateRuling::of).collect(),
            chain,
            facts: gathered.evidence.iter().filter_map(listed).collect(),
            refused: gathered.evidence.iter().filter_map(refused).collect(),
            claims: gathered.claims.iter().map(claimed).collect(),
            bytes_read: gathered.bytes_read,
        }
    }

    /// What the exit code says.
    pub(super) fn into_result(self) -> Result<(), Failure> {
        let shut = self.gates.iter().filter(|gate| !gate.is_open);
        let unapproved =
            shut.map(|gate| (format!("approval for {}", gate.gate), gate.next_command(&self.image)));
        let unmet = self.requirements.iter().filter(|met| !met.is_met);
        let missing: Vec<(String, String)> =
            unmet.map(|met| (met.requirement.clone(), met.next.clone())).chain(unapproved).collect();
        let Some((_, next)) = missing.first() else { return Ok(()) };
        let names: Vec<&str> = missing.iter().map(|(name, _)| name.as_str()).collect();
        let verdict = if self.result == "fail" { Verdict::GateFailed } else { Verdict::NotEvaluated };
        let what = format!("missing: {}", names.join(", "));
        Err(Failure::new(verdict, what).at(self.image.clone()).help(next.clone()))
    }
}

fn listed(one: &JudgedEvidence) -> Option<ProvenFact> {
    let EvidenceOutcome::Proven(fact) = &one.outcome else { return None };
    let provenance = Provenance::of(fact.statement()).unwrap_or_default();
    let (source, commit) = provenance.source.map(|source| (source.uri, source.commit)).unzip();
    Some(ProvenFact {
        evidence: one.manifest,
        predicate_type: fact.predicate_type().clone(),
        signer: fact.signer().to_owned(),
        key_id: fact.key().to_string(),
        identity: SignedBy::of(fact),
        roles: fact.roles().iter().map(ToString::to_string).collect(),
        logged_at: fact.logged_at(),
        builder: provenance.builder,
        source,
        commit,
    })
}

fn refused(one: &JudgedEvidence) -> Option<Refused> {
    let (reason, unknown) = match &one.outcome {
        EvidenceOutcome::Proven(_) => return None,
        EvidenceOutcome::Refused(refusal) => (refusal.to_string(), false),
        EvidenceOutcome::Damaged(error) => (error.to_string(), false),
        EvidenceOutcome::Unreachable(error) => (error.to_string(), true),
    };
    Some(Refused { evidence: one.manifest, reason, unknown })
}

impl Met {
    fn of(ruling: &RequirementRuling<'_>, image: &str) -> Self {
        let requirement = &ruling.requirement;
        let who = |Proven { fact, .. }: &Proven<'_>| {
            let roles: Vec<String> = fact.roles().iter().map(ToString::to_string).collect();
            format!("{} ({})", fact.signer(), roles.join(", "))
        };
        let mut by: Vec<String> = ruling.facts.iter().map(who).collect();
        by.dedup();
        let mut identities: Vec<SignedBy> =
            ruling.facts.iter().filter_map(|proven| SignedBy::of(proven.fact)).collect();
        identities.dedup();
        let provenance = ruling.facts.iter().find_map(|proven| Provenance::of(proven.fact.statement()));
        Self {
            requirement: requirement.to_string(),
            predicate_type: requirement.predicate_type.clone(),
            is_met: ruling.is_met,
            by,
            identities,
            origin: provenance.as_ref().map(origin_of),
            next: next_command(&requirement.predicate_type, image),
        }
    }
}

/// What to do about something that is missing.
fn next_command(missing: &PredicateType, image: &str) -> String {
    if *missing == PredicateType::SIGNATURE {
        return format!("plimsoll sign {image} --key FILE");
    }
    if *missing == PredicateType::PROVENANCE {
        return format!("plimsoll attest provenance {image} --key FILE");
    }
    format!("plimsoll attest {image} --type {} --predicate FILE --key FILE", missing.short_name())
}

impl Report for Verified {
    fn draw(&self, page: &mut Page) {
        let short =
            |page: &Page, digest: &Digest| if page.is_wide() { digest.to_string() } else { digest.short() };
        let digest = short(page, &self.digest);
        page.line(&format!("{} is {digest}", self.image));
        if self.is_from_registry {
            page.line(&format!("  judged by {}", self.policy));
        }
        if let Some(read) = self.bytes_read {
            page.line(&format!("✓ contents: {} read, every byte is as it was pushed", bytes(read)));
        }
        for met in &self.requirements {
            match (met.is_met, met.by.is_empty()) {
                (true, _) => page.line(&format!("✓ {}: {}", met.requirement, met.by.join(", "))),
                (false, true) => {
                    page.line(&format!("✗ {}: nobody who may say it has said it", met.requirement));
                }
                (false, false) => page.line(&format!("✗ {}: only {}", met.requirement, met.by.join(", "))),
            }
            for line in met.identities.iter().flat_map(SignedBy::lines) {
                page.line(&format!("    {line}"));
            }
            if let Some(origin) = &met.origin {
                page.line(&format!("    {origin}"));
            }
        }
        self.gates.iter().for_each(|gate| gate.draw(page));
        for refused in &self.refused {
            let evidence = short(page, &refused.evidence);
            let word = if refused.unknown { "not read" } else { "not counted" };
            page.line(&format!("  {word}: {evidence}: {}", refused.reason));
        }
        for claim in &self.claims {
            let what = claim.origin.as_deref().unwrap_or_else(|| claim.predicate_type.short_name());
            page.line(&format!("  claimed, and signed by nobody: {what}"));
        }
        self.chain.draw(page);
        page.line(self.result);
    }
}
