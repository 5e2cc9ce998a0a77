//! Proofs that a registry's log holds what others have signed. They travel beside the evidence, as a referrer of its
//! subject: a statement by a tool that knows no log has no place for a proof of its own.

use std::collections::BTreeMap;

use jiff::Timestamp;
use plimsoll_oci::Digest;
use plimsoll_tlog::{FactLeaf, Leaf, LogProof};
use serde::{Deserialize, Serialize};

use crate::Trust;
use crate::logged::time_of;
use crate::nesting::{TooDeep, check_nesting};

/// Largest document that is read.
pub const LOG_PROOFS_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Most proofs of one document.
const PROOFS_MAX: usize = 4096;
/// Most proofs about one piece of evidence that are looked at: anybody may add some.
const PROOFS_OF_ONE_MAX: usize = 16;

/// Proofs by the manifest that they speak of. None is believed before it is asked for.
#[derive(Clone, Debug, Default)]
pub struct LogProofs(BTreeMap<String, Vec<LogProof>>);

/// Why a document holds no proofs.
#[derive(Debug, thiserror::Error)]
pub enum LogProofsError {
    /// It is too deep.
    #[error(transparent)]
    Nesting(#[from] TooDeep),
    /// It is something else.
    #[error("the proofs are not understood: {0}")]
    Json(#[from] serde_json::Error),
    /// There are too many.
    #[error("there are {0} proofs; at most {PROOFS_MAX} are read")]
    TooMany(usize),
}

#[derive(Serialize, Deserialize)]
struct Document {
    /// Each as c2sp.org/tlog-proof has it, with the entry as what is added to it.
    proofs: Vec<String>,
}

impl LogProofs {
    /// The type of the document, of the layer that holds it and of the artifact around it.
    pub const MEDIA_TYPE: &str = "application/vnd.plimsoll.log-proofs.v1+json";

    /// Writes a document. Each proof has its entry with it.
    pub fn document<'p>(proofs: impl IntoIterator<Item = &'p LogProof>) -> String {
        let document = Document { proofs: proofs.into_iter().map(ToString::to_string).collect() };
        serde_json::to_string(&document).expect("texts serialise")
    }

    /// Adds what a document holds. Proofs that are not understood, or are not about evidence, are left out.
    pub fn add(&mut self, json: &[u8]) -> Result<(), LogProofsError> {
        check_nesting(json)?;
        let document: Document = serde_json::from_slice(json)?;
        if document.proofs.len() > PROOFS_MAX {
            return Err(LogProofsError::TooMany(document.proofs.len()));
        }
        for text in document.proofs {
            let Ok(proof) = text.parse::<LogProof>() else { continue };
            let Some(Ok(Leaf::Fact(fact))) = proof.extra.as_deref().map(Leaf::parse) else { continue };
            let known = self.0.entry(fact.manifest).or_default();
            if known.len() < PROOFS_OF_ONE_MAX {
                known.push(proof);
            }
        }
        Ok(())
    }

    /// When a trusted log held the evidence in `manifest`, which names `subject`: the earliest time that one proves.
    ///
    /// The entry is made anew from the two digests, so that no proof of anything else counts.
    pub fn logged_at(&self, manifest: &Digest, subject: Option<&Digest>, trust: &Trust) -> Option<Timestamp> {
        let proofs = self.0.get(&manifest.to_string())?;
        let subject = subject.map(ToString::to_string);
        let entry = FactLeaf { manifest: manifest.to_string(), subject }.to_bytes();
        let pairs = proofs.iter().flat_map(|proof| trust.logs().iter().map(move |log| (proof, log)));
        pairs.filter_map(|(proof, log)| time_of(&proof.verify(&entry, log).ok()?)).min()
    }

    /// Whether there is a proof that speaks of `manifest`, believed or not.
    pub fn speaks_of(&self, manifest: &Digest) -> bool {
        self.0.contains_key(&manifest.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use plimsoll_tlog::{Checkpoint, LogSigner};

    use super::*;
    use crate::{EvidenceLayer, Refusal, Signer, SigningKey, Statement, sign};

    const LOGGED: &str = "2026-06-01T00:00:00Z";

    fn log(seed: u8) -> LogSigner {
        LogSigner::from_seeds("registry.example/log", &[seed; 32], &[seed + 1; 32]).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn digest(text: &str) -> Digest {
        Digest::sha256_of(text.as_bytes())
    }

    /// The proof that `manifest`, which refers to the image, is the only entry of `log`.
    fn proof(log: &LogSigner, manifest: &str) -> LogProof {
        let subject = Some(digest("image").to_string());
        let leaf = FactLeaf { manifest: digest(manifest).to_string(), subject };
        let checkpoint = Checkpoint {
            origin: log.origin().to_owned(),
            size: 1,
            root: leaf.hash(),
            extensions: Vec::new(),
        };
        let note = log.sign(&checkpoint, at(LOGGED).as_second().try_into().unwrap()).to_string();
        LogProof { extra: Some(leaf.to_bytes()), index: 0, hashes: Vec::new(), checkpoint: note }
    }

    fn trust(log: &LogSigner) -> Trust {
        let key = SigningKey::generate(&[7; 32]).unwrap().public().clone();
        let signer = Trust::of_key("ci", key).signers()[0].clone();
        let expired = Signer { valid_until: Some(at("2026-09-01T00:00:00Z")), ..signer };
        Trust::new(vec![expired], BTreeMap::new()).unwrap().with_logs(vec![log.verifier()])
    }

    fn proofs(all: &[LogProof]) -> LogProofs {
        let mut proofs = LogProofs::default();
        proofs.add(LogProofs::document(all).as_bytes()).unwrap();
        proofs
    }

    #[test]
    fn evidence_is_judged_at_the_time_that_a_trusted_log_proves() {
        let (log, other) = (log(1), log(9));
        let (manifest, image) = (digest("evidence"), digest("image"));
        let known = proofs(&[proof(&log, "evidence")]);
        let witnessed_at = known.logged_at(&manifest, Some(&image), &trust(&log));
        assert_eq!(witnessed_at, Some(at(LOGGED)));
        assert_eq!(known.logged_at(&manifest, Some(&image), &trust(&other)), None, "another log");
        assert_eq!(known.logged_at(&manifest, None, &trust(&log)), None, "another entry");
        let moved = LogProof { extra: Some(proof(&log, "evidence").extra.unwrap()), ..proof(&log, "other") };
        assert_eq!(proofs(&[moved]).logged_at(&manifest, Some(&image), &trust(&log)), None, "another proof");

        let key = SigningKey::generate(&[7; 32]).unwrap();
        let bundle = sign(&Statement::signature(&image), &key).unwrap().to_json();
        let annotations = BTreeMap::new();
        let judged = |witnessed_at| {
            let media_type = crate::Bundle::MEDIA_TYPE;
            let layer = EvidenceLayer {
                media_type,
                annotations: &annotations,
                bytes: bundle.as_bytes(),
                witnessed_at,
            };
            layer.verify(&image, &trust(&log), at("2027-01-01T00:00:00Z"))
        };
        assert!(matches!(judged(None), Err(Refusal::Expired { .. })));
        assert_eq!(judged(witnessed_at).unwrap().logged_at(), Some(at(LOGGED)));
    }

    #[test]
    fn what_is_no_proof_is_left_out_and_too_many_are_refused() {
        let mut read = LogProofs::default();
        read.add(br#"{"proofs":["nonsense","c2sp.org/tlog-proof@v1\nindex 0\n\nx"]}"#).unwrap();
        assert!(!read.speaks_of(&digest("evidence")));
        assert!(read.add(b"[]").is_err());
        assert!(matches!(read.add("[".repeat(200).as_bytes()), Err(LogProofsError::Nesting(_))));
        let many = format!(r#"{{"proofs":[{}]}}"#, vec![r#""x""#; PROOFS_MAX + 1].join(","));
        assert!(matches!(read.add(many.as_bytes()), Err(LogProofsError::TooMany(_))));
    }
}
