//! The registry door: the OCI distribution API over the store.
//!
//! A request goes three steps: [`http`] parses it and finds out who asks, one operation decides, the store keeps. An
//! operation takes a proof of what the caller may do ([`access`]), so no route can forget to ask. Operations know
//! nothing of HTTP; [`http`] turns their outcomes into the specification's statuses and error codes, last.

pub mod access;
pub mod auth;
pub mod http;

mod attach;
mod collect_garbage;
mod delete;
mod fsck;
mod immutable;
mod insight;
mod lacking;
mod ledger;
mod list;
mod mount_blob;
mod notary;
mod projects;
mod pull;
mod push_blob;
mod push_manifest;
mod rebuild;
mod testimony;
mod verdicts;

use std::sync::Arc;
use std::time::Duration;

use plimsoll_oci::Digest;
use plimsoll_store::{Catalogue, ObjectKey, Objects, Timestamp};
use tokio::sync::broadcast;

pub use attach::{AttachError, Referrer};
pub use collect_garbage::GarbageError;
pub use delete::{DeleteError, Deleted};
pub use fsck::{Damage, FsckReport};
pub use immutable::ImmutableTags;
pub use insight::{DocumentKind, EventsPage, Insight, Known, KnownEvents, LineQuestion};
pub use lacking::LackingPage;
pub use ledger::{Ledger, LedgerError, LogAnswer, LogRead, Readers};
pub use list::ReferrersPage;
pub use notary::{Build, Notary, NotaryError};
pub use projects::SetProjectError;
pub use pull::PullError;
pub use push_blob::{IncomingBytes, PushBlobError};
pub use push_manifest::{ManifestPush, PushManifestError, PushedManifest, TagPrecondition};
pub use rebuild::{RebuildError, RebuildReport};
pub use testimony::{InvalidRun, ObserveError, ObservedRun, Testimony, TraceOf, is_evidence};
pub use verdicts::{VerdictError, Verdicts};

/// Tells the time. The binary brings the real one; tests bring their own.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How the registry behaves.
#[derive(Clone, Debug)]
pub struct RegistryConfig {
    /// How long blobs stay after the last manifest that needs them was deleted.
    pub grace: Duration,
    /// How long blobs that no manifest needs yet are kept for a push to go on.
    pub hold: Duration,
    /// How long an upload session lives after its last byte.
    pub upload_ttl: Duration,
    /// Which tags stay where they are.
    pub immutable_tags: Vec<ImmutableTags>,
    /// Whether clients are sent to the object storage for blobs, where it has addresses.
    pub redirect: bool,
}

/// The operations of the registry.
#[derive(Clone)]
pub struct Registry {
    parts: Arc<Parts>,
}

struct Parts {
    catalogue: Catalogue,
    objects: Arc<dyn Objects>,
    clock: Clock,
    config: RegistryConfig,
    /// Tells of blobs as they arrive.
    arrivals: broadcast::Sender<Arrival>,
}

/// What happens to the bytes of blobs as they come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// An upload has become a long one, and goes on.
    Growing {
        /// The object that it is written to.
        key: ObjectKey,
        /// What it will be, where the client has said so by now.
        blob: Option<Digest>,
    },
    /// A blob is readable.
    Stored {
        /// The object that its upload was written to. The blob may rest in another one.
        key: ObjectKey,
        /// What it is.
        blob: Digest,
    },
    /// An upload came to nothing.
    GivenUp {
        /// The object that it was written to.
        key: ObjectKey,
    },
}

/// Arrivals that whoever listens may be behind before some are passed over.
const ARRIVALS_MAX: usize = 1024;

impl Registry {
    /// Puts the registry together.
    pub fn new(
        catalogue: Catalogue,
        objects: Arc<dyn Objects>,
        clock: Clock,
        config: RegistryConfig,
    ) -> Self {
        let (arrivals, _) = broadcast::channel(ARRIVALS_MAX);
        Self { parts: Arc::new(Parts { catalogue, objects, clock, config, arrivals }) }
    }

    /// Tells of blobs as they arrive. Nobody waits for whoever listens.
    pub fn arrivals(&self) -> broadcast::Receiver<Arrival> {
        self.parts.arrivals.subscribe()
    }

    fn announce(&self, arrival: Arrival) {
        // It is no matter if nobody listens.
        let _ = self.parts.arrivals.send(arrival);
    }

    fn catalogue(&self) -> &Catalogue {
        &self.parts.catalogue
    }

    fn objects(&self) -> &dyn Objects {
        &*self.parts.objects
    }

    fn now(&self) -> Timestamp {
        (self.parts.clock)()
    }

    fn config(&self) -> &RegistryConfig {
        &self.parts.config
    }

    /// Until when a blob that was pushed or asked for now is kept without a manifest.
    fn hold_until(&self) -> Timestamp {
        self.now().plus(self.config().hold)
    }
}
