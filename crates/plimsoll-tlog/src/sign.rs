//! Signing checkpoints, and opening what was signed.

use ring::signature::{Ed25519KeyPair, KeyPair as _};

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::key::{KeyError, KeyKind, VerifyingKey};
use crate::note::{NoteError, NoteSignature, SignedNote};

/// The last path element of the name under which a log cosigns its own checkpoints.
const COSIGNER: &str = "time";

/// Signs the checkpoints of a log, and states when each was the newest.
///
/// The two signatures are made by keys of their own, as the cosignature's specification wants it.
pub struct LogSigner {
    log: NamedPair,
    cosigner: NamedPair,
}

struct NamedPair {
    pair: Ed25519KeyPair,
    key: VerifyingKey,
}

/// The keys by which a log's checkpoints are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogVerifier {
    /// The log's own key. Its name is the log's origin.
    pub log: VerifyingKey,
    /// The key of whoever states the time.
    pub cosigner: Option<VerifyingKey>,
}

/// A checkpoint whose signature was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// When it was the newest, in seconds since the Unix epoch, if the cosigner says so.
    pub logged_at_unix_s: Option<u64>,
}

/// Why a signed checkpoint is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It is no signed note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// It is no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// It is the checkpoint of another log.
    #[error("the checkpoint is of the log `{found}` and not of `{expected}`")]
    Origin {
        /// The log that is trusted.
        expected: String,
        /// The log that the checkpoint names.
        found: String,
    },
    /// The log's key has not signed it.
    #[error("the checkpoint is not signed by the key `{0}`")]
    NotSigned(String),
    /// A signature that names a trusted key is not by it.
    #[error("the signature of the key `{0}` does not fit the checkpoint")]
    BadSignature(String),
}

impl LogSigner {
    /// Takes the log's name and the secret seeds of its two keys.
    pub fn from_seeds(origin: &str, log_seed: &[u8; 32], cosigner_seed: &[u8; 32]) -> Result<Self, KeyError> {
        let log = NamedPair::new(origin, KeyKind::Log, log_seed)?;
        let cosigner = NamedPair::new(&format!("{origin}/{COSIGNER}"), KeyKind::Cosigner, cosigner_seed)?;
        Ok(Self { log, cosigner })
    }

    /// The log's name.
    pub fn origin(&self) -> &str {
        self.log.key.name()
    }

    /// The keys by which others know these signatures.
    pub fn verifier(&self) -> LogVerifier {
        LogVerifier { log: self.log.key.clone(), cosigner: Some(self.cosigner.key.clone()) }
    }

    /// Signs a checkpoint as the newest one at this time.
    pub fn sign(&self, checkpoint: &Checkpoint, now_unix_s: u64) -> SignedNote {
        let text = checkpoint.to_string();
        let log = self.log.sign(text.as_bytes());
        let stated = self.cosigner.sign(&cosigned(&text, now_unix_s));
        let stated = [now_unix_s.to_be_bytes().as_slice(), &stated].concat();
        let signatures = vec![self.log.named(log), self.cosigner.named(stated)];
        SignedNote::new(text, signatures)
    }
}

impl NamedPair {
    fn new(name: &str, kind: KeyKind, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError::Spki)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| KeyError::Spki)?;
        Ok(Self { pair, key: VerifyingKey::new(name, kind, public)? })
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }

    fn named(&self, signature: Vec<u8>) -> NoteSignature {
        NoteSignature { name: self.key.name().to_owned(), key_id: self.key.short_id(), signature }
    }
}

impl LogVerifier {
    /// Opens a signed checkpoint: the log must have signed it; a cosignature that is there must fit.
    pub fn open(&self, note: &str) -> Result<Opened, OpenError> {
        let note: SignedNote = note.parse()?;
        let checkpoint: Checkpoint = note.text().parse()?;
        if checkpoint.origin != self.log.name() {
            let (expected, found) = (self.log.name().to_owned(), checkpoint.origin);
            return Err(OpenError::Origin { expected, found });
        }
        let log = signatures_by(&self.log, &note);
        if log.is_empty() {
            return Err(OpenError::NotSigned(self.log.to_string()));
        }
        if !log.iter().all(|signature| self.log.verifies(note.text().as_bytes(), signature)) {
            return Err(OpenError::BadSignature(self.log.to_string()));
        }
        let stated = self.cosigner.as_ref().map_or(Ok(None), |cosigner| stated_time(cosigner, &note));
        Ok(Opened { checkpoint, logged_at_unix_s: stated? })
    }
}

fn signatures_by<'n>(key: &VerifyingKey, note: &'n SignedNote) -> Vec<&'n [u8]> {
    let id = key.short_id();
    let by_key =
        note.signatures().iter().filter(|signature| signature.name == key.name() && signature.key_id == id);
    by_key.map(|signature| signature.signature.as_slice()).collect()
}

/// The earliest time that the cosigner states.
fn stated_time(cosigner: &VerifyingKey, note: &SignedNote) -> Result<Option<u64>, OpenError> {
    let mut earliest = None;
    for stated in signatures_by(cosigner, note) {
        let (time, signature) =
            stated.split_first_chunk().ok_or_else(|| OpenError::BadSignature(cosigner.to_string()))?;
        let time = u64::from_be_bytes(*time);
        if !cosigner.verifies(&cosigned(note.text(), time), signature) {
            return Err(OpenError::BadSignature(cosigner.to_string()));
        }
        earliest = Some(earliest.map_or(time, |earliest: u64| earliest.min(time)));
    }
    Ok(earliest)
}

/// What a cosigner signs (c2sp.org/tlog-cosignature, "Ed25519 signed message").
fn cosigned(text: &str, time_unix_s: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {time_unix_s}\n{text}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::Hash;

    fn signer() -> LogSigner {
        LogSigner::from_seeds("registry.example/log", &[1; 32], &[2; 32]).unwrap()
    }

    fn checkpoint() -> Checkpoint {
        let (origin, root) = ("registry.example/log".to_owned(), Hash::of_empty_tree());
        Checkpoint { origin, size: 0, root, extensions: Vec::new() }
    }

    #[test]
    fn what_was_signed_opens_with_its_time() {
        let note = signer().sign(&checkpoint(), 1_700_000_000).to_string();
        let opened = signer().verifier().open(&note).unwrap();
        assert_eq!(opened, Opened { checkpoint: checkpoint(), logged_at_unix_s: Some(1_700_000_000) });
        let without_time = LogVerifier { cosigner: None, ..signer().verifier() };
        assert_eq!(without_time.open(&note).unwrap().logged_at_unix_s, None);
    }

    #[test]
    fn a_changed_text_or_time_does_not_open() {
        let note = signer().sign(&checkpoint(), 1_700_000_000);
        let text = note.to_string();
        let grown = text.replacen("\n0\n", "\n1\n", 1);
        assert!(matches!(signer().verifier().open(&grown), Err(OpenError::BadSignature(_))));
        let mut signatures = note.signatures().to_vec();
        signatures[1].signature[7] ^= 1;
        let later = SignedNote::new(note.text().to_owned(), signatures).to_string();
        assert!(matches!(signer().verifier().open(&later), Err(OpenError::BadSignature(_))));
    }

    #[test]
    fn another_key_or_log_does_not_open_it() {
        let note = signer().sign(&checkpoint(), 1).to_string();
        let other_key = LogSigner::from_seeds("registry.example/log", &[3; 32], &[2; 32]).unwrap().verifier();
        assert!(matches!(other_key.open(&note), Err(OpenError::NotSigned(_))));
        let other_log = LogSigner::from_seeds("other.example/log", &[1; 32], &[2; 32]).unwrap().verifier();
        assert!(matches!(other_log.open(&note), Err(OpenError::Origin { .. })));
    }

    #[test]
    fn the_log_key_does_not_pass_for_the_cosigner() {
        let same = LogSigner::from_seeds("registry.example/log", &[1; 32], &[1; 32]).unwrap();
        assert_ne!(same.verifier().log.id(), same.verifier().cosigner.unwrap().id());
    }
}
