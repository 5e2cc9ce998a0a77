use futures_util::FutureExt as _;
use plimsoll_oci::{DiffId, Digest};

use crate::Timestamp;
use crate::catalogue::Catalogue;
use crate::catalogue::review::doom;
use crate::catalogue::sql::{Result, Row, Transaction, params};
use crate::objects::ObjectKey;

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
pub(in crate::catalogue) async fn drop_layer(
    tx: &mut Transaction<'_>,
    blob: Digest,
    now: Timestamp,
) -> Result<()> {
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
