//! Saying it: a verification summary with the server's signature.

use bytes::Bytes;
use jiff::Timestamp;
use plimsoll_attest::{
    Bundle, Named, SummaryPolicy, SummaryVerifier, VerificationResult, VerificationSummary, sign,
};
use plimsoll_oci::{Digest, RepositoryName};
use plimsoll_registry::VerdictError;

use super::judge::Kept;
use super::{Judge, JudgeError};
use crate::clock::now;
use crate::projects::Rules;
use crate::signing_keys::Purpose;

impl Judge {
    /// The signed summary on an image at one gate, or at all of them.
    pub(super) async fn answer(
        &self,
        repository: &RepositoryName,
        image: Digest,
        gate: Option<&str>,
    ) -> Result<Bytes, VerdictError> {
        let rules = self.parts.projects.rules_for(repository).await.map_err(failed)?;
        let rules = rules.ok_or(VerdictError::NoProject)?;
        if let Some(gate) = gate.filter(|gate| rules.policy.gate(gate).is_none()) {
            let project = rules.project.to_string();
            return Err(VerdictError::NoGate { project, gate: gate.to_owned() });
        }
        let at = moment();
        let kept = self.judge(&rules, repository, image, at).await.map_err(failed)?;
        let missing = kept.missing.get(gate.unwrap_or_default()).map_or(&[][..], Vec::as_slice);
        // What could not be read may be a rejection: then nobody knows.
        if let Some(unread) = &kept.unread {
            return Err(VerdictError::NotEvaluated(unread.clone()));
        }
        let summary = self.summary(&rules, &kept, repository, gate, missing, at);
        let bundle = self.sign(&summary, image).map_err(failed)?;
        Ok(bundle.to_json().into())
    }

    pub(super) fn summary(
        &self,
        rules: &Rules,
        kept: &Kept,
        repository: &RepositoryName,
        gate: Option<&str>,
        missing: &[String],
        at: Timestamp,
    ) -> VerificationSummary {
        let gates = rules.policy.gates.iter().filter(|known| gate.is_none_or(|gate| known.name == gate));
        let is_passed = missing.is_empty();
        let levels = if is_passed {
            gates.clone().map(|gate| VerificationSummary::level_of(&gate.name)).collect()
        } else {
            vec!["FAILED".to_owned()]
        };
        let max_age_s = gates.filter_map(|gate| gate.max_age).map(|age| age.as_secs()).min();
        let fragment = gate.map(|gate| format!("#{gate}")).unwrap_or_default();
        VerificationSummary {
            verifier: SummaryVerifier { id: self.parts.url.clone() },
            time_verified: at,
            resource_uri: self.resource(repository),
            policy: SummaryPolicy {
                uri: format!("{}/v2/_plimsoll/projects/{}{fragment}", self.parts.url, rules.project),
                named: Named::of(&rules.digest),
            },
            input_attestations: kept.inputs.iter().map(Named::of).collect(),
            verification_result: if is_passed {
                VerificationResult::Passed
            } else {
                VerificationResult::Failed
            },
            verified_levels: levels,
            missing: missing.to_vec(),
            max_age_s,
            trust_root: Some(self.parts.trust_root),
        }
    }

    pub(super) fn sign(&self, summary: &VerificationSummary, image: Digest) -> Result<Bundle, JudgeError> {
        Ok(sign(&summary.statement(&image), self.parts.keys.of(Purpose::Verdict))?)
    }
}

/// This moment, to the second.
pub(super) fn moment() -> Timestamp {
    Timestamp::from_second(now().unix_ms().div_euclid(1000)).unwrap_or_default()
}

/// Something that the client can do nothing about, with its causes.
fn failed(error: impl std::error::Error) -> VerdictError {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    VerdictError::Failed(text)
}
