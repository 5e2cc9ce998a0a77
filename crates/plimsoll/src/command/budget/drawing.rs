use anstyle::AnsiColor;
use plimsoll_slim::budget::{BudgetVerdict, Excess, Measured};
use serde::Serialize;

use crate::terminal::{Page, Report, bytes};

/// What became of a budget, with what was measured.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BudgetReport {
    api_version: &'static str,
    kind: &'static str,
    image: String,
    digest: plimsoll_oci::Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    against: Option<String>,
    stored_bytes: u64,
    pull_seconds: f64,
    is_kept: bool,
    #[serde(flatten)]
    verdict: BudgetVerdict,
}

impl BudgetReport {
    pub(super) fn of(now: &Measured, before: Option<&Measured>, verdict: BudgetVerdict) -> Self {
        Self {
            api_version: "plimsoll/v1",
            kind: "BudgetReport",
            image: now.surface.name.clone(),
            digest: now.surface.digest,
            against: before.map(|before| before.surface.name.clone()),
            stored_bytes: now.stored_bytes,
            pull_seconds: now.pull_seconds,
            is_kept: verdict.is_kept(),
            verdict,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.image
    }

    /// What is exceeded and nobody has accepted.
    pub(super) fn open(&self) -> Vec<&Excess> {
        self.verdict.excesses.iter().filter(|excess| !excess.is_accepted()).collect()
    }

    /// The command that does most about it.
    pub(super) fn next(&self) -> String {
        let accept = self.open().first().map(|excess| {
            format!("plimsoll approve --gate budget:{} --role ROLE --key KEY {}", excess.delta, self.image)
        });
        format!("plimsoll layers {}, plimsoll lint --diff; or {}", self.image, accept.unwrap_or_default())
    }
}

impl Report for BudgetReport {
    fn draw(&self, page: &mut Page) {
        let verdict = if self.is_kept { "keeps to its budget" } else { "exceeds its budget" };
        page.heading(&format!("{} {verdict}", self.image));
        for excess in &self.verdict.excesses {
            if excess.is_accepted() {
                let people = excess.accepted_by.join(", ");
                page.labelled("accepted", AnsiColor::Yellow, &format!("{} (by {people})", excess.message));
            } else {
                page.labelled("exceeded", AnsiColor::Red, &excess.message);
            }
            if page.is_wide() {
                for item in &excess.items {
                    page.line(&format!("  + {item}"));
                }
            }
        }
        if !self.verdict.causes.is_empty() {
            page.heading("The largest causes");
            for cause in &self.verdict.causes {
                page.line(&format!("{:>8}  {}: {}", bytes(cause.bytes), cause.what, cause.remedy));
            }
        }
        let against = self.against.as_ref().map(|name| format!(", against {name}")).unwrap_or_default();
        page.heading(&format!(
            "{} stored, pulled in {:.1} s{against}",
            bytes(self.stored_bytes),
            self.pull_seconds
        ));
    }
}
