//! Rebuilds an empty catalogue from the objects: blobs by hashing them, everything else by playing the journal again.

use std::collections::HashSet;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt as _;
use plimsoll_oci::{Algorithm, Digest, Hasher, Manifest};
use plimsoll_store::catalogue::{LogBatch, ManifestToPut, PutManifest, TagCondition};
use plimsoll_store::journal::{Change, ParseRecordError, Record};
use plimsoll_store::objects::{KeyKind, ListedObject};
use plimsoll_store::{CatalogueError, ObjectError, ObjectKey};

use crate::Registry;
use crate::ledger::{carries_exception, carries_statements};
use crate::push_manifest::needed_blobs;
use crate::testimony::is_evidence;

/// How long blobs stay that no record speaks of: a push may have been under way.
const HOLD: Duration = Duration::from_secs(24 * 3600);

/// What was rebuilt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RebuildReport {
    /// Blobs found.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Records played again.
    pub records: u64,
    /// Entries of the transparency log put back.
    pub log_entries: u64,
    /// Contents that no manifest in the journal needs; they are doomed.
    pub unheld: u64,
    /// Records that could not be played, with the reason.
    pub skipped: Vec<(ObjectKey, String)>,
}

/// Why the catalogue was not rebuilt.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// There is something in the catalogue.
    #[error("the catalogue is not empty; rebuilding is for a catalogue that was lost")]
    NotEmpty,
    /// The catalogue failed.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The object storage failed.
    #[error(transparent)]
    Objects(#[from] ObjectError),
}

/// Why a record was not played.
enum Skip {
    Because(String),
    Failed(RebuildError),
}

impl<E: Into<RebuildError>> From<E> for Skip {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Registry {
    /// Rebuilds the catalogue. Accounts are not in the objects; they come from a backup.
    pub async fn rebuild(
        &self,
        mut progress: impl FnMut(&ListedObject) + Send,
    ) -> Result<RebuildReport, RebuildError> {
        if !self.catalogue().is_empty().await? {
            return Err(RebuildError::NotEmpty);
        }
        let mut report = RebuildReport::default();
        let records = self.records().await?;
        let mut sha512_wanted = self.sha512_blobs_of(&records).await?;
        let mut objects = self.objects().list(KeyKind::Blob);
        while let Some(object) = objects.try_next().await? {
            progress(&object);
            self.adopt(&object, &mut sha512_wanted).await?;
            report.blobs += 1;
            report.bytes += object.size;
        }
        drop(objects);
        // Before the journal's own records: what they tell is logged already, and is not logged again.
        self.adopt_log(&mut report).await?;
        for key in records {
            match self.play(key).await {
                Ok(()) => report.records += 1,
                Err(Skip::Because(reason)) => report.skipped.push((key, reason)),
                Err(Skip::Failed(error)) => return Err(error),
            }
        }
        // What a damaged record needed is not known: nothing is given up before a person has looked.
        if report.skipped.is_empty() {
            report.unheld = self.catalogue().doom_unheld_blobs(self.now()).await?;
        }
        Ok(report)
    }

    /// Puts the transparency log back, batch by batch from its beginning. Clocks of replicas may differ: a batch that
    /// does not fit yet may fit behind another.
    async fn adopt_log(&self, report: &mut RebuildReport) -> Result<(), RebuildError> {
        let keys = self.objects().list(KeyKind::Log).map_ok(|object| object.key);
        let mut keys: Vec<ObjectKey> = keys.try_collect().await?;
        keys.sort_unstable();
        loop {
            let mut left = Vec::new();
            let before = report.log_entries;
            for key in &keys {
                let batch = match LogBatch::parse(&self.read_whole(*key).await?) {
                    Ok(batch) => batch,
                    Err(error) => {
                        report.skipped.push((*key, error.to_string()));
                        continue;
                    }
                };
                let entries = batch.entries.len() as u64;
                match self.catalogue().adopt_log_batch(batch, *key).await {
                    Ok(true) => report.log_entries += entries,
                    Ok(false) => left.push(*key),
                    Err(error @ CatalogueError::Damaged { .. }) => {
                        report.skipped.push((*key, error.to_string()));
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            // What was journalled twice fits nowhere again, and is no loss.
            if left.is_empty() || report.log_entries == before {
                return Ok(());
            }
            keys = left;
        }
    }

    /// The journal's keys in the order of the changes.
    async fn records(&self) -> Result<Vec<ObjectKey>, ObjectError> {
        let mut keys: Vec<ObjectKey> =
            self.objects().list(KeyKind::Record).map_ok(|object| object.key).try_collect().await?;
        keys.sort_unstable();
        Ok(keys)
    }

    /// The blobs that manifests in the journal name by SHA-512. Nothing else tells that an object was pushed so.
    async fn sha512_blobs_of(&self, records: &[ObjectKey]) -> Result<HashSet<Digest>, ObjectError> {
        let mut wanted = HashSet::new();
        for key in records {
            let Ok(record) = Record::parse(&self.read_whole(*key).await?) else { continue };
            let Change::Push { media_type, bytes, .. } = record.change else { continue };
            if let Ok((manifest, _)) = Manifest::parse(&bytes, Some(&media_type)) {
                wanted.extend(
                    needed_blobs(&manifest).into_iter().filter(|blob| blob.algorithm() == Algorithm::Sha512),
                );
            }
        }
        Ok(wanted)
    }

    async fn adopt(
        &self,
        object: &ListedObject,
        sha512_wanted: &mut HashSet<Digest>,
    ) -> Result<(), RebuildError> {
        let mut bytes = self.objects().read(object.key, 0..object.size).await?;
        let mut sha256 = Hasher::new(Algorithm::Sha256);
        let mut sha512 = (!sha512_wanted.is_empty()).then(|| Hasher::new(Algorithm::Sha512));
        while let Some(bytes) = bytes.try_next().await? {
            sha256.update(&bytes);
            if let Some(sha512) = &mut sha512 {
                sha512.update(&bytes);
            }
        }
        let sha512 = sha512.map(Hasher::finish).filter(|digest| sha512_wanted.remove(digest));
        let digest = sha512.unwrap_or_else(|| sha256.finish());
        self.catalogue().adopt_blob(digest, object.size, object.key, self.now()).await?;
        Ok(())
    }

    async fn play(&self, key: ObjectKey) -> Result<(), Skip> {
        let bytes = self.read_whole(key).await?;
        let record =
            Record::parse(&bytes).map_err(|error: ParseRecordError| Skip::Because(error.to_string()))?;
        let (catalogue, at) = (self.catalogue(), record.at);
        match record.change.clone() {
            Change::Push { .. } | Change::Tag { .. } => self.play_push(key, record).await,
            Change::Untag { tag } => {
                catalogue.untag(&record.repository, &tag, TagCondition::Any, &record.actor, at).await?;
                Ok(())
            }
            Change::Delete { digest } => {
                let review_after = self.now().plus(HOLD);
                catalogue
                    .delete_manifest(&record.repository, digest, &record.actor, review_after, at)
                    .await?;
                Ok(())
            }
        }
    }

    async fn play_push(&self, key: ObjectKey, record: Record) -> Result<(), Skip> {
        let put = to_put(key, record)?;
        let (hold_until, now) = (self.now().plus(HOLD), put.now);
        self.catalogue().adopt_links(&put.repository, put.blobs.clone(), hold_until, now).await?;
        match self.catalogue().put_manifest(put).await? {
            PutManifest::Done => Ok(()),
            PutManifest::Gone => Err(Skip::Because("the manifest it points at is not in the journal".into())),
            PutManifest::BlobsUnknown(missing) => Err(Skip::Because(format!(
                "{} of its blobs are missing, the first is `{}`",
                missing.len(),
                missing[0]
            ))),
            PutManifest::TagRefused { tag, .. } => Err(Skip::Because(format!("tag `{tag}` was refused"))),
        }
    }

    async fn read_whole(&self, key: ObjectKey) -> Result<Bytes, ObjectError> {
        let size = self.objects().size(key).await?.ok_or(ObjectError::NotFound(key))?;
        let mut stream = self.objects().read(key, 0..size).await?;
        let mut bytes = BytesMut::new();
        while let Some(next) = stream.try_next().await? {
            bytes.extend_from_slice(&next);
        }
        Ok(bytes.freeze())
    }
}

/// The push that a record tells of.
fn to_put(key: ObjectKey, record: Record) -> Result<ManifestToPut, Skip> {
    let (digest, tags, pushed) = match record.change {
        Change::Push { digest, media_type, tags, bytes } => (digest, tags, Some((media_type, bytes))),
        Change::Tag { digest, tags } => (digest, tags, None),
        Change::Untag { .. } | Change::Delete { .. } => return Err(Skip::Because("it is not a push".into())),
    };
    let parsed = match &pushed {
        Some((media_type, bytes)) => {
            let parsed = Manifest::parse(bytes, Some(media_type));
            Some(parsed.map_err(|error| Skip::Because(error.to_string()))?.0)
        }
        None => None,
    };
    let record_key = pushed.is_some().then_some(key);
    let (media_type, bytes) = pushed.unwrap_or((plimsoll_oci::MediaType::IMAGE_MANIFEST, Bytes::new()));
    Ok(ManifestToPut {
        repository: record.repository,
        digest,
        media_type,
        artifact_type: parsed.as_ref().and_then(|manifest| manifest.artifact_type().map(str::to_owned)),
        subject: parsed.as_ref().and_then(|manifest| manifest.subject().map(|subject| subject.digest)),
        blobs: parsed.as_ref().map(needed_blobs).unwrap_or_default(),
        bytes,
        tags: tags.into_iter().map(|tag| (tag, TagCondition::Any)).collect(),
        actor: record.actor,
        is_image: parsed.as_ref().is_some_and(Manifest::is_container_image),
        is_fact: parsed.as_ref().is_some_and(carries_statements),
        is_exception: parsed.as_ref().is_some_and(carries_exception),
        is_evidence: parsed.as_ref().is_some_and(is_evidence),
        record: record_key,
        now: record.at,
    })
}
