//! A made-up registry: its components have the names and versions of which real advisories speak, and as many others.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_index::Interned;
use plimsoll_oci::Digest;
use plimsoll_sbom::{Component, Distribution, PackageType};
use serde_json::Value;

/// Images of the fleet.
pub(super) const IMAGES: u32 = 100_000;
/// Distinct components of the fleet.
pub(super) const COMPONENTS: u32 = 400_000;
/// One component in so many has a name of which some advisory speaks.
const KNOWN_ONE_IN: u32 = 4;
/// So many images have the same base.
const IMAGES_PER_BASE: u32 = 50;
const BASE_COMPONENTS: u32 = 100;
const OWN_COMPONENTS: u32 = 200;

/// The packages of which advisories speak, each with the versions that they name.
#[derive(Default)]
pub(super) struct Known {
    packages: BTreeMap<(String, String), BTreeSet<String>>,
}

impl Known {
    /// Notes what an OSV record speaks of.
    pub(super) fn note(&mut self, record: &Value) {
        for affected in record["affected"].as_array().into_iter().flatten() {
            let package = &affected["package"];
            let (Some(ecosystem), Some(name)) = (package["ecosystem"].as_str(), package["name"].as_str())
            else {
                continue;
            };
            let versions = self.packages.entry((ecosystem.to_owned(), name.to_owned())).or_default();
            let events = affected["ranges"].as_array().into_iter().flatten();
            let events = events.flat_map(|range| range["events"].as_array().into_iter().flatten());
            let named = events.flat_map(|event| event.as_object().into_iter().flatten());
            versions.extend(named.filter_map(|(_, version)| version.as_str()).map(str::to_owned));
        }
    }

    /// The first `count` components of the fleet, by their numbers.
    pub(super) fn components(&self, count: u32) -> Vec<(u32, Interned)> {
        let pairs = self.packages.iter().filter_map(|((ecosystem, name), versions)| {
            Some((Kind::of(ecosystem)?, name.as_str(), versions.iter().collect::<Vec<_>>()))
        });
        let packages: Vec<(Kind, &str, Vec<&String>)> = pairs.collect();
        let mut made = BTreeSet::new();
        let mut random = Random(1);
        let mut components = Vec::new();
        for number in 0..count {
            let (kind, name, versions) = &packages[random.below(packages.len())];
            let interned = if number % KNOWN_ONE_IN == 0 {
                let version =
                    versions.get(random.below(versions.len().max(1))).map_or("1.0", |it| it.as_str());
                let is_new = made.insert((*kind, *name, version));
                // What is there already gets a release of its own.
                let version = if is_new { version.to_owned() } else { format!("{version}.{number}") };
                kind.component(name, &version)
            } else {
                kind.component(&format!("name-{}", number / 5), &format!("{}.{}", number % 7, number))
            };
            components.push((number, interned));
        }
        components
    }
}

/// The image with a number, and its components.
pub(super) fn image(number: u32) -> (Digest, Vec<u32>) {
    let mut base = Random(u64::from(number / IMAGES_PER_BASE) + 1);
    let mut own = Random((u64::from(number) << 20) + 1);
    let components = COMPONENTS as usize;
    let mut held: Vec<u32> = (0..BASE_COMPONENTS)
        .map(|_| base.below(components))
        .chain((0..OWN_COMPONENTS).map(|_| own.below(components)))
        .filter_map(|component| u32::try_from(component).ok())
        .collect();
    held.sort_unstable();
    held.dedup();
    (Digest::sha256_of(&number.to_le_bytes()), held)
}

/// How components of an ecosystem are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    package_type: PackageType,
    /// Id and version of the distribution.
    distribution: Option<(&'static str, &'static str)>,
}

impl Kind {
    fn of(ecosystem: &str) -> Option<Self> {
        let language = |package_type| Some(Self { package_type, distribution: None });
        let system =
            |package_type, id, version| Some(Self { package_type, distribution: Some((id, version)) });
        match ecosystem {
            "Debian:11" => system(PackageType::Deb, "debian", "11"),
            "AlmaLinux:8" => system(PackageType::Rpm, "almalinux", "8.9"),
            "AlmaLinux:9" => system(PackageType::Rpm, "almalinux", "9.3"),
            "Go" => language(PackageType::Golang),
            "Maven" => language(PackageType::Maven),
            "PyPI" => language(PackageType::Pypi),
            "crates.io" => language(PackageType::Cargo),
            "npm" => language(PackageType::Npm),
            _ => None,
        }
    }

    fn component(self, name: &str, version: &str) -> Interned {
        let separator = if self.package_type == PackageType::Maven { ':' } else { '/' };
        let (namespace, name) = match name.rsplit_once(separator) {
            Some((namespace, name)) => (Some(namespace.to_owned()), name),
            None => (None, name),
        };
        let component = Component { namespace, ..Component::new(self.package_type, name, version) };
        let distribution = self.distribution.map(|(id, version)| Distribution {
            id: id.to_owned(),
            version_id: version.to_owned(),
            ..Distribution::default()
        });
        Interned::new(component, distribution.as_ref())
    }
}

/// Numbers that are the same in every run (xorshift64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or_default() % end.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fleet_is_the_same_in_every_run_and_its_components_are_distinct() {
        let record = serde_json::json!({ "affected": [
            { "package": { "ecosystem": "PyPI", "name": "requests" },
              "ranges": [{ "events": [{ "introduced": "0" }, { "fixed": "2.20.0" }] }] },
            { "package": { "ecosystem": "Maven", "name": "org.example:thing" } },
            { "package": { "ecosystem": "Nowhere", "name": "left out" } },
        ] });
        let mut known = Known::default();
        known.note(&record);
        let components = known.components(10_000);
        assert_eq!(components.len(), 10_000);
        let purls: BTreeSet<String> = components
            .iter()
            .map(|(_, interned)| interned.component.purl(interned.distribution.as_ref()).to_string())
            .collect();
        assert_eq!(purls.len(), components.len());
        assert!(purls.contains("pkg:pypi/requests@2.20.0"));
        let (digest, held) = image(7);
        assert_eq!(image(7), (digest, held.clone()));
        assert!((250..=300).contains(&held.len()), "{}", held.len());
        assert_ne!(image(8).1, held);
    }
}
