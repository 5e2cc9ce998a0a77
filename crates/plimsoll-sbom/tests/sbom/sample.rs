//! Documents to write: one of every kind of component, and any that a property test comes up with.

use jiff::Timestamp;
use plimsoll_oci::{DiffId, Digest};
use plimsoll_sbom::{
    Component, Distribution, Document, Kinship, Located, PackageType, SourcePackage, Subject, Tool,
};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

pub(crate) fn distribution() -> Distribution {
    Distribution {
        id: "debian".into(),
        version_id: "12".into(),
        codename: Some("bookworm".into()),
        pretty_name: Some("Debian GNU/Linux 12 (bookworm)".into()),
        like: Vec::new(),
    }
}

/// An image with a component of each type, one owned by another, one without version, one twice.
pub(crate) fn document() -> Document {
    let distribution = distribution();
    let mut components: Vec<_> = TYPES.into_iter().map(|package_type| located(named(package_type))).collect();
    let owner = components[0].component.purl(Some(&distribution));
    let mut owned = located(Component::new(PackageType::Pypi, "six", "1.16.0"));
    owned.owner = Some(owner);
    components.push(owned.clone());
    components.push(owned);
    Document {
        subject: Subject::Image {
            name: "registry.example/team/app:1.2".into(),
            digest: Digest::sha256_of(b"manifest"),
        },
        distribution: Some(distribution),
        components,
        created: Timestamp::from_second(1_790_000_000).unwrap(),
        tool: Tool { name: "plimsoll".into(), version: "0.1.0".into() },
    }
}

const TYPES: [PackageType; 12] = [
    PackageType::Deb,
    PackageType::Apk,
    PackageType::Rpm,
    PackageType::Golang,
    PackageType::Cargo,
    PackageType::Pypi,
    PackageType::Npm,
    PackageType::Maven,
    PackageType::Gem,
    PackageType::Nuget,
    PackageType::Composer,
    PackageType::Generic,
];

fn named(package_type: PackageType) -> Component {
    let (namespace, name, version) = match package_type {
        PackageType::Deb => (None, "libgcc-s1", "1:12.2.0-14+b1"),
        PackageType::Rpm => (None, "openssl-libs", "1:3.0.7-27.el9"),
        PackageType::Golang => (Some("github.com/BurntSushi"), "Toml", "v1.4.0"),
        PackageType::Npm => (Some("@babel"), "core", "7.0.0"),
        PackageType::Maven => (Some("org.slf4j"), "slf4j-api", "2.0.0"),
        PackageType::Composer => (Some("monolog"), "monolog", "3.0.0"),
        PackageType::Generic => (None, "node", ""),
        _ => (None, "sample", "1.0"),
    };
    let mut component = Component::new(package_type, name, version);
    component.namespace = namespace.map(str::to_owned);
    if package_type.is_system() {
        component.architecture = Some("amd64".into());
        component.source = Some(SourcePackage { name: "gcc-12".into(), version: "12.2.0-14".into() });
        component.properties.insert(Component::VENDOR.into(), "A Team\n <team@example.org>".into());
    }
    component.licenses = match package_type {
        PackageType::Deb => {
            vec!["GPL-3.0-or-later".into(), "MIT OR Apache-2.0".into(), "a house licence".into()]
        }
        PackageType::Cargo => vec!["MIT OR Apache-2.0".into()],
        PackageType::Npm => vec!["MIT".into()],
        PackageType::Pypi => vec!["ZPL 2.1".into()],
        _ => Vec::new(),
    };
    if package_type == PackageType::Golang {
        component.kinship = Kinship::Embedded;
        component.symbols = vec![0, 7, u32::MAX];
    }
    component
}

fn located(component: Component) -> Located {
    Located {
        component,
        path: "var/lib/dpkg/status".into(),
        layer: Some(DiffId(Digest::sha256_of(b"layer"))),
        found_by: "dpkg".into(),
        owner: None,
    }
}

/// Text as files hold it: mostly tame, sometimes not at all.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[A-Za-z][A-Za-z0-9._+-]{0,10}", 1 => "\\PC{1,8}"]
}

prop_compose! {
    fn any_component()(
        package_type in proptest::sample::select(&TYPES[..]),
        (name, namespace, version) in (text(), option::of(text()), prop_oneof![Just(String::new()), text(), "[0-9]:[0-9.-]{0,4}"]),
        architecture in option::of(text()),
        source in option::of((text(), prop_oneof![text(), "[0-9]:[0-9]\\.[0-9]-[0-9]"])),
        kinship in proptest::sample::select(vec![Kinship::Installed, Kinship::Embedded, Kinship::Locked, Kinship::HeadersOnly]),
        licenses in vec(prop_oneof![Just("MIT".to_owned()), Just("MIT AND ISC".to_owned()), Just("NONE".to_owned()), text()], 0..4),
        properties in btree_map(prop_oneof![Just(Component::VENDOR.to_owned()), text()], text(), 0..3),
        symbols in vec(any::<u32>(), 0..3),
    ) -> Component {
        Component {
            namespace: namespace.filter(|_| !package_type.is_system()),
            source: source.map(|(name, version)| SourcePackage { name, version }),
            architecture, kinship, licenses, properties, symbols,
            ..Component::new(package_type, name, version)
        }
    }
}

prop_compose! {
    fn any_located()(
        component in any_component(),
        path in option::of("[a-z][a-z/. é]{0,12}"),
        layer in option::of(any::<u8>()),
        found_by in text(),
        owner in option::of(any_component()),
    ) -> Located {
        Located {
            component,
            path: path.unwrap_or_default(),
            layer: layer.map(|byte| DiffId(Digest::sha256_of(&[byte]))),
            found_by,
            owner: owner.map(|owner| owner.purl(None)),
        }
    }
}

prop_compose! {
    fn any_distribution()(
        id in "[a-z]{1,6}(-[a-z]{1,4})?",
        version_id in prop_oneof![Just(String::new()), "[0-9]{1,2}(\\.[0-9]{1,2})?"],
        codename in option::of(text()),
        pretty_name in option::of(text()),
        like in vec("[a-z]{1,6}", 0..3),
    ) -> Distribution {
        Distribution { id, version_id, codename, pretty_name, like }
    }
}

prop_compose! {
    pub(crate) fn any_document()(
        subject in prop_oneof![
            text().prop_map(|name| Subject::Image { digest: Digest::sha256_of(name.as_bytes()), name }),
            text().prop_map(|path| Subject::Directory { path }),
            text().prop_map(|name| Subject::Other { name }),
        ],
        distribution in option::of(any_distribution()),
        components in vec(any_located(), 0..6),
        seconds in 0_i64..4_000_000_000,
        version in "[0-9.]{0,5}",
    ) -> Document {
        let created = Timestamp::from_second(seconds).unwrap();
        let tool = Tool { name: "plimsoll".into(), version };
        Document { subject, distribution, components, created, tool }
    }
}
