//! Verification summaries: what somebody's policy made of an image, so that others need one signature and no policy.
//!
//! The predicate is SLSA's (`verification_summary`, version 1). Fields that are not in it begin with `plimsoll_`, as it
//! asks of extensions.

use jiff::{SignedDuration, Timestamp};
use plimsoll_oci::Digest;
use serde::{Deserialize, Serialize};
use serde_json::value::to_raw_value;

use crate::approval::Named;
use crate::{Fact, PredicateType, Statement};

/// How far the clock of who made a summary may be ahead.
const CLOCK_SKEW_MAX: SignedDuration = SignedDuration::from_secs(60);

/// What stands before the name of a gate among the levels.
const GATE_LEVEL: &str = "PLIMSOLL_GATE_";

/// What is said: the predicate of [`PredicateType::VERIFICATION_SUMMARY`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerificationSummary {
    /// Who verified.
    pub verifier: SummaryVerifier,
    /// When. There is no other field that says how long it holds: who reads it decides.
    pub time_verified: Timestamp,
    /// What was verified, where: the repository, without the scheme.
    pub resource_uri: String,
    /// By which rules.
    pub policy: SummaryPolicy,
    /// What the result rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub input_attestations: Vec<Named>,
    /// Whether the rules are met.
    pub verification_result: VerificationResult,
    /// The gates that are open; `FAILED` where the rules are not met.
    pub verified_levels: Vec<String>,
    /// Why the rules are not met.
    #[serde(default, rename = "plimsoll_missing", skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// How old it may become, in seconds, if the policy says so.
    #[serde(default, rename = "plimsoll_maxAgeSeconds", skip_serializing_if = "Option::is_none")]
    pub max_age_s: Option<i64>,
    /// The keys, besides those in the policy, that were believed: a digest over them.
    #[serde(default, rename = "plimsoll_trustRoot", skip_serializing_if = "Option::is_none")]
    pub trust_root: Option<Digest>,
}

/// Who verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SummaryVerifier {
    /// Their address.
    pub id: String,
}

/// The rules of a summary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SummaryPolicy {
    /// Where they are.
    pub uri: String,
    /// Which they were.
    #[serde(flatten)]
    pub named: Named,
}

/// Whether the rules are met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum VerificationResult {
    /// They are.
    Passed,
    /// They are not.
    Failed,
}

/// What somebody wants of a summary before they act on it.
#[derive(Clone, Debug)]
pub struct SummaryExpectation<'e> {
    /// The gate that must be open; none for all that the policy has.
    pub gate: Option<&'e str>,
    /// The repository, without its registry: registries go by several names.
    pub repository: &'e str,
    /// How old it may be; what the summary says, else what `max_age_default` says.
    pub max_age: Option<SignedDuration>,
    /// How old it may be if nobody says.
    pub max_age_default: SignedDuration,
    /// What time it is.
    pub now: Timestamp,
}

/// Why a summary is not acted on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SummaryRefusal {
    /// It says no.
    #[error("the rules are not met: {}", reasons(.0))]
    Failed(Vec<String>),
    /// It is about another gate.
    #[error("it says nothing of the gate `{0}`")]
    OtherGate(String),
    /// It is about the image in another repository, where other rules may hold.
    #[error("it is about `{0}`")]
    OtherRepository(String),
    /// It is too old: what has been said since is not in it.
    #[error("it is stale: made {:#} ago, and may be {:#} old", whole(.age), whole(.at_most))]
    Stale {
        /// How old it is.
        age: SignedDuration,
        /// How old it may be.
        at_most: SignedDuration,
    },
    /// It is from the future.
    #[error("it was made at {0}, which is to come")]
    Future(Timestamp),
}

impl VerificationSummary {
    /// Reads what a fact says, if it is a summary.
    pub fn of(fact: &Fact) -> Option<Self> {
        let is_summary = *fact.predicate_type() == PredicateType::VERIFICATION_SUMMARY;
        is_summary.then(|| serde_json::from_str(fact.statement().predicate.get()).ok()).flatten()
    }

    /// The statement that it is, about `subject`.
    pub fn statement(&self, subject: &Digest) -> Statement {
        let predicate = to_raw_value(self).expect("texts and times serialise");
        Statement::about(subject, PredicateType::VERIFICATION_SUMMARY, predicate)
    }

    /// How an open gate is written among the levels.
    pub fn level_of(gate: &str) -> String {
        format!("{GATE_LEVEL}{gate}")
    }

    /// Whether it may be acted on.
    pub fn check(&self, expected: &SummaryExpectation<'_>) -> Result<(), SummaryRefusal> {
        let repository = self.resource_uri.split_once('/').map_or("", |(_, repository)| repository);
        if repository != expected.repository {
            return Err(SummaryRefusal::OtherRepository(self.resource_uri.clone()));
        }
        self.check_age(expected)?;
        if self.verification_result == VerificationResult::Failed {
            return Err(SummaryRefusal::Failed(self.missing.clone()));
        }
        match expected.gate {
            Some(gate) if !self.verified_levels.contains(&Self::level_of(gate)) => {
                Err(SummaryRefusal::OtherGate(gate.to_owned()))
            }
            _ => Ok(()),
        }
    }

    fn check_age(&self, expected: &SummaryExpectation<'_>) -> Result<(), SummaryRefusal> {
        let age = expected.now.duration_since(self.time_verified);
        if age < -CLOCK_SKEW_MAX {
            return Err(SummaryRefusal::Future(self.time_verified));
        }
        let own = self.max_age_s.map(SignedDuration::from_secs);
        let at_most = expected.max_age.or(own).unwrap_or(expected.max_age_default);
        if age > at_most { Err(SummaryRefusal::Stale { age, at_most }) } else { Ok(()) }
    }
}

fn reasons(missing: &[String]) -> String {
    if missing.is_empty() { "no reason is given".to_owned() } else { missing.join("; ") }
}

/// A duration without its fractions of a second.
fn whole(duration: &SignedDuration) -> SignedDuration {
    SignedDuration::from_secs(duration.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SigningKey, Trust, sign, verify_bundle};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn passed() -> VerificationSummary {
        let policy = Named::of(&Digest::sha256_of(b"policy"));
        VerificationSummary {
            verifier: SummaryVerifier { id: "https://registry.example".to_owned() },
            time_verified: at("2026-11-22T12:00:00Z"),
            resource_uri: "registry.example/team/app".to_owned(),
            policy: SummaryPolicy { uri: "https://registry.example/x".to_owned(), named: policy },
            input_attestations: vec![Named::of(&Digest::sha256_of(b"bundle"))],
            verification_result: VerificationResult::Passed,
            verified_levels: vec![VerificationSummary::level_of("prod")],
            missing: Vec::new(),
            max_age_s: None,
            trust_root: None,
        }
    }

    fn expected(now: &str) -> SummaryExpectation<'static> {
        SummaryExpectation {
            gate: Some("prod"),
            repository: "team/app",
            max_age: None,
            max_age_default: SignedDuration::from_mins(10),
            now: at(now),
        }
    }

    #[test]
    fn it_is_written_as_slsa_has_it() {
        let summary = passed();
        let key = SigningKey::generate(&[1; 32]).unwrap();
        let image = Digest::sha256_of(b"image");
        let bundle = sign(&summary.statement(&image), &key).unwrap().to_json();
        let trust = Trust::of_key("server", key.public().clone());
        let fact = verify_bundle(bundle.as_bytes(), &image, &trust, at("2026-11-22T12:00:00Z")).unwrap();
        assert_eq!(VerificationSummary::of(&fact), Some(summary));
        let json: serde_json::Value = serde_json::from_str(fact.statement().predicate.get()).unwrap();
        assert_eq!(json["verificationResult"], "PASSED");
        assert_eq!(json["policy"]["digest"]["sha256"], Digest::sha256_of(b"policy").encoded());
        assert_eq!(json["verifiedLevels"], serde_json::json!(["PLIMSOLL_GATE_prod"]));
    }

    #[test]
    fn it_holds_for_its_age_and_no_longer() {
        let summary = passed();
        assert_eq!(summary.check(&expected("2026-11-22T12:10:00Z")), Ok(()));
        let stale = summary.check(&expected("2026-11-22T12:10:01Z")).unwrap_err();
        assert_eq!(stale.to_string(), "it is stale: made 10m 1s ago, and may be 10m old");
        let of_policy = VerificationSummary { max_age_s: Some(3600), ..passed() };
        assert_eq!(of_policy.check(&expected("2026-11-22T12:59:00Z")), Ok(()));
        let own =
            SummaryExpectation { max_age: Some(SignedDuration::ZERO), ..expected("2026-11-22T12:00:01Z") };
        assert!(matches!(of_policy.check(&own), Err(SummaryRefusal::Stale { .. })));
        assert_eq!(summary.check(&expected("2026-11-22T11:59:30Z")), Ok(()), "clocks differ");
        assert!(matches!(summary.check(&expected("2026-11-22T11:50:00Z")), Err(SummaryRefusal::Future(_))));
    }

    #[test]
    fn one_for_another_gate_or_repository_opens_nothing() {
        let (summary, now) = (passed(), "2026-11-22T12:00:00Z");
        let other_gate = SummaryExpectation { gate: Some("production"), ..expected(now) };
        assert!(matches!(summary.check(&other_gate), Err(SummaryRefusal::OtherGate(_))));
        let elsewhere = SummaryExpectation { repository: "app", ..expected(now) };
        assert!(matches!(summary.check(&elsewhere), Err(SummaryRefusal::OtherRepository(_))));
        let failed = VerificationSummary {
            verification_result: VerificationResult::Failed,
            missing: vec!["approval for prod: 1 of 2".to_owned()],
            ..passed()
        };
        let refusal = failed.check(&expected(now)).unwrap_err().to_string();
        assert_eq!(refusal, "the rules are not met: approval for prod: 1 of 2");
    }
}
