use futures_util::FutureExt as _;

use super::small;
use crate::catalogue::Catalogue;
use crate::catalogue::sql::{CatalogueError, Result, Transaction, params};

impl Catalogue {
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
}

/// The number of a component, which is given one if it has none.
pub(super) async fn intern(tx: &mut Transaction<'_>, fingerprint: &String, body: &[u8]) -> Result<u32> {
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
