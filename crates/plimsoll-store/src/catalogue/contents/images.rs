use futures_util::FutureExt as _;
use plimsoll_oci::{ChainId, Digest};

use super::components::intern;
use crate::Timestamp;
use crate::catalogue::Catalogue;
use crate::catalogue::sql::{CatalogueError, Result, Row, Transaction, params};

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
    /// The chain of all its layers as measured; none where they are not known.
    pub stack: Option<ChainId>,
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

impl Catalogue {
    /// Notes an image's contents, and takes it out of the queue.
    pub async fn note_image(&self, image: ImageToNote) -> Result<NotedImage> {
        self.write(image, |tx, image| note_image(tx, image).boxed()).await
    }

    /// Everything about an image's contents as it was noted: the version of the analyser, and the contents or why they
    /// are not known.
    pub async fn image_contents(&self, manifest: Digest) -> Result<Option<(u32, Result<Vec<u8>, String>)>> {
        self.read(manifest, |tx, manifest| image_contents(tx, *manifest).boxed()).await
    }

    /// Images that were noted after the note `number`, at most `limit`, in the order of their notes. None with a
    /// lower number comes after.
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
}

async fn note_image(tx: &mut Transaction<'_>, image: &ImageToNote) -> Result<NotedImage> {
    let components = intern(tx, &image.components).await?;
    let (contents, failure) = match &image.contents {
        Ok(contents) => (Some(contents.as_slice()), None),
        Err(failure) => (None, Some(failure.as_str())),
    };
    // A new note has a new number, so that whoever follows the notes sees it: numbers are committed in their order.
    tx.lock_numbers().await?;
    tx.execute("DELETE FROM image_contents WHERE manifest = ?1", params![image.manifest]).await?;
    tx.execute(
        "INSERT INTO image_contents (manifest, analyser, components, contents, failure, stack, analysed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            image.manifest,
            i64::from(image.analyser),
            packed(&components),
            contents,
            failure,
            image.stack.map(|stack| stack.0),
            image.now
        ],
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

/// Forgets an image that no repository holds any more.
pub(in crate::catalogue) async fn drop_image(tx: &mut Transaction<'_>, manifest: Digest) -> Result<()> {
    let held = tx.row("SELECT 1 FROM manifests WHERE digest = ?1 LIMIT 1", params![manifest]).await?;
    if held.is_some() {
        return Ok(());
    }
    tx.execute("DELETE FROM image_contents WHERE manifest = ?1", params![manifest]).await?;
    tx.execute("DELETE FROM image_queue WHERE manifest = ?1", params![manifest]).await.map(drop)
}

async fn image_contents(
    tx: &mut Transaction<'_>,
    manifest: Digest,
) -> Result<Option<(u32, Result<Vec<u8>, String>)>> {
    let row = tx
        .row("SELECT analyser, contents, failure FROM image_contents WHERE manifest = ?1", params![manifest])
        .await?;
    let Some(mut row) = row else { return Ok(None) };
    let analyser = row.small(0)?;
    if let Some(failure) = row.optional(2, Row::text)? {
        return Ok(Some((analyser, Err(failure.to_owned()))));
    }
    Ok(Some((analyser, Ok(row.take_bytes(1)?))))
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

#[cfg(test)]
mod tests;
