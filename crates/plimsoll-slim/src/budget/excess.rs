use serde::Serialize;

use super::{Ceilings, Measured};
use crate::surface::SurfaceKind;

/// Something of which there is too much.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Excess {
    /// What an approval names to accept it: `max:storedBytes`, `growth`, `new:executables`.
    pub delta: String,
    /// What is the case, for people.
    pub message: String,
    /// The things that are new; an approval may name each by itself, behind the delta and a colon.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<String>,
    /// Who accepted it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accepted_by: Vec<String>,
}

impl Excess {
    fn new(delta: impl Into<String>, message: String) -> Self {
        Self { delta: delta.into(), message, items: Vec::new(), accepted_by: Vec::new() }
    }

    /// Whether somebody may and did accept it.
    pub fn is_accepted(&self) -> bool {
        !self.accepted_by.is_empty()
    }
}

pub(super) fn of_ceilings(max: &Ceilings, now: &Measured) -> Vec<Excess> {
    let mut excesses = Vec::new();
    if let Some(limit) = max.stored_bytes.filter(|limit| now.stored_bytes > *limit) {
        let message = format!("{} bytes are stored, and {limit} are allowed", now.stored_bytes);
        excesses.push(Excess::new("max:storedBytes", message));
    }
    if let Some(limit) = max.pull_seconds.filter(|limit| now.pull_seconds > *limit) {
        let message = format!("a cold pull takes {:.1} s, and {limit:.1} s are allowed", now.pull_seconds);
        excesses.push(Excess::new("max:pullSeconds", message));
    }
    for (kind, limit) in &max.counts {
        let count = now.surface.count(*kind);
        if count > *limit {
            let message = format!("there are {count} {}, and {limit} are allowed", kind.title());
            excesses.push(Excess::new(format!("max:{}", word(*kind)), message));
        }
    }
    excesses
}

pub(super) fn of_growth(percent_max: Option<u32>, now: &Measured, before: &Measured) -> Option<Excess> {
    let percent_max = percent_max?;
    let (bytes, were) = (u128::from(now.stored_bytes), u128::from(before.stored_bytes));
    let is_within = bytes * 100 <= were * (100 + u128::from(percent_max));
    if is_within {
        return None;
    }
    let percent = (bytes.saturating_sub(were) * 100).checked_div(were);
    let grown = percent.map_or_else(|| "from nothing".to_owned(), |percent| format!("by {percent} %"));
    let message = format!(
        "the stored bytes grew {grown}, from {} to {}, and {percent_max} % are allowed",
        before.stored_bytes, now.stored_bytes
    );
    Some(Excess::new("growth", message))
}

pub(super) fn of_news(kinds: &[SurfaceKind], now: &Measured, before: &Measured) -> Vec<Excess> {
    let mut excesses = Vec::new();
    for kind in kinds {
        let had = before.surface.items(*kind);
        let items: Vec<String> = now.surface.items(*kind).difference(had).cloned().collect();
        let (Some(first), more) = (items.first(), items.len().saturating_sub(1)) else { continue };
        let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
        let message = format!("new among the {}: {first}{tail}", kind.title());
        excesses.push(Excess { items, ..Excess::new(format!("new:{}", word(*kind)), message) });
    }
    excesses
}

/// The kind as budgets and approvals write it.
fn word(kind: SurfaceKind) -> &'static str {
    match kind {
        SurfaceKind::SystemPackages => "systemPackages",
        SurfaceKind::LanguagePackages => "languagePackages",
        SurfaceKind::Executables => "executables",
        SurfaceKind::Setuid => "setuid",
        SurfaceKind::FileCapabilities => "fileCapabilities",
        SurfaceKind::Shells => "shells",
        SurfaceKind::PackageManagers => "packageManagers",
        SurfaceKind::NetworkTools => "networkTools",
        SurfaceKind::Interpreters => "interpreters",
        SurfaceKind::WorldWritable => "worldWritable",
        SurfaceKind::UserWritable => "userWritable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn approvals_and_budgets_call_a_kind_the_same() {
        for kind in SurfaceKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), word(kind));
        }
    }
}
