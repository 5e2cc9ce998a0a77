use std::os::unix::fs::PermissionsExt as _;

use plimsoll_oci::Descriptor;
use plimsoll_transport::{
    BlobVerifier, ErrorKind, LayoutSink, LayoutSource, Sink as _, Source as _, Target, TransportError,
};

use crate::children::{is_installed, run};
use crate::fixture::{write_image, write_tree};

#[tokio::test]
async fn skopeo_takes_our_layout_and_we_take_its() {
    if !is_installed("skopeo") {
        return;
    }
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let tree = write_tree(ours.path()).await;
    let from = format!("oci:{}:1.0", ours.path().display());
    let to = format!("oci:{}:1.0", theirs.path().display());
    run("skopeo", &["--insecure-policy", "copy", "--all", "--preserve-digests", &from, &to]);
    let source = LayoutSource::open(theirs.path()).await.unwrap();
    assert_eq!(source.resolve(&Target::Sole).await.unwrap().digest, tree.index);
    assert_eq!(source.resolve(&Target::Tag("1.0".parse().unwrap())).await.unwrap().digest, tree.index);
}

#[tokio::test]
async fn evidence_is_not_taken_for_the_image() {
    let directory = tempfile::tempdir().unwrap();
    let tree = write_tree(directory.path()).await;
    let source = LayoutSource::open(directory.path()).await.unwrap();
    assert_eq!(source.resolve(&Target::Sole).await.unwrap().digest, tree.index);
    write_image(directory.path(), "2.0", 10).await;
    let several = LayoutSource::open(directory.path()).await.unwrap();
    let refused = several.resolve(&Target::Sole).await.unwrap_err();
    assert!(matches!(refused, TransportError::Ambiguous { .. }));
    assert!(refused.to_string().contains("`1.0`, `2.0`"), "{refused}");
    assert_eq!(several.resolve(&Target::Digest(tree.arm64)).await.unwrap().digest, tree.arm64);
}

#[tokio::test]
async fn what_is_missing_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let none = LayoutSource::open(directory.path()).await.err().unwrap();
    assert_eq!(none.kind(), ErrorKind::NotFound);
    write_image(directory.path(), "1", 10).await;
    let source = LayoutSource::open(directory.path()).await.unwrap();
    let missing = source.resolve(&Target::Tag("2".parse().unwrap())).await.unwrap_err();
    assert_eq!(missing.to_string(), format!("oci:{} has no tag `2`", directory.path().display()));
}

#[tokio::test]
async fn a_pipe_in_the_place_of_a_blob_is_refused_without_waiting() {
    let directory = tempfile::tempdir().unwrap();
    let image = write_image(directory.path(), "1", 10).await;
    let layer: Descriptor = image.parse().unwrap().blobs().last().unwrap().clone();
    let path = directory.path().join(format!("blobs/sha256/{}", layer.digest.encoded()));
    std::fs::remove_file(&path).unwrap();
    run("mkfifo", &[path.to_str().unwrap()]);
    let source = LayoutSource::open(directory.path()).await.unwrap();
    let refused = source.blob(BlobVerifier::start(&layer)).await.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Corrupt, "{refused}");
}

#[tokio::test]
async fn a_cut_blob_counts_as_absent() {
    let directory = tempfile::tempdir().unwrap();
    let image = write_image(directory.path(), "1", 1000).await;
    let layer: Descriptor = image.parse().unwrap().blobs().last().unwrap().clone();
    let path = directory.path().join(format!("blobs/sha256/{}", layer.digest.encoded()));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o700, 0o600);
    std::fs::write(&path, b"cut").unwrap();
    let sink = LayoutSink::open(directory.path()).await.unwrap();
    let presence = sink.obtain_blob(&layer).await.unwrap();
    assert_eq!(presence, plimsoll_transport::Presence::Absent);
}
