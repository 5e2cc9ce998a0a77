use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher as StdHasher};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Hasher;

/// A hash algorithm registered by the image specification (image-spec, `descriptor.md`, "Registered algorithms").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// SHA-256, the canonical algorithm.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// The name as it stands before the colon of a digest.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// The number of bytes in a hash of this algorithm.
    pub fn hash_bytes(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = ParseDigestError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "sha256" => Ok(Self::Sha256),
            "sha512" => Ok(Self::Sha512),
            _ => Err(ParseDigestError::Algorithm(name.chars().take(64).collect())),
        }
    }
}

/// The digest of some exact bytes: `algorithm:encoded` (image-spec, `descriptor.md`, "Digests").
///
/// It names content as stored. The digest of an uncompressed layer is a [`DiffId`], of an applied stack of layers a
/// [`ChainId`], of an image config an [`ImageId`]; they are types of their own so that they are not mixed up.
#[derive(Clone, Copy)]
pub struct Digest {
    algorithm: Algorithm,
    hash: [u8; 64],
}

impl Digest {
    /// Hashes `bytes` with SHA-256.
    pub fn sha256_of(bytes: &[u8]) -> Self {
        Self::of(Algorithm::Sha256, bytes)
    }

    /// Hashes `bytes` with `algorithm`.
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    /// Wraps a finished hash.
    ///
    /// # Panics
    /// When `hash` is not as long as the algorithm's hashes are.
    pub(crate) fn from_hash(algorithm: Algorithm, hash: &[u8]) -> Self {
        assert_eq!(hash.len(), algorithm.hash_bytes(), "a hash of {algorithm}");
        let mut padded = [0; 64];
        padded[..hash.len()].copy_from_slice(hash);
        Self { algorithm, hash: padded }
    }

    /// The algorithm before the colon.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The raw hash: 32 or 64 bytes.
    pub fn hash(&self) -> &[u8] {
        &self.hash[..self.algorithm.hash_bytes()]
    }

    /// The part after the colon, in lower-case hexadecimal.
    pub fn encoded(&self) -> String {
        hex::encode(self.hash())
    }

    /// A short form for people: the algorithm and the first twelve hexadecimal digits.
    pub fn short(&self) -> String {
        format!("{}:{}", self.algorithm, hex::encode(&self.hash[..6]))
    }
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        self.algorithm == other.algorithm && self.hash() == other.hash()
    }
}

impl Eq for Digest {}

impl Hash for Digest {
    fn hash<H: StdHasher>(&self, state: &mut H) {
        self.hash().hash(state);
    }
}

impl Ord for Digest {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.algorithm, self.hash()).cmp(&(other.algorithm, other.hash()))
    }
}

impl PartialOrd for Digest {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut hex_digits = [0; 128];
        let used = &mut hex_digits[..2 * self.algorithm.hash_bytes()];
        hex::encode_to_slice(self.hash(), used).map_err(|_| fmt::Error)?;
        write!(f, "{}:{}", self.algorithm, std::str::from_utf8(used).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why some text is not a digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseDigestError {
    /// There is no colon between algorithm and hash.
    #[error("a digest is `algorithm:encoded`, such as `sha256:` and 64 hexadecimal digits")]
    Form,
    /// The algorithm is not registered, or not supported here.
    #[error("digest algorithm `{0}` is not supported; use `sha256` or `sha512`")]
    Algorithm(String),
    /// The encoded part is not lower-case hexadecimal of the algorithm's length.
    #[error("a {0} digest has {digits} lower-case hexadecimal digits", digits = 2 * .0.hash_bytes())]
    Encoded(Algorithm),
}

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (algorithm, encoded) = text.split_once(':').ok_or(ParseDigestError::Form)?;
        let algorithm: Algorithm = algorithm.parse()?;
        let has_upper_case = encoded.bytes().any(|byte| byte.is_ascii_uppercase());
        let mut hash = [0; 64];
        let decoded = hex::decode_to_slice(encoded, &mut hash[..algorithm.hash_bytes()]);
        if has_upper_case || decoded.is_err() {
            return Err(ParseDigestError::Encoded(algorithm));
        }
        Ok(Self { algorithm, hash })
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The digest of a layer's *uncompressed* tar (image-spec, `config.md`, "Layer DiffID").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DiffId(pub Digest);

/// The digest that names an applied stack of layers (image-spec, `config.md`, "Layer ChainID").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChainId(pub Digest);

impl ChainId {
    /// The chain of one layer: its `DiffId`.
    pub fn of_base(diff_id: DiffId) -> Self {
        Self(diff_id.0)
    }

    /// The chain with one more layer on top.
    pub fn then(self, diff_id: DiffId) -> Self {
        Self(Digest::sha256_of(format!("{} {}", self.0, diff_id.0).as_bytes()))
    }

    /// The chain ids of a stack, one per layer from the base up.
    pub fn of_stack(diff_ids: &[DiffId]) -> Vec<Self> {
        let mut chain: Vec<Self> = Vec::with_capacity(diff_ids.len());
        for diff_id in diff_ids {
            let next = chain.last().map_or_else(|| Self::of_base(*diff_id), |below| below.then(*diff_id));
            chain.push(next);
        }
        chain
    }
}

/// The digest of an image config (image-spec, `config.md`, "ImageID").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ImageId(pub Digest);

macro_rules! display_as_digest {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

display_as_digest!(DiffId, ChainId, ImageId);

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn the_empty_digest_round_trips() {
        let digest: Digest = EMPTY.parse().unwrap();
        assert_eq!(digest, Digest::sha256_of(b""));
        assert_eq!(digest.to_string(), EMPTY);
        assert_eq!(digest.short(), "sha256:e3b0c44298fc");
    }

    #[test]
    fn wrong_forms_are_named() {
        assert_eq!("abc".parse::<Digest>(), Err(ParseDigestError::Form));
        assert_eq!("md5:abc".parse::<Digest>(), Err(ParseDigestError::Algorithm("md5".into())));
        let encoded = Err(ParseDigestError::Encoded(Algorithm::Sha256));
        assert_eq!("sha256:abc".parse::<Digest>(), encoded);
        assert_eq!(EMPTY.replace("e3b0", "E3B0").parse::<Digest>(), encoded);
        assert_eq!(format!("{EMPTY}00").parse::<Digest>(), encoded);
        assert_eq!("sha256:../../../etc/passwd".parse::<Digest>(), encoded);
    }

    #[test]
    fn a_chain_of_one_is_its_diff_id() {
        let base = DiffId(Digest::sha256_of(b"base"));
        let top = DiffId(Digest::sha256_of(b"top"));
        let chain = ChainId::of_stack(&[base, top]);
        assert_eq!(chain[0].0, base.0);
        assert_eq!(chain[1].0, Digest::sha256_of(format!("{base} {top}").as_bytes()));
    }

    proptest::proptest! {
        #[test]
        fn any_text_parses_or_is_refused_without_panic(text in ".{0,200}") {
            if let Ok(digest) = text.parse::<Digest>() {
                proptest::prop_assert_eq!(digest.to_string(), text);
            }
        }
    }
}
