use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde::Deserialize;

use crate::base64_text::decode;
use crate::nesting::{TooDeep, check_nesting};

/// Largest set of keys that is read.
const SET_BYTES_MAX: usize = 512 * 1024;
/// Most keys of one set.
const KEYS_MAX: usize = 256;
/// Longest modulus: 8192 bits.
const MODULUS_BYTES_MAX: usize = 1024;

/// An issuer's keys (RFC 7517), those of them that verify RS256.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySet(Vec<TokenKey>);

/// A key of RSA by its two numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TokenKey {
    name: Option<String>,
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

/// Why some bytes are no set of keys.
#[derive(Debug, thiserror::Error)]
pub enum KeySetError {
    /// It is too large.
    #[error("the set of keys has {0} bytes; at most {SET_BYTES_MAX} are read")]
    TooLarge(usize),
    /// It is too deep.
    #[error(transparent)]
    Nesting(#[from] TooDeep),
    /// It is something else.
    #[error("the set of keys is not understood: {0}")]
    Json(#[from] serde_json::Error),
    /// There are too many.
    #[error("the set has {0} keys; at most {KEYS_MAX} are read")]
    ManyKeys(usize),
    /// There is none that can be used.
    #[error("the set has no RSA key of 2048 to 8192 bits for signatures")]
    NoKey,
}

#[derive(Deserialize)]
struct SetJson {
    keys: Vec<KeyJson>,
}

/// A key; what it does not need to have it may lack.
#[derive(Deserialize)]
struct KeyJson {
    kty: String,
    kid: Option<String>,
    r#use: Option<String>,
    alg: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

impl KeySet {
    /// Reads a set. Keys of other kinds are left out: whoever signs with one is refused by the name of its algorithm.
    pub fn parse(json: &[u8]) -> Result<Self, KeySetError> {
        if json.len() > SET_BYTES_MAX {
            return Err(KeySetError::TooLarge(json.len()));
        }
        check_nesting(json)?;
        let set: SetJson = serde_json::from_slice(json)?;
        if set.keys.len() > KEYS_MAX {
            return Err(KeySetError::ManyKeys(set.keys.len()));
        }
        let keys: Vec<TokenKey> = set.keys.into_iter().filter_map(TokenKey::of).collect();
        if keys.is_empty() { Err(KeySetError::NoKey) } else { Ok(Self(keys)) }
    }

    /// The key of this name. Where a token names none, the issuer must have only one.
    pub(super) fn find(&self, name: Option<&str>) -> Option<&TokenKey> {
        match (name, self.0.as_slice()) {
            (Some(name), keys) => keys.iter().find(|key| key.name.as_deref() == Some(name)),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }
}

impl TokenKey {
    fn of(key: KeyJson) -> Option<Self> {
        let is_for_signatures = key.r#use.is_none_or(|purpose| purpose == "sig");
        let is_rs256 = key.alg.is_none_or(|algorithm| algorithm == "RS256");
        if key.kty != "RSA" || !is_for_signatures || !is_rs256 {
            return None;
        }
        let number = |text: Option<String>| {
            let bytes = decode(&text?)?;
            let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            bytes.get(zeros..).map(<[u8]>::to_vec)
        };
        let (modulus, exponent) = (number(key.n)?, number(key.e)?);
        let is_strong = (256..=MODULUS_BYTES_MAX).contains(&modulus.len()) && exponent.len() <= 8;
        is_strong.then_some(Self { name: key.kid, modulus, exponent })
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = RsaPublicKeyComponents { n: &self.modulus, e: &self.exponent };
        key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
    }
}
