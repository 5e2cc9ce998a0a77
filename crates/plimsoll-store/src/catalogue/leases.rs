use futures_util::FutureExt as _;

use crate::Timestamp;

use super::Catalogue;
use super::sql::{Result, params};

impl Catalogue {
    /// Takes or keeps the lease `name` until `until`, for work that one replica at a time does. Returns `false` while
    /// another holder has it.
    pub async fn hold_lease(
        &self,
        name: &str,
        holder: &str,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool> {
        self.write_soft((name.to_owned(), holder.to_owned(), until, now), |tx, (name, holder, until, now)| {
            async move {
                let held = tx
                    .execute(
                        "INSERT INTO leases (name, holder, until_at) VALUES (?1, ?2, ?3)
                         ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until_at = excluded.until_at
                         WHERE leases.holder = excluded.holder OR leases.until_at <= ?4",
                        params![name, holder, *until, *now],
                    )
                    .await?;
                Ok(held == 1)
            }
            .boxed()
        })
        .await
    }

    /// Gives a lease back.
    pub async fn release_lease(&self, name: &str, holder: &str) -> Result<()> {
        self.write_soft((name.to_owned(), holder.to_owned()), |tx, (name, holder)| {
            async move {
                let key = params![name, holder];
                tx.execute("DELETE FROM leases WHERE name = ?1 AND holder = ?2", key).await.map(drop)
            }
            .boxed()
        })
        .await
    }

    /// Whether somebody holds the lease.
    pub async fn is_leased(&self, name: &str, now: Timestamp) -> Result<bool> {
        self.read((name.to_owned(), now), |tx, (name, now)| {
            async move {
                let held = tx
                    .row("SELECT 1 FROM leases WHERE name = ?1 AND until_at > ?2", params![name, *now])
                    .await?;
                Ok(held.is_some())
            }
            .boxed()
        })
        .await
    }
}
