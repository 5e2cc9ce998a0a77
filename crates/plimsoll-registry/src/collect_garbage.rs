//! Taking away what nothing needs: in small steps, while pushes go on.

use std::time::Duration;

use plimsoll_store::catalogue::{DoomedObject, Swept};
use plimsoll_store::{CatalogueError, ObjectError};

use crate::Registry;

/// How much one step looks at. A step is one short transaction.
const STEP: usize = 100;

/// The lease that says a backup is being copied, so that objects must stay.
const BACKUP_LEASE: &str = "backup";

/// How long a backup keeps its lease between two signs of life.
const BACKUP_LEASE_FOR: Duration = Duration::from_secs(120);

/// Why garbage was not collected.
#[derive(Debug, thiserror::Error)]
pub enum GarbageError {
    /// The catalogue failed.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The object storage failed.
    #[error(transparent)]
    Objects(#[from] ObjectError),
}

impl Registry {
    /// Takes away everything that is due, and deletes the objects. Any number of replicas may do this at once.
    pub async fn collect_garbage(&self) -> Result<Swept, GarbageError> {
        let mut total = Swept::default();
        loop {
            let swept = self.catalogue().sweep(self.now(), STEP).await?;
            total = total.plus(swept);
            self.delete_doomed().await?;
            if swept.is_nothing() {
                return Ok(total);
            }
        }
    }

    /// Keeps objects from being deleted while a backup copies them. To be called again before two minutes are over.
    pub async fn hold_objects(&self, holder: &str) -> Result<bool, CatalogueError> {
        let now = self.now();
        self.catalogue().hold_lease(BACKUP_LEASE, holder, now.plus(BACKUP_LEASE_FOR), now).await
    }

    /// Lets objects be deleted again.
    pub async fn release_objects(&self, holder: &str) -> Result<(), CatalogueError> {
        self.catalogue().release_lease(BACKUP_LEASE, holder).await
    }

    /// Deletes doomed objects. One that cannot be deleted stays doomed, and does not stop the others.
    async fn delete_doomed(&self) -> Result<(), GarbageError> {
        loop {
            if self.catalogue().is_leased(BACKUP_LEASE, self.now()).await? {
                return Ok(());
            }
            let doomed = self.catalogue().doomed_objects(STEP).await?;
            let mut failures = 0;
            for object in &doomed {
                match self.delete_object(object).await {
                    Ok(()) => self.catalogue().forget_doomed(object.key).await?,
                    Err(error) => {
                        failures += 1;
                        self.catalogue().postpone_doomed(object.key, self.now()).await?;
                        tracing::warn!(%error, object = %object.key, "cannot delete an object; it will be tried again");
                    }
                }
            }
            if doomed.len() < STEP || failures == doomed.len() {
                return Ok(());
            }
        }
    }

    async fn delete_object(&self, object: &DoomedObject) -> Result<(), ObjectError> {
        if let Some(suspended) = &object.suspended {
            self.objects().abandon(object.key, Some(suspended.clone())).await?;
        }
        self.objects().delete(object.key).await
    }
}
