use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{Digest, ParseDigestError};

/// A mutable, human name for a manifest in one repository (distribution-spec, "Pulling manifests").
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Tag(String);

impl Tag {
    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tag under which clients without the referrers API list what refers to `subject`
    /// (distribution-spec, "Referrers Tag Schema").
    pub fn referrers_fallback(subject: &Digest) -> Self {
        let encoded = subject.encoded();
        Self(format!("{}-{}", subject.algorithm(), &encoded[..64]))
    }

    /// The image that something under this tag is said about, where [`Self::is_evidence`] holds. Of a SHA-512 digest a tag
    /// has the beginning only.
    pub fn evidence_subject(&self) -> Option<Digest> {
        let encoded = self.0.strip_prefix("sha256-")?.split('.').next()?;
        if self.is_evidence() { format!("sha256:{encoded}").parse().ok() } else { None }
    }

    /// Whether the tag follows the referrers tag schema or cosign's use of it: `sha256-<hex>` with or without a
    /// suffix such as `.sig`.
    pub fn is_evidence(&self) -> bool {
        let Some((algorithm, rest)) = self.0.split_once('-') else { return false };
        let encoded = rest.split('.').next().unwrap_or_default();
        matches!(algorithm, "sha256" | "sha512")
            && encoded.len() == 64
            && encoded.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text that is not a tag.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a tag is 1 to 128 characters of letters, digits, `_`, `.` and `-`, and does not begin with `.` or `-`"
)]
pub struct ParseTagError;

impl FromStr for Tag {
    type Err = ParseTagError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_word_byte = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let starts_well = text.bytes().next().is_some_and(is_word_byte);
        let goes_on_well = text.bytes().all(|byte| is_word_byte(byte) || byte == b'.' || byte == b'-');
        if starts_well && goes_on_well && text.len() <= 128 {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseTagError)
        }
    }
}

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What stands in the API's path after `/manifests/`: a tag or a digest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TagOrDigest {
    /// A tag.
    Tag(Tag),
    /// A digest.
    Digest(Digest),
}

impl fmt::Display for TagOrDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

impl FromStr for TagOrDigest {
    type Err = ParseDigestError;

    /// Takes a tag when it is one, since a tag holds no colon, and a digest otherwise.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(tag) => Ok(Self::Tag(tag)),
            Err(ParseTagError) => text.parse().map(Self::Digest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_tags_are_told_from_others() {
        let digest = Digest::sha256_of(b"x");
        let fallback = Tag::referrers_fallback(&digest);
        assert!(fallback.is_evidence());
        assert!(format!("{fallback}.sig").parse::<Tag>().unwrap().is_evidence());
        assert!(!"sha256-abc".parse::<Tag>().unwrap().is_evidence());
        assert!(!"latest".parse::<Tag>().unwrap().is_evidence());
        for suffix in ["", ".sig", ".att"] {
            let tag: Tag = format!("{fallback}{suffix}").parse().unwrap();
            assert_eq!(tag.evidence_subject(), Some(digest));
        }
        let long = Tag::referrers_fallback(&Digest::of(crate::Algorithm::Sha512, b"x"));
        assert_eq!((long.is_evidence(), long.evidence_subject()), (true, None));
    }

    #[test]
    fn a_long_digest_is_cut_to_a_tag() {
        let digest = Digest::of(crate::Algorithm::Sha512, b"x");
        assert_eq!(Tag::referrers_fallback(&digest).as_str().len(), "sha512-".len() + 64);
    }
}
