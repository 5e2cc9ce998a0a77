use plimsoll_oci::{Digest, RepositoryName};
use plimsoll_store::CatalogueError;

use crate::Registry;
use crate::access::{CanPush, Identity};

/// How many repositories are looked at for a mount that names none.
const SOURCES_MAX: usize = 100;

impl Registry {
    /// Shows a blob of another repository in this one. Without a source, any repository will do that the identity may
    /// pull from. Returns `false` when there is none, and the client must upload.
    pub async fn mount_blob(
        &self,
        can_push: &CanPush,
        identity: &Identity,
        digest: Digest,
        from: Option<&RepositoryName>,
    ) -> Result<bool, CatalogueError> {
        let sources = match from {
            Some(from) => vec![from.clone()],
            None => self.catalogue().repositories_with_blob(digest, SOURCES_MAX).await?,
        };
        let Some(source) = sources.into_iter().find(|source| identity.can_pull(source).is_ok()) else {
            return Ok(false);
        };
        let (hold_until, now) = (self.hold_until(), self.now());
        self.catalogue().mount_blob(&source, can_push.repository(), digest, hold_until, now).await
    }
}
