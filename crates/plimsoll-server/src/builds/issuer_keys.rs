use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use plimsoll_attest::KeySet;
use plimsoll_registry::NotaryError;
use plimsoll_transport::DocumentClient;
use tokio::sync::Mutex;

use super::KeyPlace;

/// Largest set of keys that is fetched.
const SET_BYTES_MAX: usize = 512 * 1024;
/// How long keys are used before they are looked for again.
const FRESH_FOR: SignedDuration = SignedDuration::from_mins(60);
/// How long keys are used while newer ones cannot be had. An issuer takes a key back by publishing others.
const USED_FOR: SignedDuration = SignedDuration::from_hours(24);
/// How often an issuer is asked at most: anybody can hand in tokens that name unknown keys.
const ASK_EVERY: SignedDuration = SignedDuration::from_secs(30);

/// An issuer's keys, as they were found last.
pub(super) struct IssuerKeys {
    place: KeyPlace,
    documents: DocumentClient,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    found: Option<(Arc<KeySet>, Timestamp)>,
    asked_at: Option<Timestamp>,
    /// Why the last try found nothing.
    failure: String,
}

impl IssuerKeys {
    pub(super) fn new(place: KeyPlace, documents: DocumentClient) -> Self {
        Self { place, documents, state: Mutex::default() }
    }

    /// The keys, looked for again if they are old.
    pub(super) async fn current(&self, now: Timestamp) -> Result<Arc<KeySet>, NotaryError> {
        let mut state = self.state.lock().await;
        if state.age(now).is_none_or(|age| age >= FRESH_FOR) {
            self.look(&mut state, now).await;
        }
        match &state.found {
            Some((keys, at)) if now.duration_since(*at) < USED_FOR => Ok(keys.clone()),
            _ => Err(NotaryError::Unavailable(format!(
                "the keys of the token's issuer cannot be had: {}",
                state.failure
            ))),
        }
    }

    /// Keys that were looked for because a token names an unknown one; nothing if that was done a moment ago.
    pub(super) async fn newer(&self, now: Timestamp) -> Option<Arc<KeySet>> {
        let mut state = self.state.lock().await;
        self.look(&mut state, now).await.then(|| state.found.as_ref().map(|(keys, _)| keys.clone())).flatten()
    }

    /// Looks for the keys, and tells whether it found them. Those that were found before stay if it does not.
    async fn look(&self, state: &mut State, now: Timestamp) -> bool {
        if state.asked_at.is_some_and(|at| now.duration_since(at) < ASK_EVERY) {
            return false;
        }
        state.asked_at = Some(now);
        let found = match self.fetch().await {
            Ok(json) => KeySet::parse(&json).map_err(|error| error.to_string()),
            Err(problem) => Err(problem),
        };
        match found {
            Ok(keys) => {
                state.found = Some((Arc::new(keys), now));
                true
            }
            Err(problem) => {
                tracing::warn!(place = ?self.place, %problem, "the keys of a token issuer cannot be had");
                state.failure = problem;
                false
            }
        }
    }

    async fn fetch(&self) -> Result<Vec<u8>, String> {
        match &self.place {
            KeyPlace::Url(url) => {
                let fetched = self.documents.get(url, None, SET_BYTES_MAX).await;
                fetched.map(|bytes| bytes.to_vec()).map_err(|error| error.to_string())
            }
            KeyPlace::File(path) => read(path).map_err(|error| format!("`{}`: {error}", path.display())),
        }
    }
}

impl State {
    fn age(&self, now: Timestamp) -> Option<SignedDuration> {
        self.found.as_ref().map(|(_, at)| now.duration_since(*at))
    }
}

/// A small file of the administrator's, read at most every half minute.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(SET_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A set with one key, which is as long as a key must be.
    fn set(name: &str) -> String {
        let modulus = "_".repeat(342);
        format!(r#"{{"keys":[{{"kty":"RSA","kid":"{name}","n":"{modulus}","e":"AQAB"}}]}}"#)
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[tokio::test]
    async fn the_last_good_keys_are_used_for_a_day_and_the_issuer_is_not_asked_too_often() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("keys.json");
        let keys = IssuerKeys::new(KeyPlace::File(file.clone()), DocumentClient::new("test").unwrap());
        let missing = keys.current(at(0)).await.unwrap_err();
        assert!(matches!(&missing, NotaryError::Unavailable(why) if why.contains("keys.json")), "{missing}");
        fs::write(&file, set("a")).unwrap();
        assert!(keys.current(at(29)).await.is_err(), "it was asked a moment ago");
        let first = keys.current(at(30)).await.unwrap();

        fs::write(&file, set("b")).unwrap();
        assert_eq!(keys.current(at(40)).await.unwrap(), first);
        assert!(keys.newer(at(59)).await.is_none());
        let second = keys.newer(at(60)).await.unwrap();
        assert_ne!(second, first);

        fs::write(&file, "damaged").unwrap();
        assert_eq!(keys.current(at(60 + 3_600)).await.unwrap(), second);
        assert_eq!(keys.current(at(60 + 86_399)).await.unwrap(), second);
        assert!(keys.current(at(60 + 86_400)).await.is_err());
    }
}
