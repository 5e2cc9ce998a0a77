use plimsoll_attest::{Proven, Provenance, Pushed, UnsignedClaim};
use plimsoll_oci::{Descriptor, Digest};
use plimsoll_transport::{EvidenceOutcome, JudgedEvidence};

/// Everything that was found about an image.
pub(super) struct Gathered {
    pub(super) subject: Descriptor,
    pub(super) evidence: Vec<JudgedEvidence>,
    pub(super) claims: Vec<Claim>,
    /// What is known of its push.
    pub(super) pushed: Pushed,
    /// How many bytes of the image were read and checked, if they were.
    pub(super) bytes_read: Option<u64>,
}

/// A hint that nobody signed.
pub(super) struct Claim {
    pub(super) manifest: Digest,
    pub(super) claim: UnsignedClaim,
}

impl Gathered {
    /// What is proven.
    pub(super) fn proven(&self) -> Vec<Proven<'_>> {
        let proven = self.evidence.iter().filter_map(|one| match (&one.outcome, &one.layer) {
            (EvidenceOutcome::Proven(fact), Some(layer)) => Some(Proven { bundle: layer.digest, fact }),
            _ => None,
        });
        proven.collect()
    }

    /// Whether something could not be fetched, so that nobody knows what it would prove.
    pub(super) fn has_unknown(&self) -> bool {
        self.evidence.iter().any(|one| matches!(one.outcome, EvidenceOutcome::Unreachable(_)))
    }
}

/// Who built the image, of what, for people.
pub(super) fn origin_of(provenance: &Provenance) -> String {
    let builder = provenance.builder.as_deref().unwrap_or("an unnamed builder");
    match &provenance.source {
        Some(source) => format!("built by {builder} from {} at {}", source.uri, source.commit),
        None => format!("built by {builder}, from no commit that is named"),
    }
}
