use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A piece of software found in an image, as the file that names it says.
///
/// It knows nothing yet of layers and owners: those are facts of the image, and are added when layers are merged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// The package system that names and orders its versions.
    #[serde(rename = "type")]
    pub package_type: PackageType,
    /// The name's first part where the type has one: Maven's group, npm's scope with its `@`, Composer's vendor, and
    /// for Go everything before the module path's last slash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The name, spelled as the package URL of its type wants it.
    pub name: String,
    /// The version as written, with the epoch in front of dpkg's and rpm's (`1:2.3-4`); empty where none is known.
    pub version: String,
    /// The architecture as the package system spells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// The source package that distributions name in their advisories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourcePackage>,
    /// What stands between the file and the claim that the component runs.
    #[serde(default, skip_serializing_if = "Kinship::is_installed")]
    pub kinship: Kinship,
    /// The licences as written: SPDX expressions or free names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub licenses: Vec<String>,
    /// What only some types have, under the names of the constants of this type.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
    /// For Go: the functions that the linker kept, as sorted hashes; see `reader::go`. Empty where they are not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub symbols: Vec<u32>,
}

/// Whether a component is there, or only named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kinship {
    /// Its files are in the image.
    #[default]
    Installed,
    /// It is compiled or packed into the file.
    Embedded,
    /// A lock file names it: evidence of intent, not of content.
    Locked,
    /// It brings only headers or metadata, as `linux-libc-dev` does: its source's flaws are not in the image.
    HeadersOnly,
}

impl Kinship {
    /// Whether it is what most components are.
    pub fn is_installed(&self) -> bool {
        *self == Self::Installed
    }
}

/// A source package of a distribution.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SourcePackage {
    /// Its name.
    pub name: String,
    /// Its version, which may differ from the binary package's.
    pub version: String,
}

/// The types of packages, named as in package URLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PackageType {
    /// Debian and its kin.
    Deb,
    /// Alpine and its kin.
    Apk,
    /// Red Hat, SUSE and their kin.
    Rpm,
    /// Go modules.
    Golang,
    /// Rust crates.
    Cargo,
    /// Python distributions.
    Pypi,
    /// JavaScript packages.
    Npm,
    /// Java artifacts.
    Maven,
    /// Ruby gems.
    Gem,
    /// .NET packages.
    Nuget,
    /// PHP packages.
    Composer,
    /// A program known by its bytes, such as `node` or `nginx`.
    Generic,
}

impl PackageType {
    /// The type as package URLs write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deb => "deb",
            Self::Apk => "apk",
            Self::Rpm => "rpm",
            Self::Golang => "golang",
            Self::Cargo => "cargo",
            Self::Pypi => "pypi",
            Self::Npm => "npm",
            Self::Maven => "maven",
            Self::Gem => "gem",
            Self::Nuget => "nuget",
            Self::Composer => "composer",
            Self::Generic => "generic",
        }
    }

    /// Whether a distribution's package manager installs it, so that only the distribution's advisories count.
    pub fn is_system(self) -> bool {
        matches!(self, Self::Deb | Self::Apk | Self::Rpm)
    }
}

impl Component {
    /// In [`Component::properties`]: the rpm module stream, `nodejs:18:8060020230306170237:ad008a3a`.
    pub const MODULE_STREAM: &'static str = "module-stream";
    /// In [`Component::properties`]: who built the package, as rpm's vendor or dpkg's maintainer says.
    pub const VENDOR: &'static str = "vendor";
    /// In [`Component::properties`]: where the package came from, as apk and dpkg record it.
    pub const ORIGIN: &'static str = "origin";

    /// In [`Component::properties`]: where within the file it was found, `BOOT-INF/lib/x.jar` of an executable jar; an
    /// archive within that follows behind `!/`. Evidence writes the whole as `app.jar!/BOOT-INF/lib/x.jar`.
    pub const INNER_PATH: &'static str = "inner-path";

    /// A component of which only type, name and version are known.
    pub fn new(package_type: PackageType, name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            package_type,
            namespace: None,
            name: name.into(),
            version: version.into(),
            architecture: None,
            source: None,
            kinship: Kinship::default(),
            licenses: Vec::new(),
            properties: BTreeMap::new(),
            symbols: Vec::new(),
        }
    }

    /// Namespace and name as the ecosystem's tools write them: `@scope/name`, `group:artifact`, a Go module path.
    pub fn full_name(&self) -> String {
        let separator = if self.package_type == PackageType::Maven { ':' } else { '/' };
        match &self.namespace {
            Some(namespace) => format!("{namespace}{separator}{}", self.name),
            None => self.name.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_name_is_what_the_ecosystem_writes() {
        let mut component = Component::new(PackageType::Maven, "log4j-core", "2.14.1");
        component.namespace = Some("org.apache.logging.log4j".to_owned());
        assert_eq!(component.full_name(), "org.apache.logging.log4j:log4j-core");
        component.package_type = PackageType::Npm;
        component.namespace = Some("@babel".to_owned());
        component.name = "core".to_owned();
        assert_eq!(component.full_name(), "@babel/core");
    }
}
