use std::collections::HashMap;
use std::sync::Arc;

use reqwest::header::HeaderValue;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// What is sent in the `Authorization` header, and how it was come by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authorization {
    /// Nothing, when the registry never asked.
    pub(crate) header: Option<HeaderValue>,
    /// When a token ends, a little early.
    pub(crate) expires: Option<Instant>,
    /// Which credential was used, for messages.
    pub(crate) tried: String,
    /// Whose it is; nobody's, when there was none.
    pub(crate) who: Option<String>,
}

impl Authorization {
    pub(crate) fn is_fresh(&self) -> bool {
        self.expires.is_none_or(|end| Instant::now() < end)
    }
}

/// Most authorizations that are remembered; a client meets few registries and repositories.
const REMEMBERED_MAX: usize = 4096;

/// The authorization for one registry and set of scopes, once it is known. The lock is held while a token is
/// fetched, so that many calls at once fetch one.
pub(crate) type AuthorizationSlot = Arc<Mutex<Option<Authorization>>>;

/// What was negotiated with each registry, for each set of scopes.
#[derive(Debug, Default)]
pub(crate) struct Authorizations(std::sync::Mutex<HashMap<(String, Vec<String>), AuthorizationSlot>>);

impl Authorizations {
    pub(crate) fn slot(&self, registry: &str, scopes: &[String]) -> AuthorizationSlot {
        let mut slots = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if slots.len() >= REMEMBERED_MAX {
            slots.clear();
        }
        Arc::clone(slots.entry((registry.to_owned(), scopes.to_vec())).or_default())
    }
}
