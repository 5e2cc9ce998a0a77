//! That the log holds what is exported, to be checked without it.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_oci::{Descriptor, Digest};
use plimsoll_tlog::LogProof;
use plimsoll_transport::{Sink, attach};

use super::files::Files;
use super::rows::FactRow;
use crate::command::evidence::proofs_referrer;
use crate::command::log::{LogSource, Prover, wrong};
use crate::failure::Failure;

/// Proofs of one referrer: few enough to be read at once.
const PROOFS_OF_ONE_MAX: usize = 1000;

/// What was proved.
pub(super) struct Proofs {
    pub(super) count: usize,
    /// Entries of the log.
    pub(super) size: u64,
    /// The log's key.
    pub(super) key: String,
}

/// Writes the proof of each entry: that something was said, and that it was deleted. The proofs about an image that is
/// there are attached to it too, so that whoever verifies it knows when each statement was logged.
pub(super) async fn write(
    log: &LogSource,
    facts: &[FactRow],
    images: &BTreeMap<Digest, Descriptor>,
    sink: &dyn Sink,
    files: &mut Files,
) -> Result<Proofs, Failure> {
    let verifier = log.verifier(None).await?;
    let checkpoint = log.need_text("checkpoint").await?;
    let opened = verifier
        .open(&checkpoint)
        .map_err(|error| wrong("the checkpoint is not believed", &error).at(log.name()))?;
    files.hold("log/checkpoint", "text/plain", checkpoint.into_bytes())?;
    files.hold("log/keys", "application/json", log.need("keys").await?)?;
    let mut prover = Prover::new(log, &verifier);
    let mut about: BTreeMap<Digest, Vec<LogProof>> = BTreeMap::new();
    let entries = entries(facts);
    for entry in &entries {
        let proof = prover.first(entry.index).await?;
        let kind = if entry.is_deletion { "deleted.tlog-proof" } else { "tlog-proof" };
        files.write(&format!("proofs/{}.{kind}", entry.manifest.encoded()), proof.to_string().as_bytes())?;
        if let Some(subject) = entry.subject.filter(|_| !entry.is_deletion) {
            about.entry(subject).or_default().push(proof);
        }
    }
    for (subject, proofs) in about {
        let Some(image) = images.get(&subject) else { continue };
        for some in proofs.chunks(PROOFS_OF_ONE_MAX) {
            let (manifest, blobs) = proofs_referrer(image, some);
            attach(sink, &blobs, &manifest).await?;
        }
    }
    Ok(Proofs { count: entries.len(), size: opened.checkpoint.size, key: verifier.log.to_string() })
}

/// An entry of the log that tells of a fact. By their order, so that neighbours share tiles.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    index: u64,
    manifest: Digest,
    subject: Option<Digest>,
    is_deletion: bool,
}

fn entries(facts: &[FactRow]) -> BTreeSet<Entry> {
    let of = |fact: &FactRow, index: Option<u64>, is_deletion| {
        Some(Entry { index: index?, manifest: fact.manifest, subject: fact.subject, is_deletion })
    };
    let both = |fact: &FactRow| [of(fact, fact.log_index, false), of(fact, fact.retracted_at_index, true)];
    facts.iter().flat_map(both).flatten().collect()
}
