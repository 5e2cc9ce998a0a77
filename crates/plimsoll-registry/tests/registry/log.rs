//! The transparency log over HTTP, as its readers and cosign meet it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plimsoll_oci::{Digest, MediaType};
use plimsoll_store::catalogue::Grant;
use plimsoll_testkit::{
    CatalogueConfig, Image, Storage, StorageConfig, TestBlob, TestServer, TestServerConfig, body_of,
};
use plimsoll_tlog::{
    Edge, EntryBundle, FactLeaf, Hash, Leaf, LogVerifier, Opened, TILE_WIDTH, TileId, TransparencyLogEntry,
    leaf_hash,
};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

const NAME: &str = "team/app";

/// Somebody who reads the log, as itself.
struct Reader<'s> {
    server: &'s TestServer,
    sign_in: fn(RequestBuilder) -> RequestBuilder,
}

fn anybody(request: RequestBuilder) -> RequestBuilder {
    request
}

fn ana(request: RequestBuilder) -> RequestBuilder {
    request.basic_auth("ana", Some("correct horse"))
}

fn ben(request: RequestBuilder) -> RequestBuilder {
    request.basic_auth("ben", Some("battery staple"))
}

impl Reader<'_> {
    async fn get(&self, path: &str) -> (u16, Vec<u8>) {
        let answer = (self.sign_in)(self.server.request(Method::GET, path)).send().await.unwrap();
        (answer.status().as_u16(), body_of(answer).await.unwrap().to_vec())
    }

    async fn found(&self, path: &str) -> Vec<u8> {
        let (status, body) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
        body
    }

    async fn json(&self, path: &str) -> Value {
        serde_json::from_slice(&self.found(path).await).unwrap()
    }

    async fn verifier(&self) -> LogVerifier {
        let keys = self.json("/log/keys").await;
        let key = |name: &str| keys[name].as_str().unwrap().parse().unwrap();
        LogVerifier { log: key("log"), cosigner: Some(key("cosigner")) }
    }

    async fn opened(&self) -> Opened {
        // A server that has just started has not looked at its log yet.
        for _ in 0..200 {
            if self.get("/log/checkpoint").await.0 == 200 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let note = String::from_utf8(self.found("/log/checkpoint").await).unwrap();
        self.verifier().await.open(&note).unwrap()
    }

    /// Waits until the newest checkpoint is by the key that the server names.
    async fn opened_with_own_key(&self) {
        let verifier = self.verifier().await;
        for _ in 0..200 {
            let note = String::from_utf8(self.found("/log/checkpoint").await).unwrap();
            if verifier.open(&note).is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the log is not signed anew");
    }

    /// Reads the whole log and holds every tile against the signed checkpoint. Returns what the leaves say.
    async fn verify(&self) -> Vec<Leaf> {
        let checkpoint = self.opened().await.checkpoint;
        let (mut edge, mut leaves) = (Edge::default(), Vec::new());
        for index in 0..checkpoint.size.div_ceil(TILE_WIDTH) {
            let id = TileId::in_tree(0, index, checkpoint.size).unwrap();
            let path = format!("/log/tile/{}", plimsoll_tlog::Resource::Entries(id));
            let bundle = EntryBundle::parse(&self.found(&path).await, id.width()).unwrap();
            leaves.extend(bundle.entries().iter().map(|entry| Leaf::parse(entry).unwrap()));
            let hashes: Vec<Hash> = bundle.entries().iter().map(|entry| leaf_hash(entry)).collect();
            for tile in edge.append(&hashes).unwrap().tiles {
                let path = format!("/log/api/v2/tile/{}", tile.id);
                assert_eq!(tile.id.read(&self.found(&path).await).unwrap(), tile.hashes, "{path}");
            }
        }
        assert_eq!(edge.root(), checkpoint.root);
        leaves
    }

    /// Waits until something is in the log, which for events takes less than a second on a machine at rest.
    async fn eventually(&self, what: &str, is_it: impl Fn(&Leaf) -> bool) -> usize {
        for _ in 0..200 {
            if let Some(index) = self.verify().await.iter().position(&is_it) {
                return index;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{what} never became a leaf");
    }
}

/// A manifest with a Sigstore bundle, about `subject`.
fn bundle_of(subject: &TestBlob, note: &str) -> (TestBlob, [TestBlob; 2]) {
    let kind = "application/vnd.dev.sigstore.bundle.v0.3+json";
    let bundle = TestBlob::new(kind.parse().unwrap(), json!({ "mediaType": kind, "note": note }).to_string());
    let config = TestBlob::new(MediaType::EMPTY_JSON, "{}");
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MediaType::IMAGE_MANIFEST, "artifactType": kind,
        "config": config.descriptor, "layers": [bundle.descriptor], "subject": subject.descriptor,
    });
    (TestBlob::new(MediaType::IMAGE_MANIFEST, manifest.to_string()), [config, bundle])
}

async fn push_fact(server: &TestServer, subject: &TestBlob, note: &str) -> TestBlob {
    let (manifest, blobs) = bundle_of(subject, note);
    for blob in &blobs {
        server.push_blob(NAME, blob).await;
    }
    let answer = server.put_manifest(NAME, &manifest.digest().to_string(), &manifest).await;
    assert_eq!(answer.status(), 201);
    manifest
}

fn hex(hash: Hash) -> String {
    hash.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fact_is_a_leaf_before_its_push_is_answered() {
    let server = TestServer::start().await;
    let reader = Reader { server: &server, sign_in: anybody };
    let image = Image::small(1, 1, 10);
    server.push_image(NAME, "v1", &image).await;
    for note in ["one", "two", "two"] {
        let fact = push_fact(&server, &image.manifest, note).await;
        let leaves = reader.verify().await;
        let (manifest, subject) = (fact.digest().to_string(), Some(image.manifest.digest().to_string()));
        let expected = FactLeaf { manifest, subject };
        let found: Vec<usize> = leaves
            .iter()
            .enumerate()
            .filter(|(_, leaf)| **leaf == Leaf::Fact(expected.clone()))
            .map(|(index, _)| index)
            .collect();
        assert_eq!(found.len(), 1, "a fact is one leaf, however often it is pushed");
        let leaf = reader.json(&format!("/log/leaf/{}", hex(expected.hash()))).await;
        assert_eq!(leaf["index"], json!(found[0]));
    }
    let now = u64::try_from(plimsoll_testkit::now().unix_ms() / 1000).unwrap();
    let logged_at = reader.opened().await.logged_at_unix_s.unwrap();
    assert!(logged_at <= now && logged_at + 60 > now, "{logged_at} is not about {now}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_answered_with_a_proof_that_needs_no_log() {
    let server = TestServer::start().await;
    let reader = Reader { server: &server, sign_in: anybody };
    let (verifier, path) = (reader.verifier().await, "/log/api/v2/log/entries");
    let record = |first: u8| {
        json!({ "hashedRekordRequestV002": {
            "digest": STANDARD.encode([first; 32]),
            "signature": { "content": "AQID", "verifier": {
                "publicKey": { "rawBytes": STANDARD.encode([1; 91]) }, "keyDetails": "PKIX_ECDSA_P256_SHA_256",
            } },
        } })
    };
    for first in [1, 2, 2] {
        let answer = server.request(Method::POST, path).body(record(first).to_string()).send().await.unwrap();
        assert_eq!(answer.status(), 201);
        let entry = TransparencyLogEntry::parse(&body_of(answer).await.unwrap()).unwrap();
        let (found, opened) = entry.verify(&verifier).unwrap();
        assert_eq!(found.digest(), [first; 32]);
        assert!(opened.logged_at_unix_s.is_some());
    }
    for (body, status) in [
        ("{}".to_owned(), 400),
        ("[".repeat(10_000), 400),
        (record(1).to_string().replace("P256_SHA_256", "P256_MD5"), 400),
        (" ".repeat(70_000), 413),
    ] {
        let answer = server.request(Method::POST, path).body(body).send().await.unwrap();
        assert_eq!(answer.status(), status);
    }
    assert_eq!(reader.verify().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_can_be_read_by_who_may_see_it() {
    let server = TestServer::start_with(TestServerConfig {
        users: vec![
            ("ana", "correct horse", vec![Grant::all()]),
            ("ben", "battery staple", vec!["other/*:pull".parse().unwrap()]),
        ],
        ..Default::default()
    })
    .await;
    let image = Image::small(2, 0, 0);
    let blob = format!("/v2/{NAME}/blobs/uploads/?digest={}", image.config.digest());
    ana(server.request(Method::POST, &blob)).body(image.config.bytes.clone()).send().await.unwrap();
    let put = ana(server.request(Method::PUT, &format!("/v2/{NAME}/manifests/v1")));
    let put = put.header("content-type", image.manifest.descriptor.media_type.as_str());
    assert_eq!(put.body(image.manifest.bytes.clone()).send().await.unwrap().status(), 201);
    let [as_ana, as_ben] =
        [ana, ben].map(|sign_in: fn(RequestBuilder) -> RequestBuilder| Reader { server: &server, sign_in });
    let is_kind =
        |kind: &'static str| move |leaf: &Leaf| matches!(leaf, Leaf::Event(event) if event.kind == kind);
    let moved = as_ana.eventually("the tag's move", is_kind("tag-moved")).await;
    let payload = as_ana.json(&format!("/log/payload/{moved}")).await;
    assert_eq!(payload["tag"], "v1");
    assert_eq!(payload["digest"], json!(image.manifest.digest()));
    assert_eq!(payload["by"], "ana");
    let user = as_ana.eventually("the user", is_kind("user-put")).await;
    assert_eq!(as_ana.json(&format!("/log/payload/{user}")).await["type"], "user-put");
    // The tree is hashes, and whoever may come in may read it; what is behind them is not for everybody.
    as_ben.verify().await;
    for leaf in [moved, user] {
        assert_eq!(as_ben.get(&format!("/log/payload/{leaf}")).await.0, 403, "{leaf}");
    }
    let refused =
        ben(server.request(Method::POST, "/log/api/v2/log/entries")).body("{}").send().await.unwrap();
    assert_eq!(refused.status(), 403, "who may push nowhere writes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_in_the_log_is_not_found() {
    let server = TestServer::start().await;
    let reader = Reader { server: &server, sign_in: anybody };
    let none = Digest::sha256_of(b"none").encoded();
    for (path, status) in [
        ("/log/tile/0/000".to_owned(), 404),
        ("/log/tile/9/x001/000".to_owned(), 404),
        ("/log/tile/entries/000.p/1".to_owned(), 404),
        ("/log/tile/0/0".to_owned(), 400),
        ("/log/tile/0/000.p/256".to_owned(), 400),
        (format!("/log/leaf/{none}"), 404),
        ("/log/leaf/zz".to_owned(), 400),
        ("/log/payload/0".to_owned(), 404),
        ("/log/payload/x".to_owned(), 404),
        ("/log/elsewhere".to_owned(), 404),
    ] {
        assert_eq!(reader.get(&path).await.0, status, "{path}");
    }
    let posted = server.request(Method::POST, "/log/checkpoint").send().await.unwrap();
    assert_eq!(posted.status(), 405);
    assert_eq!(reader.opened().await.checkpoint.size, 0, "an empty log has a checkpoint too");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_outlives_its_catalogue() {
    let server = TestServer::start().await;
    let image = Image::small(3, 1, 10);
    server.push_image(NAME, "v1", &image).await;
    push_fact(&server, &image.manifest, "kept").await;
    server.request(Method::DELETE, &format!("/v2/{NAME}/manifests/v1")).send().await.unwrap();
    let reader = Reader { server: &server, sign_in: anybody };
    reader
        .eventually("the deletion", |leaf| matches!(leaf, Leaf::Event(event) if event.kind == "tag-deleted"))
        .await;
    let (leaves, before) = (reader.verify().await, reader.opened().await.checkpoint);
    let (config, _directory) = server.stop().await;
    let fresh = tempfile::tempdir().unwrap();
    let catalogue = CatalogueConfig::Sqlite { data_dir: fresh.path().to_owned() };
    let storage_config = StorageConfig { catalogue, objects: config.objects };
    let storage = Storage::open(&storage_config).await.unwrap();
    let report = crate::looking_after::registry(&storage).rebuild(|_| ()).await.unwrap();
    assert_eq!((report.skipped.len(), report.log_entries), (0, before.size));
    drop(storage);
    let server =
        TestServer::start_with(TestServerConfig { storage: Some(storage_config), ..Default::default() })
            .await;
    let reader = Reader { server: &server, sign_in: anybody };
    // The key was lost with the catalogue: the same tree is signed anew.
    reader.opened_with_own_key().await;
    assert_eq!(reader.verify().await, leaves, "what was played again is no new leaf");
    assert_eq!(reader.opened().await.checkpoint, before);
    assert_eq!(reader.json("/log/payload/0").await["tag"], "v1");
}
