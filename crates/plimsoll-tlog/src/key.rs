//! The public keys of logs and cosigners (c2sp.org/signed-note, "Verifier keys").

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, UnparsedPublicKey};

use crate::hash::Hash;
use crate::note::is_key_name;
use crate::text;

/// What stands before an Ed25519 key in its SubjectPublicKeyInfo (RFC 8410, section 4).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// An Ed25519 key with its name and what it signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey {
    name: String,
    kind: KeyKind,
    public: [u8; 32],
}

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// The text of a checkpoint.
    Log,
    /// The text and the time at which it was the newest (c2sp.org/tlog-cosignature, version 1).
    Cosigner,
}

impl KeyKind {
    fn number(self) -> u8 {
        match self {
            Self::Log => 0x01,
            Self::Cosigner => 0x04,
        }
    }
}

/// Why a text or bytes are not a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The name can name no key.
    #[error("`{0}` cannot name a key: it is empty, too long, or holds white space or `+`")]
    Name(String),
    /// The text is not a verifier key.
    #[error("`{0}` is not a key `name+id+base64` of type 1 or 4")]
    Form(String),
    /// The id is that of another key.
    #[error("the key's id is `{found}` and not `{expected}`")]
    Id {
        /// The id in the text.
        expected: String,
        /// The id of the name and key.
        found: String,
    },
    /// The bytes are not an Ed25519 key.
    #[error("the bytes are not the SubjectPublicKeyInfo of an Ed25519 key")]
    Spki,
}

impl VerifyingKey {
    /// Names a key.
    pub fn new(name: &str, kind: KeyKind, public: [u8; 32]) -> Result<Self, KeyError> {
        if is_key_name(name) {
            Ok(Self { name: name.to_owned(), kind, public })
        } else {
            Err(KeyError::Name(text::shortened(name)))
        }
    }

    /// Names a key that is given as trusted roots have it.
    pub fn from_spki(name: &str, kind: KeyKind, spki: &[u8]) -> Result<Self, KeyError> {
        let public = spki.strip_prefix(&SPKI_PREFIX).and_then(|public| public.try_into().ok());
        Self::new(name, kind, public.ok_or(KeyError::Spki)?)
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it signs.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The SubjectPublicKeyInfo in DER.
    pub fn to_spki(&self) -> Vec<u8> {
        [SPKI_PREFIX.as_slice(), &self.public].concat()
    }

    /// The whole key id, of which signatures carry the first four bytes. Sigstore names logs by it.
    pub fn id(&self) -> Hash {
        let hashed = [self.name.as_bytes(), &[b'\n', self.kind.number()], &self.public].concat();
        Hash::sha256_of(&hashed)
    }

    /// The beginning of the key id.
    pub fn short_id(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = *self.id().as_bytes();
        [a, b, c, d]
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.public).verify(message, signature).is_ok()
    }
}

impl fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[self.kind.number()], self.public.as_slice()].concat();
        write!(f, "{}+{}+{}", self.name, hex(self.short_id()), STANDARD.encode(key))
    }
}

impl FromStr for VerifyingKey {
    type Err = KeyError;

    fn from_str(key: &str) -> Result<Self, Self::Err> {
        let refused = || KeyError::Form(text::shortened(key));
        let mut parts = key.splitn(3, '+');
        let (Some(name), Some(id), Some(bytes)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(refused());
        };
        let bytes = text::from_base64(bytes).ok_or_else(refused)?;
        let (number, public) = bytes.split_first().ok_or_else(refused)?;
        let kinds = [KeyKind::Log, KeyKind::Cosigner];
        let kind = kinds.into_iter().find(|kind| kind.number() == *number).ok_or_else(refused)?;
        let read = Self::new(name, kind, public.try_into().map_err(|_| refused())?)?;
        let found = hex(read.short_id());
        if id == found { Ok(read) } else { Err(KeyError::Id { expected: text::shortened(id), found }) }
    }
}

fn hex(id: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_as_it_prints() {
        for kind in [KeyKind::Log, KeyKind::Cosigner] {
            let key = VerifyingKey::new("example.com/log", kind, [7; 32]).unwrap();
            assert_eq!(key.to_string().parse(), Ok(key.clone()));
            assert_eq!(VerifyingKey::from_spki("example.com/log", kind, &key.to_spki()), Ok(key));
        }
    }

    #[test]
    fn ids_are_those_of_the_checksum_database_of_go() {
        // https://go.dev/ref/mod#checksum-database names this key.
        let key = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
        let read: VerifyingKey = key.parse().unwrap();
        assert_eq!(read.to_string(), key);
        let other = key.replace("033de0ae", "033de0af");
        assert!(matches!(other.parse::<VerifyingKey>(), Err(KeyError::Id { .. })));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for key in ["", "a", "a+b", "a+00000000+", "a+00000000+AQ==", "a b+00000000+AQ=="] {
            assert!(key.parse::<VerifyingKey>().is_err(), "{key}");
        }
        assert_eq!(VerifyingKey::from_spki("a", KeyKind::Log, &[0; 44]), Err(KeyError::Spki));
    }
}
