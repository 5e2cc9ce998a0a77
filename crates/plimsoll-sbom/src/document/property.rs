//! What neither format has a member for, as names and values; both formats carry the same.

use std::collections::BTreeMap;

use plimsoll_oci::DiffId;

use crate::{Component, Distribution, Kinship, Located, PackageType, Purl, SourcePackage};

/// Names and values, sorted by name.
pub(super) type Properties = BTreeMap<String, String>;

pub(super) const PATH: &str = "plimsoll:path";
pub(super) const LAYER: &str = "plimsoll:layer";
pub(super) const FOUND_BY: &str = "plimsoll:found-by";
/// In SPDX, where a package has but one licence expression: all licences as written, as a JSON array.
pub(super) const LICENSES: &str = "plimsoll:licenses";
const OWNER: &str = "plimsoll:owner";
const TYPE: &str = "plimsoll:type";
const KINSHIP: &str = "plimsoll:kinship";
const ARCHITECTURE: &str = "plimsoll:architecture";
const SOURCE_NAME: &str = "plimsoll:source:name";
const SOURCE_VERSION: &str = "plimsoll:source:version";
/// Sorted hashes, eight hexadecimal digits each.
const SYMBOLS: &str = "plimsoll:symbols";
/// Before the names of [`Component::properties`].
const COMPONENT: &str = "plimsoll:component:";
const CODENAME: &str = "plimsoll:distribution:codename";
const PRETTY_NAME: &str = "plimsoll:distribution:pretty-name";
/// Ids with spaces between them, as in os-release.
const LIKE: &str = "plimsoll:distribution:like";

/// The properties of a component: its evidence, and what its package URL does not give back.
pub(super) fn of_located(located: &Located, purl: &Purl) -> Properties {
    let component = &located.component;
    let told = Component::from_purl(purl).map(|(told, _)| told);
    let told = told.unwrap_or_else(|| Component::new(PackageType::Generic, "", ""));
    let mut properties = Properties::new();
    let mut add = |name: &str, value: String| properties.insert(name.to_owned(), value);
    add(FOUND_BY, located.found_by.clone());
    if !located.path.is_empty() {
        add(PATH, located.path.clone());
    }
    if let Some(layer) = located.layer {
        add(LAYER, layer.to_string());
    }
    if let Some(owner) = &located.owner {
        add(OWNER, owner.to_string());
    }
    if component.package_type != told.package_type {
        add(TYPE, component.package_type.as_str().to_owned());
    }
    if !component.kinship.is_installed() {
        add(KINSHIP, kinship_name(component.kinship).to_owned());
    }
    if component.architecture != told.architecture {
        add(ARCHITECTURE, component.architecture.clone().unwrap_or_default());
    }
    if component.source != told.source
        && let Some(source) = &component.source
    {
        add(SOURCE_NAME, source.name.clone());
        add(SOURCE_VERSION, source.version.clone());
    }
    if !component.symbols.is_empty() {
        add(SYMBOLS, component.symbols.iter().map(|symbol| format!("{symbol:08x}")).collect());
    }
    for (name, value) in &component.properties {
        add(&format!("{COMPONENT}{name}"), value.clone());
    }
    properties
}

/// Adds to a component what properties say, ours and those of the two scanners whose documents are the most common.
/// Names that mean nothing here, and values that do not parse, are passed over.
pub(super) fn tell(located: &mut Located, name: &str, value: &str) {
    let component = &mut located.component;
    match name {
        FOUND_BY | "syft:package:foundBy" => located.found_by = value.to_owned(),
        PATH => located.path = value.to_owned(),
        "syft:location:0:path" | "aquasecurity:trivy:FilePath" => {
            located.path = value.trim_start_matches('/').to_owned();
        }
        LAYER | "syft:location:0:layerID" | "aquasecurity:trivy:LayerDiffID" => {
            located.layer = value.parse().ok().map(DiffId);
        }
        OWNER => located.owner = value.parse().ok(),
        TYPE => component.package_type = crate::purl::package_type(value).unwrap_or(component.package_type),
        KINSHIP => component.kinship = kinship(value),
        ARCHITECTURE => component.architecture = Some(value.to_owned()).filter(|text| !text.is_empty()),
        SOURCE_NAME => source_of(component).name = value.to_owned(),
        SOURCE_VERSION => source_of(component).version = value.to_owned(),
        SYMBOLS => component.symbols = symbols(value).unwrap_or_default(),
        _ => {
            if let Some(name) = name.strip_prefix(COMPONENT) {
                component.properties.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

fn source_of(component: &mut Component) -> &mut SourcePackage {
    component.source.get_or_insert_with(|| SourcePackage { name: String::new(), version: String::new() })
}

fn kinship_name(kinship: Kinship) -> &'static str {
    match kinship {
        Kinship::Installed => "installed",
        Kinship::Embedded => "embedded",
        Kinship::Locked => "locked",
        Kinship::HeadersOnly => "headers-only",
    }
}

fn kinship(text: &str) -> Kinship {
    let all = [Kinship::Installed, Kinship::Embedded, Kinship::Locked, Kinship::HeadersOnly];
    all.into_iter().find(|kinship| kinship_name(*kinship) == text).unwrap_or_default()
}

fn symbols(hex: &str) -> Option<Vec<u32>> {
    let words = hex.as_bytes().chunks(8).map(|word| {
        let digits = std::str::from_utf8(word).ok().filter(|digits| digits.len() == 8)?;
        u32::from_str_radix(digits, 16).ok()
    });
    words.collect()
}

/// What of a distribution the operating system's name and version do not say.
pub(super) fn of_distribution(distribution: &Distribution) -> Properties {
    let mut properties = Properties::new();
    let mut add =
        |name: &str, value: Option<String>| value.map(|value| properties.insert(name.to_owned(), value));
    add(CODENAME, distribution.codename.clone());
    add(PRETTY_NAME, distribution.pretty_name.clone());
    add(LIKE, (!distribution.like.is_empty()).then(|| distribution.like.join(" ")));
    properties
}

/// Adds to a distribution what properties say.
pub(super) fn tell_distribution(distribution: &mut Distribution, name: &str, value: &str) {
    match name {
        CODENAME | "syft:distro:versionCodename" => distribution.codename = Some(value.to_owned()),
        PRETTY_NAME | "syft:distro:prettyName" => distribution.pretty_name = Some(value.to_owned()),
        LIKE => distribution.like = value.split(' ').map(str::to_owned).collect(),
        _ if name.starts_with("syft:distro:idLike:") => distribution.like.push(value.to_owned()),
        _ => {}
    }
}
