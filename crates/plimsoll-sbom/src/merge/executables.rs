use std::collections::HashSet;

use plimsoll_oci::DiffId;
use serde::{Deserialize, Serialize};

use super::{Ownership, Single, Visible};

/// Paths that a report carries; the count goes on.
const LISTED_MAX: usize = 1000;

/// The programs and shared libraries of an image, and how many of them some component accounts for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Executables {
    /// All of them.
    pub total: u64,
    /// Those that belong to a package or name their own components.
    pub accounted: u64,
    /// The first of the others, in path order.
    pub unaccounted: Vec<Unaccounted>,
}

/// A program that no component accounts for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unaccounted {
    /// Where it is.
    pub path: String,
    /// The layer that brought it.
    pub layer: DiffId,
}

impl Executables {
    /// The share that is accounted for, in whole per cent rounded down, so that 100 means all; 100 where there are none.
    pub fn coverage_percent(&self) -> u8 {
        let percent = (self.accounted.saturating_mul(100)).checked_div(self.total).unwrap_or(100);
        u8::try_from(percent).unwrap_or(100)
    }
}

pub(super) fn account(
    visible: &Visible,
    ownership: &Ownership<'_>,
    singles: &[Single],
    layers: &[DiffId],
) -> Executables {
    let speaking: HashSet<&str> = singles.iter().map(|single| &*single.path).collect();
    let mut executables = Executables::default();
    for (path, layer) in &visible.executables {
        executables.total += 1;
        if speaking.contains(path.as_str()) || ownership.is_owned(path) {
            executables.accounted += 1;
        } else if executables.unaccounted.len() < LISTED_MAX
            && let Some(layer) = layers.get(*layer)
        {
            executables.unaccounted.push(Unaccounted { path: path.clone(), layer: *layer });
        }
    }
    executables
}
