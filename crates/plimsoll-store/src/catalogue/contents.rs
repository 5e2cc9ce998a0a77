//! What is inside the images: which layers have records, which images wait, and what was found.

use std::collections::BTreeSet;

use futures_util::FutureExt as _;
use plimsoll_oci::{DiffId, Digest, RepositoryName, Tag};

use crate::Timestamp;
use crate::objects::ObjectKey;

use super::Catalogue;
use super::manifests::{StoredManifest, stored_manifest};
use super::review::doom;
use super::sql::{CatalogueError, Result, Row, Transaction, params};

/// What came of analysing a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayerAnalysis {
    /// Its record is there.
    Record {
        /// The digest of its uncompressed archive, measured.
        diff_id: DiffId,
        /// Where the record is.
        key: ObjectKey,
        /// How long the record is.
        size: u64,
    },
    /// It cannot be analysed, for this reason.
    Failure(String),
}

/// An image whose contents are known, or known not to be knowable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageToNote {
    /// Its manifest.
    pub manifest: Digest,
    /// The version of the analyser.
    pub analyser: u32,
    /// Its distinct components: a fingerprint and the component itself, as the caller writes it.
    pub components: Vec<(String, Vec<u8>)>,
    /// Everything about its contents, as the caller writes it; the reason where they are not known.
    pub contents: Result<Vec<u8>, String>,
    /// When this happens.
    pub now: Timestamp,
}

/// What is noted about an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotedImage {
    /// The number of this note; later notes have higher ones.
    pub number: i64,
    /// Its manifest.
    pub manifest: Digest,
    /// The numbers of its distinct components, ascending.
    pub components: Vec<u32>,
    /// Why its contents are not known.
    pub failure: Option<String>,
}

/// Where an image is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImagePlace {
    /// Its manifest.
    pub manifest: Digest,
    /// A repository that holds it.
    pub repository: RepositoryName,
    /// The tags there that point at it.
    pub tags: Vec<Tag>,
}

impl Catalogue {
    /// What is known of a layer, by the digest of its stored blob.
    pub async fn layer_analysis(&self, blob: Digest, analyser: u32) -> Result<Option<LayerAnalysis>> {
        self.read((blob, analyser), |tx, (blob, analyser)| layer_analysis(tx, *blob, *analyser).boxed()).await
    }

    /// Notes what came of analysing a layer. What was noted before by the same version stays.
    pub async fn note_layer(
        &self,
        blob: Digest,
        analyser: u32,
        analysis: LayerAnalysis,
        now: Timestamp,
    ) -> Result<()> {
        self.write((blob, analyser, analysis, now), |tx, (blob, analyser, analysis, now)| {
            note_layer(tx, *blob, *analyser, analysis, *now).boxed()
        })
        .await
    }

    /// Takes images whose contents are to be found out; whoever takes one has until `until`.
    pub async fn take_waiting_images(
        &self,
        limit: usize,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(Digest, u64)>> {
        self.write_soft((limit, now, until), |tx, (limit, now, until)| {
            take_waiting(tx, *limit, *now, *until).boxed()
        })
        .await
    }

    /// Lets every image wait whose contents another version of the analyser has found out.
    pub async fn enqueue_outdated_images(&self, analyser: u32, now: Timestamp) -> Result<u64> {
        self.write((analyser, now), |tx, (analyser, now)| {
            async move {
                tx.execute(
                    "INSERT INTO image_queue (manifest, due_at, attempts)
                     SELECT manifest, ?2, 0 FROM image_contents WHERE analyser <> ?1
                     ON CONFLICT (manifest) DO NOTHING",
                    params![i64::from(*analyser), *now],
                )
                .await
            }
            .boxed()
        })
        .await
    }

    /// Lets every image wait, as after a restore: a backup does not hold what can be found out again.
    pub async fn enqueue_all_images(&self, now: Timestamp) -> Result<u64> {
        self.write(now, |tx, now| {
            async move {
                tx.execute(
                    "INSERT INTO image_queue (manifest, due_at, attempts)
                     SELECT DISTINCT digest, ?1, 0 FROM manifests
                     WHERE artifact_type IN ('application/vnd.oci.image.config.v1+json',
                                             'application/vnd.docker.container.image.v1+json')
                     ON CONFLICT (manifest) DO NOTHING",
                    params![*now],
                )
                .await
            }
            .boxed()
        })
        .await
    }

    /// How many images wait.
    pub async fn count_waiting_images(&self) -> Result<u64> {
        self.read((), |tx, ()| {
            async move {
                let row = tx.row("SELECT COUNT(*) FROM image_queue", &[]).await?;
                row.map_or(Ok(0), |row| row.size(0))
            }
            .boxed()
        })
        .await
    }

    /// Puts an image back until `due`, because something that may pass failed.
    pub async fn postpone_image(&self, manifest: Digest, due: Timestamp) -> Result<()> {
        self.write_soft((manifest, due), |tx, (manifest, due)| {
            async move {
                let parameters = params![*manifest, *due];
                tx.execute("UPDATE image_queue SET due_at = ?2 WHERE manifest = ?1", parameters)
                    .await
                    .map(drop)
            }
            .boxed()
        })
        .await
    }

    /// Notes an image's contents, and takes it out of the queue.
    pub async fn note_image(&self, image: ImageToNote) -> Result<NotedImage> {
        self.write(image, |tx, image| note_image(tx, image).boxed()).await
    }

    /// Everything about an image's contents as it was noted: the version of the analyser, and the contents or why they
    /// are not known.
    pub async fn image_contents(&self, manifest: Digest) -> Result<Option<(u32, Result<Vec<u8>, String>)>> {
        self.read(manifest, |tx, manifest| image_contents(tx, *manifest).boxed()).await
    }

    /// Images that were noted after the note `number`, at most `limit`, in the order of their notes.
    pub async fn images_noted_after(&self, number: i64, limit: usize) -> Result<Vec<NotedImage>> {
        self.read((number, limit), |tx, (number, limit)| {
            async move {
                let rows = tx
                    .rows(
                        "SELECT id, manifest, components, failure FROM image_contents WHERE id > ?1
                         ORDER BY id LIMIT ?2",
                        params![*number, *limit],
                    )
                    .await?;
                rows.into_iter().map(noted_image).collect()
            }
            .boxed()
        })
        .await
    }

    /// Distinct components with numbers above `number`, at most `limit`, ascending.
    pub async fn components_after(&self, number: u32, limit: usize) -> Result<Vec<(u32, Vec<u8>)>> {
        self.read((i64::from(number), limit), |tx, (number, limit)| {
            async move {
                let rows = tx
                    .rows(
                        "SELECT id, body FROM components WHERE id > ?1 ORDER BY id LIMIT ?2",
                        params![*number, *limit],
                    )
                    .await?;
                rows.into_iter().map(|mut row| Ok((small(&row, 0)?, row.take_bytes(1)?))).collect()
            }
            .boxed()
        })
        .await
    }

    /// The bytes of a manifest, whichever repository holds it.
    pub async fn manifest_anywhere(&self, digest: Digest) -> Result<Option<StoredManifest>> {
        self.read(digest, |tx, digest| {
            async move {
                let row = tx
                    .row(
                        "SELECT digest, media_type, subject, bytes FROM manifests WHERE digest = ?1 LIMIT 1",
                        params![*digest],
                    )
                    .await?;
                row.map(stored_manifest).transpose()
            }
            .boxed()
        })
        .await
    }

    /// A blob, whichever repository holds it: its object and its length.
    pub async fn blob_anywhere(&self, digest: Digest) -> Result<Option<(ObjectKey, u64)>> {
        self.read(digest, |tx, digest| {
            async move {
                let row = tx
                    .row(
                        "SELECT object_key, size FROM blobs WHERE digest = ?1 AND object_key IS NOT NULL",
                        params![*digest],
                    )
                    .await?;
                row.map(|row| Ok((row.object_key(0)?, row.size(1)?))).transpose()
            }
            .boxed()
        })
        .await
    }

    /// Where images are: each repository that holds one, with its tags there.
    pub async fn places_of_images(&self, manifests: Vec<Digest>) -> Result<Vec<ImagePlace>> {
        self.read(manifests, |tx, manifests| places(tx, manifests).boxed()).await
    }
}

async fn layer_analysis(
    tx: &mut Transaction<'_>,
    blob: Digest,
    analyser: u32,
) -> Result<Option<LayerAnalysis>> {
    let row = tx
        .row(
            "SELECT diff_id, object_key, size, failure FROM layer_records WHERE blob = ?1 AND analyser = ?2",
            params![blob, i64::from(analyser)],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    if let Some(failure) = row.optional(3, Row::text)? {
        return Ok(Some(LayerAnalysis::Failure(failure.to_owned())));
    }
    let (diff_id, key, size) = (DiffId(row.digest(0)?), row.object_key(1)?, row.size(2)?);
    Ok(Some(LayerAnalysis::Record { diff_id, key, size }))
}

async fn note_layer(
    tx: &mut Transaction<'_>,
    blob: Digest,
    analyser: u32,
    analysis: &LayerAnalysis,
    now: Timestamp,
) -> Result<()> {
    let (diff_id, key, size, failure) = match analysis {
        LayerAnalysis::Record { diff_id, key, size } => (Some(diff_id.0), Some(*key), *size, None),
        LayerAnalysis::Failure(failure) => (None, None, 0, Some(failure.as_str())),
    };
    let noted = tx
        .execute(
            "INSERT INTO layer_records (blob, analyser, diff_id, object_key, size, failure, analysed_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (blob, analyser) DO NOTHING",
            params![blob, i64::from(analyser), diff_id, key, size, failure, now],
        )
        .await?;
    match key {
        // Somebody else was quicker, so this object is nobody's.
        Some(key) if noted == 0 => doom(tx, key, "", now).await,
        _ => Ok(()),
    }
}

/// Forgets what is known of a blob's layer, and dooms the records: for when the blob itself goes.
pub(super) async fn drop_layer(tx: &mut Transaction<'_>, blob: Digest, now: Timestamp) -> Result<()> {
    let rows = tx
        .rows(
            "SELECT object_key FROM layer_records WHERE blob = ?1 AND object_key IS NOT NULL",
            params![blob],
        )
        .await?;
    tx.execute("DELETE FROM layer_records WHERE blob = ?1", params![blob]).await?;
    for row in rows {
        doom(tx, row.object_key(0)?, "", now).await?;
    }
    Ok(())
}

/// Lets an image wait until its contents are found out.
pub(super) async fn enqueue(tx: &mut Transaction<'_>, manifest: Digest, now: Timestamp) -> Result<()> {
    // What could not be known may be another time: layers that are at fault are remembered as such.
    let known = tx
        .row("SELECT 1 FROM image_contents WHERE manifest = ?1 AND failure IS NULL", params![manifest])
        .await?;
    if known.is_some() {
        return Ok(());
    }
    tx.execute(
        "INSERT INTO image_queue (manifest, due_at, attempts) VALUES (?1, ?2, 0) ON CONFLICT (manifest) DO NOTHING",
        params![manifest, now],
    )
    .await
    .map(drop)
}

/// Forgets an image that no repository holds any more.
pub(super) async fn drop_image(tx: &mut Transaction<'_>, manifest: Digest) -> Result<()> {
    let held = tx.row("SELECT 1 FROM manifests WHERE digest = ?1 LIMIT 1", params![manifest]).await?;
    if held.is_some() {
        return Ok(());
    }
    tx.execute("DELETE FROM image_contents WHERE manifest = ?1", params![manifest]).await?;
    tx.execute("DELETE FROM image_queue WHERE manifest = ?1", params![manifest]).await.map(drop)
}

async fn take_waiting(
    tx: &mut Transaction<'_>,
    limit: usize,
    now: Timestamp,
    until: Timestamp,
) -> Result<Vec<(Digest, u64)>> {
    let rows = tx
        .rows(
            "SELECT manifest, attempts FROM image_queue WHERE due_at <= ?1
             ORDER BY due_at LIMIT ?2 FOR UPDATE SKIP LOCKED",
            params![now, limit],
        )
        .await?;
    let mut taken = Vec::with_capacity(rows.len());
    for row in rows {
        let manifest = row.digest(0)?;
        tx.execute(
            "UPDATE image_queue SET due_at = ?2, attempts = attempts + 1 WHERE manifest = ?1",
            params![manifest, until],
        )
        .await?;
        taken.push((manifest, row.size(1)?));
    }
    Ok(taken)
}

async fn note_image(tx: &mut Transaction<'_>, image: &ImageToNote) -> Result<NotedImage> {
    let mut numbers = BTreeSet::new();
    for (fingerprint, body) in &image.components {
        numbers.insert(intern(tx, fingerprint, body).await?);
    }
    let components: Vec<u32> = numbers.into_iter().collect();
    let (contents, failure) = match &image.contents {
        Ok(contents) => (Some(contents.as_slice()), None),
        Err(failure) => (None, Some(failure.as_str())),
    };
    // A new note has a new number, so that whoever follows the notes sees it.
    tx.execute("DELETE FROM image_contents WHERE manifest = ?1", params![image.manifest]).await?;
    tx.execute(
        "INSERT INTO image_contents (manifest, analyser, components, contents, failure, analysed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![image.manifest, i64::from(image.analyser), packed(&components), contents, failure, image.now],
    )
    .await?;
    tx.execute("DELETE FROM image_queue WHERE manifest = ?1", params![image.manifest]).await?;
    let row = tx
        .row(
            "SELECT id, manifest, components, failure FROM image_contents WHERE manifest = ?1",
            params![image.manifest],
        )
        .await?;
    row.map_or(Err(CatalogueError::Overtaken), noted_image)
}

async fn intern(tx: &mut Transaction<'_>, fingerprint: &String, body: &[u8]) -> Result<u32> {
    let find = "SELECT id FROM components WHERE fingerprint = ?1";
    if let Some(row) = tx.row(find, params![fingerprint]).await? {
        return small(&row, 0);
    }
    tx.execute(
        "INSERT INTO components (fingerprint, body) VALUES (?1, ?2) ON CONFLICT (fingerprint) DO NOTHING",
        params![fingerprint, body],
    )
    .await?;
    let row = tx.row(find, params![fingerprint]).await?;
    row.map_or(Err(CatalogueError::Overtaken), |row| small(&row, 0))
}

async fn image_contents(
    tx: &mut Transaction<'_>,
    manifest: Digest,
) -> Result<Option<(u32, Result<Vec<u8>, String>)>> {
    let row = tx
        .row("SELECT analyser, contents, failure FROM image_contents WHERE manifest = ?1", params![manifest])
        .await?;
    let Some(mut row) = row else { return Ok(None) };
    let analyser = small(&row, 0)?;
    if let Some(failure) = row.optional(2, Row::text)? {
        return Ok(Some((analyser, Err(failure.to_owned()))));
    }
    Ok(Some((analyser, Ok(row.take_bytes(1)?))))
}

async fn places(tx: &mut Transaction<'_>, manifests: &[Digest]) -> Result<Vec<ImagePlace>> {
    let mut places: Vec<ImagePlace> = Vec::new();
    for manifest in manifests {
        let rows = tx
            .rows(
                "SELECT repositories.name, tags.name FROM manifests
                 JOIN repositories ON repositories.id = manifests.repository_id
                 LEFT JOIN tags ON tags.repository_id = manifests.repository_id AND tags.digest = manifests.digest
                 WHERE manifests.digest = ?1 ORDER BY 1, 2",
                params![*manifest],
            )
            .await?;
        for row in rows {
            let repository: RepositoryName = row.parsed(0, "repository name")?;
            let tag: Option<Tag> = row.optional(1, |row, column| row.parsed(column, "tag"))?;
            let is_next =
                |place: &&mut ImagePlace| (place.manifest, &place.repository) == (*manifest, &repository);
            match places.last_mut().filter(is_next) {
                Some(place) => place.tags.extend(tag),
                None => places.push(ImagePlace {
                    manifest: *manifest,
                    repository,
                    tags: tag.into_iter().collect(),
                }),
            }
        }
    }
    Ok(places)
}

fn noted_image(mut row: Row) -> Result<NotedImage> {
    let packed = row.take_bytes(2)?;
    Ok(NotedImage {
        number: row.integer(0)?,
        manifest: row.digest(1)?,
        components: unpacked(&packed),
        failure: row.optional(3, Row::text)?.map(str::to_owned),
    })
}

fn packed(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn unpacked(bytes: &[u8]) -> Vec<u32> {
    bytes.as_chunks().0.iter().map(|number| u32::from_le_bytes(*number)).collect()
}

fn small(row: &Row, column: usize) -> Result<u32> {
    let number = row.integer(column)?;
    u32::try_from(number).map_err(|_| CatalogueError::Damaged { what: "number", found: number.to_string() })
}
