//! A summary beside the image, so that other tools need one signature and no policy.
//!
//! One is attached while the image passes at every gate, and withdrawn when it does no more. A summary that says `FAILED`
//! is never attached: `cosign verify-attestation` without a policy takes any summary with a good signature for a pass.

use bytes::Bytes;
use jiff::Timestamp;
use plimsoll_attest::{EMPTY_CONFIG, PredicateType, Trust, VerificationSummary, referrer};
use plimsoll_oci::{Descriptor, Digest, RepositoryName};
use plimsoll_registry::Referrer;
use plimsoll_transport::{EvidenceOutcome, Source as _, Target, verify_evidence};

use super::stored::StoredRepository;
use super::{Judge, JudgeError, server};
use crate::signing_keys::Purpose;

impl Judge {
    /// Attaches a summary to its image.
    pub(super) async fn attach(
        &self,
        summary: &VerificationSummary,
        repository: &RepositoryName,
        image: Digest,
    ) -> Result<(), JudgeError> {
        let registry = self.parts.registry.clone();
        let source = StoredRepository::new(registry.clone(), &server(), repository)?;
        let subject = source.resolve(&Target::Digest(image)).await?;
        let subject = Descriptor::new(subject.media_type, subject.digest, subject.size);
        let bundle = self.sign(summary, image)?;
        let created = summary.time_verified.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let made = referrer(&bundle, &PredicateType::VERIFICATION_SUMMARY, &subject, &created);
        let blobs = vec![
            (made.config.digest, Bytes::from_static(EMPTY_CONFIG)),
            (made.layer.digest, Bytes::from(made.bundle)),
        ];
        let referrer = Referrer { blobs, manifest: made.manifest.into() };
        registry.attach(&server().can_push(repository).map_err(Box::new)?, referrer).await?;
        Ok(())
    }

    /// The summaries that this server attached to an image, with the manifests that attach them.
    pub(super) async fn attached(
        &self,
        repository: &RepositoryName,
        image: Digest,
    ) -> Result<Vec<(Digest, VerificationSummary)>, JudgeError> {
        let source = StoredRepository::new(self.parts.registry.clone(), &server(), repository)?;
        let own = Trust::of_key(super::NAME, self.parts.keys.of(Purpose::Verdict).public().clone());
        let evidence = verify_evidence(&source, &image, &own, Timestamp::UNIX_EPOCH).await?;
        let summaries = evidence.iter().filter_map(|one| match &one.outcome {
            EvidenceOutcome::Proven(fact) => Some((one.manifest, VerificationSummary::of(fact)?)),
            _ => None,
        });
        Ok(summaries.collect())
    }

    /// Takes them away.
    pub(super) async fn withdraw(
        &self,
        repository: &RepositoryName,
        attached: &[(Digest, VerificationSummary)],
    ) -> Result<(), JudgeError> {
        let can_delete = server().can_delete(repository).map_err(Box::new)?;
        for (manifest, _) in attached {
            self.parts.registry.delete_manifest(&can_delete, *manifest).await?;
        }
        Ok(())
    }
}
