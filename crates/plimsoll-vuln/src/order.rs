//! The order of versions, one encoder for each ecosystem.
//!
//! A version is encoded once, to bytes whose plain comparison is the order of its ecosystem. Whether a version lies in
//! a range is then a comparison of bytes.

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

/// A version that the order does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{version}` is no version of {order:?}: {why}")]
pub struct VersionFault {
    /// As written.
    pub version: String,
    /// By whose rules.
    pub order: Order,
    /// What is wrong with it.
    pub why: &'static str,
}
