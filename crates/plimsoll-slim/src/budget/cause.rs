use std::cmp::Reverse;

use serde::Serialize;

use super::Measured;
use super::holdings::Holder;
use crate::waste::{Cause, Reason};

/// What brings many bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BudgetCause {
    /// What it is, for people.
    pub what: String,
    /// Its bytes; compared with another image, those that it has more.
    pub bytes: u64,
    /// What to do about it.
    pub remedy: String,
}

/// What brings the most bytes: of what is new if there is something to compare with, and what nobody needs.
pub(super) fn largest(now: &Measured, before: Option<&Measured>, count: usize) -> Vec<BudgetCause> {
    let held = now.holdings.bytes.iter().filter_map(|(holder, bytes)| {
        let had = before.and_then(|before| before.holdings.bytes.get(holder)).copied().unwrap_or_default();
        let more = bytes.checked_sub(had).filter(|more| *more > 0)?;
        Some(of_holder(holder, more))
    });
    let wasted = now.waste.causes.iter().filter(|cause| is_hidden(cause)).filter_map(|cause| {
        let matches = |other: &&Cause| other.what == cause.what && other.reason == cause.reason;
        let had: u64 = before
            .map_or(0, |before| before.waste.causes.iter().filter(matches).map(|other| other.bytes).sum());
        let bytes = cause.bytes.checked_sub(had).filter(|more| *more > 0)?;
        Some(BudgetCause {
            what: format!("layer {}: {}", cause.layer, cause.what),
            bytes,
            remedy: cause.remedy.to_owned(),
        })
    });
    let mut causes: Vec<BudgetCause> = held.chain(wasted).collect();
    causes.sort_by(|a, b| Reverse(a.bytes).cmp(&Reverse(b.bytes)).then_with(|| a.what.cmp(&b.what)));
    causes.truncate(count);
    causes
}

/// Whether no path of the image shows the bytes any more, so that no holding counts them.
fn is_hidden(cause: &Cause) -> bool {
    matches!(cause.reason, Reason::Deleted | Reason::Overwritten)
}

fn of_holder(holder: &Holder, bytes: u64) -> BudgetCause {
    let (what, remedy) = match holder {
        Holder::Package(name) => {
            (format!("package {name}"), "leave it out of the last stage, or see who depends on it".to_owned())
        }
        Holder::Directory(path) => (
            format!("files in {path}"),
            "copy what the program needs alone, and see `plimsoll layers`".to_owned(),
        ),
    };
    BudgetCause { what, bytes, remedy }
}
