//! Images small enough to look through, with everything that can hang on one.

use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;
use plimsoll_oci::{Descriptor, DiffId, Digest, MediaType, RegistryHost, Tag};
use plimsoll_transport::{
    BlobContent, BlobVerifier, CopyOptions, CredentialFiles, CredentialHelper, Evidence, HelperFailure,
    HelperReply, HelperVerb, Keychain, LayoutSink, Placement, PlainHttp, Platforms, PortFuture, RawManifest,
    RegistryClient, RegistryOptions, RetryPolicy, Silent, Sink as _, Target, VerifiedStream,
    WarningCollector,
};
use serde_json::{Value, json};

/// Bytes as a blob's content.
pub(crate) struct Held(pub(crate) Bytes);

impl BlobContent for Held {
    fn open(&self, from: BlobVerifier) -> PortFuture<'_, VerifiedStream> {
        let start = usize::try_from(from.offset()).unwrap();
        // In pieces, as from a network.
        let pieces: Vec<_> =
            self.0.slice(start..).chunks(64 * 1024).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        Box::pin(async move { Ok(VerifiedStream::new(Box::pin(stream::iter(pieces)), from)) })
    }
}

/// Bytes that remember where they were opened.
pub(crate) struct Watched {
    held: Held,
    pub(crate) opened_at: Mutex<Vec<u64>>,
}

impl Watched {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { held: Held(bytes.into()), opened_at: Mutex::default() }
    }
}

impl BlobContent for Watched {
    fn open(&self, from: BlobVerifier) -> PortFuture<'_, VerifiedStream> {
        self.opened_at.lock().unwrap().push(from.offset());
        self.held.open(from)
    }
}

/// The digests of a whole tree of images and evidence.
pub(crate) struct Tree {
    pub(crate) index: Digest,
    pub(crate) amd64: Digest,
    pub(crate) arm64: Digest,
    pub(crate) sbom: Digest,
    pub(crate) sbom_signature: Digest,
    pub(crate) cosign_signature: Digest,
    pub(crate) cosign_tag: Tag,
}

/// Writes an index of two images with a shared layer into a layout, under the tag `1.0`; an SBOM refers to one image, a
/// signature to the SBOM, and cosign's tag to the index.
pub(crate) async fn write_tree(directory: &Path) -> Tree {
    let sink = LayoutSink::open(directory).await.unwrap();
    let shared = put_layer(&sink, "shared", 300_000).await;
    let amd64 = put_image(&sink, "amd64", &[shared.clone(), put_layer(&sink, "amd64", 200_000).await]).await;
    let arm64 = put_image(&sink, "arm64", &[shared, put_layer(&sink, "arm64", 100).await]).await;
    let index = manifest(
        MediaType::IMAGE_INDEX,
        json!({ "manifests": [
            with_platform(&amd64, "amd64"),
            with_platform(&arm64, "arm64"),
        ] }),
    );
    let tag: Tag = "1.0".parse().unwrap();
    sink.put_manifest(&index, &Placement::Tagged(tag)).await.unwrap();
    let sbom = put_artifact(&sink, "application/vnd.example.sbom", Some(&amd64)).await;
    let sbom_signature = put_artifact(&sink, "application/vnd.example.signature", Some(&sbom)).await;
    let cosign_signature = put_artifact(&sink, "application/vnd.example.cosign", None).await;
    let cosign_tag: Tag = format!("{}.sig", Tag::referrers_fallback(&index.digest)).parse().unwrap();
    sink.put_manifest(&cosign_signature, &Placement::Tagged(cosign_tag.clone())).await.unwrap();
    Tree {
        index: index.digest,
        amd64: amd64.digest,
        arm64: arm64.digest,
        sbom: sbom.digest,
        sbom_signature: sbom_signature.digest,
        cosign_signature: cosign_signature.digest,
        cosign_tag,
    }
}

/// Writes one image with one layer of about so many bytes, under a tag.
pub(crate) async fn write_image(directory: &Path, tag: &str, layer_bytes: usize) -> RawManifest {
    let sink = LayoutSink::open(directory).await.unwrap();
    let layer = put_layer(&sink, tag, layer_bytes).await;
    let image = put_image(&sink, "amd64", &[layer]).await;
    sink.put_manifest(&image, &Placement::Tagged(tag.parse().unwrap())).await.unwrap();
    image
}

/// A layer and the digest of its tar.
#[derive(Clone)]
pub(crate) struct Layer {
    descriptor: Descriptor,
    diff_id: DiffId,
}

async fn put_layer(sink: &LayoutSink, name: &str, bytes: usize) -> Layer {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    let content = noise(name, bytes);
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, format!("files/{name}"), content.as_slice()).unwrap();
    let tar = tar.into_inner().unwrap();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&tar).unwrap();
    let descriptor = put_blob(sink, MediaType::LAYER_GZIP, gzip.finish().unwrap()).await;
    Layer { descriptor, diff_id: DiffId(Digest::sha256_of(&tar)) }
}

async fn put_image(sink: &LayoutSink, architecture: &str, layers: &[Layer]) -> RawManifest {
    let diff_ids: Vec<_> = layers.iter().map(|layer| layer.diff_id).collect();
    let config = json!({ "architecture": architecture, "os": "linux", "config": {},
        "rootfs": { "type": "layers", "diff_ids": diff_ids } });
    let config = put_blob(sink, MediaType::IMAGE_CONFIG, config.to_string().into_bytes()).await;
    let layers: Vec<_> = layers.iter().map(|layer| layer.descriptor.clone()).collect();
    let image = manifest(MediaType::IMAGE_MANIFEST, json!({ "config": config, "layers": layers }));
    sink.put_manifest(&image, &Placement::Part).await.unwrap();
    image
}

async fn put_artifact(sink: &LayoutSink, artifact_type: &str, subject: Option<&RawManifest>) -> RawManifest {
    let config = put_blob(sink, MediaType::EMPTY_JSON, b"{}".to_vec()).await;
    let content = put_blob(sink, "text/plain".parse().unwrap(), artifact_type.into()).await;
    let mut document = json!({ "artifactType": artifact_type, "config": config, "layers": [content],
        "annotations": { "note": artifact_type } });
    if let Some(subject) = subject {
        document["subject"] = serde_json::to_value(subject.descriptor()).unwrap();
    }
    let artifact = manifest(MediaType::IMAGE_MANIFEST, document);
    sink.put_manifest(&artifact, &Placement::Part).await.unwrap();
    artifact
}

async fn put_blob(sink: &LayoutSink, media_type: MediaType, bytes: Vec<u8>) -> Descriptor {
    let descriptor = Descriptor::of(media_type, &bytes);
    sink.put_blob(&descriptor, &Held(bytes.into())).await.unwrap();
    descriptor
}

pub(crate) fn manifest(media_type: MediaType, mut document: Value) -> RawManifest {
    document["schemaVersion"] = json!(2);
    document["mediaType"] = json!(media_type);
    let bytes = Bytes::from(document.to_string());
    RawManifest { digest: Digest::sha256_of(&bytes), media_type, bytes }
}

fn with_platform(image: &RawManifest, architecture: &str) -> Descriptor {
    let platform = format!("linux/{architecture}").parse().unwrap();
    Descriptor { platform: Some(platform), ..image.descriptor() }
}

/// Bytes that do not compress, the same for the same name.
pub(crate) fn noise(name: &str, bytes: usize) -> Vec<u8> {
    let mut noise = Vec::with_capacity(bytes + 32);
    let mut counter = 0_u64;
    while noise.len() < bytes {
        noise.extend_from_slice(Digest::sha256_of(format!("{name}{counter}").as_bytes()).hash());
        counter += 1;
    }
    noise.truncate(bytes);
    noise
}

/// All of one image, silently.
pub(crate) fn everything(target: &str, tag: &str) -> CopyOptions {
    CopyOptions {
        target: Target::Tag(target.parse().unwrap()),
        tag: Some(tag.parse().unwrap()),
        platforms: Platforms::All,
        evidence: Evidence::All,
        parallel_blobs: 4,
        progress: Arc::new(Silent),
    }
}

/// There are no helpers in these tests; who asks for one fails.
pub(crate) struct NoHelper;

impl CredentialHelper for NoHelper {
    fn run<'a>(
        &'a self,
        program: &'a str,
        _verb: HelperVerb,
        _input: &'a [u8],
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<HelperReply, HelperFailure>> + Send + 'a>> {
        Box::pin(async move { Err(HelperFailure(format!("{program} is not installed"))) })
    }
}

pub(crate) fn no_credentials() -> Keychain {
    keychain(CredentialFiles::default())
}

pub(crate) fn keychain(files: CredentialFiles) -> Keychain {
    Keychain::new(files, Arc::new(NoHelper))
}

/// A client with short pauses.
pub(crate) fn client(keychain: Keychain) -> RegistryClient {
    RegistryClient::new(options(), keychain).unwrap()
}

pub(crate) fn options() -> RegistryOptions {
    RegistryOptions {
        plain_http: PlainHttp::Loopback,
        ca_pem: None,
        insecure_skip_verify: false,
        user_agent: "plimsoll-test".to_owned(),
        connect_timeout: Duration::from_secs(5),
        stall_timeout: Duration::from_secs(10),
        retry: RetryPolicy { attempts: 4, first_pause: Duration::from_millis(20) },
        warnings: Arc::new(WarningCollector::default()),
    }
}

pub(crate) fn host(address: std::net::SocketAddr) -> RegistryHost {
    address.to_string().parse().unwrap()
}
