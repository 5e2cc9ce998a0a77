use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use crate::PredicateType;

/// In what capacity somebody signs, such as `builder` or `release-manager`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Role(Cow<'static, str>);

/// Longest name of a role.
const LENGTH_MAX: usize = 64;

impl Role {
    /// Signs images.
    pub const SIGNER: Self = Self(Cow::Borrowed("signer"));
    /// Builds images, and says how and of what.
    pub const BUILDER: Self = Self(Cow::Borrowed("builder"));
    /// Looks into images, and says what it found.
    pub const SCANNER: Self = Self(Cow::Borrowed("scanner"));
    /// Accepts images for a purpose.
    pub const APPROVER: Self = Self(Cow::Borrowed("approver"));
    /// Verifies what others said, and sums it up.
    pub const VERIFIER: Self = Self(Cow::Borrowed("verifier"));
    /// Says what no known role says.
    pub const WITNESS: Self = Self(Cow::Borrowed("witness"));

    /// The roles that say something by themselves.
    pub(crate) const KNOWN: &[Self] =
        &[Self::SIGNER, Self::BUILDER, Self::SCANNER, Self::APPROVER, Self::VERIFIER];

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the role may say unless a policy says otherwise. A role that a policy invented says nothing by itself.
    pub fn says(&self) -> &'static [PredicateType] {
        match self.as_str() {
            "signer" => &[PredicateType::SIGNATURE],
            "builder" => &[
                PredicateType::PROVENANCE,
                PredicateType::PROVENANCE_V02,
                PredicateType::SPDX,
                PredicateType::CYCLONEDX,
                PredicateType::TEST_RESULT,
            ],
            "scanner" => &[
                PredicateType::VULNERABILITIES,
                PredicateType::COSIGN_VULNERABILITIES,
                PredicateType::OPENVEX,
                PredicateType::SPDX,
                PredicateType::CYCLONEDX,
            ],
            "approver" => &[PredicateType::APPROVAL, PredicateType::EXCEPTION],
            "verifier" => &[PredicateType::VERIFICATION_SUMMARY],
            _ => &[],
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text that does not name a role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a role is 1 to {LENGTH_MAX} lower-case letters, digits and `-`")]
pub struct ParseRoleError;

impl FromStr for Role {
    type Err = ParseRoleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_name_byte = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_name = (1..=LENGTH_MAX).contains(&text.len()) && text.bytes().all(is_name_byte);
        if is_name { Ok(Self(Cow::Owned(text.to_owned()))) } else { Err(ParseRoleError) }
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
