//! Logs that others run, as trusted roots name them (sigstore/protobuf-specs, `TransparencyLogInstance`).

use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};

use crate::checkpoint::Checkpoint;
use crate::hash::Hash;
use crate::key::{KeyKind, VerifyingKey};
use crate::note::SignedNote;
use crate::sign::{LogVerifier, OpenError};
use crate::text;

/// What stands before the point in the SubjectPublicKeyInfo of a P-256 key (RFC 5480, section 2).
const P256_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// Bytes of a point of P-256 that is not compressed.
const P256_POINT_BYTES: usize = 65;

/// A Rekor whose word counts: the first version signs with ECDSA, the second, as a rule, with Ed25519.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RekorLog {
    id: Hash,
    key: Key,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    /// The point, as ring wants it.
    EcdsaP256(Vec<u8>),
    Ed25519(LogVerifier),
}

/// Why a log of a trusted root cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RekorLogError {
    /// Its key is of a kind that nobody here reads.
    #[error("the key of the log `{0}` is neither ECDSA P-256 nor Ed25519")]
    Key(String),
    /// Its id is not made of its key and name.
    #[error("the id of the log `{0}` is not that of its key and name")]
    Id(String),
}

impl RekorLog {
    /// A log by its address, its key in DER and the id that its entries carry, which must fit each other.
    pub fn new(base_url: &str, spki: &[u8], id: Hash) -> Result<Self, RekorLogError> {
        let wrong_id = || RekorLogError::Id(text::shortened(base_url));
        if let Some(point) = spki.strip_prefix(&P256_PREFIX)
            && point.len() == P256_POINT_BYTES
        {
            let key = Key::EcdsaP256(point.to_owned());
            return if Hash::sha256_of(spki) == id { Ok(Self { id, key }) } else { Err(wrong_id()) };
        }
        let named = |name: &str| VerifyingKey::from_spki(name, KeyKind::Log, spki).ok();
        if named("any").is_none() {
            return Err(RekorLogError::Key(text::shortened(base_url)));
        }
        let known = names_of(base_url).filter_map(named).find(|key| key.id() == id);
        let log = known.ok_or_else(wrong_id)?;
        Ok(Self { id, key: Key::Ed25519(LogVerifier { log, cosigner: None }) })
    }

    /// The id that its entries carry.
    pub fn id(&self) -> Hash {
        self.id
    }

    /// Opens a signed checkpoint.
    pub(crate) fn open(&self, note: &str) -> Result<Checkpoint, OpenError> {
        match &self.key {
            Key::Ed25519(verifier) => Ok(verifier.open(note)?.checkpoint),
            Key::EcdsaP256(_) => self.open_with_ecdsa(note),
        }
    }

    /// A checkpoint of the first version. Its origin ends with the number of a tree, and its signatures name the key by
    /// the beginning of the log's id.
    fn open_with_ecdsa(&self, note: &str) -> Result<Checkpoint, OpenError> {
        let note: SignedNote = note.parse()?;
        let checkpoint: Checkpoint = note.text().parse()?;
        let mut by_key = note
            .signatures()
            .iter()
            .filter(|signature| self.id.as_bytes().starts_with(&signature.key_id))
            .peekable();
        if by_key.peek().is_none() {
            return Err(OpenError::NotSigned(self.id.to_string()));
        }
        let is_by_key = |signature: &[u8]| self.has_signed(note.text().as_bytes(), signature);
        if by_key.all(|signature| is_by_key(&signature.signature)) {
            Ok(checkpoint)
        } else {
            Err(OpenError::BadSignature(self.id.to_string()))
        }
    }

    /// Whether the log has signed these bytes outside of any note. Only the first version does.
    pub(crate) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.key {
            Key::EcdsaP256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature).is_ok()
            }
            Key::Ed25519(_) => false,
        }
    }
}

/// The names that a log at this address may have: its host, as the public ones do, or all but the scheme.
fn names_of(base_url: &str) -> impl Iterator<Item = &str> {
    let address = base_url.split_once("://").map_or(base_url, |(_, address)| address);
    let address = address.strip_suffix('/').unwrap_or(address);
    let authority = address.split('/').next().unwrap_or(address);
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    [host, authority, address].into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::LogSigner;

    #[test]
    fn the_id_says_which_name_the_key_has() {
        let signer = LogSigner::from_seeds("reg.example/log", &[1; 32], &[2; 32]).unwrap();
        let key = signer.verifier().log;
        for url in ["https://reg.example/log", "https://reg.example/log/"] {
            assert_eq!(RekorLog::new(url, &key.to_spki(), key.id()).unwrap().id(), key.id(), "{url}");
        }
        let other = RekorLog::new("https://reg.example", &key.to_spki(), key.id());
        assert!(matches!(other, Err(RekorLogError::Id(_))));
        assert!(matches!(RekorLog::new("https://a", b"no key", key.id()), Err(RekorLogError::Key(_))));
    }

    #[test]
    fn a_port_is_no_part_of_a_public_logs_name() {
        let signer = LogSigner::from_seeds("log.example", &[1; 32], &[2; 32]).unwrap();
        let key = signer.verifier().log;
        assert!(RekorLog::new("https://log.example:8443/api", &key.to_spki(), key.id()).is_ok());
    }
}
