use std::collections::BTreeMap;

use super::*;
use crate::archives::{Raw, archive};
use crate::{LayerAlgorithms, Limits, read_layer};

fn layer(members: &[Raw]) -> LayerListing {
    read_layer(archive(members).as_slice(), LayerAlgorithms::default(), &Limits::default()).unwrap()
}

/// The tree's paths with the layer that put each there.
fn owners(tree: &FileTree<'_>) -> Vec<(String, usize)> {
    tree.nodes().map(|node| (String::from_utf8_lossy(node.path).into_owned(), node.layer)).collect()
}

fn owned(pairs: &[(&str, usize)]) -> Vec<(String, usize)> {
    pairs.iter().map(|(path, layer)| ((*path).to_owned(), *layer)).collect()
}

fn sums(tree: &FileTree<'_>, layer: usize, manner: Manner) -> (usize, u64) {
    let losses = || tree.losses(layer).iter().filter(|loss| loss.manner == manner);
    (losses().count(), losses().map(|loss| loss.size_bytes).sum())
}

#[test]
fn deleted_and_overwritten_bytes_are_told_apart() {
    let base = layer(&[Raw::file("keep", b"1"), Raw::file("change", b"22"), Raw::file("drop", b"333")]);
    let top = layer(&[Raw::file("change", b"4444"), Raw::file(".wh.drop", b"")]);
    let tree = FileTree::merge([&base, &top]);
    assert_eq!(owners(&tree), owned(&[("change", 1), ("keep", 0)]));
    assert_eq!(sums(&tree, 0, Manner::Deleted), (1, 3));
    assert_eq!(sums(&tree, 0, Manner::Overwritten), (1, 2));
    assert_eq!(tree.size_bytes(), 5);
    assert!(tree.losses(0).iter().all(|loss| loss.by == 1));
}

#[test]
fn a_deleted_directory_costs_all_that_was_in_it() {
    let base = layer(&[
        Raw::directory("d"),
        Raw::file("d/a", b"22"),
        Raw::file("d/e/b", b"333"),
        Raw::file("d-x", b"1"),
    ]);
    let top = layer(&[Raw::file(".wh.d", b"")]);
    let tree = FileTree::merge([&base, &top]);
    assert_eq!(owners(&tree), owned(&[("d-x", 0)]));
    assert_eq!(sums(&tree, 0, Manner::Deleted), (2, 5));
}

#[test]
fn an_opaque_directory_hides_what_was_there_and_shows_what_comes() {
    let base = layer(&[Raw::directory("d"), Raw::file("d/old", b"22"), Raw::file("d/same", b"333")]);
    let top = layer(&[Raw::file("d/.wh..wh..opq", b""), Raw::file("d/same", b"1"), Raw::file("d/new", b"1")]);
    let tree = FileTree::merge([&base, &top]);
    assert_eq!(owners(&tree), owned(&[("d", 0), ("d/new", 1), ("d/same", 1)]));
    assert_eq!(sums(&tree, 0, Manner::Deleted), (1, 2));
    assert_eq!(sums(&tree, 0, Manner::Overwritten), (1, 3));
}

#[test]
fn whiteouts_reach_no_entry_of_their_own_layer() {
    let base = layer(&[Raw::file("a", b"1")]);
    let top = layer(&[Raw::file("a", b"22"), Raw::file(".wh.a", b"")]);
    assert_eq!(owners(&FileTree::merge([&base, &top])), owned(&[("a", 1)]));
}

#[test]
fn files_and_directories_replace_each_other() {
    let base = layer(&[Raw::file("x", b"1"), Raw::directory("y"), Raw::file("y/in", b"22")]);
    let top = layer(&[Raw::directory("x"), Raw::file("x/in", b"1"), Raw::file("y", b"1")]);
    let tree = FileTree::merge([&base, &top]);
    assert_eq!(owners(&tree), owned(&[("x", 1), ("x/in", 1), ("y", 1)]));
    assert_eq!(sums(&tree, 0, Manner::Overwritten), (1, 1));
    assert_eq!(sums(&tree, 0, Manner::Deleted), (1, 2));
}

#[test]
fn a_file_with_several_names_goes_with_the_last_one() {
    let base = layer(&[Raw::file("a", b"55555"), Raw::hard_link("b", "a"), Raw::hard_link("c", "b")]);
    let first = layer(&[Raw::file(".wh.a", b""), Raw::file(".wh.c", b"")]);
    let tree = FileTree::merge([&base, &first]);
    assert_eq!(sums(&tree, 0, Manner::Deleted), (0, 0));
    assert_eq!(tree.get(b"b").unwrap().size_bytes, 5);
    assert_eq!(tree.size_bytes(), 5);
    let second = layer(&[Raw::file(".wh.b", b"")]);
    let tree = FileTree::merge([&base, &first, &second]);
    assert_eq!(sums(&tree, 0, Manner::Deleted), (1, 5));
    assert_eq!(tree.size_bytes(), 0);
}

#[test]
fn a_hard_link_may_lead_to_a_lower_layer_or_nowhere() {
    let base = layer(&[Raw::file("a", b"333")]);
    let top = layer(&[Raw::hard_link("b", "a"), Raw::hard_link("c", "nowhere"), Raw::hard_link("d", "d")]);
    let tree = FileTree::merge([&base, &top]);
    assert_eq!(tree.get(b"b").unwrap().size_bytes, 3);
    assert_eq!(tree.size_bytes(), 3);
    assert_eq!(tree.dangling_links(), 2);
}

#[test]
fn entries_below_a_symbolic_link_stand_where_it_leads() {
    let base =
        layer(&[Raw::directory("usr/lib"), Raw::symlink("lib", "usr/lib"), Raw::file("usr/lib/a", b"1")]);
    let top = layer(&[Raw::file("lib/a", b"22"), Raw::file("lib/b", b"22"), Raw::hard_link("c", "lib/b")]);
    let tree = FileTree::merge([&base, &top]);
    let expected = [("c", 1), ("lib", 0), ("usr/lib", 0), ("usr/lib/a", 1), ("usr/lib/b", 1)];
    assert_eq!(owners(&tree), owned(&expected));
    assert_eq!(sums(&tree, 0, Manner::Overwritten), (1, 1));
    assert_eq!(tree.dangling_links(), 0);
    let whiteout = layer(&[Raw::file("lib/.wh.b", b"")]);
    assert!(FileTree::merge([&base, &top, &whiteout]).get(b"usr/lib/b").is_none());
}

#[test]
fn links_in_a_circle_end() {
    let base = layer(&[Raw::symlink("a", "b"), Raw::symlink("b", "a"), Raw::symlink("up", "../../..")]);
    let top = layer(&[Raw::file("a/x", b"1"), Raw::file("up/y", b"1")]);
    let tree = FileTree::merge([&base, &top]);
    assert_eq!(owners(&tree), owned(&[("a", 0), ("a/x", 1), ("b", 0), ("up", 0), ("y", 1)]));
}

/// A layer for the property tests: what stands at, or is hidden at, a few short paths.
#[derive(Clone, Debug)]
enum Change {
    File(usize),
    Directory,
    Whiteout,
    Opaque,
}

/// The model: a map of paths, changed one at a time as the specification's text says.
#[derive(Default)]
struct Model(BTreeMap<String, (usize, Option<usize>)>);

impl Model {
    fn apply(&mut self, layer: usize, changes: &BTreeMap<String, Change>) {
        for (path, change) in changes {
            match change {
                Change::Whiteout => self.remove(path, true),
                Change::Opaque => self.remove(path, false),
                Change::File(_) | Change::Directory => {}
            }
        }
        for (path, change) in changes {
            match change {
                Change::File(size) => {
                    self.remove(path, true);
                    self.0.insert(path.clone(), (layer, Some(*size)));
                }
                Change::Directory => drop(self.0.insert(path.clone(), (layer, None))),
                Change::Whiteout | Change::Opaque => {}
            }
        }
    }

    fn remove(&mut self, path: &str, with_itself: bool) {
        let beneath = format!("{path}/");
        self.0.retain(|other, _| !(other.starts_with(&beneath) || (with_itself && other == path)));
    }
}

fn members(changes: &BTreeMap<String, Change>) -> Vec<Raw> {
    let member = |(path, change): (&String, &Change)| {
        let (directory, name) =
            path.rsplit_once('/').map_or(("", path.as_str()), |(above, name)| (above, name));
        match change {
            Change::File(size) => Raw::file(path, &vec![1; *size]),
            Change::Directory => Raw::directory(path),
            Change::Whiteout => Raw::file(&format!("{directory}/.wh.{name}"), b""),
            Change::Opaque => Raw::file(&format!("{path}/.wh..wh..opq"), b""),
        }
    };
    changes.iter().map(member).collect()
}

/// Drops changes beneath a path that the same layer makes a file: no archive of a file system has them.
fn honest(changes: BTreeMap<String, Change>) -> BTreeMap<String, Change> {
    let files: Vec<String> = changes
        .iter()
        .filter(|(_, change)| matches!(change, Change::File(_)))
        .map(|(path, _)| format!("{path}/"))
        .collect();
    changes.into_iter().filter(|(path, _)| !files.iter().any(|file| path.starts_with(file))).collect()
}

fn any_changes() -> impl proptest::strategy::Strategy<Value = BTreeMap<String, Change>> {
    use proptest::prelude::*;
    let change = prop_oneof![
        3 => (0..9_usize).prop_map(Change::File),
        2 => Just(Change::Directory),
        1 => Just(Change::Whiteout),
        1 => Just(Change::Opaque),
    ];
    proptest::collection::btree_map("[ab](-|/[ab]){0,3}", change, 0..8).prop_map(honest)
}

proptest::proptest! {
    #[test]
    fn the_merge_agrees_with_a_simple_model(layers in proptest::collection::vec(any_changes(), 1..5)) {
        let mut model = Model::default();
        for (index, changes) in layers.iter().enumerate() {
            model.apply(index, changes);
        }
        let listings: Vec<LayerListing> = layers.iter().map(|changes| layer(&members(changes))).collect();
        let tree = FileTree::merge(&listings);
        let merged: BTreeMap<_, _> = tree
            .nodes()
            .map(|node| {
                let size = (node.entry.kind == Kind::File).then_some(usize::try_from(node.size_bytes).unwrap());
                (String::from_utf8_lossy(node.path).into_owned(), (node.layer, size))
            })
            .collect();
        proptest::prop_assert_eq!(&merged, &model.0);

        let added: u64 = listings.iter().flat_map(LayerListing::entries).map(|entry| entry.size_bytes).sum();
        let lost: u64 = (0..listings.len()).flat_map(|at| tree.losses(at)).map(|loss| loss.size_bytes).sum();
        proptest::prop_assert_eq!(added - lost, tree.size_bytes());
    }

    #[test]
    fn every_byte_is_seen_or_lost_once(
        kinds in proptest::collection::vec((0..4_u8, "[abc](/[abc]){0,2}", "[abc](/[abc]){0,2}"), 1..24),
        cuts in proptest::collection::vec(1..6_usize, 1..6),
    ) {
        let mut rest = kinds.as_slice();
        let mut listings = Vec::new();
        for cut in cuts {
            let (head, tail) = rest.split_at(cut.min(rest.len()));
            rest = tail;
            let members: Vec<Raw> = head.iter().map(|(kind, path, target)| match kind {
                0 => Raw::file(path, target.as_bytes()),
                1 => Raw::hard_link(path, target),
                2 => Raw::symlink(path, target),
                _ => Raw::file(&format!("{path}/.wh.{}", &target[..1]), b""),
            }).collect();
            listings.push(layer(&members));
        }
        let tree = FileTree::merge(&listings);
        let added: u64 = listings.iter().flat_map(LayerListing::entries).map(|entry| entry.size_bytes).sum();
        let lost: u64 = (0..listings.len()).flat_map(|at| tree.losses(at)).map(|loss| loss.size_bytes).sum();
        proptest::prop_assert_eq!(added - lost, tree.size_bytes());
        let paths: Vec<_> = tree.nodes().map(|node| node.path.to_vec()).collect();
        let mut sorted = paths.clone();
        sorted.sort_by(|a, b| path::compare(a, b));
        sorted.dedup();
        proptest::prop_assert_eq!(paths, sorted);
    }
}

#[test]
fn a_path_is_followed_through_the_links_above_it() {
    let base = layer(&[
        Raw::symlink("bin", "usr/bin"),
        Raw::file("usr/bin/ls", b"1"),
        Raw::symlink("lib", "/usr/lib"),
        Raw::symlink("loop", "loop"),
    ]);
    let tree = FileTree::merge([&base]);
    let real = |path: &str| String::from_utf8(tree.real_path(path.as_bytes()).into_owned()).unwrap();
    assert_eq!(real("bin/ls"), "usr/bin/ls");
    assert_eq!(real("lib/x/../y/z"), "usr/lib/y/z");
    assert_eq!(real("bin"), "bin", "the last component is not followed");
    assert_eq!(real("loop/a"), "loop/a");
    assert_eq!(real("etc/passwd"), "etc/passwd");
}
