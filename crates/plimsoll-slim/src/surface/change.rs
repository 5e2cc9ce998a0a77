use serde::Serialize;

use super::{Surface, SurfaceKind};

/// What became of an image's surface.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SurfaceChange {
    /// The image that it is compared with.
    pub against: String,
    /// Each kind of which something came or went.
    pub changes: Vec<Change>,
}

/// What came and went of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Which kind.
    pub kind: SurfaceKind,
    /// How many there were.
    pub before: u64,
    /// How many there are.
    pub after: u64,
    /// What came.
    pub added: Vec<String>,
    /// What went.
    pub removed: Vec<String>,
}

impl SurfaceChange {
    /// Compares an image with another.
    pub fn of(now: &Surface, before: &Surface) -> Self {
        let changes = SurfaceKind::ALL.into_iter().map(|kind| Change {
            kind,
            before: before.count(kind),
            after: now.count(kind),
            added: now.items(kind).difference(before.items(kind)).cloned().collect(),
            removed: before.items(kind).difference(now.items(kind)).cloned().collect(),
        });
        let has_moved = |change: &Change| !change.added.is_empty() || !change.removed.is_empty();
        Self { against: before.name.clone(), changes: changes.filter(has_moved).collect() }
    }

    /// What came and went of a kind.
    pub fn get(&self, kind: SurfaceKind) -> Option<&Change> {
        self.changes.iter().find(|change| change.kind == kind)
    }
}
