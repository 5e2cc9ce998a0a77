use plimsoll_oci::{Digest, RepositoryName, Tag};
use plimsoll_tlog::{EventLeaf, Hash};
use serde::Serialize;
use serde_json::value::RawValue;

use super::super::Grant;
use super::super::sql::{Result, Transaction};
use super::{LogEntry, enqueue};
use crate::{Pattern, Timestamp};

/// The kind of event that runs are made from.
pub(in super::super) const RUN_OBSERVED: &str = "run-observed";

/// Something that happened in the server, as its payload tells it.
///
/// The same event is told in the same bytes when the journal is played again, so that it is one leaf.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub(in super::super) enum Event<'e> {
    /// A tag was made or points elsewhere.
    TagMoved { repository: &'e RepositoryName, tag: &'e Tag, digest: Digest, previous: Option<Digest> },
    /// A tag was deleted.
    TagDeleted { repository: &'e RepositoryName, tag: &'e Tag, previous: Digest },
    /// A manifest was deleted.
    ManifestDeleted { repository: &'e RepositoryName, digest: Digest },
    /// An image was told to have run somewhere.
    RunObserved {
        repository: &'e RepositoryName,
        digest: Digest,
        place: &'e str,
        begun_at_unix_ms: Timestamp,
        #[serde(skip_serializing_if = "Option::is_none")]
        ended_at_unix_ms: Option<Timestamp>,
    },
    /// A user was made, or has another password or other rights.
    UserPut { user: &'e str, grants: &'e [Grant] },
    /// A user was removed.
    UserRemoved { user: &'e str },
    /// A robot was made.
    RobotAdded { robot: &'e str, grants: &'e [Grant] },
    /// A robot was removed.
    RobotRemoved { robot: &'e str },
    /// A project was made or has other rules. The policy is told in full: who asks later what was in force then, finds
    /// it here.
    ProjectPut { project: &'e str, repositories: &'e [Pattern], policy_digest: Digest, policy: &'e RawValue },
    /// A project was removed.
    ProjectRemoved { project: &'e str },
    /// An image passes by other rules than before, or no more: at a gate, or at all of them where none is named.
    VerdictChanged {
        repository: &'e RepositoryName,
        digest: Digest,
        #[serde(skip_serializing_if = "Option::is_none")]
        gate: Option<&'e str>,
        /// The policy by which it passes; nothing if it does not.
        passes_by: Option<Digest>,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Payload<'e> {
    #[serde(flatten)]
    event: &'e Event<'e>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'e str>,
    at_unix_ms: Timestamp,
}

impl Event<'_> {
    /// Writes the event down, to become a leaf soon. Returns which leaf that will be.
    pub(in super::super) async fn log(
        &self,
        tx: &mut Transaction<'_>,
        by: Option<&str>,
        at: Timestamp,
    ) -> Result<Hash> {
        let payload = serde_json::to_string(&Payload { event: self, by, at_unix_ms: at })
            .expect("an event of strings and numbers is JSON");
        let leaf = EventLeaf::of(self.kind(), payload.as_bytes()).to_bytes();
        let entry = String::from_utf8(leaf).expect("JSON is UTF-8");
        let repository = self.repository().cloned();
        let entry = LogEntry { entry, payload: Some(payload), repository };
        enqueue(tx, &entry).await?;
        Ok(entry.leaf_hash())
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::TagMoved { .. } => "tag-moved",
            Self::TagDeleted { .. } => "tag-deleted",
            Self::ManifestDeleted { .. } => "manifest-deleted",
            Self::RunObserved { .. } => RUN_OBSERVED,
            Self::UserPut { .. } => "user-put",
            Self::UserRemoved { .. } => "user-removed",
            Self::RobotAdded { .. } => "robot-added",
            Self::RobotRemoved { .. } => "robot-removed",
            Self::ProjectPut { .. } => "project-put",
            Self::ProjectRemoved { .. } => "project-removed",
            Self::VerdictChanged { .. } => "verdict-changed",
        }
    }

    fn repository(&self) -> Option<&RepositoryName> {
        match self {
            Self::TagMoved { repository, .. }
            | Self::TagDeleted { repository, .. }
            | Self::ManifestDeleted { repository, .. }
            | Self::VerdictChanged { repository, .. }
            | Self::RunObserved { repository, .. } => Some(repository),
            Self::UserPut { .. }
            | Self::UserRemoved { .. }
            | Self::RobotAdded { .. }
            | Self::RobotRemoved { .. }
            | Self::ProjectPut { .. }
            | Self::ProjectRemoved { .. } => None,
        }
    }
}
