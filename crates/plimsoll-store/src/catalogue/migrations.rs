//! The schema, one step at a time. A step that was released is never changed: a new one is added.

use futures_util::FutureExt as _;

use super::Catalogue;
use super::sql::{CatalogueError, Result, Transaction, params};

/// The steps in order; the first leads to version 1.
const STEPS: [&str; 2] =
    [include_str!("../../migrations/0001-content.sql"), include_str!("../../migrations/0002-accounts.sql")];

/// The version that the last step leads to.
pub(super) const LATEST: usize = STEPS.len();

/// Brings the schema from whatever version it has to `target`.
pub(super) async fn migrate(catalogue: &Catalogue, target: usize) -> Result<()> {
    catalogue.write(target, |tx, target| migrate_in(tx, *target).boxed()).await
}

async fn migrate_in(tx: &mut Transaction<'_>, target: usize) -> Result<()> {
    tx.lock_schema().await?;
    tx.execute_script("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY)").await?;
    let newest = tx.row("SELECT COALESCE(MAX(version), 0) FROM schema_version", &[]).await?;
    let found = newest.map_or(Ok(0), |row| row.integer(0))?;
    let known = i64::try_from(LATEST).unwrap_or(i64::MAX);
    if found > known {
        return Err(CatalogueError::Newer { found, known });
    }
    for (step, version) in STEPS.iter().zip(1_i64..).take(target) {
        if version > found {
            tx.execute_script(step).await?;
            tx.execute("INSERT INTO schema_version (version) VALUES (?1)", params![version]).await?;
        }
    }
    Ok(())
}
