use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Most registries that are remembered.
const REMEMBERED_MAX: usize = 4096;

/// What a registry's answers have told about it.
#[derive(Debug, Default)]
pub(crate) struct Contact {
    has_answered: AtomicBool,
    speaks_tls: AtomicBool,
}

impl Contact {
    pub(crate) fn has_answered(&self) -> bool {
        self.has_answered.load(Ordering::Relaxed)
    }

    pub(crate) fn note_answer(&self) {
        self.has_answered.store(true, Ordering::Relaxed);
    }

    pub(crate) fn speaks_tls(&self) -> bool {
        self.speaks_tls.load(Ordering::Relaxed)
    }

    pub(crate) fn note_tls(&self) {
        self.speaks_tls.store(true, Ordering::Relaxed);
    }
}

/// The registries met so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contacts(Arc<Mutex<HashMap<String, Arc<Contact>>>>);

impl Contacts {
    pub(crate) fn with(&self, registry: &str) -> Arc<Contact> {
        let mut met = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if met.len() >= REMEMBERED_MAX {
            met.clear();
        }
        Arc::clone(met.entry(registry.to_owned()).or_default())
    }
}
