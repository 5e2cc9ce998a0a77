//! Reading what is attached to an image, and verifying it.

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use plimsoll_attest::{
    BUNDLE_BYTES_MAX, EvidenceLayer, Fact, LOG_PROOFS_BYTES_MAX, LogProofs, Refusal, Trust,
};
use plimsoll_oci::{Descriptor, Digest};

use crate::{Attachment, ErrorKind, Link, Source, TransportError, attachments, read_blob};

/// How many pieces of evidence are read at the same time.
const PARALLEL_MAX: usize = 16;
/// Most bytes of evidence about one image that are read; what is above it is refused.
const EVIDENCE_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// Most documents with proofs of logs that are read.
const PROOF_DOCUMENTS_MAX: usize = 16;

/// A piece of evidence, and what became of it.
#[derive(Debug)]
pub struct JudgedEvidence {
    /// The manifest that attaches it.
    pub manifest: Digest,
    /// The layer, as the manifest describes it; nothing when the manifest could not be read.
    pub layer: Option<Descriptor>,
    /// How it is attached.
    pub link: Link,
    /// What it proves.
    pub outcome: EvidenceOutcome,
}

/// What a piece of evidence proves.
#[derive(Debug)]
pub enum EvidenceOutcome {
    /// This.
    Proven(Box<Fact>),
    /// Nothing, for this reason.
    Refused(Refusal),
    /// Nothing: its bytes are not those that were attached, or there are too many of them.
    Damaged(TransportError),
    /// Nobody knows: it could not be fetched.
    Unreachable(TransportError),
}

/// Verifies everything signed that is attached to `subject`. What is attached and unsigned is left out.
pub async fn verify_evidence(
    source: &dyn Source,
    subject: &Digest,
    trust: &Trust,
    now: Timestamp,
) -> Result<Vec<JudgedEvidence>, TransportError> {
    let mut budget = EVIDENCE_BYTES_MAX;
    let attached = attachments(source, subject).await?;
    let proofs =
        if trust.logs().is_empty() { LogProofs::default() } else { log_proofs(source, &attached).await };
    let mut pieces = Vec::new();
    for attachment in attached {
        pieces.extend(pieces_of(attachment, &mut budget));
    }
    let question = Question { subject, trust, now, proofs: &proofs };
    let judge = |piece| judge(source, piece, &question);
    Ok(stream::iter(pieces).map(judge).buffered(PARALLEL_MAX).collect().await)
}

/// The proofs of logs that are attached. Those that cannot be had are as if they were not there: evidence is then judged
/// as of now, and counts for less.
pub async fn log_proofs(source: &dyn Source, attached: &[Attachment]) -> LogProofs {
    let mut holding: Vec<&Descriptor> = Vec::new();
    for manifest in attached.iter().filter_map(|attachment| attachment.manifest.as_ref().ok()) {
        let is_one = |layer: &&Descriptor| layer.media_type.as_str() == LogProofs::MEDIA_TYPE;
        holding.extend(manifest.layers.iter().filter(is_one));
    }
    holding.truncate(PROOF_DOCUMENTS_MAX);
    let mut proofs = LogProofs::default();
    for layer in holding {
        if let Ok(json) = read_blob(source, layer, LOG_PROOFS_BYTES_MAX).await {
            // What holds no proofs proves nothing.
            let _ = proofs.add(&json);
        }
    }
    proofs
}

/// What evidence is judged against.
#[derive(Clone, Copy)]
struct Question<'q> {
    subject: &'q Digest,
    trust: &'q Trust,
    now: Timestamp,
    proofs: &'q LogProofs,
}

/// A piece of evidence that is yet to be read, or why it will not be.
struct Piece {
    manifest: Digest,
    /// What the manifest names as its subject.
    subject: Option<Digest>,
    link: Link,
    layer: Result<Descriptor, TransportError>,
}

fn pieces_of(attachment: Attachment, budget: &mut u64) -> Vec<Piece> {
    let Attachment { digest, link, manifest } = attachment;
    let named =
        manifest.as_ref().ok().and_then(|manifest| manifest.subject.as_ref()).map(|named| named.digest);
    let piece = |layer| Piece { manifest: digest, subject: named, link: link.clone(), layer };
    let manifest = match manifest {
        Ok(manifest) => manifest,
        Err(error) => return vec![piece(Err(error))],
    };
    let is_signed = |layer: &Descriptor| EvidenceLayer::is_signed_type(layer.media_type.as_str());
    let signed = manifest.layers.into_iter().filter(is_signed);
    signed.map(|layer| piece(within(layer, budget))).collect()
}

/// Takes the layer's bytes from what may be read altogether.
fn within(layer: Descriptor, budget: &mut u64) -> Result<Descriptor, TransportError> {
    let left = budget.checked_sub(layer.size).ok_or_else(|| {
        let what = "the size of all evidence about the image";
        TransportError::limit(what, format!("{EVIDENCE_BYTES_MAX} bytes"))
    })?;
    *budget = left;
    Ok(layer)
}

async fn judge(source: &dyn Source, piece: Piece, question: &Question<'_>) -> JudgedEvidence {
    let Piece { manifest, subject, link, layer } = piece;
    let layer = match layer {
        Ok(layer) => layer,
        Err(error) => return JudgedEvidence { manifest, link, layer: None, outcome: failed(error) },
    };
    let witnessed_at = question.proofs.logged_at(&manifest, subject.as_ref(), question.trust);
    let outcome = match read_blob(source, &layer, BUNDLE_BYTES_MAX).await {
        Ok(bytes) => verify(&layer, &bytes, witnessed_at, question),
        Err(error) => failed(error),
    };
    JudgedEvidence { manifest, link, layer: Some(layer), outcome }
}

fn verify(
    layer: &Descriptor,
    bytes: &[u8],
    witnessed_at: Option<Timestamp>,
    question: &Question<'_>,
) -> EvidenceOutcome {
    let media_type = layer.media_type.as_str();
    let layer = EvidenceLayer { media_type, annotations: &layer.annotations, bytes, witnessed_at };
    match layer.verify(question.subject, question.trust, question.now) {
        Ok(fact) => EvidenceOutcome::Proven(Box::new(fact)),
        Err(refusal) => EvidenceOutcome::Refused(refusal),
    }
}

/// Bytes that are wrong are an answer; bytes that did not come are none.
fn failed(error: TransportError) -> EvidenceOutcome {
    match error.kind() {
        ErrorKind::Corrupt | ErrorKind::Limit | ErrorKind::NotFound => EvidenceOutcome::Damaged(error),
        _ => EvidenceOutcome::Unreachable(error),
    }
}
