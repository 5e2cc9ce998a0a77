//! The order of versions, one encoder for each ecosystem.
//!
//! A version is encoded once, to bytes whose plain comparison is the order of its ecosystem. Whether a version lies in
//! a range is then a comparison of bytes. Two versions have the same key where their order calls them equal, however
//! they are written: `1.0` and `1.0.0` are one version in Python and two in Debian.
//!
//! Keys of different orders mean nothing to each other. No key is the beginning of another key of its order, but for
//! one case that is wanted: an rpm version without a release, see [`compare_to_bound`].

use std::cmp::Ordering;

mod apk;
mod composer;
mod cursor;
mod dpkg;
#[cfg(test)]
mod expect;
#[cfg(test)]
mod laws;
mod maven;
mod nuget;
mod number;
mod pep440;
mod pre_release;
mod rpm;
mod rubygems;
mod semver;

use number::NUMBER_DIGITS_MAX;

/// The longest version that is read. Far longer than any that was published; the count of a run of digits fits a byte.
pub const VERSION_BYTES_MAX: usize = NUMBER_DIGITS_MAX;

/// How much of a refused version its fault repeats.
const SHOWN_CHARS_MAX: usize = 80;

/// Whose rules order the versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Order {
    /// deb-version(7).
    Dpkg,
    /// rpm-version(7): epoch, version, release.
    Rpm,
    /// apk-package(5).
    Apk,
    /// Semantic Versioning 2.0.0, read leniently; npm, crates, Go.
    SemVer,
    /// Python's version specifiers (PEP 440), with old versions before all others.
    Pep440,
    /// Maven's ComparableVersion.
    Maven,
    /// Gem::Version.
    RubyGems,
    /// Composer's version_compare after normalisation.
    Composer,
    /// NuGetVersion.
    NuGet,
}

impl Order {
    /// Appends the key of a version. Where the version is refused, `key` is left as it was.
    pub fn encode(self, version: &str, key: &mut Vec<u8>) -> Result<(), VersionFault> {
        let start = key.len();
        let encoded = readable(version).and_then(|version| match self {
            Self::Dpkg => dpkg::encode(version, key),
            Self::Rpm => rpm::encode(version, key),
            Self::Apk => apk::encode(version, key),
            Self::SemVer => semver::encode(version, key),
            Self::Pep440 => pep440::encode(version, key),
            Self::Maven => maven::encode(version, key),
            Self::RubyGems => rubygems::encode(version, key),
            Self::Composer => composer::encode(version, key),
            Self::NuGet => nuget::encode(version, key),
        });
        encoded.map_err(|why| {
            key.truncate(start);
            VersionFault { version: version.chars().take(SHOWN_CHARS_MAX).collect(), order: self, why }
        })
    }

    /// The key of a version.
    pub fn key(self, version: &str) -> Result<VersionKey, VersionFault> {
        let mut key = Vec::with_capacity(2 * version.len().min(VERSION_BYTES_MAX));
        self.encode(version, &mut key)?;
        Ok(VersionKey(key))
    }

    /// Compares two versions. Who compares often keeps their keys instead.
    pub fn compare(self, left: &str, right: &str) -> Result<Ordering, VersionFault> {
        Ok(self.key(left)?.cmp(&self.key(right)?))
    }
}

/// A version as bytes that compare as versions do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionKey(Vec<u8>);

impl VersionKey {
    /// Before every version, pre-releases of `0.0.0` among them: what `introduced: "0"` means in an advisory.
    pub const LEAST: Self = Self(Vec::new());

    /// For an index to keep.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Compares the key of an installed version to the key of an advisory's bound.
///
/// It is the plain comparison, except that a bound which says less than the version is equal to it: an rpm advisory
/// without a release (`1.2`) speaks of the version alone, and `1.2-7.el9` is then neither below nor above it. Where
/// the bound is `fixed` or `introduced` plain comparison gives the same; for `last_affected` it does not. The empty
/// bound is no version but [`VersionKey::LEAST`], below all.
pub fn compare_to_bound(version: &[u8], bound: &[u8]) -> Ordering {
    if !bound.is_empty() && version.starts_with(bound) { Ordering::Equal } else { version.cmp(bound) }
}

/// A version that the order does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{version}` is no version of {order:?}: {why}")]
pub struct VersionFault {
    /// As written, or its beginning where it is long.
    pub version: String,
    /// By whose rules.
    pub order: Order,
    /// What is wrong with it.
    pub why: &'static str,
}

/// What an encoder says of a version that it refuses.
type Refusal = &'static str;

/// What holds in every ecosystem: printable ASCII, without the space around it, of a sane length.
fn readable(version: &str) -> Result<&str, Refusal> {
    let version = version.trim_ascii();
    if version.is_empty() {
        return Err("it is empty");
    }
    if version.len() > VERSION_BYTES_MAX {
        return Err("it is longer than 250 bytes");
    }
    let is_printable = version.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if is_printable { Ok(version) } else { Err("it has characters that are not printable ASCII") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_version_leaves_the_buffer_as_it_was() {
        let mut key = b"before".to_vec();
        assert!(Order::Dpkg.encode("x:1", &mut key).is_err());
        assert_eq!(key, b"before");
    }

    #[test]
    fn the_length_of_a_version_is_held_to_the_limit() {
        let longest = "9".repeat(VERSION_BYTES_MAX);
        assert!(Order::SemVer.key(&longest).is_ok());
        let fault = Order::SemVer.key(&format!("{longest}0")).unwrap_err();
        assert_eq!(fault.why, "it is longer than 250 bytes");
        assert_eq!(fault.version.len(), SHOWN_CHARS_MAX);
        assert_eq!(VERSION_BYTES_MAX, 250);
    }

    #[test]
    fn a_fault_says_whose_rules_and_what_is_wrong() {
        let fault = Order::SemVer.key("latest").unwrap_err();
        assert_eq!(fault.to_string(), "`latest` is no version of SemVer: it does not begin with a number");
        assert_eq!(
            Order::Rpm.key("1\u{e9}").unwrap_err().why,
            "it has characters that are not printable ASCII"
        );
        assert_eq!(Order::Rpm.key(" \n").unwrap_err().why, "it is empty");
    }

    #[test]
    fn the_least_key_is_below_a_pre_release_of_nothing() {
        let pseudo = Order::SemVer.key("v0.0.0-20190101000000-abcdefabcdef").unwrap();
        assert!(VersionKey::LEAST < pseudo);
        assert_eq!(compare_to_bound(pseudo.as_bytes(), VersionKey::LEAST.as_bytes()), Ordering::Greater);
    }
}
