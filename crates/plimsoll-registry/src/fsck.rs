//! Looks whether the bytes are what they are said to be, and sets aside what is not.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::StreamExt as _;
use plimsoll_oci::{Digest, Hasher, Manifest};
use plimsoll_store::catalogue::{QuarantinedObject, StoredBlob};
use plimsoll_store::objects::KeyKind;
use plimsoll_store::{ObjectError, ObjectKey};

use crate::push_manifest::needed_blobs;
use crate::{GarbageError, Registry};

/// How many rows are looked at together.
const PAGE: usize = 500;

/// How many manifests are looked at together; each may have 5 MiB.
const MANIFESTS_PAGE: usize = 20;

/// Objects that are this much younger than the oldest upload session may belong to a request that is under way.
const OBJECT_AGE_MARGIN: Duration = Duration::from_secs(3600);

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FsckReport {
    /// Blobs whose bytes were read and hashed.
    pub blobs: u64,
    /// The number of those bytes.
    pub bytes: u64,
    /// Manifests that were hashed and whose blobs were looked for.
    pub manifests: u64,
    /// What is wrong.
    pub damages: Vec<Damage>,
    /// Objects that the catalogue does not know, left by a crash; they are doomed.
    pub unknown_objects: u64,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// A blob's object does not hash to its digest, and was set aside.
    BlobDamaged {
        /// The blob.
        digest: Digest,
        /// The object.
        object: ObjectKey,
        /// What its bytes hash to, or why they could not be read.
        found: String,
    },
    /// A blob that is needed has no bytes; pushing it again heals it.
    BlobMissing {
        /// The blob.
        digest: Digest,
    },
    /// A manifest does not hash to its digest.
    ManifestDamaged {
        /// Its repository.
        repository: String,
        /// Its digest.
        digest: Digest,
    },
    /// A manifest needs a blob that its repository does not hold.
    ManifestIncomplete {
        /// Its repository.
        repository: String,
        /// Its digest.
        digest: Digest,
        /// The blobs that are missing.
        missing: Vec<Digest>,
    },
}

impl Damage {
    /// The blob whose bytes are damaged.
    fn damaged_blob(&self) -> Option<Digest> {
        match self {
            Self::BlobDamaged { digest, .. } => Some(*digest),
            _ => None,
        }
    }
}

impl Registry {
    /// Reads every byte, while requests go on. `progress` is told of each blob with its length.
    pub async fn fsck(
        &self,
        mut progress: impl FnMut(&StoredBlob) + Send,
    ) -> Result<FsckReport, GarbageError> {
        self.objects().check().await?;
        let mut report = FsckReport::default();
        let mut last = None;
        loop {
            let page = self.catalogue().stored_blobs(last, PAGE).await?;
            let Some(end) = page.last() else { break };
            last = Some(end.digest);
            for blob in &page {
                progress(blob);
                self.check_blob(blob, &mut report).await?;
            }
        }
        let missing = self.catalogue().blobs_without_bytes().await?;
        let damaged: HashSet<Digest> = report.damages.iter().filter_map(Damage::damaged_blob).collect();
        let others = missing.into_iter().filter(|digest| !damaged.contains(digest));
        report.damages.extend(others.map(|digest| Damage::BlobMissing { digest }));
        self.check_manifests(&mut report).await?;
        self.doom_unknown_objects(&mut report).await?;
        Ok(report)
    }

    async fn check_blob(&self, blob: &StoredBlob, report: &mut FsckReport) -> Result<(), GarbageError> {
        report.blobs += 1;
        report.bytes += blob.size;
        let found = match self.hash_object(blob).await {
            Ok(found) if found == blob.digest => return Ok(()),
            Ok(found) => found.to_string(),
            Err(ObjectError::NotFound(_)) => "missing".to_owned(),
            Err(ObjectError::Truncated { at, .. }) => format!("{at} of {} bytes", blob.size),
            Err(error) => return Err(error.into()),
        };
        let (digest, key, found_at) = (blob.digest, blob.object_key, self.now());
        let quarantined = QuarantinedObject { key, digest, found: found.clone(), found_at };
        if self.catalogue().quarantine(quarantined).await? {
            report.damages.push(Damage::BlobDamaged { digest, object: key, found });
        }
        Ok(())
    }

    async fn hash_object(&self, blob: &StoredBlob) -> Result<Digest, ObjectError> {
        let size =
            self.objects().size(blob.object_key).await?.ok_or(ObjectError::NotFound(blob.object_key))?;
        let mut bytes = self.objects().read(blob.object_key, 0..size).await?;
        let mut hasher = Hasher::new(blob.digest.algorithm());
        while let Some(bytes) = bytes.next().await {
            hasher.update(&bytes?);
        }
        Ok(hasher.finish())
    }

    async fn check_manifests(&self, report: &mut FsckReport) -> Result<(), GarbageError> {
        let mut last = None;
        loop {
            let page = self.catalogue().stored_manifests(last, MANIFESTS_PAGE).await?;
            let Some((repository, end)) = page.last() else { return Ok(()) };
            last = Some((repository.clone(), end.digest));
            for (repository, stored) in &page {
                report.manifests += 1;
                let digest = stored.digest;
                let is_whole = Digest::of(digest.algorithm(), &stored.bytes) == digest;
                let parsed =
                    Manifest::parse(&stored.bytes, Some(&stored.media_type)).ok().filter(|_| is_whole);
                let Some((manifest, _)) = parsed else {
                    report
                        .damages
                        .push(Damage::ManifestDamaged { repository: repository.to_string(), digest });
                    continue;
                };
                let blobs = needed_blobs(&manifest);
                let check = self.catalogue().check_manifest(repository, digest, blobs, Vec::new()).await?;
                // A manifest deleted since the page was read needs nothing.
                if check.is_stored && !check.missing_blobs.is_empty() {
                    let (repository, missing) = (repository.to_string(), check.missing_blobs);
                    report.damages.push(Damage::ManifestIncomplete { repository, digest, missing });
                }
            }
        }
    }

    async fn doom_unknown_objects(&self, report: &mut FsckReport) -> Result<(), GarbageError> {
        let newest_ms = self.now().minus(self.config().upload_ttl + OBJECT_AGE_MARGIN).unix_ms();
        let mut pages = self.objects().list(KeyKind::Blob).ready_chunks(PAGE);
        while let Some(page) = pages.next().await {
            let listed: Result<Vec<_>, _> = page.into_iter().collect();
            let old =
                listed?.into_iter().map(|object| object.key).filter(|key| key.made_at_unix_ms() <= newest_ms);
            let keys: Vec<ObjectKey> = old.collect();
            let known = self.catalogue().known_objects(&keys).await?;
            for key in keys.into_iter().filter(|key| !known.contains(key)) {
                self.catalogue().doom_object(key, self.now()).await?;
                report.unknown_objects += 1;
            }
        }
        Ok(())
    }
}
