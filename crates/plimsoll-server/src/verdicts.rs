//! Verdicts: what a project's policy makes of an image, signed, and as fresh as the question.
//!
//! Nothing here is stored but what was last told. Evidence is read from this server's own storage and judged by the same
//! code as `plimsoll verify`; what came of it is kept in memory for as long as the evidence and the policy are the same.

mod attach;
mod exceptions;
mod follow;
mod judge;
mod memory;
mod stored;
mod summary;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use plimsoll_attest::LogVerifier;
use plimsoll_oci::{Digest, RepositoryName};
use plimsoll_registry::access::{CanPull, Denied, Identity, ShownBy};
use plimsoll_registry::{Registry, VerdictError, Verdicts};
use plimsoll_store::CatalogueError;
use plimsoll_store::catalogue::Grant;
use plimsoll_transport::TransportError;

pub(crate) use self::exceptions::AcceptingInsight;
use self::judge::Kept;
use crate::projects::Projects;
use crate::signing_keys::{Purpose, SigningKeys};
use crate::storage::Storage;

/// Who reads, attaches and withdraws, in the histories of the registry.
const NAME: &str = "server:verdicts";

/// Judges images by the rules of their projects.
#[derive(Clone)]
pub(crate) struct Judge {
    parts: Arc<Parts>,
}

struct Parts {
    storage: Storage,
    registry: Registry,
    projects: Projects,
    keys: Arc<SigningKeys>,
    /// The address that clients know the server by, which the summaries name.
    url: String,
    /// What is believed besides the keys of the policy: the server's log.
    trust_root: Digest,
    kept: Mutex<HashMap<(RepositoryName, Digest), Arc<Kept>>>,
}

/// Why an image was not judged.
#[derive(Debug, thiserror::Error)]
enum JudgeError {
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error("the storage cannot be read")]
    Storage(#[from] TransportError),
    #[error(transparent)]
    Denied(#[from] Box<Denied>),
    #[error("the summary cannot be signed")]
    Sign(#[from] plimsoll_attest::SignError),
    #[error("the summary cannot be attached")]
    Attach(#[from] plimsoll_registry::AttachError),
    #[error("an old summary cannot be withdrawn")]
    Withdraw(#[from] plimsoll_registry::DeleteError),
}

impl Judge {
    /// Judges what `storage` holds. Clients know the server as `url`, such as `https://registry.example.org`.
    pub(crate) fn new(
        storage: Storage,
        registry: Registry,
        keys: Arc<SigningKeys>,
        log: LogVerifier,
        url: String,
    ) -> Self {
        let trust_root = trust_root(&log, &keys);
        let projects = Projects::new(storage.catalogue().clone(), log);
        let kept = Mutex::default();
        Self { parts: Arc::new(Parts { storage, registry, projects, keys, url, trust_root, kept }) }
    }
}

/// Names what is believed besides the policy, so that a summary tells when that was something else.
fn trust_root(log: &LogVerifier, keys: &SigningKeys) -> Digest {
    let cosigner = log.cosigner.as_ref().map(ToString::to_string).unwrap_or_default();
    let builder = keys.of(Purpose::Builder).public().to_pem();
    Digest::sha256_of(format!("{}\n{cosigner}\n{builder}", log.log).as_bytes())
}

/// The server itself, which may do what the registry does with its own statements.
fn server() -> Identity {
    Identity::new(NAME.to_owned(), vec![Grant::all()], ShownBy::Credentials)
}

impl Verdicts for Judge {
    fn verdict<'a>(
        &'a self,
        can_pull: &'a CanPull,
        image: Digest,
        gate: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Bytes, VerdictError>> {
        self.answer(can_pull.repository(), image, gate).boxed()
    }
}
