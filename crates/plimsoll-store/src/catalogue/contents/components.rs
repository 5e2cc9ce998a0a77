use std::collections::BTreeSet;

use futures_util::FutureExt as _;

use crate::catalogue::Catalogue;
use crate::catalogue::sql::{CatalogueError, Result, Transaction, params};

impl Catalogue {
    /// Distinct components with numbers above `number`, at most `limit`, ascending. None with a lower number comes after.
    pub async fn components_after(&self, number: u32, limit: usize) -> Result<Vec<(u32, Vec<u8>)>> {
        self.read((i64::from(number), limit), |tx, (number, limit)| {
            async move {
                let rows = tx
                    .rows(
                        "SELECT id, body FROM components WHERE id > ?1 ORDER BY id LIMIT ?2",
                        params![*number, *limit],
                    )
                    .await?;
                rows.into_iter().map(|mut row| Ok((row.small(0)?, row.take_bytes(1)?))).collect()
            }
            .boxed()
        })
        .await
    }
}

/// The numbers of components, each a fingerprint and a body, ascending. Those that have none are given one, for which
/// this transaction keeps others from numbering until its end.
pub(super) async fn intern(tx: &mut Transaction<'_>, components: &[(String, Vec<u8>)]) -> Result<Vec<u32>> {
    let mut numbers = BTreeSet::new();
    let mut unknown = Vec::new();
    for component in components {
        match find(tx, &component.0).await? {
            Some(number) => drop(numbers.insert(number)),
            None => unknown.push(component),
        }
    }
    // From here on no other numbers are given, to these or to others.
    tx.lock_numbers().await?;
    for (fingerprint, body) in unknown {
        tx.execute(
            "INSERT INTO components (fingerprint, body) VALUES (?1, ?2) ON CONFLICT (fingerprint) DO NOTHING",
            params![fingerprint, body.as_slice()],
        )
        .await?;
        numbers.insert(find(tx, fingerprint).await?.ok_or(CatalogueError::Overtaken)?);
    }
    Ok(numbers.into_iter().collect())
}

async fn find(tx: &mut Transaction<'_>, fingerprint: &String) -> Result<Option<u32>> {
    let row = tx.row("SELECT id FROM components WHERE fingerprint = ?1", params![fingerprint]).await?;
    row.map(|row| row.small(0)).transpose()
}
