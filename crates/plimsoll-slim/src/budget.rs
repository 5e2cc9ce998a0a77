//! How large an image and its surface may be: in numbers, or against another image. Whoever may can accept an excess.

mod cause;
mod excess;
mod holdings;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use cause::BudgetCause;
pub use excess::Excess;
pub use holdings::Holdings;

use crate::surface::{Surface, SurfaceKind};
use crate::waste::Waste;

/// Causes that a verdict names.
const CAUSES_MAX: usize = 3;

/// What a project allows its images: the section `budget` of `plimsoll.yaml`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Budget {
    /// The image that others are compared with, such as the one that runs now.
    #[serde(default)]
    pub against: Option<String>,
    /// By how many per cent the stored bytes may exceed those of that image.
    #[serde(default)]
    pub growth_percent_max: Option<u32>,
    /// Things of which none may be there that that image does not have.
    #[serde(default = "Budget::usual_no_new")]
    pub no_new: Vec<SurfaceKind>,
    /// What may not be exceeded, whatever another image has.
    #[serde(default)]
    pub max: Ceilings,
}

/// What may not be exceeded.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ceilings {
    /// Bytes as stored and pulled.
    #[serde(default)]
    pub stored_bytes: Option<u64>,
    /// Seconds of a pull by a machine that has none of the layers.
    #[serde(default)]
    pub pull_seconds: Option<f64>,
    /// How many things of each kind.
    #[serde(flatten)]
    pub counts: BTreeMap<SurfaceKind, u64>,
}

impl Budget {
    /// What a comparison looks for unless it is said: whatever an attacker may run.
    pub fn usual_no_new() -> Vec<SurfaceKind> {
        vec![
            SurfaceKind::SystemPackages,
            SurfaceKind::Executables,
            SurfaceKind::Setuid,
            SurfaceKind::FileCapabilities,
        ]
    }
}

/// What was measured of an image.
#[derive(Clone, Debug)]
pub struct Measured {
    /// What it offers.
    pub surface: Surface,
    /// Bytes as stored.
    pub stored_bytes: u64,
    /// Seconds of a cold pull.
    pub pull_seconds: f64,
    /// Whose the bytes are.
    pub holdings: Holdings,
    /// What could go.
    pub waste: Waste,
}

/// What became of a budget.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BudgetVerdict {
    /// What is exceeded, those that were accepted among them.
    pub excesses: Vec<Excess>,
    /// What brings the most bytes, or the most that are new; none where nothing is exceeded.
    pub causes: Vec<BudgetCause>,
}

impl BudgetVerdict {
    /// Whether the image keeps to the budget, or somebody has accepted where it does not.
    pub fn is_kept(&self) -> bool {
        self.excesses.iter().all(Excess::is_accepted)
    }
}

/// Judges what was measured of an image; `before` was measured of the one that it is compared with.
pub fn judge(budget: &Budget, now: &Measured, before: Option<&Measured>) -> BudgetVerdict {
    let mut excesses = excess::of_ceilings(&budget.max, now);
    if let Some(before) = before {
        excesses.extend(excess::of_growth(budget.growth_percent_max, now, before));
        excesses.extend(excess::of_news(&budget.no_new, now, before));
    }
    let causes = if excesses.is_empty() { Vec::new() } else { cause::largest(now, before, CAUSES_MAX) };
    BudgetVerdict { excesses, causes }
}

#[cfg(test)]
mod tests;
