//! Whether a product is the image, or the component in it.

use std::fmt;
use std::str::FromStr;

use plimsoll_sbom::{Component, Distribution, PackageType, ParsePurlError, Purl};
use serde::{Deserialize, Serialize};

/// The names of an image: `pkg:oci/name@sha256%3A…?repository_url=…`, one for each repository that it is known in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// Its package URLs.
    pub purls: Vec<Purl>,
    /// Its digests: of its manifest, and of an index that lists it.
    pub digests: Vec<String>,
}

/// A component with the distribution around it.
#[derive(Clone, Copy, Debug)]
pub struct Installed<'a> {
    /// The component.
    pub component: &'a Component,
    /// What the image's os-release says.
    pub distribution: Option<&'a Distribution>,
}

/// What a statement is about.
#[derive(Debug)]
pub(super) struct Product {
    pub(super) purls: Vec<Purl>,
    pub(super) digests: Vec<String>,
    /// The parts that it is limited to; `None` where it is about all of the product.
    pub(super) parts: Option<Vec<Purl>>,
}

impl Product {
    /// Whether a component of an image is meant.
    pub(super) fn holds(&self, installed: &Installed<'_>, image: &Image) -> bool {
        let is_component = |purl: &Purl| names_component(purl, installed);
        match &self.parts {
            Some(parts) => {
                (self.is_image(image) || self.purls.iter().any(is_component))
                    && parts.iter().any(is_component)
            }
            None => self.is_image(image) || self.purls.iter().any(is_component),
        }
    }

    fn is_image(&self, image: &Image) -> bool {
        let has_purl = self.purls.iter().any(|purl| image.purls.iter().any(|name| covers(purl, name)));
        has_purl || self.digests.iter().any(|digest| image.digests.contains(digest))
    }
}

/// A package URL that stands for all packages that it does not tell apart: without a version, for every version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PurlPattern(Purl);

impl PurlPattern {
    /// Whether it stands for this component.
    pub fn matches(&self, installed: &Installed<'_>) -> bool {
        names_component(&self.0, installed)
    }
}

impl fmt::Display for PurlPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for PurlPattern {
    type Err = ParsePurlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// Whether a package URL names the component, or with `arch=source` its source package.
fn names_component(pattern: &Purl, installed: &Installed<'_>) -> bool {
    if pattern.package_type() != installed.component.package_type.as_str() {
        return false;
    }
    let source = installed.component.source.as_ref().filter(|_| pattern.qualifier("arch") == Some("source"));
    let Some(source) = source else {
        return covers_component(pattern, installed.component, installed.distribution);
    };
    let mut component = installed.component.clone();
    component.name.clone_from(&source.name);
    component.version.clone_from(&source.version);
    component.architecture = Some("source".to_owned());
    covers_component(pattern, &component, installed.distribution)
}

fn covers_component(pattern: &Purl, component: &Component, distribution: Option<&Distribution>) -> bool {
    let purl = component.purl(distribution);
    let is_version = pattern.version().is_none_or(|version| is_version_of(version, component, &purl));
    is_version && has_same_name(pattern, &purl) && has_qualifiers(pattern, &purl)
}

/// With the epoch or without it: writers differ.
fn is_version_of(version: &str, component: &Component, purl: &Purl) -> bool {
    Some(version) == purl.version() || version == component.version
}

/// Whether all that `pattern` says is true of `purl`.
fn covers(pattern: &Purl, purl: &Purl) -> bool {
    let is_version = pattern.version().is_none() || pattern.version() == purl.version();
    is_version
        && pattern.package_type() == purl.package_type()
        && has_same_name(pattern, purl)
        && has_qualifiers(pattern, purl)
}

/// A system package's namespace is its vendor and may be left out; that of a language is a part of the name.
fn has_same_name(pattern: &Purl, purl: &Purl) -> bool {
    let is_system = [PackageType::Deb, PackageType::Rpm, PackageType::Apk].map(PackageType::as_str);
    let may_be_absent = pattern.namespace().is_none() && is_system.contains(&pattern.package_type());
    pattern.name() == purl.name() && (may_be_absent || pattern.namespace() == purl.namespace())
}

/// What the pattern demands and the package does not say is not met, so that a statement never reaches too far.
fn has_qualifiers(pattern: &Purl, purl: &Purl) -> bool {
    pattern.qualifiers().all(|(key, value)| match (key, purl.qualifier(key)) {
        ("distro", Some(actual)) => is_same_distribution(value, actual),
        ("type", None) => value == "jar",
        (_, actual) => actual == Some(value),
    })
}

/// `debian-12` stands for `debian-12.5`, and `debian` for both.
fn is_same_distribution(pattern: &str, actual: &str) -> bool {
    let rest = actual.strip_prefix(pattern);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
}
