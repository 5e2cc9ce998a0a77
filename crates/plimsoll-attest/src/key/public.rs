use std::fmt;
use std::str::FromStr;

use plimsoll_tlog::KeyDetails;
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use sha2::{Digest as _, Sha256};

use super::pem;
use crate::base64_text::encode;
use crate::der::{Der, tag};

/// Largest public key that is read: RSA with 8192 bits has 1,062 bytes.
const SPKI_BYTES_MAX: usize = 2048;
/// Shortest RSA key whose signatures count, in bytes of its modulus.
const RSA_BYTES_MIN: usize = 256;

/// What names a key everywhere: the SHA-256 of its `SubjectPublicKeyInfo`, in base64 as Sigstore's bundles have it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; 32]);

impl KeyId {
    /// The raw hash.
    pub fn hash(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// A key that verifies signatures.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    kind: Kind,
    /// The whole `SubjectPublicKeyInfo` (RFC 5280, section 4.1.2.7).
    spki: Vec<u8>,
    /// The key alone, in the form that ring wants.
    raw: Vec<u8>,
    id: KeyId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    EcdsaP256,
    EcdsaP384,
    Rsa,
    Ed25519,
}

/// Why some bytes are not a key that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is not PEM.
    #[error("there is no key in PEM; one begins with -----BEGIN PUBLIC KEY-----")]
    NotPem,
    /// It holds something else.
    #[error("the PEM holds a `{0}`, and not a public key")]
    Label(String),
    /// Its structure is broken.
    #[error("the key is damaged")]
    Damaged,
    /// It is of a kind that is not supported.
    #[error("the key is none of ECDSA P-256 or P-384, RSA of 2048 to 8192 bits, and Ed25519")]
    Unsupported,
    /// It is a private key that verifies only.
    #[error("only ECDSA P-256 keys sign: every tool verifies their signatures")]
    CannotSign,
}

mod oid {
    pub(super) const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
    pub(super) const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    pub(super) const P384: &[u8] = &[0x2b, 0x81, 4, 0, 0x22];
    pub(super) const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
    pub(super) const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
}

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo` in DER.
    pub fn from_spki(spki: &[u8]) -> Result<Self, KeyError> {
        if spki.len() > SPKI_BYTES_MAX {
            return Err(KeyError::Unsupported);
        }
        let (algorithm, raw) = split_spki(spki).ok_or(KeyError::Damaged)?;
        let kind = kind_of(algorithm, raw)?;
        let id = KeyId(Sha256::digest(spki).into());
        Ok(Self { kind, spki: spki.to_owned(), raw: raw.to_owned(), id })
    }

    /// The key's name.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The key in DER.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The key in PEM, as cosign and OpenSSL read it.
    pub fn to_pem(&self) -> String {
        pem::write("PUBLIC KEY", &self.spki)
    }

    /// What kind of key it is, for people.
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            Kind::EcdsaP256 => "ECDSA P-256",
            Kind::EcdsaP384 => "ECDSA P-384",
            Kind::Rsa => "RSA",
            Kind::Ed25519 => "Ed25519",
        }
    }

    /// How logs call a key of this kind, with the hash that it is used with. Pure Ed25519 is not logged.
    pub(crate) fn details(&self) -> Option<KeyDetails> {
        match self.kind {
            Kind::EcdsaP256 => Some(KeyDetails::EcdsaP256Sha256),
            Kind::EcdsaP384 => Some(KeyDetails::EcdsaP384Sha384),
            Kind::Rsa => match modulus_bytes(&self.raw)? {
                256 => Some(KeyDetails::Rsa2048Sha256),
                384 => Some(KeyDetails::Rsa3072Sha256),
                512 => Some(KeyDetails::Rsa4096Sha256),
                _ => None,
            },
            Kind::Ed25519 => None,
        }
    }

    /// Whether `signature` over `message` is by this key.
    ///
    /// A key of P-384 is used with SHA-384 and, by older clients, with SHA-256; both are taken. RSA is PKCS#1 v1.5
    /// with SHA-256, Ed25519 is the pure form.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let by = |algorithm: &'static dyn VerificationAlgorithm| {
            UnparsedPublicKey::new(algorithm, &self.raw).verify(message, signature).is_ok()
        };
        match self.kind {
            Kind::EcdsaP256 => by(&signature::ECDSA_P256_SHA256_ASN1),
            Kind::EcdsaP384 => {
                by(&signature::ECDSA_P384_SHA384_ASN1) || by(&signature::ECDSA_P384_SHA256_ASN1)
            }
            Kind::Rsa => by(&signature::RSA_PKCS1_2048_8192_SHA256),
            Kind::Ed25519 => by(&signature::ED25519),
        }
    }
}

/// The key's algorithm with its parameters, and the key alone.
fn split_spki(spki: &[u8]) -> Option<(Der<'_>, &[u8])> {
    let mut whole = Der::new(spki);
    let mut fields = whole.enter(tag::SEQUENCE)?;
    let algorithm = fields.enter(tag::SEQUENCE)?;
    let raw = fields.take_bits()?;
    (whole.is_empty() && fields.is_empty()).then_some((algorithm, raw))
}

fn kind_of(mut algorithm: Der<'_>, raw: &[u8]) -> Result<Kind, KeyError> {
    let name = algorithm.take(tag::OID).ok_or(KeyError::Damaged)?;
    let is_point = |bytes: usize| raw.len() == 1 + 2 * bytes && raw.first() == Some(&4);
    if name == oid::ED25519 && raw.len() == 32 {
        return Ok(Kind::Ed25519);
    }
    if name == oid::RSA {
        return if is_strong_rsa(raw) { Ok(Kind::Rsa) } else { Err(KeyError::Unsupported) };
    }
    if name != oid::EC {
        return Err(KeyError::Unsupported);
    }
    match algorithm.take(tag::OID) {
        Some(oid::P256) if is_point(32) => Ok(Kind::EcdsaP256),
        Some(oid::P384) if is_point(48) => Ok(Kind::EcdsaP384),
        _ => Err(KeyError::Unsupported),
    }
}

fn is_strong_rsa(raw: &[u8]) -> bool {
    modulus_bytes(raw).is_some_and(|bytes| bytes >= RSA_BYTES_MIN)
}

fn modulus_bytes(raw: &[u8]) -> Option<usize> {
    let modulus = Der::new(raw).enter(tag::SEQUENCE)?.take(tag::INTEGER)?;
    Some(modulus.strip_prefix(&[0]).unwrap_or(modulus).len())
}

impl FromStr for PublicKey {
    type Err = KeyError;

    /// Reads a public key in PEM.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let pem = pem::read(text).ok_or(KeyError::NotPem)?;
        if pem.label != "PUBLIC KEY" {
            return Err(KeyError::Label(pem.label));
        }
        Self::from_spki(&pem.bytes)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({}, {})", self.kind_name(), self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COSIGN: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEgPmh0eQlw712VfHbzY4TNTSNHtRj
u2e/WthqixeFts5ghY0qkYT9Hw6jr+339Rxiqt9/X0T4oh46mmW1d69zcQ==
-----END PUBLIC KEY-----
";

    #[test]
    fn a_key_of_cosign_is_read_and_written() {
        let key: PublicKey = COSIGN.parse().unwrap();
        assert_eq!((key.kind_name(), key.to_pem().as_str()), ("ECDSA P-256", COSIGN));
        assert!(!key.verifies(b"message", b"no signature"));
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_the_reason() {
        let of_label = COSIGN.replace("PUBLIC", "EC PRIVATE").parse::<PublicKey>();
        assert_eq!(of_label, Err(KeyError::Label("EC PRIVATE KEY".to_owned())));
        assert_eq!("hello".parse::<PublicKey>(), Err(KeyError::NotPem));
        let spki = COSIGN.parse::<PublicKey>().unwrap().spki;
        let of_other_curve = [&spki[..22], &[9], &spki[23..]].concat();
        assert_eq!(PublicKey::from_spki(&of_other_curve), Err(KeyError::Unsupported));
        let with_more = [&spki[..], &[0]].concat();
        assert_eq!(PublicKey::from_spki(&with_more), Err(KeyError::Damaged));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_without_panic(bytes: Vec<u8>) {
            let _ = PublicKey::from_spki(&bytes);
        }
    }
}
