use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use plimsoll_store::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::access::Identity;

/// How long a password that was found right is not checked again. A changed password or right counts after that.
const TRUSTED_FOR: Duration = Duration::from_secs(60);

/// Most passwords remembered.
const REMEMBERED_MAX: usize = 10_000;

/// How exact a robot's last use is noted.
const USE_NOTED_EVERY_MS: i64 = 60_000;

/// Passwords that were found right a moment ago, as hashes: checking one takes long on purpose, and clients that send
/// it with each request would otherwise wear the server out.
#[derive(Default)]
pub(super) struct Verified(Mutex<HashMap<[u8; 32], (Identity, Timestamp)>>);

impl Verified {
    pub(super) fn find(&self, name: &str, password: &str, now: Timestamp) -> Option<Identity> {
        let remembered = self.0.lock().expect("no panic with the lock");
        let (identity, until) = remembered.get(&key(name, password))?;
        (*until > now).then(|| identity.clone())
    }

    pub(super) fn remember(&self, name: &str, password: &str, identity: &Identity, now: Timestamp) {
        let mut remembered = self.0.lock().expect("no panic with the lock");
        if remembered.len() >= REMEMBERED_MAX {
            remembered.retain(|_, (_, until)| *until > now);
        }
        if remembered.len() < REMEMBERED_MAX {
            remembered.insert(key(name, password), (identity.clone(), now.plus(TRUSTED_FOR)));
        }
    }
}

fn key(name: &str, password: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update((name.len() as u64).to_le_bytes());
    hash.update(name);
    hash.update(password);
    hash.finalize().into()
}

/// Robots that used their tokens, to be written down together.
#[derive(Default)]
pub(super) struct RobotsUsed(Mutex<HashMap<String, (Timestamp, bool)>>);

impl RobotsUsed {
    pub(super) fn note(&self, name: &str, now: Timestamp) {
        let mut used = self.0.lock().expect("no panic with the lock");
        match used.get_mut(name) {
            Some((at, _)) if now.unix_ms() - at.unix_ms() < USE_NOTED_EVERY_MS => {}
            Some(entry) => *entry = (now, false),
            None => {
                used.insert(name.to_owned(), (now, false));
            }
        }
    }

    /// The uses that were not taken yet.
    pub(super) fn take(&self) -> Vec<(String, Timestamp)> {
        let mut used = self.0.lock().expect("no panic with the lock");
        let fresh = used.iter_mut().filter(|(_, (_, is_taken))| !is_taken);
        fresh
            .map(|(name, (at, is_taken))| {
                *is_taken = true;
                (name.clone(), *at)
            })
            .collect()
    }
}
