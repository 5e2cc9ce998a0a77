use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// The name of an object in the storage: made fresh for each object and never used again.
///
/// So a late delete can never hit bytes that were pushed again. The number inside is a UUID version 7, which carries the
/// time of its making (RFC 9562, section 5.7) and orders the records of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    kind: KeyKind,
    id: Uuid,
}

/// What an object holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyKind {
    /// A blob.
    Blob,
    /// One entry of the journal from which the catalogue can be rebuilt.
    Record,
    /// The record of a layer: what analysing it has told.
    Layer,
    /// A batch of the transparency log: the log's part of the journal.
    Log,
}

impl KeyKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Blob, Self::Record, Self::Layer, Self::Log];

    /// The folder of this kind.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Blob => "blobs",
            Self::Record => "journal",
            Self::Layer => "layers",
            Self::Log => "log",
        }
    }
}

impl ObjectKey {
    /// A key that was never used before.
    pub fn fresh(kind: KeyKind) -> Self {
        Self { kind, id: Uuid::now_v7() }
    }

    /// What the object holds.
    pub fn kind(self) -> KeyKind {
        self.kind
    }

    /// When the key was made, in milliseconds since the Unix epoch.
    pub fn made_at_unix_ms(self) -> i64 {
        let (seconds, nanos) = self.id.get_timestamp().map_or((0, 0), |timestamp| timestamp.to_unix());
        i64::try_from(seconds).unwrap_or(0) * 1000 + i64::from(nanos / 1_000_000)
    }

    /// The folder inside the kind's folder: the last two digits, which are random, so that folders fill evenly.
    pub(crate) fn shard(self) -> String {
        format!("{:02x}", self.id.as_bytes()[15])
    }
}

impl fmt::Display for ObjectKey {
    /// Prints the path below the storage's root.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.kind.folder(), self.shard(), self.id)
    }
}

/// A path that is not an object key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an object key")]
pub struct ParseObjectKeyError(String);

impl FromStr for ObjectKey {
    type Err = ParseObjectKeyError;

    fn from_str(path: &str) -> Result<Self, Self::Err> {
        let refused = || ParseObjectKeyError(path.chars().take(120).collect());
        let mut parts = path.split('/');
        let (folder, shard, id) = (parts.next(), parts.next(), parts.next());
        let kind = KeyKind::ALL.into_iter().find(|kind| Some(kind.folder()) == folder).ok_or_else(refused)?;
        let id: Uuid = id.and_then(|id| id.parse().ok()).ok_or_else(refused)?;
        let key = Self { kind, id };
        if parts.next().is_none() && shard == Some(key.shard().as_str()) { Ok(key) } else { Err(refused()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_its_path() {
        for kind in KeyKind::ALL {
            let key = ObjectKey::fresh(kind);
            assert_eq!(key.to_string().parse(), Ok(key));
        }
    }

    #[test]
    fn a_path_elsewhere_is_no_key() {
        let key = ObjectKey::fresh(KeyKind::Blob).to_string();
        for path in ["", "blobs", "blobs/00/../x", &key.replace("blobs", "other"), &format!("{key}/x")] {
            assert!(path.parse::<ObjectKey>().is_err(), "{path}");
        }
    }

    #[test]
    fn later_keys_sort_later() {
        let keys: Vec<ObjectKey> = (0..1000).map(|_| ObjectKey::fresh(KeyKind::Record)).collect();
        assert!(keys.is_sorted());
    }
}
