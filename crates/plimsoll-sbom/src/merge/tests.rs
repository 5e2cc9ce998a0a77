use std::io::Cursor;

use plimsoll_image::LayerAlgorithms;

use super::*;
use crate::analyse::tests::{layer, record};
use crate::{Located, PackageType};

type Members<'a> = &'a [(u8, &'a str, &'a [u8])];

fn merged(layers: &[Members<'_>]) -> ImageContents {
    let mut records: Vec<LayerRecord<Cursor<Vec<u8>>>> =
        layers.iter().map(|members| record(members)).collect();
    merge(&mut records).unwrap()
}

fn diff_id(members: Members<'_>) -> DiffId {
    let bytes = layer(members);
    let limits = plimsoll_image::Limits::default();
    plimsoll_image::read_layer(&*bytes, LayerAlgorithms::default(), &limits).unwrap().measures.diff_id
}

fn status(packages: &[(&str, &str)]) -> Vec<u8> {
    let paragraph = |(name, version): &(&str, &str)| {
        format!("Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n\n")
    };
    packages.iter().map(paragraph).collect::<String>().into_bytes()
}

fn named<'c>(components: &'c [Located], name: &str) -> &'c Located {
    components.iter().find(|located| located.component.name == name).unwrap()
}

const STATUS: &str = "var/lib/dpkg/status";
const METADATA: &[u8] = b"Metadata-Version: 2.1\nName: requests\nVersion: 2.19.0\n\n";

#[test]
fn each_package_comes_from_the_layer_that_first_lists_it() {
    let [one, two, three] = [
        status(&[("libc6", "2.36"), ("bash", "5.2")]),
        status(&[("libc6", "2.36"), ("bash", "5.2"), ("nginx", "1.22")]),
        status(&[("libc6", "2.36"), ("bash", "5.2.1"), ("nginx", "1.22")]),
    ];
    let layers: [Members<'_>; 3] =
        [&[(b'0', STATUS, &one)], &[(b'0', STATUS, &two)], &[(b'0', STATUS, &three)]];
    let contents = merged(&layers);
    assert_eq!(contents.components.len(), 3);
    for (name, layer) in [("libc6", 0), ("nginx", 1), ("bash", 2)] {
        let located = named(&contents.components, name);
        assert_eq!(located.layer, Some(diff_id(layers[layer])), "{name}");
        assert_eq!((&*located.path, &*located.found_by), (STATUS, "dpkg"));
    }
}

#[test]
fn a_package_that_a_later_layer_removes_is_gone() {
    let [one, two] = [status(&[("curl", "7"), ("bash", "5")]), status(&[("bash", "5")])];
    let contents = merged(&[&[(b'0', STATUS, &one)], &[(b'0', STATUS, &two)]]);
    assert_eq!(contents.components.len(), 1);
}

#[test]
fn a_deleted_database_is_still_evidence() {
    let packages = status(&[("curl", "7")]);
    let contents = merged(&[&[(b'0', STATUS, &packages)], &[(b'0', "var/lib/dpkg/.wh.status", b"")]]);
    assert_eq!(named(&contents.components, "curl").component.version, "7");
    assert!(contents.notes[0].note.text.contains("is gone from the image"));
}

#[test]
fn language_packages_of_a_distributions_package_are_not_told_twice() {
    let packages = status(&[("python3-requests", "2.19.0-1")]);
    let owned = "usr/lib/python3/dist-packages/requests-2.19.0.dist-info/METADATA";
    let list = format!("/.\n/usr\n/{owned}\n");
    let own = "opt/venv/lib/python3.11/site-packages/requests-2.19.0.dist-info/METADATA";
    let contents = merged(&[&[
        (b'0', "etc/os-release", b"ID=debian\nVERSION_ID=12\n"),
        (b'0', STATUS, &packages),
        (b'0', "var/lib/dpkg/info/python3-requests.list", list.as_bytes()),
        (b'0', owned, METADATA),
        (b'0', own, METADATA),
    ]]);
    assert_eq!(contents.components.len(), 2, "{:#?}", contents.components);
    let single = named(&contents.components, "requests");
    assert_eq!((single.component.package_type, &*single.path), (PackageType::Pypi, own));
    assert_eq!(contents.owned.len(), 1);
    let owner = contents.owned[0].owner.as_ref().unwrap().to_string();
    assert!(owner.starts_with("pkg:deb/debian/python3-requests@2.19.0-1"), "{owner}");
}

#[test]
fn deleted_overwritten_and_hidden_files_tell_nothing() {
    let path = "srv/a/x-1.dist-info/METADATA";
    let base: Members<'_> = &[(b'0', path, METADATA)];
    let uppers: [Members<'_>; 4] = [
        &[(b'0', "srv/a/x-1.dist-info/.wh.METADATA", b"")],
        &[(b'0', ".wh.srv", b"")],
        &[(b'0', "srv/.wh..wh..opq", b"")],
        &[(b'0', "srv/a", b"a file where a directory was")],
    ];
    assert_eq!(merged(&[base]).components.len(), 1);
    for upper in uppers {
        assert_eq!(merged(&[base, upper]).components, [], "{upper:?}");
    }
}

#[test]
fn programs_are_accounted_for_through_the_merge_of_usr() {
    let packages = status(&[("coreutils", "9.1")]);
    let contents = merged(&[
        &[
            (b'2', "bin", b"usr/bin"),
            (b'0', STATUS, &packages),
            (b'0', "var/lib/dpkg/info/coreutils.list", b"/bin/ls\n"),
            (b'0', "usr/bin/ls", b"#!/bin/true\n"),
        ],
        &[(b'0', "bin/dropped", b"#!/bin/sh\n")],
    ]);
    let Executables { total, accounted, unaccounted } = &contents.executables;
    assert_eq!((*total, *accounted), (2, 1));
    assert_eq!(unaccounted[0].path, "usr/bin/dropped");
    assert_eq!(contents.executables.coverage_percent(), 50);
}

#[test]
fn the_distribution_is_read_where_etc_is_a_link() {
    let contents = merged(&[&[
        (b'2', "etc/os-release", b"../usr/lib/os-release"),
        (b'0', "usr/lib/os-release", b"ID=alpine\nVERSION_ID=3.19.1\n"),
    ]]);
    assert_eq!(contents.distribution.unwrap().id, "alpine");
}

#[test]
fn a_config_that_names_other_layers_is_told() {
    let members: Members<'_> = &[(b'0', "a", b"text")];
    let mut contents = merged(&[members]);
    contents.compare_with_config(&[diff_id(members)]);
    assert_eq!(contents.mismatches, []);
    contents.compare_with_config(&[diff_id(&[(b'0', "b", b"text")])]);
    let told = contents.mismatches[0].to_string();
    assert!(
        told.starts_with("layer 1: the layer unpacks to sha256:") && told.contains("and the config says")
    );
    contents.compare_with_config(&[]);
    let told: Vec<String> = contents.mismatches.iter().map(Mismatch::to_string).collect();
    assert_eq!(told, ["the config names 0 layers, and the image has 1"]);
}

#[test]
fn a_damaged_or_oversized_file_is_told_while_the_image_shows_it() {
    let damaged: Members<'_> = &[(b'0', "etc/os-release", b"nothing")];
    let large = vec![b'\n'; 100_000];
    let oversized: Members<'_> = &[(b'0', "etc/os-release", &large)];
    for layer in [damaged, oversized] {
        assert_eq!(merged(&[layer]).notes.len(), 1);
        assert_eq!(merged(&[layer, &[(b'0', "etc/os-release", b"ID=debian\n")]]).notes, []);
    }
}

#[test]
fn a_lock_file_tells_only_of_what_is_not_installed() {
    let lock = br#"{"name":"app","lockfileVersion":3,"packages":{
        "node_modules/leaf":{"version":"1.0.0"},"node_modules/gone":{"version":"2.0.0"}}}"#;
    let manifest = br#"{"name":"leaf","version":"1.0.0"}"#;
    let contents = merged(&[&[
        (b'0', "srv/package-lock.json", lock),
        (b'0', "srv/node_modules/leaf/package.json", manifest),
    ]]);
    let told: Vec<(&str, Kinship)> = contents
        .components
        .iter()
        .map(|located| (located.component.name.as_str(), located.component.kinship))
        .collect();
    assert_eq!(told, [("gone", Kinship::Locked), ("leaf", Kinship::Installed)]);
}
