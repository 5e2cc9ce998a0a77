use std::fmt;

use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey as EcdsaKey};
use zeroize::Zeroizing;

use super::public::{KeyError, PublicKey};
use crate::der::{Der, tag};

/// What stands before the private number in PKCS#8 (RFC 5958) around `ECPrivateKey` (RFC 5915), for P-256.
const PKCS8_HEAD: &[u8] = &[
    0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01,
    0x04, 0x20,
];
/// What stands between the private number and the public point.
const PKCS8_MIDDLE: &[u8] = &[0xa1, 0x44, 0x03, 0x42, 0x00];
/// What stands before the public point in a `SubjectPublicKeyInfo`.
const SPKI_HEAD: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A key that signs: ECDSA over P-256, which every tool verifies. It is wiped when dropped.
pub struct SigningKey {
    secret: EcdsaKey,
    public: PublicKey,
}

impl SigningKey {
    /// Makes a key of 32 random bytes. Nothing for the one in 2³² that are no private key: take others.
    pub fn generate(random: &[u8; 32]) -> Option<Self> {
        EcdsaKey::from_slice(random).ok().map(Self::of)
    }

    fn of(secret: EcdsaKey) -> Self {
        let spki = [SPKI_HEAD, &point_of(&secret)].concat();
        let public = PublicKey::from_spki(&spki).expect("the key was made in this form");
        Self { secret, public }
    }

    /// Reads a private key in DER: PKCS#8, or the form of `openssl ecparam -genkey`.
    pub(crate) fn from_der(label: &str, der: &[u8]) -> Result<Self, KeyError> {
        let is_bare = match label {
            "PRIVATE KEY" => false,
            "EC PRIVATE KEY" => true,
            "RSA PRIVATE KEY" | "OPENSSH PRIVATE KEY" => return Err(KeyError::CannotSign),
            other => return Err(KeyError::Label(other.to_owned())),
        };
        let number = if is_bare { number_in(der) } else { number_in(unwrap_pkcs8(der)?) };
        let secret = EcdsaKey::from_slice(number.ok_or(KeyError::CannotSign)?);
        secret.map(Self::of).map_err(|_| KeyError::Damaged)
    }

    /// The key in PKCS#8, byte for byte as Go writes it.
    pub(crate) fn to_pkcs8(&self) -> Zeroizing<Vec<u8>> {
        let number = Zeroizing::new(self.secret.to_bytes());
        let parts: [&[u8]; 4] = [PKCS8_HEAD, number.as_slice(), PKCS8_MIDDLE, &point_of(&self.secret)];
        Zeroizing::new(parts.concat())
    }

    /// The key that verifies what this one signs.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs `message`: ECDSA with SHA-256, in ASN.1's DER. The same message has the same signature (RFC 6979), so
    /// that no random number is needed.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: DerSignature = self.secret.sign(message);
        signature.as_bytes().to_vec()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public.id())
    }
}

fn point_of(secret: &EcdsaKey) -> Vec<u8> {
    secret.verifying_key().to_sec1_point(false).as_bytes().to_vec()
}

/// The `ECPrivateKey` in a PKCS#8 structure for P-256.
fn unwrap_pkcs8(der: &[u8]) -> Result<&[u8], KeyError> {
    let mut fields = Der::new(der).enter(tag::SEQUENCE).ok_or(KeyError::Damaged)?;
    let mut read = || {
        fields.take(tag::INTEGER)?;
        Some((fields.enter(tag::SEQUENCE)?, fields.take(tag::OCTET_STRING)?))
    };
    let (mut algorithm, key) = read().ok_or(KeyError::Damaged)?;
    let named = (algorithm.take(tag::OID), algorithm.take(tag::OID));
    // The same two names stand at the same place in what is written.
    let is_p256 = named == (PKCS8_HEAD.get(10..17), PKCS8_HEAD.get(19..27));
    if is_p256 { Ok(key) } else { Err(KeyError::CannotSign) }
}

/// The private number in an `ECPrivateKey`, which for P-256 has 32 bytes.
fn number_in(der: &[u8]) -> Option<&[u8]> {
    let mut fields = Der::new(der).enter(tag::SEQUENCE)?;
    fields.take(tag::INTEGER)?;
    fields.take(tag::OCTET_STRING).filter(|number| number.len() == 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SigningKey {
        SigningKey::generate(&[7; 32]).unwrap()
    }

    #[test]
    fn what_is_signed_verifies_and_nothing_else_does() {
        let (key, other) = (key(), SigningKey::generate(&[8; 32]).unwrap());
        let signature = key.sign(b"message");
        assert!(key.public().verifies(b"message", &signature));
        assert!(!key.public().verifies(b"another", &signature));
        assert!(!other.public().verifies(b"message", &signature));
        assert_eq!(signature, key.sign(b"message"));
    }

    #[test]
    fn a_key_survives_pkcs8() {
        let der = key().to_pkcs8();
        assert_eq!(der.len(), 138);
        let read = SigningKey::from_der("PRIVATE KEY", &der).unwrap();
        assert_eq!(read.public(), key().public());
        let bare = unwrap_pkcs8(&der).unwrap();
        assert_eq!(SigningKey::from_der("EC PRIVATE KEY", bare).unwrap().public(), key().public());
    }

    #[test]
    fn numbers_outside_the_curve_are_no_keys() {
        assert!(SigningKey::generate(&[0; 32]).is_none());
        assert!(SigningKey::generate(&[0xff; 32]).is_none());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_without_panic(bytes: Vec<u8>) {
            let _ = SigningKey::from_der("PRIVATE KEY", &bytes);
        }
    }
}
