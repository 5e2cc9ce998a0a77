//! From a manifest to what the graph notes of it.

use bytes::Bytes;
use plimsoll_attest::{BUNDLE_BYTES_MAX, EvidenceLayer, Statement, Unverified};
use plimsoll_oci::{Descriptor, Digest, ImageConfig, ImageManifest, Manifest, MediaType};
use plimsoll_store::catalogue::{EvidenceTask, EvidenceToNote, FactToNote, Standing, StoredManifest};
use plimsoll_store::{CatalogueError, ObjectError, Timestamp};
use plimsoll_tlog::FactLeaf;

use super::account::Account;
use crate::storage::Storage;

/// Most layers of one manifest that are read: those of cosign's older attestations are one each.
const PARTS_MAX: usize = 1000;

/// Most images of an index that are noted.
const LISTED_MAX: usize = 1000;

/// Largest statement without a signature that is read.
const CLAIM_BYTES_MAX: u64 = 16 << 20;

/// Bytes of an image config.
const CONFIG_BYTES_MAX: u64 = 16 << 20;

/// The type of layers that hold statements which nobody signed.
pub(super) const UNSIGNED: &str = "application/vnd.in-toto+json";

/// Why something could not be read now. It may be another time.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error(transparent)]
    Objects(#[from] ObjectError),
}

/// What became of reading a blob.
pub(super) enum Blob {
    Bytes(Vec<u8>),
    /// It is larger than what is read.
    TooLarge(u64),
    /// The registry does not have it, or not with good bytes.
    Missing,
}

impl Storage {
    /// A blob, whichever repository holds it.
    pub(super) async fn blob(&self, digest: Digest, bytes_max: u64) -> Result<Blob, ReadError> {
        let Some((key, size)) = self.catalogue().blob_anywhere(digest).await? else {
            return Ok(Blob::Missing);
        };
        if size > bytes_max {
            return Ok(Blob::TooLarge(size));
        }
        match self.read_whole(key, size).await {
            Ok(bytes) => Ok(Blob::Bytes(bytes)),
            Err(ObjectError::NotFound(_)) => Ok(Blob::Missing),
            Err(error) => Err(error.into()),
        }
    }

    /// The config of an image, if it is there and is one.
    pub(super) async fn image_config(&self, image: &ImageManifest) -> Result<Option<ImageConfig>, ReadError> {
        Ok(match self.blob(image.config.digest, CONFIG_BYTES_MAX).await? {
            Blob::Bytes(bytes) => ImageConfig::parse(&bytes).ok(),
            Blob::TooLarge(_) | Blob::Missing => None,
        })
    }
}

/// Reads what a manifest says now. One that no repository holds any more says what the log has of it.
pub(super) async fn read(
    storage: &Storage,
    task: &EvidenceTask,
    taken_until: Timestamp,
) -> Result<EvidenceToNote, ReadError> {
    let catalogue = storage.catalogue();
    let nothing = EvidenceToNote {
        manifest: task.manifest,
        leaf: None,
        retraction: None,
        observed_at: None,
        facts: Vec::new(),
        listed: Vec::new(),
        taken_until,
    };
    let Some(stored) = catalogue.manifest_anywhere(task.manifest).await? else {
        return retracted(storage, task, nothing).await;
    };
    let leaf = leaf_of(task.manifest, stored.subject);
    let observed_at = catalogue.first_pushed_at(task.manifest).await?;
    let (facts, listed) = match parse(&stored.bytes, &stored.media_type) {
        Some(Manifest::Image(image)) => (facts(storage, &stored, &image).await?, Vec::new()),
        Some(Manifest::Index(index)) => {
            let children = index.manifests.iter().filter(|child| is_image(child));
            (Vec::new(), children.map(|child| child.digest).take(LISTED_MAX).collect())
        }
        None => (Vec::new(), Vec::new()),
    };
    Ok(EvidenceToNote { leaf: Some(leaf.hash()), observed_at, facts, listed, ..nothing })
}

pub(super) fn parse(bytes: &Bytes, media_type: &MediaType) -> Option<Manifest> {
    Manifest::parse(bytes, Some(media_type)).ok().map(|(manifest, _)| manifest)
}

/// Whether an index lists an image here, and not what `BuildKit` says about one.
pub(super) fn is_image(child: &Descriptor) -> bool {
    !child.annotations.contains_key("vnd.docker.reference.type")
}

/// How the log tells of a manifest that carries statements.
pub(super) fn leaf_of(manifest: Digest, subject: Option<Digest>) -> FactLeaf {
    FactLeaf { manifest: manifest.to_string(), subject: subject.map(|subject| subject.to_string()) }
}

/// What is left of a manifest that was deleted: that the log has it.
async fn retracted(
    storage: &Storage,
    task: &EvidenceTask,
    nothing: EvidenceToNote,
) -> Result<EvidenceToNote, ReadError> {
    let leaf = leaf_of(task.manifest, task.subject).hash();
    if storage.catalogue().log_standing(leaf).await? == Standing::Unknown {
        return Ok(nothing);
    }
    let fact = FactToNote {
        subject: task.subject,
        is_signed: true,
        summary: "{}".to_owned(),
        problem: Some("it was deleted".to_owned()),
        ..FactToNote::default()
    };
    Ok(EvidenceToNote { leaf: Some(leaf), retraction: task.retraction.clone(), facts: vec![fact], ..nothing })
}

async fn facts(
    storage: &Storage,
    stored: &StoredManifest,
    image: &ImageManifest,
) -> Result<Vec<FactToNote>, ReadError> {
    let mut facts = Vec::new();
    for (layer, part) in image.layers.iter().zip(0_u32..).take(PARTS_MAX) {
        let is_signed = EvidenceLayer::is_signed_type(layer.media_type.as_str());
        if !is_signed && layer.media_type.as_str() != UNSIGNED {
            continue;
        }
        let read = statement_of(storage, layer, is_signed).await?;
        let fact = match read {
            Ok(read) => fact(&read, stored.subject),
            Err(problem) => FactToNote {
                subject: stored.subject,
                summary: "{}".to_owned(),
                problem: Some(problem),
                ..FactToNote::default()
            },
        };
        facts.push(FactToNote { part, layer: Some(layer.digest), is_signed, ..fact });
    }
    Ok(facts)
}

/// Reads a layer, or tells what is wrong with it.
pub(super) async fn statement_of(
    storage: &Storage,
    layer: &Descriptor,
    is_signed: bool,
) -> Result<Result<Unverified, String>, ReadError> {
    let bytes_max = if is_signed { BUNDLE_BYTES_MAX } else { CLAIM_BYTES_MAX };
    let bytes = match storage.blob(layer.digest, bytes_max).await? {
        Blob::Bytes(bytes) => bytes,
        Blob::TooLarge(size) => return Ok(Err(format!("it has {size} bytes; at most {bytes_max} are read"))),
        Blob::Missing => return Ok(Err("its bytes are not in the registry".to_owned())),
    };
    if !is_signed {
        let statement = Statement::parse(&bytes).map_err(|error| error.to_string());
        return Ok(statement.map(|statement| Unverified { statement, key_hint: None }));
    }
    let (media_type, annotations) = (layer.media_type.as_str(), &layer.annotations);
    let layer = EvidenceLayer { media_type, annotations, bytes: &bytes, witnessed_at: None };
    Ok(layer.read_unverified().map_err(|error| error.to_string()))
}

/// What a statement comes to. It is about what its manifest refers to; without that, about its own first subject.
fn fact(read: &Unverified, refers_to: Option<Digest>) -> FactToNote {
    let account = Account::of(&read.statement);
    let subject = refers_to.or_else(|| first_subject(&read.statement));
    let is_about_it = subject.is_some_and(|subject| read.statement.is_about(&subject));
    let problem = match subject {
        Some(_) if !is_about_it => {
            Some("it is about another image than the one it is attached to".to_owned())
        }
        Some(_) => None,
        None => Some("it is about no image".to_owned()),
    };
    let edges = subject.filter(|_| is_about_it).map(|subject| account.edges(subject));
    FactToNote {
        subject,
        predicate_type: Some(read.statement.predicate_type.to_string()),
        key_id: read.key_hint.clone(),
        summary: serde_json::to_string(&account.summary).expect("texts serialise"),
        problem,
        stated_at: account.stated_at,
        valid_from: account.valid_from,
        valid_until: account.valid_until,
        edges: edges.unwrap_or_default(),
        ..FactToNote::default()
    }
}

fn first_subject(statement: &Statement) -> Option<Digest> {
    let digests = statement.subjects.iter().flat_map(|subject| &subject.digest);
    digests.filter_map(|(algorithm, hash)| format!("{algorithm}:{hash}").parse().ok()).next()
}
