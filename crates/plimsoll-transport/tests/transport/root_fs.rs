use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use futures_util::TryStreamExt as _;
use plimsoll_oci::{Digest, ImageConfig, Manifest};
use plimsoll_transport::{BlobVerifier, ErrorKind, Source, Target, open_root_fs};
use tar::EntryType;

use crate::children::run;

fn write_tree(root: &Path) {
    std::fs::create_dir_all(root.join("etc/empty")).unwrap();
    std::fs::write(root.join("etc/motd"), "hello").unwrap();
    std::fs::set_permissions(root.join("etc/motd"), std::fs::Permissions::from_mode(0o4755)).unwrap();
    std::fs::hard_link(root.join("etc/motd"), root.join("etc/same")).unwrap();
    symlink("/etc/passwd", root.join("link")).unwrap();
    symlink("..", root.join("etc/up")).unwrap();
    let long = "long/".repeat(40);
    std::fs::create_dir_all(root.join(&long)).unwrap();
    std::fs::write(root.join(&long).join("file"), "deep").unwrap();
    run("mkfifo", &[root.join("pipe").to_str().unwrap()]);
    let times = ["-R", "-h", "-d", "2024-01-02T03:04:05Z"];
    let everything = format!("find {} -exec touch -h {} {{}} +", root.display(), times[2..].join(" "));
    run("sh", &["-c", &everything]);
}

async fn open(root: &Path) -> Box<dyn Source> {
    let scratch = tempfile::tempdir().unwrap();
    open_root_fs(root, &"linux/arm64".parse().unwrap(), scratch.path()).await.unwrap()
}

async fn read(source: &dyn Source, position: usize) -> Vec<u8> {
    let root = source.resolve(&Target::Sole).await.unwrap();
    let manifest = source.manifest(&root.digest).await.unwrap().parse().unwrap();
    let blob = manifest.blobs().nth(position).unwrap().clone();
    let pieces: Vec<bytes::Bytes> =
        source.blob(BlobVerifier::start(&blob)).await.unwrap().try_collect().await.unwrap();
    pieces.concat()
}

#[tokio::test]
async fn a_tree_becomes_an_image_of_one_layer() {
    let directory = tempfile::tempdir().unwrap();
    write_tree(directory.path());
    let listener = UnixListener::bind(directory.path().join("socket")).unwrap();
    let source = open(directory.path()).await;
    drop(listener);
    let config = ImageConfig::parse(&read(source.as_ref(), 0).await).unwrap();
    assert_eq!(config.platform.to_string(), "linux/arm64");
    let mut tar = Vec::new();
    flate2::read::GzDecoder::new(read(source.as_ref(), 1).await.as_slice()).read_to_end(&mut tar).unwrap();
    assert_eq!(config.rootfs.diff_ids[0].0, Digest::sha256_of(&tar));

    let mut entries = BTreeMap::new();
    for entry in tar::Archive::new(tar.as_slice()).entries().unwrap() {
        let entry = entry.unwrap();
        let link = entry.link_name().unwrap().map(|link| link.display().to_string());
        let kind = entry.header().entry_type();
        let path = entry.path().unwrap().display().to_string();
        entries.insert(path, (kind, link, entry.header().mode().unwrap()));
    }
    let kind = |path: &str| entries[path].0;
    let link = |path: &str| entries[path].1.as_deref();
    assert_eq!((kind("etc/empty/"), kind("pipe")), (EntryType::Directory, EntryType::Fifo));
    assert_eq!((kind("etc/motd"), entries["etc/motd"].2), (EntryType::Regular, 0o4755));
    assert_eq!((kind("etc/same"), link("etc/same")), (EntryType::Link, Some("etc/motd")));
    assert_eq!((kind("link"), link("link")), (EntryType::Symlink, Some("/etc/passwd")));
    assert_eq!((kind("etc/up"), link("etc/up")), (EntryType::Symlink, Some("..")));
    assert!(entries.contains_key(&format!("{}file", "long/".repeat(40))));
    assert!(!entries.contains_key("socket"));
    assert!(entries.keys().all(|path| !path.contains("passwd") && !path.starts_with("link/")));
}

#[tokio::test]
async fn equal_trees_give_equal_images() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_tree(one.path());
    write_tree(two.path());
    let first = open(one.path()).await.resolve(&Target::Sole).await.unwrap();
    assert_eq!(open(two.path()).await.resolve(&Target::Sole).await.unwrap(), first);
    std::fs::write(two.path().join("etc/motd"), "hallo").unwrap();
    assert_ne!(open(two.path()).await.resolve(&Target::Sole).await.unwrap(), first);
}

#[tokio::test]
async fn a_tree_without_bottom_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(directory.path().join("d/".repeat(300))).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let platform = "linux/amd64".parse().unwrap();
    let refused = open_root_fs(directory.path(), &platform, scratch.path()).await.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Limit, "{refused}");
    let missing =
        open_root_fs(&directory.path().join("none"), &platform, scratch.path()).await.err().unwrap();
    assert_eq!(missing.kind(), ErrorKind::Io, "{missing}");
}

#[tokio::test]
async fn the_manifest_is_an_image() {
    let directory = tempfile::tempdir().unwrap();
    let source = open(directory.path()).await;
    let root = source.resolve(&Target::Sole).await.unwrap();
    let manifest = source.manifest(&root.digest).await.unwrap().parse().unwrap();
    assert!(matches!(manifest, Manifest::Image(image) if image.layers.len() == 1));
}
