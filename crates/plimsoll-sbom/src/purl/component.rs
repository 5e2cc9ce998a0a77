//! A component's package URL, and the component that a package URL names.

use std::collections::BTreeMap;

use serde::Deserialize as _;
use serde::de::IntoDeserializer as _;
use serde::de::value::StrDeserializer;

use super::Purl;
use crate::{Component, Distribution, PackageType, SourcePackage};

/// What stands for a name where there is none, which no reader yields: a package URL has a name.
const UNNAMED: &str = "unnamed";

impl Component {
    /// The package URL, with the qualifiers that other tools write and read: `arch`, `epoch`, `distro`, `upstream`.
    ///
    /// A component that its type's rules do not allow, such as a Composer package without a vendor, is `generic`.
    pub fn purl(&self, distribution: Option<&Distribution>) -> Purl {
        let purl = Purl {
            package_type: self.package_type.as_str().to_owned(),
            namespace: self.purl_namespace(distribution),
            name: if self.name.is_empty() { UNNAMED.to_owned() } else { self.name.clone() },
            version: Some(self.without_epoch().1.to_owned()).filter(|version| !version.is_empty()),
            qualifiers: self.purl_qualifiers(distribution),
            subpath: None,
        };
        let generic = Purl { package_type: PackageType::Generic.as_str().to_owned(), ..purl.clone() };
        purl.canonical().unwrap_or(generic)
    }

    /// The component that a package URL names, and the distribution that its `distro` qualifier names. Package URLs of
    /// other types, say `github`, name no component.
    pub fn from_purl(purl: &Purl) -> Option<(Self, Option<Distribution>)> {
        let package_type = package_type(purl.package_type())?;
        let epoch =
            purl.qualifier("epoch").filter(|epoch| package_type == PackageType::Rpm && is_number(epoch));
        let version = purl.version().unwrap_or_default();
        let version = epoch.map_or_else(|| version.to_owned(), |epoch| format!("{epoch}:{version}"));
        let mut component = Self::new(package_type, purl.name(), version);
        if !package_type.is_system() {
            component.namespace = purl.namespace().map(str::to_owned);
            return Some((component, None));
        }
        component.architecture = purl.qualifier("arch").map(str::to_owned);
        component.source = purl.qualifier("upstream").and_then(|source| component.upstream(source));
        let distribution = purl.qualifier("distro").and_then(|text| distribution(text, purl.namespace()));
        Some((component, distribution))
    }

    fn purl_namespace(&self, distribution: Option<&Distribution>) -> Option<String> {
        if self.package_type.is_system() {
            return distribution.map(|distribution| vendor(&distribution.id).to_owned());
        }
        let has_one = matches!(
            self.package_type,
            PackageType::Golang
                | PackageType::Maven
                | PackageType::Npm
                | PackageType::Composer
                | PackageType::Generic
        );
        self.namespace.as_deref().filter(|_| has_one).and_then(super::parse::segments)
    }

    fn purl_qualifiers(&self, distribution: Option<&Distribution>) -> BTreeMap<String, String> {
        if !self.package_type.is_system() {
            return BTreeMap::new();
        }
        let qualifiers = [
            ("arch", self.architecture.clone()),
            ("epoch", self.without_epoch().0.map(str::to_owned)),
            ("distro", distribution.and_then(distro)),
            ("upstream", self.source.as_ref().map(|source| self.written_upstream(source))),
        ];
        let written = qualifiers.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
        written.filter(|(_, value)| !value.is_empty()).collect()
    }

    /// The epoch, which rpm's package URLs carry apart, and the rest of the version.
    fn without_epoch(&self) -> (Option<&str>, &str) {
        match self.version.split_once(':') {
            Some((epoch, rest)) if self.package_type == PackageType::Rpm && is_number(epoch) => {
                (Some(epoch), rest)
            }
            _ => (None, &self.version),
        }
    }

    /// The source package as scanners write it: the file name of rpm's source package, elsewhere the name, with the
    /// version only where it differs from the component's.
    fn written_upstream(&self, source: &SourcePackage) -> String {
        let SourcePackage { name, version } = source;
        if self.package_type == PackageType::Rpm {
            let version = version.split_once(':').map_or(version.as_str(), |(_, rest)| rest);
            return format!("{name}-{version}{SOURCE_RPM}");
        }
        if *version == self.version { name.clone() } else { format!("{name}@{version}") }
    }

    fn upstream(&self, text: &str) -> Option<SourcePackage> {
        let own_version = || self.version.clone();
        let (name, version) = match text.strip_suffix(SOURCE_RPM) {
            Some(file) if self.package_type == PackageType::Rpm => {
                let (rest, release) = file.rsplit_once('-')?;
                let (name, version) = rest.rsplit_once('-')?;
                (name, format!("{version}-{release}"))
            }
            _ => text.split_once('@').map_or_else(|| (text, own_version()), |(name, v)| (name, v.to_owned())),
        };
        (!name.is_empty()).then(|| SourcePackage { name: name.to_owned(), version })
    }
}

/// The end of a source package's file name.
const SOURCE_RPM: &str = ".src.rpm";

pub(crate) fn package_type(text: &str) -> Option<PackageType> {
    let text: StrDeserializer<'_, serde::de::value::Error> = text.into_deserializer();
    PackageType::deserialize(text).ok()
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The namespace of a distribution's packages: its id, but that Red Hat's is spelled out (purl-spec, type `rpm`).
fn vendor(id: &str) -> &str {
    if id == "rhel" { "redhat" } else { id }
}

/// `debian-12`, `alpine-3.19.1`; the codename where the release has no number.
fn distro(distribution: &Distribution) -> Option<String> {
    let Distribution { id, version_id, codename, .. } = distribution;
    let release = Some(version_id).filter(|version| !version.is_empty()).or(codename.as_ref());
    (!id.is_empty()).then(|| release.map_or_else(|| id.clone(), |release| format!("{id}-{release}")))
}

/// The distribution of a `distro` qualifier. Ids hold hyphens, `opensuse-leap-15.6`, so that a release is what begins
/// with a digit; a word after the package's own namespace, or alone, is a codename: `debian-sid`, `jessie`.
fn distribution(text: &str, namespace: Option<&str>) -> Option<Distribution> {
    let numbered = text.rsplit_once('-').filter(|(id, rest)| !id.is_empty() && starts_with_digit(rest));
    let namespace = namespace.filter(|namespace| *namespace != vendor(text)).unwrap_or_default();
    let named = || text.strip_prefix(namespace)?.strip_prefix('-').map(|rest| (namespace, rest));
    let (id, release) = match numbered.or_else(named) {
        Some(parts) => parts,
        None if namespace.is_empty() => (text, ""),
        None => (namespace, text),
    };
    let is_codename = !release.is_empty() && !starts_with_digit(release);
    (!id.is_empty()).then(|| Distribution {
        id: id.to_owned(),
        version_id: if is_codename { String::new() } else { release.to_owned() },
        codename: is_codename.then(|| release.to_owned()),
        ..Distribution::default()
    })
}

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
}
