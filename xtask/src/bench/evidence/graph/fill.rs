//! A catalogue full of evidence, filled as a backup is restored: rows in batches, by the store's own functions.

use std::path::Path;

use anyhow::Context as _;
use bytes::Bytes;
use plimsoll_attest::{
    Bundle, EMPTY_CONFIG, NewReferrer, PredicateType, SigningKey, Statement, Subject, referrer, sign,
};
use plimsoll_oci::{Descriptor, Digest, MediaType};
use plimsoll_store::catalogue::SnapshotRow;
use plimsoll_store::objects::{IngestObjects as _, KeyKind, LocalObjects};
use plimsoll_store::{Catalogue, ObjectError, ObjectKey};
use plimsoll_tlog::{FactLeaf, leaf_hash};
use serde_json::value::to_raw_value;
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Images of a repository.
const REPOSITORY: u64 = 100;
/// Images that are made together: one statement of each kind is about all of them.
const GROUP: u64 = 10;
/// Of how many groups one is not approved.
const UNAPPROVED: u64 = 5;
/// Statements about each image.
pub(super) const FACTS: u64 = 10;
/// Rows that are put together.
const ROWS: usize = 20_000;
/// Objects that are written at the same time.
const WRITES: usize = 128;
/// When everything happens: in milliseconds since 1970.
const AT: i64 = 1_795_000_000_000;
/// As statements write it.
const CREATED: &str = "2026-11-18T11:06:40Z";

/// An image that was put there.
pub(super) struct Place {
    pub(super) repository: String,
    pub(super) digest: Digest,
}

/// What was put there.
pub(super) struct Filled {
    pub(super) images: Vec<Place>,
    /// How many of them nobody approves.
    pub(super) lacking: u64,
}

/// Fills the data directory of a server with images and what is said about them.
pub(super) async fn fill(data: &Path, images: u64) -> anyhow::Result<Filled> {
    let catalogue = Catalogue::open_sqlite(&data.join("catalogue.sqlite")).await?;
    let objects = LocalObjects::open(&data.join("objects"), 0)?;
    let key = SigningKey::generate(&[7; 32]).context("making a key")?;
    let mut filler = Filler {
        catalogue,
        objects,
        key,
        rows: Vec::new(),
        writes: JoinSet::new(),
        filled: Filled { images: Vec::new(), lacking: 0 },
        logged: 0,
    };
    filler.begin().await?;
    for group in 0..images / GROUP {
        filler.group(group).await?;
    }
    filler.finish().await
}

struct Filler {
    catalogue: Catalogue,
    objects: LocalObjects,
    key: SigningKey,
    rows: Vec<SnapshotRow>,
    writes: JoinSet<Result<(), ObjectError>>,
    filled: Filled,
    logged: u64,
}

impl Filler {
    async fn begin(&mut self) -> anyhow::Result<()> {
        for bytes in [config_bytes().as_bytes(), LAYER, EMPTY_CONFIG] {
            self.blob(bytes.to_vec()).await?;
        }
        let keys = json!([{ "name": "ci", "key": self.key.public().to_pem(), "shared": true,
            "roles": ["signer", "builder", "approver"] }]);
        let policy =
            json!({ "keys": keys, "gates": [{ "name": "prod", "role": "approver", "approvals": 1 }] });
        self.row(
            "projects",
            vec![
                json!("bench"),
                json!("[\"bench/**\"]"),
                json!(policy.to_string()),
                json!(AT),
                json!("bench"),
            ],
        );
        Ok(())
    }

    /// Puts images of one repository there, and what is said about them.
    async fn group(&mut self, group: u64) -> anyhow::Result<()> {
        let repository = group * GROUP / REPOSITORY;
        let (id, name) = (repository + 1, format!("bench/app-{repository:05}"));
        if (group * GROUP).is_multiple_of(REPOSITORY) {
            self.row("repositories", vec![json!(id), json!(name), json!(AT)]);
            for bytes in [config_bytes().as_bytes(), LAYER, EMPTY_CONFIG] {
                self.link(id, Digest::sha256_of(bytes));
            }
        }
        let is_approved = !group.is_multiple_of(UNAPPROVED);
        let images: Vec<Descriptor> =
            (0..GROUP).map(|of| self.image(id, &name, group * GROUP + of, is_approved)).collect();
        for kind in 0..FACTS {
            let statement = statement(group, kind, is_approved, &images)?;
            let bundle = sign(&statement, &self.key)?;
            self.link_new(id, bundle.to_json().into_bytes()).await?;
            for image in &images {
                self.fact(id, &bundle, &statement.predicate_type, image);
            }
        }
        if self.rows.len() >= ROWS {
            self.flush().await?;
        }
        Ok(())
    }

    fn image(&mut self, repository: u64, name: &str, number: u64, is_approved: bool) -> Descriptor {
        let config = Descriptor::of(config_type(), config_bytes().as_bytes());
        let layer = Descriptor::of(layer_type(), LAYER);
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MediaType::IMAGE_MANIFEST, "config": config, "layers": [layer],
            "annotations": { "org.opencontainers.image.version": number.to_string() },
        });
        let bytes = manifest.to_string();
        let image = Descriptor::of(MediaType::IMAGE_MANIFEST, bytes.as_bytes());
        let digest = image.digest;
        self.manifest(repository, digest, None, None, bytes.as_bytes());
        self.links(repository, digest, &[config.digest, layer.digest]);
        let tag = format!("1.{number}");
        self.row("tags", vec![json!(repository), json!(tag), json!(digest), json!(AT), json!("bench")]);
        let told = if is_approved { json!({ "": digest, "prod": digest }) } else { json!({}) };
        self.row("verdicts", vec![json!(name), json!(digest), Value::Null, json!(told.to_string())]);
        self.filled.lacking += u64::from(!is_approved);
        self.filled.images.push(Place { repository: name.to_owned(), digest });
        image
    }

    fn fact(&mut self, repository: u64, bundle: &Bundle, kind: &PredicateType, image: &Descriptor) {
        let NewReferrer { layer, config, manifest, .. } = referrer(bundle, kind, image, CREATED);
        let digest = Digest::sha256_of(&manifest);
        self.manifest(repository, digest, Some(Bundle::MEDIA_TYPE), Some(image.digest), &manifest);
        self.links(repository, digest, &[config.digest, layer.digest]);
        let leaf = FactLeaf { manifest: digest.to_string(), subject: Some(image.digest.to_string()) };
        let entry = String::from_utf8_lossy(&leaf.to_bytes()).into_owned();
        self.logged += 1;
        let hash = leaf_hash(entry.as_bytes()).to_string();
        self.row(
            "log_pending",
            vec![json!(self.logged), json!(hash), json!(entry), Value::Null, Value::Null],
        );
    }

    fn manifest(
        &mut self,
        repository: u64,
        digest: Digest,
        kind: Option<&str>,
        subject: Option<Digest>,
        bytes: &[u8],
    ) {
        let record = ObjectKey::fresh(KeyKind::Record).to_string();
        let bytes = json!({ "hex": hex::encode(bytes) });
        let row =
            [json!(repository), json!(digest), json!(MediaType::IMAGE_MANIFEST), json!(kind), json!(subject)];
        self.row("manifests", [&row[..], &[bytes, json!(record), json!(AT), json!("bench")]].concat());
    }

    fn links(&mut self, repository: u64, manifest: Digest, blobs: &[Digest]) {
        for blob in blobs {
            self.row("manifest_blobs", vec![json!(repository), json!(manifest), json!(blob)]);
        }
    }

    fn link(&mut self, repository: u64, blob: Digest) {
        self.row("repository_blobs", vec![json!(repository), json!(blob), Value::Null]);
    }

    async fn link_new(&mut self, repository: u64, bytes: Vec<u8>) -> anyhow::Result<()> {
        let digest = self.blob(bytes).await?;
        self.link(repository, digest);
        Ok(())
    }

    async fn blob(&mut self, bytes: Vec<u8>) -> anyhow::Result<Digest> {
        let (digest, object) = (Digest::sha256_of(&bytes), ObjectKey::fresh(KeyKind::Blob));
        self.row("blobs", vec![json!(digest), json!(bytes.len()), json!(object.to_string()), json!(AT)]);
        if self.writes.len() >= WRITES
            && let Some(written) = self.writes.join_next().await
        {
            written??;
        }
        let objects = self.objects.clone();
        self.writes.spawn(async move { objects.put(object, Bytes::from(bytes)).await });
        Ok(digest)
    }

    fn row(&mut self, table: &str, values: Vec<Value>) {
        self.rows.push(SnapshotRow { table: table.to_owned(), values });
    }

    async fn flush(&mut self) -> anyhow::Result<()> {
        Ok(self.catalogue.restore(std::mem::take(&mut self.rows)).await?)
    }

    async fn finish(mut self) -> anyhow::Result<Filled> {
        while let Some(written) = self.writes.join_next().await {
            written??;
        }
        self.flush().await?;
        Ok(self.filled)
    }
}

/// An empty archive: two blocks of zeros.
const LAYER: &[u8] = &[0; 1024];

fn config_bytes() -> String {
    let diff_id = Digest::sha256_of(LAYER);
    json!({ "architecture": "amd64", "os": "linux", "config": {},
        "history": [{ "created_by": "COPY app /app # buildkit" }],
        "rootfs": { "type": "layers", "diff_ids": [diff_id] } })
    .to_string()
}

fn config_type() -> MediaType {
    "application/vnd.oci.image.config.v1+json".parse().expect("it is a media type")
}

fn layer_type() -> MediaType {
    "application/vnd.oci.image.layer.v1.tar".parse().expect("it is a media type")
}

/// What is said of each image: that it is signed, how it was built, by whom approved, and what tests and scans found.
fn statement(group: u64, kind: u64, is_approved: bool, images: &[Descriptor]) -> anyhow::Result<Statement> {
    let approval = json!({ "decision": "approved", "role": "approver", "gate": "prod", "issuedAt": CREATED,
        "tickets": [{ "uri": format!("https://tracker.example/{group}") }] });
    let build = json!({
        "buildDefinition": { "buildType": "https://ci.example/build/v1",
            "externalParameters": { "dockerfile": "Dockerfile" },
            "resolvedDependencies": [{ "uri": "git+https://git.example/team/app@refs/heads/main",
                "digest": { "gitCommit": format!("{group:040x}") } }] },
        "runDetails": { "builder": { "id": "https://ci.example/runner" },
            "metadata": { "invocationId": format!("run-{group}"), "finishedOn": CREATED } },
    });
    let (predicate_type, predicate) = match kind {
        0 => (PredicateType::SIGNATURE, json!({})),
        1 => (PredicateType::PROVENANCE, build),
        2 if is_approved => (PredicateType::APPROVAL, approval),
        _ => (
            PredicateType::from("https://example.org/report/v1".to_owned()),
            json!({ "number": kind, "run": group, "result": "PASSED" }),
        ),
    };
    let subject = |image: &Descriptor| Subject {
        digest: [("sha256".to_owned(), image.digest.encoded())].into(),
        ..Subject::default()
    };
    let subjects = images.iter().map(subject).collect();
    Ok(Statement { subjects, predicate_type, predicate: to_raw_value(&predicate)? })
}
