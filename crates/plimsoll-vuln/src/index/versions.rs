//! The versions that a shard's ranges speak of, each kept once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::Order;

/// A version of a shard that is being built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct VersionId(u32);

/// Versions by their keys. Texts with the same key are the same version, and the shortest stands for them.
pub(super) struct Versions {
    order: Order,
    by_text: HashMap<Box<str>, Option<VersionId>>,
    by_key: HashMap<Box<[u8]>, VersionId>,
    keys: Vec<Box<[u8]>>,
    texts: Vec<Box<str>>,
    scratch: Vec<u8>,
}

impl Versions {
    pub(super) fn new(order: Order) -> Self {
        Self {
            order,
            by_text: HashMap::new(),
            by_key: HashMap::new(),
            keys: Vec::new(),
            texts: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// The version of a text; `None` where the ecosystem's order refuses it.
    pub(super) fn intern(&mut self, text: &str) -> Option<VersionId> {
        if let Some(known) = self.by_text.get(text) {
            return *known;
        }
        self.scratch.clear();
        let id = self.order.encode(text, &mut self.scratch).ok().and_then(|()| self.of_key(text));
        self.by_text.insert(text.into(), id);
        id
    }

    pub(super) fn key(&self, id: VersionId) -> &[u8] {
        self.keys.get(id.0 as usize).map(|key| &**key).unwrap_or_default()
    }

    pub(super) fn text(&self, id: VersionId) -> &str {
        self.texts.get(id.0 as usize).map(|text| &**text).unwrap_or_default()
    }

    fn of_key(&mut self, text: &str) -> Option<VersionId> {
        let next = VersionId(u32::try_from(self.keys.len()).ok()?);
        match self.by_key.entry(self.scratch.as_slice().into()) {
            Entry::Vacant(vacant) => {
                self.keys.push(vacant.key().clone());
                self.texts.push(text.into());
                Some(*vacant.insert(next))
            }
            Entry::Occupied(known) => {
                let id = *known.get();
                let kept = self.texts.get_mut(id.0 as usize)?;
                if (text.len(), text) < (kept.len(), kept) {
                    *kept = text.into();
                }
                Some(id)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_with_one_key_are_one_version() {
        let mut versions = Versions::new(Order::Pep440);
        let long = versions.intern("1.0.0").unwrap();
        assert_eq!(versions.intern("1.0"), Some(long));
        assert_eq!(versions.intern("1.0.0"), Some(long));
        assert_eq!(versions.text(long), "1.0");
        assert_ne!(versions.intern("1.1"), Some(long));
        assert_eq!(versions.intern(""), None);
    }
}
