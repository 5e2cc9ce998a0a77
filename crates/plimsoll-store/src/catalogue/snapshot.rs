//! The whole catalogue as rows, for backup and restore; the same for both databases.

use std::sync::Arc;

use futures_util::FutureExt as _;
use serde::{Deserialize, Serialize};

use super::Catalogue;
use super::sql::{CatalogueError, Result, Row, Transaction, Value};

/// One row of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SnapshotRow {
    /// The table's name.
    pub table: String,
    /// Its columns, in the table's order. A byte string is an object with its hexadecimal digits: `{"hex": "00ff"}`.
    pub values: Vec<serde_json::Value>,
}

struct Table {
    name: &'static str,
    select: &'static str,
    insert: &'static str,
}

macro_rules! tables {
    ($($name:literal ($columns:literal) = $parameters:literal $(or $conflict:literal)?;)*) => {
        /// The tables in the order in which their rows can be put back.
        pub const TABLES: &[&str] = &[$($name),*];
        const TABLE_STATEMENTS: &[Table] = &[$(Table {
            name: $name,
            select: concat!("SELECT ", $columns, " FROM ", $name),
            insert: concat!("INSERT INTO ", $name, " (", $columns, ") VALUES (", $parameters, ")" $(, " ", $conflict)?),
        }),*];
    };
}

tables! {
    "repositories" ("id, name, created_at") = "?1, ?2, ?3";
    "blobs" ("digest, size, object_key, created_at") = "?1, ?2, ?3, ?4";
    "repository_blobs" ("repository_id, digest, review_after") = "?1, ?2, ?3";
    "manifests" ("repository_id, digest, media_type, artifact_type, subject, bytes, record_key, pushed_at, pushed_by")
        = "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9";
    "manifest_blobs" ("repository_id, manifest, blob") = "?1, ?2, ?3";
    "tags" ("repository_id, name, digest, moved_at, moved_by") = "?1, ?2, ?3, ?4, ?5";
    "tag_history" ("id, repository_id, tag, digest, previous, moved_at, moved_by") = "?1, ?2, ?3, ?4, ?5, ?6, ?7";
    "doomed_objects" ("object_key, object_state, doomed_at") = "?1, ?2, ?3";
    "quarantined_objects" ("object_key, digest, found, found_at") = "?1, ?2, ?3, ?4";
    // Events speak of components by numbers that are given anew after a restore, so only the changes are kept.
    "advisory_changes" ("id, from_artifact, to_artifact, gap, begun_at, told_at") = "?1, ?2, ?3, ?4, ?5, ?6";
    "users" ("name, password_hash, grants, created_at") = "?1, ?2, ?3, ?4";
    "robots" ("name, token_hash, grants, expires_at, created_at, created_by, last_used_at")
        = "?1, ?2, ?3, ?4, ?5, ?6, ?7";
    "projects" ("name, repositories, policy, set_at, set_by") = "?1, ?2, ?3, ?4, ?5";
    "project_changes" ("id, revision") = "?1, ?2";
    "exceptions" ("repository_id, manifest, subject") = "?1, ?2, ?3";
    "rebuttals" ("repository, image, bundle, json") = "?1, ?2, ?3, ?4";
    "verdicts" ("repository, digest, due_at, told") = "?1, ?2, ?3, ?4";
    "log_pending" ("id, leaf_hash, entry, payload, repository") = "?1, ?2, ?3, ?4, ?5"
        or "ON CONFLICT (leaf_hash) DO NOTHING";
    "log_entries" ("leaf_index, leaf_hash, entry, payload, repository") = "?1, ?2, ?3, ?4, ?5";
    "log_tiles" ("level, tile_index, hashes") = "?1, ?2, ?3";
    // A server that ran before the restore has named an empty log.
    "log_checkpoints" ("size, note, record_key") = "?1, ?2, ?3"
        or "ON CONFLICT (size) DO UPDATE SET note = excluded.note, record_key = excluded.record_key";
    "log_head" ("id, origin, size") = "?1, ?2, ?3"
        or "ON CONFLICT (id) DO UPDATE SET origin = excluded.origin, size = excluded.size";
    // A server that ran before the restore has made secrets of its own; tokens in use are signed with the old ones.
    "secrets" ("name, value") = "?1, ?2" or "ON CONFLICT (name) DO UPDATE SET value = excluded.value";
}

/// Takes the rows of a snapshot one by one; `false` ends it.
pub type EachRow = Arc<dyn Fn(SnapshotRow) -> bool + Send + Sync>;

impl Catalogue {
    /// Hands every row to `each`, all from one moment. Upload sessions and leases are not part of it. Occupies the
    /// calling thread for as long as it takes.
    pub async fn snapshot(&self, each: EachRow) -> Result<()> {
        self.read(each, |tx, each| {
            async move {
                tx.see_one_moment().await?;
                for table in TABLE_STATEMENTS {
                    let take =
                        |row: Row| each(SnapshotRow { table: table.name.to_owned(), values: to_json(row) });
                    if !tx.each_row(table.select, take).await? {
                        return Err(CatalogueError::Closed);
                    }
                }
                Ok(())
            }
            .boxed()
        })
        .await
    }

    /// Puts rows of a snapshot back.
    pub async fn restore(&self, rows: Vec<SnapshotRow>) -> Result<()> {
        self.write(rows, |tx, rows| {
            async move {
                for row in rows {
                    insert(tx, row).await?;
                }
                tx.count_on_after_restore().await
            }
            .boxed()
        })
        .await
    }
}

async fn insert(tx: &mut Transaction<'_>, row: &SnapshotRow) -> Result<()> {
    let unknown = || CatalogueError::Damaged { what: "snapshot row", found: row.table.clone() };
    let table = TABLE_STATEMENTS.iter().find(|table| table.name == row.table).ok_or_else(unknown)?;
    let values: Option<Vec<Value>> = row.values.iter().map(from_json).collect();
    tx.execute(table.insert, &values.ok_or_else(unknown)?).await?;
    Ok(())
}

fn to_json(row: Row) -> Vec<serde_json::Value> {
    let value = |value| match value {
        Value::Null => serde_json::Value::Null,
        Value::Integer(integer) => integer.into(),
        Value::Text(text) => text.into(),
        Value::Bytes(bytes) => serde_json::json!({ "hex": hex(&bytes) }),
    };
    row.0.into_iter().map(value).collect()
}

fn from_json(value: &serde_json::Value) -> Option<Value> {
    Some(match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Number(number) => Value::Integer(number.as_i64()?),
        serde_json::Value::String(text) => Value::Text(text.clone()),
        serde_json::Value::Object(bytes) => Value::Bytes(unhex(bytes.get("hex")?.as_str()?)?),
        _ => return None,
    })
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]])
        .map(char::from)
        .collect()
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    digits.as_bytes().chunks(2).map(|pair| Some((digit(pair[0])? << 4) | digit(*pair.get(1)?)?)).collect()
}
