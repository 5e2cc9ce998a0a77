//! The versions that a shard's ranges speak of, each kept once.

use std::cmp::Ordering;
use std::collections::HashMap;

use crate::Order;

/// A version of a shard that is being built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct VersionId(u32);

/// Versions by their texts. Several may have one key: each advisory's fix is shown as that advisory writes it.
pub(super) struct Versions {
    order: Order,
    by_text: HashMap<Box<str>, Option<VersionId>>,
    keys: Vec<Box<[u8]>>,
    texts: Vec<Box<str>>,
    scratch: Vec<u8>,
}

impl Versions {
    pub(super) fn new(order: Order) -> Self {
        Self { order, by_text: HashMap::new(), keys: Vec::new(), texts: Vec::new(), scratch: Vec::new() }
    }

    /// The version of a text; `None` where the ecosystem's order refuses it.
    pub(super) fn intern(&mut self, text: &str) -> Option<VersionId> {
        if let Some(known) = self.by_text.get(text) {
            return *known;
        }
        self.scratch.clear();
        let id = self.order.encode(text, &mut self.scratch).ok().and_then(|()| self.add(text));
        self.by_text.insert(text.into(), id);
        id
    }

    pub(super) fn key(&self, id: VersionId) -> &[u8] {
        self.keys.get(id.0 as usize).map(|key| &**key).unwrap_or_default()
    }

    pub(super) fn text(&self, id: VersionId) -> &str {
        self.texts.get(id.0 as usize).map(|text| &**text).unwrap_or_default()
    }

    /// The order of a shard: by key, and by text where the key is the same.
    pub(super) fn compare(&self, left: VersionId, right: VersionId) -> Ordering {
        (self.key(left), self.text(left)).cmp(&(self.key(right), self.text(right)))
    }

    fn add(&mut self, text: &str) -> Option<VersionId> {
        let id = VersionId(u32::try_from(self.keys.len()).ok()?);
        self.keys.push(self.scratch.as_slice().into());
        self.texts.push(text.into());
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_with_one_key_stand_side_by_side() {
        let mut versions = Versions::new(Order::Pep440);
        let [long, short, next] = ["1.0.0", "1.0", "1.1"].map(|text| versions.intern(text).unwrap());
        assert_eq!(versions.key(long), versions.key(short));
        assert_eq!(versions.intern("1.0.0"), Some(long));
        assert_eq!(versions.text(long), "1.0.0");
        assert_eq!(
            (versions.compare(short, long), versions.compare(long, next)),
            (Ordering::Less, Ordering::Less)
        );
        assert_eq!(versions.intern(""), None);
    }
}
