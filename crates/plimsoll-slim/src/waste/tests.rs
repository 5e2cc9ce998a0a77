use proptest::prelude::*;

use super::*;
use crate::LayerFiles;
use crate::census::tests::{Member, layer};

fn waste(layers: &[LayerFiles]) -> Waste {
    Waste::of(&Census::of(layers))
}

fn sole(waste: &Waste) -> &Cause {
    assert_eq!(waste.causes.len(), 1, "{waste:?}");
    &waste.causes[0]
}

#[test]
fn a_directory_that_a_later_layer_deletes_costs_all_that_was_in_it() {
    let layers = [
        layer(&[
            Member::Directory("opt/sdk"),
            Member::File("opt/sdk/a", &[1; 700]),
            Member::File("opt/sdk/lib/b", &[2; 300]),
        ]),
        layer(&[Member::File("opt/.wh.sdk", b"")]),
    ];
    let waste = waste(&layers);
    let cause = sole(&waste);
    assert_eq!((cause.reason, cause.bytes, cause.files), (Reason::Deleted, 1000, 2));
    assert_eq!((cause.layer, &*cause.what), (1, "deleted by layer 2"));
    assert_eq!(cause.paths[0].path, "/opt/sdk/a");
}

#[test]
fn what_is_overwritten_is_told_with_its_package() {
    let layers = [
        layer(&[
            Member::File("usr/bin/tool", &[1; 500]),
            Member::File("var/lib/dpkg/info/tool.list", b"/.\n/usr\n/usr/bin\n/usr/bin/tool\n"),
        ]),
        layer(&[Member::File("usr/bin/tool", &[2; 400])]),
    ];
    let waste = waste(&layers);
    let cause = sole(&waste);
    assert_eq!((cause.reason, cause.bytes), (Reason::Overwritten, 500));
    assert_eq!(cause.packages, [PackageShare { name: "tool".to_owned(), bytes: 500 }]);
}

#[test]
fn copies_are_found_by_content_and_hard_links_are_none() {
    let layers = [
        layer(&[Member::File("usr/lib/a.so", &[7; 900]), Member::HardLink("usr/lib/b.so", "usr/lib/a.so")]),
        layer(&[Member::File("srv/a.so", &[7; 900]), Member::File("srv/c.so", &[8; 900])]),
    ];
    let waste = waste(&layers);
    let cause = sole(&waste);
    assert_eq!((cause.reason, cause.layer, cause.bytes), (Reason::Copy, 2, 900));
    assert_eq!(cause.paths[0].copy_of.as_deref(), Some("/usr/lib/a.so"));
}

#[test]
fn caches_packages_for_building_and_documents_are_told_apart() {
    let list = b"/.\n/usr\n/usr/bin\n/usr/bin/x86_64-gcc\n/usr/share/doc/gcc-12/README\n";
    let layers = [layer(&[
        Member::File("var/lib/apt/lists/Packages", &[1; 40]),
        Member::File("usr/bin/x86_64-gcc", &[2; 300]),
        Member::File("usr/share/doc/gcc-12/README", &[3; 20]),
        Member::File("usr/share/man/man1/ls.1", &[4; 10]),
        Member::File("var/lib/dpkg/info/gcc-12.list", list),
        Member::File("app/server", &[5; 1000]),
    ])];
    let waste = waste(&layers);
    let told: Vec<(&str, u64)> = waste.causes.iter().map(|cause| (&*cause.what, cause.bytes)).collect();
    assert_eq!(
        told,
        [("packages for building only", 320), ("apt's package lists", 40), ("manual pages", 10)]
    );
    assert_eq!((waste.bytes, waste.files), (370, 4));
}

#[test]
fn what_nothing_reaches_is_told_after_what_it_is_for() {
    let layers = [layer(&[
        Member::File("usr/bin/app", &[5; 1000]),
        Member::File("usr/lib/libunused.so", &[6; 800]),
        Member::File("usr/share/man/man1/ls.1", &[4; 10]),
    ])];
    let reached = std::iter::once(b"usr/bin/app".to_vec()).collect();
    let waste = Waste::beyond(&Census::of(&layers), Some(&reached));
    let told: Vec<(Reason, u64)> = waste.causes.iter().map(|cause| (cause.reason, cause.bytes)).collect();
    assert_eq!(told, [(Reason::Unreached, 800), (Reason::Documentation, 10)]);
}

#[test]
fn an_image_without_waste_has_no_causes() {
    let layers = [layer(&[Member::File("app/server", &[5; 1000]), Member::File("app/empty", b"")])];
    assert_eq!(waste(&layers).causes, []);
}

const PATHS: &[&str] = &[
    "a",
    "a/b",
    "a/b/c",
    "tmp/x",
    "usr/include/h",
    "usr/share/doc/p/README",
    "app/__pycache__/m.pyc",
    "a/.wh.b",
    ".wh.a",
    "root/.cache/pip/p",
    "a/.wh..wh..opq",
];

proptest! {
    #[test]
    fn no_byte_is_counted_twice_and_none_that_was_not_added(
        stacks in prop::collection::vec(
            prop::collection::vec((0..PATHS.len(), 0..40_u8, 0..3_u8), 0..12), 1..4)
    ) {
        let contents: Vec<Vec<Vec<u8>>> = stacks
            .iter()
            .map(|layer| layer.iter().map(|(_, length, byte)| vec![*byte; (*length).into()]).collect())
            .collect();
        let layers: Vec<LayerFiles> = stacks
            .iter()
            .zip(&contents)
            .map(|(stack, contents)| {
                let files = stack.iter().zip(contents).map(|((path, ..), bytes)| Member::File(PATHS[*path], bytes));
                layer(&files.collect::<Vec<_>>())
            })
            .collect();
        let census = Census::of(&layers);
        let waste = Waste::of(&census);
        let added: u64 =
            layers.iter().flat_map(|layer| layer.listing.entries()).map(|entry| entry.size_bytes).sum();
        let lost: u64 =
            (0..layers.len()).flat_map(|layer| census.tree.losses(layer)).map(|loss| loss.size_bytes).sum();
        prop_assert!(waste.bytes <= added);
        prop_assert!(waste.bytes >= lost);
        prop_assert_eq!(added - lost, census.tree.size_bytes());
        let named: u64 = waste.causes.iter().flat_map(|cause| &cause.paths).map(|file| file.bytes).sum();
        prop_assert_eq!(named, waste.bytes);
    }
}
