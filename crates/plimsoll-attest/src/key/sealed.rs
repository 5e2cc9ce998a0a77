//! Private keys under a password, in the files of `cosign generate-key-pair`: PEM around JSON, scrypt (RFC 7914) for
//! the key, and NaCl's secretbox (`XSalsa20` with `Poly1305`) for the content, which is PKCS#8.

use poly1305::Poly1305;
use poly1305::universal_hash::KeyInit as _;
use salsa20::XSalsa20;
use salsa20::cipher::{KeyIvInit as _, StreamCipher as _};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::pem;
use super::public::KeyError;
use super::signing::SigningKey;
use crate::base64_text::{decode, encode};

/// What the files say to be.
pub const SEALED_KEY_LABEL: &str = "ENCRYPTED SIGSTORE PRIVATE KEY";
/// What files of cosign's first versions say to be.
const SEALED_KEY_LABEL_OLD: &str = "ENCRYPTED COSIGN PRIVATE KEY";

/// The cost of guessing a password, as cosign has it: 64 MiB and a tenth of a second.
const COST: Cost = Cost { n: 65_536, r: 8, p: 1 };
/// Highest cost that is paid for a file of somebody else: 256 MiB.
const COST_N_MAX: u32 = 1 << 18;
const TAG_BYTES: usize = 16;

/// The randomness that sealing a key takes.
#[derive(Clone, Copy)]
pub struct Chance {
    /// Makes equal passwords unequal.
    pub salt: [u8; 32],
    /// Makes equal contents unequal.
    pub nonce: [u8; 24],
}

/// Why a private key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SealedKeyError {
    /// The password is not the one.
    #[error("the password does not open the key")]
    WrongPassword,
    /// There must be a password.
    #[error("the key is sealed with a password")]
    NeedsPassword,
    /// The file is not understood.
    #[error("the sealed key is not understood: {0}")]
    Json(#[from] serde_json::Error),
    /// The file uses something else.
    #[error("the sealed key needs `{0}`, which is not supported")]
    Unsupported(String),
    /// The content is not a key that signs.
    #[error(transparent)]
    Key(#[from] KeyError),
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Serialize, Deserialize)]
struct Kdf {
    name: String,
    params: Cost,
    salt: String,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Cost {
    #[serde(rename = "N")]
    n: u32,
    r: u32,
    p: u32,
}

#[derive(Serialize, Deserialize)]
struct Cipher {
    name: String,
    nonce: String,
}

impl SigningKey {
    /// Seals the key with a password; the text is a file for [`open_private_key`] and for cosign.
    pub fn seal(&self, password: &[u8], chance: &Chance) -> String {
        let key = derive(password, &chance.salt, COST).expect("the cost is a valid one");
        let sealed = Sealed {
            kdf: Kdf { name: "scrypt".to_owned(), params: COST, salt: encode(&chance.salt) },
            cipher: Cipher { name: "nacl/secretbox".to_owned(), nonce: encode(&chance.nonce) },
            ciphertext: encode(&close_box(&key, &chance.nonce, &self.to_pkcs8())),
        };
        let json = serde_json::to_vec(&sealed).expect("texts and numbers serialise");
        pem::write(SEALED_KEY_LABEL, &json)
    }
}

/// Opens a private key in PEM: sealed with a password, or bare as OpenSSL writes it.
pub fn open_private_key(text: &str, password: Option<&[u8]>) -> Result<SigningKey, SealedKeyError> {
    let pem = pem::read(text).ok_or(KeyError::NotPem)?;
    let bytes = Zeroizing::new(pem.bytes);
    if pem.label != SEALED_KEY_LABEL && pem.label != SEALED_KEY_LABEL_OLD {
        return Ok(SigningKey::from_der(&pem.label, &bytes)?);
    }
    let password = password.ok_or(SealedKeyError::NeedsPassword)?;
    let pkcs8 = unseal(&bytes, password)?;
    Ok(SigningKey::from_der("PRIVATE KEY", &pkcs8)?)
}

fn unseal(json: &[u8], password: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealedKeyError> {
    let sealed: Sealed = serde_json::from_slice(json)?;
    for (name, wanted) in [(&sealed.kdf.name, "scrypt"), (&sealed.cipher.name, "nacl/secretbox")] {
        if name != wanted {
            return Err(SealedKeyError::Unsupported(name.clone()));
        }
    }
    let salt = decode(&sealed.kdf.salt).ok_or(KeyError::Damaged)?;
    let nonce: Option<[u8; 24]> = decode(&sealed.cipher.nonce).and_then(|nonce| nonce.try_into().ok());
    let ciphertext = decode(&sealed.ciphertext).ok_or(KeyError::Damaged)?;
    let key = derive(password, &salt, sealed.kdf.params)?;
    open_box(&key, &nonce.ok_or(KeyError::Damaged)?, &ciphertext).ok_or(SealedKeyError::WrongPassword)
}

fn derive(password: &[u8], salt: &[u8], cost: Cost) -> Result<Zeroizing<[u8; 32]>, SealedKeyError> {
    let refused =
        || SealedKeyError::Unsupported(format!("scrypt with N={}, r={}, p={}", cost.n, cost.r, cost.p));
    let is_bearable = cost.n.is_power_of_two() && cost.n <= COST_N_MAX && cost.r <= 8 && cost.p <= 4;
    let log_n = u8::try_from(cost.n.trailing_zeros()).ok().filter(|_| is_bearable).ok_or_else(refused)?;
    let params = scrypt::Params::new(log_n, cost.r, cost.p).map_err(|_| refused())?;
    let mut key = Zeroizing::new([0; 32]);
    scrypt::scrypt(password, salt, &params, key.as_mut_slice()).map_err(|_| refused())?;
    Ok(key)
}

/// The stream after its first 32 bytes, which are the key of the authenticator.
fn stream_and_mac(key: &[u8; 32], nonce: &[u8; 24]) -> (XSalsa20, Poly1305) {
    let mut stream = XSalsa20::new(key.into(), nonce.into());
    let mut mac_key = Zeroizing::new([0; 32]);
    stream.apply_keystream(mac_key.as_mut_slice());
    let mac = Poly1305::new((&*mac_key).into());
    (stream, mac)
}

fn close_box(key: &[u8; 32], nonce: &[u8; 24], content: &[u8]) -> Vec<u8> {
    let (mut stream, mac) = stream_and_mac(key, nonce);
    let mut hidden = content.to_vec();
    stream.apply_keystream(&mut hidden);
    let tag = mac.compute_unpadded(&hidden);
    [tag.as_slice(), &hidden].concat()
}

fn open_box(key: &[u8; 32], nonce: &[u8; 24], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (tag, hidden) = sealed.split_at_checked(TAG_BYTES)?;
    let (mut stream, mac) = stream_and_mac(key, nonce);
    // Nobody can try tags one after the other here: the file is the reader's own, so that time tells nothing.
    if mac.compute_unpadded(hidden).as_slice() != tag {
        return None;
    }
    let mut content = Zeroizing::new(hidden.to_vec());
    stream.apply_keystream(content.as_mut_slice());
    Some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by cosign 3.1.1 with the password `x`.
    const COSIGN: &str = "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----
eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjo2NTUzNiwiciI6
OCwicCI6MX0sInNhbHQiOiI4cFp4VnpCVGhYSHMyQmVGQjRjTGxxZ0xsQXdaK28w
UGNlbjU3Zk9nSDBnPSJ9LCJjaXBoZXIiOnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94
Iiwibm9uY2UiOiJZUmk3eUYveXFnRkFuVFU4ZDMzci9VcGRYT3N3MHlVMCJ9LCJj
aXBoZXJ0ZXh0IjoiR0NueGkwYTE1VEIvYmRuM1NaRnBCQkJURGk3YU1YYTdWWmxZ
SG5WZGE5Vks1NUs4VjhtemJ4VmFjbDRBZU82WmY1YlVBTDRReUxTMUorUDEzaGpT
b0FBYm95VWZEWHVaVTZHcG1Id2ZFQnpQZ29xSGZRQU5jSEJpRzVyQmU5R3dDNTFG
R3l0KzhOUjNyYVQzNEtYdTRNQ0NvVDFlY1UxOTNUUTFEVk5qSUs1eXR2ZjVVdFhj
ZC9ZbHI1b3A4eVJLRlpjaUVOaG1yRXZoaFE9PSJ9
-----END ENCRYPTED SIGSTORE PRIVATE KEY-----
";
    const CHANCE: Chance = Chance { salt: [1; 32], nonce: [2; 24] };

    #[test]
    fn a_key_of_cosign_is_opened_with_its_password_only() {
        let key = open_private_key(COSIGN, Some(b"x")).unwrap();
        assert!(
            key.public()
                .to_pem()
                .contains("\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEgPmh0eQlw712VfHbzY4TNTSNHtRj\n")
        );
        assert!(matches!(open_private_key(COSIGN, Some(b"y")), Err(SealedKeyError::WrongPassword)));
        assert!(matches!(open_private_key(COSIGN, None), Err(SealedKeyError::NeedsPassword)));
    }

    #[test]
    fn a_sealed_key_is_opened_again() {
        let key = SigningKey::generate(&[7; 32]).unwrap();
        let text = key.seal(b"open sesame", &CHANCE);
        assert!(text.starts_with(&format!("-----BEGIN {SEALED_KEY_LABEL}-----\n")));
        assert_eq!(open_private_key(&text, Some(b"open sesame")).unwrap().public(), key.public());
    }

    #[test]
    fn a_file_cannot_make_its_reader_pay_any_price() {
        let json = String::from_utf8(pem::read(COSIGN).unwrap().bytes).unwrap();
        for (from, to) in [
            ("65536", "1073741824"),
            ("\"r\":8", "\"r\":4096"),
            ("\"p\":1", "\"p\":1000"),
            ("65536", "65535"),
        ] {
            let text = pem::write(SEALED_KEY_LABEL, json.replace(from, to).as_bytes());
            let refused = open_private_key(&text, Some(b"x")).unwrap_err();
            assert!(matches!(refused, SealedKeyError::Unsupported(_)), "{to}: {refused}");
        }
    }
}
