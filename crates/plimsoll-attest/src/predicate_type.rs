use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What kind of statement is made: a URI, compared exactly (in-toto attestation, `spec/v1/statement.md`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PredicateType(Cow<'static, str>);

macro_rules! known {
    ($($(#[$doc:meta])* $name:ident = $uri:literal, $($short:literal)|+;)*) => {
        impl PredicateType {
            $($(#[$doc])* pub const $name: Self = Self(Cow::Borrowed($uri));)*
        }

        /// Each type with its short names, the first of which is printed.
        const KNOWN: &[(&str, &[&str])] = &[$(($uri, &[$($short),+])),*];
    };
}

known! {
    /// The signature of an image, as `cosign sign` makes it.
    SIGNATURE = "https://sigstore.dev/cosign/sign/v1", "signature";
    /// How an image was built (SLSA build provenance 1.0).
    PROVENANCE = "https://slsa.dev/provenance/v1", "provenance" | "slsaprovenance1";
    /// How an image was built (SLSA build provenance 0.2).
    PROVENANCE_V02 = "https://slsa.dev/provenance/v0.2", "provenance-v0.2" | "slsaprovenance02" | "slsaprovenance";
    /// What is inside an image, in SPDX.
    SPDX = "https://spdx.dev/Document", "spdx" | "spdxjson";
    /// What is inside an image, in CycloneDX.
    CYCLONEDX = "https://cyclonedx.org/bom", "cyclonedx";
    /// What a scanner found (in-toto).
    VULNERABILITIES = "https://in-toto.io/attestation/vulns/v0.2", "vulns";
    /// What a scanner found (cosign).
    COSIGN_VULNERABILITIES = "https://cosign.sigstore.dev/attestation/vuln/v1", "vuln";
    /// Which vulnerabilities matter.
    OPENVEX = "https://openvex.dev/ns", "openvex" | "vex";
    /// Which tests passed.
    TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1", "test-result";
    /// That somebody verified the image (SLSA verification summary).
    VERIFICATION_SUMMARY = "https://slsa.dev/verification_summary/v1", "vsa";
    /// That a named person accepts the image for a purpose, or no longer does.
    APPROVAL = "urn:plimsoll:attestation:approval:v1", "approval";
    /// That a named person accepts a vulnerability for a time.
    EXCEPTION = "urn:plimsoll:attestation:exception:v1", "exception";
    /// Anything, as `cosign attest` names it.
    CUSTOM = "https://cosign.sigstore.dev/attestation/v1", "custom";
}

impl PredicateType {
    /// The URI.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads a short name, such as `provenance` or one of cosign's, or takes a URI as it is.
    pub fn named(text: &str) -> Option<Self> {
        if let Some((uri, _)) = KNOWN.iter().find(|(_, names)| names.contains(&text)) {
            return Some(Self(Cow::Borrowed(uri)));
        }
        let is_uri = text.split_once(':').is_some_and(|(scheme, rest)| {
            !scheme.is_empty()
                && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
                && !rest.is_empty()
        });
        (is_uri && text.bytes().all(|byte| byte.is_ascii_graphic()))
            .then(|| Self(Cow::Owned(text.to_owned())))
    }

    /// Whether `other` is of this type. Types are compared exactly, but for the two documents to whose URI tools append
    /// the version, as in `https://spdx.dev/Document/v2.3`.
    pub fn covers(&self, other: &Self) -> bool {
        let is_version = |rest: &str| {
            let version = rest.strip_prefix("/v").or_else(|| rest.strip_prefix('/'));
            version.is_some_and(|version| {
                !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
            })
        };
        let is_document = *self == Self::SPDX || *self == Self::CYCLONEDX;
        self == other || (is_document && other.0.strip_prefix(&*self.0).is_some_and(is_version))
    }

    /// How people call it: the short name, else the URI.
    pub fn short_name(&self) -> &str {
        let known = KNOWN.iter().find(|(uri, _)| *uri == self.0);
        known.and_then(|(_, names)| names.first()).copied().unwrap_or(&self.0)
    }

    /// The short names.
    pub fn short_names() -> impl Iterator<Item = &'static str> {
        KNOWN.iter().filter_map(|(_, names)| names.first().copied())
    }
}

impl From<String> for PredicateType {
    /// As it stands in a statement: any text, since it is only ever compared.
    fn from(uri: String) -> Self {
        Self(Cow::Owned(uri))
    }
}

impl fmt::Display for PredicateType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_and_uris_are_read_and_typing_errors_are_not() {
        assert_eq!(PredicateType::named("slsaprovenance1"), Some(PredicateType::PROVENANCE));
        assert_eq!(PredicateType::named("https://example.org/x").unwrap().as_str(), "https://example.org/x");
        assert_eq!(PredicateType::named("provenence"), None);
        assert_eq!(PredicateType::named("a b:c"), None);
        assert_eq!(PredicateType::PROVENANCE.short_name(), "provenance");
    }

    #[test]
    fn a_type_covers_itself_and_documents_cover_their_versions() {
        let of = |uri: &str| PredicateType::from(uri.to_owned());
        assert!(PredicateType::SPDX.covers(&of("https://spdx.dev/Document/v2.3")));
        assert!(PredicateType::CYCLONEDX.covers(&of("https://cyclonedx.org/bom/1.6")));
        assert!(!PredicateType::SPDX.covers(&of("https://spdx.dev/Document/v2.3/evil")));
        assert!(!PredicateType::SPDX.covers(&of("https://spdx.dev/Documents")));
        assert!(!PredicateType::PROVENANCE.covers(&of("https://slsa.dev/provenance/v1.0")));
    }
}
