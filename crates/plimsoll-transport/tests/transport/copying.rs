use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use plimsoll_oci::{Digest, MediaType};
use plimsoll_transport::{
    CopyOptions, DockerArchiveSink, Evidence, LayoutSink, LayoutSource, Placement, Platforms, Progress,
    Sink as _, Source, Target, TransportError, copy,
};
use serde_json::json;

use crate::fixture::{Tree, everything, manifest, write_image, write_tree};

/// Checks that everything of the tree is at `place` and can be found from its root.
pub(crate) async fn assert_whole(place: &dyn Source, tag: &str, tree: &Tree) {
    let root = place.resolve(&Target::Tag(tag.parse().unwrap())).await.unwrap();
    assert_eq!(root.digest, tree.index);
    for digest in [tree.index, tree.amd64, tree.arm64, tree.sbom, tree.sbom_signature, tree.cosign_signature]
    {
        place.manifest(&digest).await.unwrap();
    }
    assert_eq!(referrers(place, &tree.amd64).await, [tree.sbom]);
    assert_eq!(referrers(place, &tree.sbom).await, [tree.sbom_signature]);
    let signature = place.resolve(&Target::Tag(tree.cosign_tag.clone())).await.unwrap();
    assert_eq!(signature.digest, tree.cosign_signature);
}

async fn referrers(place: &dyn Source, subject: &Digest) -> Vec<Digest> {
    place.referrers(subject).await.unwrap().iter().map(|referrer| referrer.digest).collect()
}

async fn layouts(from: &Path, to: &Path) -> (LayoutSource, LayoutSink) {
    (LayoutSource::open(from).await.unwrap(), LayoutSink::open(to).await.unwrap())
}

#[tokio::test]
async fn an_index_goes_along_with_its_children_and_all_evidence() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let tree = write_tree(from.path()).await;
    let (source, sink) = layouts(from.path(), to.path()).await;
    let report = copy(&source, &sink, &everything("1.0", "release")).await.unwrap();
    assert_eq!((report.manifests_copied, report.evidence_manifests), (6, 3));
    assert_whole(&LayoutSource::open(to.path()).await.unwrap(), "release", &tree).await;
}

#[tokio::test]
async fn a_second_copy_sends_nothing() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_tree(from.path()).await;
    let (source, sink) = layouts(from.path(), to.path()).await;
    let first = copy(&source, &sink, &everything("1.0", "1.0")).await.unwrap();
    let second = copy(&source, &sink, &everything("1.0", "1.0")).await.unwrap();
    assert!(first.bytes_copied > 0);
    assert_eq!((second.bytes_copied, second.blobs_copied, second.manifests_copied), (0, 0, 0));
    assert_eq!(second.blobs_present, first.blobs_copied);
}

#[tokio::test]
async fn one_platform_is_copied_without_the_index() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let tree = write_tree(from.path()).await;
    let (source, sink) = layouts(from.path(), to.path()).await;
    let arm = Platforms::One("linux/arm64/v8".parse().unwrap());
    let options = CopyOptions { platforms: arm, ..everything("1.0", "1.0") };
    let report = copy(&source, &sink, &options).await.unwrap();
    assert_eq!((report.root.digest, report.manifests_copied), (tree.arm64, 1));

    let mips = Platforms::One("linux/mips64".parse().unwrap());
    let refused = copy(&source, &sink, &CopyOptions { platforms: mips, ..options }).await.unwrap_err();
    assert_eq!(refused.help().unwrap(), "choose one of --platform linux/amd64, linux/arm64");
}

#[tokio::test]
async fn an_image_can_be_copied_without_its_evidence() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_tree(from.path()).await;
    let (source, sink) = layouts(from.path(), to.path()).await;
    let options = CopyOptions { evidence: Evidence::None, ..everything("1.0", "1.0") };
    let report = copy(&source, &sink, &options).await.unwrap();
    assert_eq!((report.manifests_copied, report.evidence_manifests), (3, 0));
}

#[tokio::test]
async fn damaged_bytes_are_never_committed() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let image = write_image(from.path(), "1", 50_000).await;
    let layer = image.parse().unwrap().blobs().last().unwrap().clone();
    let file = format!("blobs/sha256/{}", layer.digest.encoded());
    let mut bytes = std::fs::read(from.path().join(&file)).unwrap();
    bytes[20_000] ^= 1;
    std::fs::write(from.path().join(&file), bytes).unwrap();
    let (source, sink) = layouts(from.path(), to.path()).await;
    let failed = copy(&source, &sink, &everything("1", "1")).await.unwrap_err();
    assert!(matches!(failed, TransportError::DigestMismatch { expected, .. } if expected == layer.digest));
    assert!(!to.path().join(&file).exists());
    assert!(ends_without_partial_files(&to.path().join("blobs/sha256")).await);
    assert!(LayoutSource::open(to.path()).await.unwrap().tags().await.unwrap().is_empty());
}

/// A worker thread that was starting a file when the copy ended removes it a moment later.
async fn ends_without_partial_files(directory: &Path) -> bool {
    for _ in 0..100 {
        let names = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
        if names.into_iter().all(|name| !name.to_str().unwrap().starts_with('.')) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

#[tokio::test]
async fn a_chain_of_referrers_that_never_ends_is_refused() {
    let from = tempfile::tempdir().unwrap();
    let to = tempfile::tempdir().unwrap();
    let mut last = write_image(from.path(), "1", 10).await;
    let sink = LayoutSink::open(from.path()).await.unwrap();
    let config = last.parse().unwrap().blobs().next().unwrap().clone();
    for number in 0..40 {
        let document = json!({ "config": config, "layers": [], "subject": last.descriptor(),
            "annotations": { "number": number.to_string() } });
        last = manifest(MediaType::IMAGE_MANIFEST, document);
        sink.put_manifest(&last, &Placement::Part).await.unwrap();
    }
    let (source, sink) = layouts(from.path(), to.path()).await;
    let refused = copy(&source, &sink, &everything("1", "1")).await.unwrap_err();
    assert!(matches!(refused, TransportError::Limit { .. }), "{refused}");
}

#[tokio::test]
async fn an_archive_of_one_image_says_what_it_leaves_behind() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_tree(from.path()).await;
    let source = LayoutSource::open(from.path()).await.unwrap();
    let file = to.path().join("image.tar");
    let sink = DockerArchiveSink::create(&file, None).await.unwrap();
    let one = Platforms::One("linux/amd64".parse().unwrap());
    let report =
        copy(&source, &sink, &CopyOptions { platforms: one, ..everything("1.0", "1.0") }).await.unwrap();
    assert_eq!((report.manifests_copied, report.evidence_left_behind), (1, 2));
    assert!(file.exists());

    let other = to.path().join("index.tar");
    let sink = DockerArchiveSink::create(&other, None).await.unwrap();
    let refused = copy(&source, &sink, &everything("1.0", "1.0")).await.unwrap_err();
    assert!(refused.help().unwrap().contains("--platform"), "{refused}");
    assert!(!other.exists());
}

#[derive(Default)]
struct Counted {
    total: AtomicU64,
    advanced: AtomicU64,
    finished: AtomicU64,
}

impl Progress for Counted {
    fn started(&self, total_bytes: u64) {
        self.total.store(total_bytes, Ordering::SeqCst);
    }
    fn advanced(&self, bytes: u64) {
        self.advanced.fetch_add(bytes, Ordering::SeqCst);
    }
    fn finished(&self) {
        self.finished.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn progress_reaches_its_total() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_tree(from.path()).await;
    let (source, sink) = layouts(from.path(), to.path()).await;
    let counted = Arc::new(Counted::default());
    let options =
        CopyOptions { progress: Arc::clone(&counted) as Arc<dyn Progress>, ..everything("1.0", "1.0") };
    copy(&source, &sink, &options).await.unwrap();
    let total = counted.total.load(Ordering::SeqCst);
    assert!(total > 500_000);
    assert_eq!(counted.advanced.load(Ordering::SeqCst), total);
    assert_eq!(counted.finished.load(Ordering::SeqCst), 1);
}
