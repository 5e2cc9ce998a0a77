use std::time::Duration;

use bytes::{Bytes, BytesMut};
use plimsoll_oci::{Descriptor, MediaType};
use plimsoll_server::{CatalogueConfig, ObjectsConfig, StorageConfig};
use plimsoll_testkit::{
    ClientError, Fault, Image, RegistryClient, S3Service, TestBlob, TestServer, TestServerConfig, noise,
};
use tempfile::TempDir;

const LAYER_BYTES: usize = 20 * 1024 * 1024;
const REPOSITORY: &str = "team/app";

/// A server on a bucket that can be told to fail.
struct Harbour {
    service: S3Service,
    client: RegistryClient,
    noise: Bytes,
    _server: TestServer,
    _directory: TempDir,
}

/// What a client was promised, and what stopped it.
struct Attempt {
    accepted: Vec<Descriptor>,
    has_tag: bool,
    refused: Option<ClientError>,
}

/// How many calls to the bucket an image takes.
#[derive(Debug)]
struct Calls {
    small_blob: u64,
    layer: u64,
    manifest: u64,
    pull: u64,
}

impl Harbour {
    async fn open() -> Self {
        let service = S3Service::start().await;
        let directory = tempfile::tempdir().unwrap();
        let storage = StorageConfig {
            catalogue: CatalogueConfig::Sqlite { data_dir: directory.path().to_owned() },
            objects: ObjectsConfig::S3(service.config()),
        };
        let config = TestServerConfig { storage: Some(storage), ..TestServerConfig::default() };
        let server = TestServer::start_with(config).await;
        let client = RegistryClient::new([server.url("")]);
        Self { service, client, noise: noise(1, LAYER_BYTES).into(), _server: server, _directory: directory }
    }

    /// An image with a layer of its own.
    fn image(&self, number: u64) -> Image {
        let mut layer = BytesMut::from(&self.noise[..]);
        layer[..8].copy_from_slice(&number.to_le_bytes());
        Image::of_layers(number, vec![TestBlob::new(MediaType::LAYER, layer.freeze())])
    }

    /// Pushes a small blob at once, a layer in two chunks, and the manifest, until something is refused.
    async fn push(&self, image: &Image, tag: &str) -> Attempt {
        let mut attempt = Attempt { accepted: Vec::new(), has_tag: false, refused: None };
        attempt.refused = self.push_until_refused(image, tag, &mut attempt).await.err();
        attempt
    }

    async fn push_until_refused(
        &self,
        image: &Image,
        tag: &str,
        attempt: &mut Attempt,
    ) -> Result<(), ClientError> {
        for blob in image.blobs() {
            if !self.client.has_blob(REPOSITORY, blob.digest()).await? {
                let chunk_bytes = if blob.bytes.len() < LAYER_BYTES { usize::MAX } else { LAYER_BYTES / 2 };
                self.push_blob(blob, chunk_bytes).await?;
            }
            attempt.accepted.push(blob.descriptor.clone());
        }
        self.client.put_manifest(REPOSITORY, tag, &image.manifest).await?;
        attempt.has_tag = true;
        Ok(())
    }

    async fn push_blob(&self, blob: &TestBlob, chunk_bytes: usize) -> Result<(), ClientError> {
        if blob.bytes.len() < chunk_bytes {
            return self.client.push_blob(REPOSITORY, blob).await;
        }
        self.client.push_blob_in_chunks(REPOSITORY, blob, chunk_bytes).await
    }

    /// Counts the calls when nothing fails.
    async fn count_calls(&self) -> Calls {
        let image = self.image(0);
        let before = self.service.calls();
        self.push_blob(&image.config, usize::MAX).await.unwrap();
        let with_small_blob = self.service.calls();
        self.push_blob(&image.layers[0], LAYER_BYTES / 2).await.unwrap();
        let with_layer = self.service.calls();
        self.client.put_manifest(REPOSITORY, "counted", &image.manifest).await.unwrap();
        let with_manifest = self.service.calls();
        self.client.pull_image(REPOSITORY, "counted", &image).await.unwrap();
        Calls {
            small_blob: with_small_blob - before,
            layer: with_layer - with_small_blob,
            manifest: with_manifest - with_layer,
            pull: self.service.calls() - with_manifest,
        }
    }

    /// After healing, all that was promised is there, and the same push goes through.
    async fn check(&self, image: &Image, tag: &str, attempt: &Attempt) {
        for promised in &attempt.accepted {
            self.client.pull_blob(REPOSITORY, promised).await.unwrap();
        }
        if attempt.has_tag {
            self.client.pull_image(REPOSITORY, tag, image).await.unwrap();
            return;
        }
        let again = self.push(image, tag).await;
        assert!(again.has_tag, "after healing: {}", again.refused.unwrap());
        self.client.pull_image(REPOSITORY, tag, image).await.unwrap();
    }
}

/// Lets every call of a push fail in its turn, once and then for good, and checks what was promised.
async fn nothing_is_promised_that_is_not_kept(fault: Fault) {
    let harbour = Harbour::open().await;
    let calls = harbour.count_calls().await;
    println!("S3 calls when nothing fails: {calls:?}");
    let all = calls.small_blob + calls.layer + calls.manifest;
    let mut refused = 0;
    for call in 0..all {
        let image = harbour.image(2 * call + 1);
        let tag = format!("once-{call}");
        harbour.service.fail_once(call, fault);
        let attempt = harbour.push(&image, &tag).await;
        assert!(harbour.service.heal(), "{fault:?} was to happen at call {call}");
        harbour.check(&image, &tag, &attempt).await;

        let image = harbour.image(2 * call + 2);
        let tag = format!("lasting-{call}");
        harbour.service.fail_from(call, fault);
        let attempt = harbour.push(&image, &tag).await;
        assert!(harbour.service.heal(), "{fault:?} was to happen from call {call} on");
        refused += u64::from(attempt.refused.is_some());
        harbour.check(&image, &tag, &attempt).await;
    }
    println!("{fault:?}: {all} calls failed in turn; {refused} of {all} pushes were refused when it lasted");
    pulling_tells_of_failures(&harbour, fault, calls.pull).await;
}

/// A pull under way when the bucket fails ends in an error, or has every byte right.
async fn pulling_tells_of_failures(harbour: &Harbour, fault: Fault, calls: u64) {
    let image = harbour.image(0);
    for call in 0..calls {
        harbour.service.fail_once(call, fault);
        let pulled = harbour.client.pull_image(REPOSITORY, "counted", &image).await;
        harbour.service.heal();
        if let Err(error) = pulled {
            assert!(!error.why.contains("hash to"), "wrong bytes were given for right ones: {error}");
        }
        tokio::time::timeout(
            Duration::from_secs(10),
            harbour.client.pull_image(REPOSITORY, "counted", &image),
        )
        .await
        .expect("in time")
        .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_s3_that_answers_500_breaks_no_promise() {
    nothing_is_promised_that_is_not_kept(Fault::Error).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_s3_whose_answers_get_lost_breaks_no_promise() {
    nothing_is_promised_that_is_not_kept(Fault::LostAnswer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_s3_that_stalls_breaks_no_promise() {
    nothing_is_promised_that_is_not_kept(Fault::Stall).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_s3_whose_answers_are_cut_breaks_no_promise() {
    nothing_is_promised_that_is_not_kept(Fault::CutAnswer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_s3_that_cuts_what_it_is_sent_breaks_no_promise() {
    nothing_is_promised_that_is_not_kept(Fault::CutRequest).await;
}
