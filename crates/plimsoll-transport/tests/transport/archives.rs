use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::TryStreamExt as _;
use plimsoll_oci::{Descriptor, Digest, Manifest, MediaType};
use plimsoll_transport::{
    BlobVerifier, CopyOptions, DockerArchiveSink, Engine, ErrorKind, Evidence, LayoutSink, LayoutSource,
    Placement, Sink as _, Source, Target, copy, open_docker_archive, open_engine_image,
};
use serde_json::json;
use tempfile::TempDir;

use crate::children::{Running, is_installed, notice, run, try_run};
use crate::fixture::{everything, manifest, write_image};

fn sole() -> CopyOptions {
    CopyOptions { target: Target::Sole, ..everything("1", "1") }
}

/// Config digest and `DiffId`s: what a change of form must keep.
async fn config_of(source: &dyn Source, target: &Target) -> Digest {
    let root = source.resolve(target).await.unwrap();
    match source.manifest(&root.digest).await.unwrap().parse().unwrap() {
        Manifest::Image(image) => image.config.digest,
        Manifest::Index(_) => panic!("an index"),
    }
}

/// Reads every blob of an image, which checks each against its digest.
async fn read_blobs(source: &dyn Source, target: &Target) {
    let root = source.resolve(target).await.unwrap();
    for blob in source.manifest(&root.digest).await.unwrap().parse().unwrap().blobs() {
        let stream = source.blob(BlobVerifier::start(blob)).await.unwrap();
        stream.try_for_each(|_| async { Ok(()) }).await.unwrap();
    }
}

/// An image as skopeo writes it for `docker load`: the old form.
async fn skopeo_archive(directory: &TempDir) -> Option<(PathBuf, Digest)> {
    if !is_installed("skopeo") {
        return None;
    }
    let layout = directory.path().join("layout");
    let image = write_image(&layout, "1", 300_000).await;
    let file = directory.path().join("saved.tar");
    let to = format!("docker-archive:{}:docker.io/library/app:1", file.display());
    run("skopeo", &["--insecure-policy", "copy", &format!("oci:{}:1", layout.display()), &to]);
    let config = image.parse().unwrap().blobs().next().unwrap().digest;
    Some((file, config))
}

#[tokio::test]
async fn an_archive_of_the_old_form_is_read_in_place() {
    let directory = tempfile::tempdir().unwrap();
    let Some((file, _)) = skopeo_archive(&directory).await else { return };
    let source = open_docker_archive(&file, directory.path()).await.unwrap();
    read_blobs(source.as_ref(), &Target::Sole).await;
    let by_name = Target::Reference("app:1".parse().unwrap());
    let by_tag = Target::Tag("1".parse().unwrap());
    let resolved = source.resolve(&by_name).await.unwrap();
    assert_eq!(resolved, source.resolve(&by_tag).await.unwrap());
    let other = Target::Reference("app:2".parse().unwrap());
    assert_eq!(source.resolve(&other).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(source.top_level().await.unwrap()[0].name.as_deref(), Some("docker.io/library/app:1"));
}

#[tokio::test]
async fn a_compressed_archive_gives_the_same_image() {
    let directory = tempfile::tempdir().unwrap();
    let Some((file, _)) = skopeo_archive(&directory).await else { return };
    let plain = open_docker_archive(&file, directory.path()).await.unwrap();
    let compressed = directory.path().join("saved.tar.gz");
    let mut gzip = GzEncoder::new(std::fs::File::create(&compressed).unwrap(), Compression::fast());
    std::io::copy(&mut std::fs::File::open(&file).unwrap(), &mut gzip).unwrap();
    gzip.finish().unwrap();
    let unpacked = open_docker_archive(&compressed, directory.path()).await.unwrap();
    let expected = plain.resolve(&Target::Sole).await.unwrap();
    assert_eq!(unpacked.resolve(&Target::Sole).await.unwrap(), expected);
    read_blobs(unpacked.as_ref(), &Target::Sole).await;
}

#[tokio::test]
async fn our_archive_keeps_digests_and_skopeo_reads_it() {
    let directory = tempfile::tempdir().unwrap();
    let layout = directory.path().join("layout");
    let image = write_image(&layout, "1", 300_000).await;
    let file = directory.path().join("ours.tar");
    let sink = DockerArchiveSink::create(&file, Some("app:1".parse().unwrap())).await.unwrap();
    copy(&LayoutSource::open(&layout).await.unwrap(), &sink, &sole()).await.unwrap();

    let ours = open_docker_archive(&file, directory.path()).await.unwrap();
    let by_name = Target::Reference("docker.io/library/app:1".parse().unwrap());
    assert_eq!(ours.resolve(&by_name).await.unwrap().digest, image.digest);
    read_blobs(ours.as_ref(), &Target::Sole).await;

    if is_installed("skopeo") {
        let back = directory.path().join("back");
        let from = format!("docker-archive:{}:docker.io/library/app:1", file.display());
        run("skopeo", &["--insecure-policy", "copy", &from, &format!("oci:{}:1", back.display())]);
        let back = LayoutSource::open(&back).await.unwrap();
        read_blobs(&back, &Target::Sole).await;
        let Manifest::Image(theirs) = manifest_of(&back).await else { panic!("an index") };
        assert_eq!(theirs.layers.len(), 1);
    }
}

async fn manifest_of(source: &dyn Source) -> Manifest {
    let root = source.resolve(&Target::Sole).await.unwrap();
    source.manifest(&root.digest).await.unwrap().parse().unwrap()
}

#[tokio::test]
async fn an_index_of_one_platform_is_written_as_its_image() {
    let directory = tempfile::tempdir().unwrap();
    let layout = directory.path().join("layout");
    let image = write_image(&layout, "1", 100).await;
    let only = Descriptor { platform: Some("linux/amd64".parse().unwrap()), ..image.descriptor() };
    let index = manifest(MediaType::IMAGE_INDEX, json!({ "manifests": [only] }));
    let whole = LayoutSink::open(&layout).await.unwrap();
    whole.put_manifest(&index, &Placement::Tagged("multi".parse().unwrap())).await.unwrap();
    let source = LayoutSource::open(&layout).await.unwrap();
    let sink = DockerArchiveSink::create(&directory.path().join("x.tar"), None).await.unwrap();
    let report = copy(&source, &sink, &everything("multi", "1")).await.unwrap();
    assert_eq!(report.root.digest, image.digest);
}

#[tokio::test]
async fn an_archive_travels_through_a_layout_with_its_config() {
    let directory = tempfile::tempdir().unwrap();
    let Some((file, _)) = skopeo_archive(&directory).await else { return };
    let source = open_docker_archive(&file, directory.path()).await.unwrap();
    let target = directory.path().join("target");
    let sink = LayoutSink::open(&target).await.unwrap();
    copy(source.as_ref(), &sink, &CopyOptions { evidence: Evidence::None, ..sole() }).await.unwrap();
    let copied = LayoutSource::open(&target).await.unwrap();
    let expected = config_of(source.as_ref(), &Target::Sole).await;
    assert_eq!(config_of(&copied, &Target::Sole).await, expected);
}

fn tar_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

async fn open_bytes(
    directory: &Path,
    bytes: &[u8],
) -> Result<Box<dyn Source>, plimsoll_transport::TransportError> {
    let file = directory.join("hostile.tar");
    std::fs::write(&file, bytes).unwrap();
    open_docker_archive(&file, directory).await
}

#[tokio::test]
async fn layers_shared_by_links_and_compressed_layers_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let layer = tar_of(&[("etc/motd", b"hello")]);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&layer).unwrap();
    let packed = gzip.finish().unwrap();
    let diff_id = Digest::sha256_of(&layer);
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":["{diff_id}","{diff_id}","{diff_id}"]}}}}"#
    );
    let document =
        br#"[{"Config":"c.json","RepoTags":["app:1"],"Layers":["a/layer.tar","b/layer.tar","c.tar.gz"]}]"#;
    let mut builder = tar::Builder::new(tar_of(&[
        ("c.json", config.as_bytes()),
        ("a/layer.tar", &layer),
        ("c.tar.gz", &packed),
        ("manifest.json", document),
    ]));
    let whole = {
        // Take the end mark off, so that a link can follow.
        let bytes = builder.get_mut();
        bytes.truncate(bytes.len() - 1024);
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        builder.append_link(&mut header, "b/layer.tar", "../a/layer.tar").unwrap();
        builder.into_inner().unwrap()
    };
    let source = open_bytes(directory.path(), &whole).await.unwrap();
    read_blobs(source.as_ref(), &Target::Sole).await;
    let Manifest::Image(image) = manifest_of(source.as_ref()).await else { panic!("an index") };
    let digests: Vec<_> = image.layers.iter().map(|layer| layer.digest).collect();
    assert_eq!(digests, [diff_id, diff_id, Digest::sha256_of(&packed)]);
}

#[tokio::test]
async fn hostile_archives_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let kind =
        |result: Result<Box<dyn Source>, plimsoll_transport::TransportError>| result.err().unwrap().kind();
    let open = |bytes: Vec<u8>| {
        let path = directory.path().to_owned();
        async move { open_bytes(&path, &bytes).await }
    };
    assert_eq!(kind(open(b"not a tar at all".repeat(100)).await), ErrorKind::Corrupt);
    assert_eq!(kind(open(tar_of(&[("a", b"b")])).await), ErrorKind::NotFound);
    let outside = tar_of(&[("manifest.json", br#"[{"Config":"../../etc/passwd","Layers":[]}]"#)]);
    assert_eq!(kind(open(outside).await), ErrorKind::NotFound);
    let mut cut = tar_of(&[("manifest.json", &[b' '; 4000])]);
    cut.truncate(2048);
    assert_eq!(kind(open(cut).await), ErrorKind::Corrupt);
    let mut long = tar::Header::new_gnu();
    long.set_entry_type(tar::EntryType::GNULongName);
    long.set_size(2 * 1024 * 1024);
    long.set_cksum();
    let mut bytes = long.as_bytes().to_vec();
    std::io::repeat(b'a').take(2 * 1024 * 1024).read_to_end(&mut bytes).unwrap();
    assert_eq!(kind(open(bytes).await), ErrorKind::Limit);
}

#[tokio::test]
async fn podman_hands_out_an_image_through_its_socket() {
    if !is_installed("podman") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let Some((file, _)) = skopeo_archive(&directory).await else { return };
    let (root, runroot, socket) = (path("root"), path("run"), path("podman.sock"));
    let storage = ["--root", &root, "--runroot", &runroot, "--storage-driver", "vfs"];
    let with_storage = |arguments: &[&'static str]| [&storage[..], arguments].concat();
    let (loaded, said) =
        try_run("podman", &[&with_storage(&["load", "-i"])[..], &[file.to_str().unwrap()]].concat());
    if !loaded {
        notice(&format!("podman cannot load an image here: {}", said.trim()));
        return;
    }
    let address = format!("unix://{socket}");
    let service = with_storage(&["system", "service", "--time", "60"]);
    let _service = Running::start("podman", &[&service[..], &[&address]].concat());
    for _ in 0..500 {
        if Path::new(&socket).exists() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let open = |name: &str| {
        let reference = name.parse().unwrap();
        let (socket, scratch) = (PathBuf::from(&socket), directory.path().to_owned());
        async move { open_engine_image(Engine::Podman, &socket, &reference, &scratch).await }
    };
    let source = open("app:1").await.unwrap();
    read_blobs(source.as_ref(), &Target::Sole).await;
    let missing = open("docker.io/library/none:1").await.err().unwrap();
    assert_eq!(missing.kind(), ErrorKind::NotFound, "{missing}");
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_named_with_the_way_to_start_it() {
    let directory = tempfile::tempdir().unwrap();
    let reference = "app:1".parse().unwrap();
    let socket = directory.path().join("none.sock");
    let failed =
        open_engine_image(Engine::Podman, &socket, &reference, directory.path()).await.err().unwrap();
    assert_eq!(failed.help().unwrap(), "systemctl --user start podman.socket");
    assert_eq!(failed.kind(), ErrorKind::Unreachable);
    assert!(failed.to_string().ends_with("does not answer: no such file or directory"), "{failed}");
}
