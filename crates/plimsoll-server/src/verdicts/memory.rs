//! Remembering what speaks against an image: whoever may delete evidence must not undo a rejection or a revocation with it.

use jiff::Timestamp;
use plimsoll_attest::{Approval, BUNDLE_BYTES_MAX, Decision, Fact, Trust, verify_bundle};
use plimsoll_oci::{Digest, RepositoryName};
use plimsoll_store::catalogue::Rebuttal;
use plimsoll_transport::{EvidenceOutcome, JudgedEvidence, read_blob};

use super::stored::StoredRepository;
use super::{Judge, JudgeError};

/// Most rejections and revocations of one image that are kept; who has signed that many has said enough.
const REBUTTALS_MAX: usize = 1000;

impl Judge {
    /// Keeps the rejections and revocations that are among the evidence, and returns what was deleted of those kept
    /// before. They are verified anew: a key that counts no more has said nothing.
    pub(super) async fn remember(
        &self,
        source: &StoredRepository,
        place: (&RepositoryName, Digest),
        evidence: &[JudgedEvidence],
        trust: &Trust,
        now: Timestamp,
    ) -> Result<Vec<(Digest, Fact)>, JudgeError> {
        let (repository, image) = place;
        let catalogue = self.parts.storage.catalogue();
        let kept = catalogue.rebuttals(repository, image).await?;
        for one in evidence.iter().filter(|one| is_rebuttal(one)) {
            let Some(layer) = &one.layer else { continue };
            let is_kept = kept.iter().any(|kept| kept.bundle == layer.digest);
            if is_kept || kept.len() >= REBUTTALS_MAX {
                continue;
            }
            let bytes = read_blob(source, layer, BUNDLE_BYTES_MAX).await?;
            let Ok(json) = String::from_utf8(bytes.to_vec()) else { continue };
            let rebuttal = Rebuttal { repository: repository.clone(), image, bundle: layer.digest, json };
            catalogue.keep_rebuttal(rebuttal).await?;
        }
        let is_there = |bundle: Digest| {
            evidence.iter().filter_map(|one| one.layer.as_ref()).any(|layer| layer.digest == bundle)
        };
        let deleted = kept.into_iter().filter(|kept| !is_there(kept.bundle));
        let verified = deleted.filter_map(|kept| {
            let fact = verify_bundle(kept.json.as_bytes(), &image, trust, now).ok()?;
            Some((kept.bundle, fact))
        });
        Ok(verified.collect())
    }
}

fn is_rebuttal(one: &JudgedEvidence) -> bool {
    let EvidenceOutcome::Proven(fact) = &one.outcome else { return false };
    Approval::of(fact).is_some_and(|approval| approval.decision != Decision::Approved)
}
