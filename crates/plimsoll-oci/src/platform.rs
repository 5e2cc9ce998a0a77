use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::descriptor::null_as_default;

/// What an image is made to run on (image-spec, `image-index.md`, the `platform` property).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Platform {
    /// The processor, in Go's `GOARCH` words, such as `amd64`.
    pub architecture: String,
    /// The operating system, in Go's `GOOS` words, such as `linux`.
    pub os: String,
    /// The version of the operating system; Windows images need it.
    #[serde(rename = "os.version", default, skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    /// Features of the operating system that the image needs.
    #[serde(
        rename = "os.features",
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub os_features: Vec<String>,
    /// The variant of the processor, such as `v7`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

impl Platform {
    /// The platform of the machine that this program was compiled for, with `linux` as its system.
    pub fn host() -> Self {
        let (architecture, variant) = match std::env::consts::ARCH {
            "x86_64" => ("amd64", None),
            "x86" => ("386", None),
            "aarch64" => ("arm64", None),
            "arm" => ("arm", Some("v7".to_owned())),
            "powerpc64" if cfg!(target_endian = "little") => ("ppc64le", None),
            other => (other, None),
        };
        Self {
            architecture: architecture.to_owned(),
            os: "linux".to_owned(),
            os_version: None,
            os_features: Vec::new(),
            variant,
        }
    }

    /// Whether an image for `self` satisfies a wish for `wanted`.
    ///
    /// A wish without a variant takes any; `arm64` and `arm64/v8` are one platform, as in containerd.
    pub fn satisfies(&self, wanted: &Self) -> bool {
        let variant_fits = wanted.variant.is_none() || self.canonical_variant() == wanted.canonical_variant();
        let version_fits = wanted.os_version.is_none() || self.os_version == wanted.os_version;
        self.os == wanted.os && self.architecture == wanted.architecture && variant_fits && version_fits
    }

    fn canonical_variant(&self) -> Option<&str> {
        match (self.architecture.as_str(), self.variant.as_deref()) {
            ("arm64", Some("v8") | None) => None,
            (_, variant) => variant,
        }
    }

    /// Whether this is the `unknown/unknown` that builders give to attestations inside an index.
    pub fn is_unknown(&self) -> bool {
        self.os == "unknown" && self.architecture == "unknown"
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

/// Text that is not a platform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a platform is `os/architecture` or `os/architecture/variant`, such as `linux/arm64`")]
pub struct ParsePlatformError;

impl FromStr for Platform {
    type Err = ParsePlatformError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split('/').collect();
        let is_word = |part: &&str| {
            !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.')
        };
        if !(2..=3).contains(&parts.len()) || !parts.iter().all(is_word) {
            return Err(ParsePlatformError);
        }
        Ok(Self {
            os: parts[0].to_owned(),
            architecture: parts[1].to_owned(),
            os_version: None,
            os_features: Vec::new(),
            variant: parts.get(2).map(|variant| (*variant).to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arm64_is_arm64_v8() {
        let plain: Platform = "linux/arm64".parse().unwrap();
        let v8: Platform = "linux/arm64/v8".parse().unwrap();
        assert!(plain.satisfies(&v8) && v8.satisfies(&plain));
        let v7: Platform = "linux/arm/v7".parse().unwrap();
        let v6: Platform = "linux/arm/v6".parse().unwrap();
        assert!(!v7.satisfies(&v6));
        assert!(v7.satisfies(&"linux/arm".parse().unwrap()));
    }

    #[test]
    fn half_a_platform_is_refused() {
        for text in ["linux", "linux/", "/amd64", "a/b/c/d", "linux/amd 64"] {
            assert_eq!(text.parse::<Platform>(), Err(ParsePlatformError), "{text}");
        }
    }
}
