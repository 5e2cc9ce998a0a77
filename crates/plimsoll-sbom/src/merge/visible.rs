use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::{self, Read, Seek};

use plimsoll_image::{
    FileTree, Found, Kind, LayerListing, Limits, ListingBuilder, Node, OwnedEntry, ReadLayerError,
};

use crate::{LayerRecord, Outline};

/// Which files of the records an image shows, and where.
pub(super) struct Visible {
    /// For each layer, the paths of its outlined files that the tree shows, and where it shows them.
    shown: Vec<HashMap<String, String>>,
    /// Where in the tree each path stands, as far as directories are symbolic links.
    links: Vec<(String, String)>,
    /// Where the tree shows files with facts and programs.
    interest: HashSet<String>,
    /// The programs that the tree shows, with their layers, in path order.
    pub(super) executables: Vec<(String, usize)>,
}

impl Visible {
    pub(super) fn of<R: Read + Seek>(records: &mut [LayerRecord<R>]) -> io::Result<Self> {
        let outlines: Vec<Outline> =
            records.iter_mut().map(LayerRecord::outline).collect::<io::Result<_>>()?;
        let wanted = wanted_paths(&outlines);
        let mut listings = Vec::with_capacity(records.len());
        for (record, outline) in records.iter_mut().zip(&outlines) {
            listings.push(listing(record, outline, &wanted)?);
        }
        let tree = FileTree::merge(&listings);
        Ok(Self::of_tree(&tree, &outlines))
    }

    /// Where the tree shows the file at `path` of `layer`; `None` when it is hidden.
    pub(super) fn shown(&self, layer: usize, path: &str) -> Option<&str> {
        self.shown.get(layer)?.get(path).map(String::as_str)
    }

    /// Whether the tree shows a file with facts or a program at this path.
    pub(super) fn is_of_interest(&self, path: &str) -> bool {
        self.interest.contains(path)
    }

    /// The real path of a path that a package database wrote: with the links above it followed.
    pub(super) fn real_path(&self, path: &str) -> Option<String> {
        let through = |(link, target): &(String, String)| {
            let rest = path.strip_prefix(link.as_str())?;
            rest.starts_with('/').then(|| format!("{target}{rest}"))
        };
        self.links.iter().find_map(through)
    }

    fn of_tree(tree: &FileTree<'_>, outlines: &[Outline]) -> Self {
        let programs: Vec<BTreeSet<&[u8]>> = outlines.iter().map(executable_paths).collect();
        let mut visible = Self {
            shown: vec![HashMap::new(); outlines.len()],
            links: Vec::new(),
            interest: HashSet::new(),
            executables: Vec::new(),
        };
        for node in tree.nodes() {
            let path = String::from_utf8_lossy(node.path).into_owned();
            match node.entry.kind {
                Kind::File => {
                    if programs[node.layer].contains(node.entry.path) {
                        visible.executables.push((path.clone(), node.layer));
                    }
                    let own = String::from_utf8_lossy(node.entry.path).into_owned();
                    visible.interest.insert(path.clone());
                    visible.shown[node.layer].insert(own, path);
                }
                Kind::Symlink => visible.links.extend(directory_link(tree, &node, &path)),
                _ => {}
            }
        }
        // The longest first, so that a link within a linked directory is followed before the directory.
        visible.links.sort_by_key(|(link, _)| std::cmp::Reverse(link.len()));
        visible
    }
}

/// Links whose depth is at most this may stand above the paths of a package database: `/lib`, `/usr/lib64`.
const LINK_DEPTH_MAX: usize = 2;

/// Where a link near the root leads, as far as paths of package databases may pass through it.
fn directory_link(tree: &FileTree<'_>, node: &Node<'_>, path: &str) -> Option<(String, String)> {
    if path.split('/').count() > LINK_DEPTH_MAX {
        return None;
    }
    let beneath = [node.path, b"/x"].concat();
    let real = tree.real_path(&beneath);
    let target = String::from_utf8_lossy(real.strip_suffix(b"/x")?).into_owned();
    (target != path).then(|| (path.to_owned(), target))
}

fn executable_paths(outline: &Outline) -> BTreeSet<&[u8]> {
    let executables = outline.entries.iter().filter(|outlined| outlined.is_executable);
    executables.map(|outlined| &*outlined.entry.path).collect()
}

/// The outlined paths of all layers and the directories above them: what other layers may replace or hide.
fn wanted_paths(outlines: &[Outline]) -> BTreeSet<&[u8]> {
    let mut wanted = BTreeSet::new();
    for outlined in outlines.iter().flat_map(|outline| &outline.entries) {
        let mut path = &*outlined.entry.path;
        while wanted.insert(path) {
            let Some(slash) = path.iter().rposition(|byte| *byte == b'/') else { break };
            path = &path[..slash];
        }
    }
    wanted
}

/// A layer's entries as far as they matter: its outline, and what its index has at the wanted paths.
fn listing<R: Read + Seek>(
    record: &mut LayerRecord<R>,
    outline: &Outline,
    wanted: &BTreeSet<&[u8]>,
) -> io::Result<LayerListing> {
    let limits = Limits::default();
    let mut builder = ListingBuilder::new(&limits);
    let mut add = |found: &Found| builder.add(found).map_err(too_much);
    for (path, is_opaque) in &outline.whiteouts {
        add(&Found::Whiteout { path: path.clone(), is_opaque: *is_opaque })?;
    }
    let outlined: BTreeSet<&[u8]> = outline.entries.iter().map(|outlined| &*outlined.entry.path).collect();
    let mut index = record.index()?;
    for path in wanted {
        if outlined.contains(path) {
            continue;
        }
        if let Some(file) = index.get(path)? {
            add(&Found::Entry(OwnedEntry {
                link: Vec::new(),
                kind: settled(file.entry.kind),
                ..file.entry.clone()
            }))?;
        }
    }
    for outlined in &outline.entries {
        add(&Found::Entry(outlined.entry.clone()))?;
    }
    Ok(builder.build(record.head.measures.clone()))
}

/// A hard link stands for a file: its target need not be among the wanted paths.
fn settled(kind: Kind) -> Kind {
    if kind == Kind::HardLink { Kind::File } else { kind }
}

fn too_much(error: ReadLayerError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
