use jiff::Timestamp;
use plimsoll_attest::{Ballot, Decision, Gate, Ruling, Seen};
use plimsoll_oci::Digest;
use serde::Serialize;

use super::selection::Selection;
use crate::failure::Failure;
use crate::terminal::{Column, Page, Report, Table};

/// Approvals, as they are shown.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listed {
    api_version: &'static str,
    kind: &'static str,
    place: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    lacking: Option<String>,
    images: Vec<ApprovedImage>,
    judged_at: Timestamp,
}

/// An image, and what people say of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApprovedImage {
    pub(super) names: Vec<String>,
    pub(super) digest: Digest,
    #[serde(rename = "approvals")]
    pub(super) rows: Vec<Row>,
    pub(super) gates: Vec<GateState>,
    /// How many pieces of evidence are by nobody who may say them.
    pub(super) refused: usize,
    /// How many could not be read.
    pub(super) unread: usize,
}

/// What one person says.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
    /// The manifest that attaches it.
    evidence: Digest,
    bundle: Digest,
    pub(super) person: String,
    role: String,
    pub(super) gate: String,
    decision: Decision,
    pub(super) issued_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    tickets: Vec<String>,
    /// Why it does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) not_counted: Option<String>,
    /// What the approver had before them.
    seen: Vec<Seen>,
    /// What there is now of the same kinds, and was not there then.
    pub(super) unseen: Vec<Digest>,
}

/// What the approvals come to at one gate.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GateState {
    gate: String,
    is_open: bool,
    given: usize,
    wanted: usize,
    rejected_by: Vec<String>,
}

impl Row {
    pub(super) fn of(
        evidence: Digest,
        ballot: &Ballot<'_>,
        not_counted: Option<String>,
        unseen: Vec<&Digest>,
    ) -> Self {
        let approval = &ballot.approval;
        Self {
            evidence,
            bundle: ballot.bundle,
            person: ballot.fact.person().to_owned(),
            role: approval.role.to_string(),
            gate: approval.gate.clone(),
            decision: approval.decision,
            issued_at: approval.issued_at,
            expires_at: approval.expires_at,
            reason: approval.reason.clone(),
            tickets: approval.tickets.iter().map(|ticket| ticket.uri.clone()).collect(),
            not_counted,
            seen: approval.evidence.clone(),
            unseen: unseen.into_iter().copied().collect(),
        }
    }

    fn state(&self) -> String {
        match (&self.not_counted, self.decision) {
            (Some(why), _) => format!("does not count: {why}"),
            (None, Decision::Revoked) => "takes one back".to_owned(),
            (None, _) if !self.unseen.is_empty() => {
                "counts; superseded: there is evidence it has not seen".to_owned()
            }
            (None, _) => "counts".to_owned(),
        }
    }

    fn until(&self) -> String {
        self.expires_at.map_or_else(|| "-".to_owned(), day)
    }
}

impl GateState {
    pub(super) fn of(gate: &Gate, ruling: &Ruling) -> Self {
        Self {
            gate: gate.name.clone(),
            is_open: ruling.is_open,
            given: ruling.approvers.len(),
            wanted: gate.approvals.max(1),
            rejected_by: ruling.rejecters.iter().cloned().collect(),
        }
    }

    fn told(&self) -> String {
        match self.rejected_by.as_slice() {
            [] => format!("{} of {}", self.given, self.wanted),
            people => format!("rejected by {}", people.join(", ")),
        }
    }
}

impl Listed {
    pub(super) fn of(
        place: &str,
        mut images: Vec<ApprovedImage>,
        selection: &Selection,
        lacking: Option<&str>,
        now: Timestamp,
    ) -> Self {
        for image in &mut images {
            image.rows.retain(|row| selection.holds(row, now));
            image.rows.sort_by_key(|row| row.issued_at);
        }
        if let Some(lacking) = lacking {
            images.retain(|image| image.gates.iter().any(|gate| gate.gate == lacking && !gate.is_open));
        }
        Self {
            api_version: "plimsoll/v1",
            kind: "Approvals",
            place: place.to_owned(),
            lacking: lacking.map(str::to_owned),
            images,
            judged_at: now,
        }
    }

    /// What could not be read may say anything: a revocation too.
    pub(super) fn into_result(self) -> Result<(), Failure> {
        match self.images.iter().map(|image| image.unread).sum::<usize>() {
            0 => Ok(()),
            unread => {
                let what = format!("{unread} pieces of evidence could not be read, and may say anything");
                Err(Failure::not_evaluated(what).at(self.place))
            }
        }
    }

    fn draw_lacking(&self, gate: &str, page: &mut Page) {
        if self.images.is_empty() {
            return page.line(&format!("every image passes {gate}"));
        }
        let mut table =
            Table::new(&[Column::Left("IMAGE"), Column::Left("DIGEST"), Column::Left("APPROVALS")]);
        for image in &self.images {
            let told = image.gates.iter().find(|state| state.gate == gate).map(GateState::told);
            table.row([image.name(), image.digest.short(), told.unwrap_or_default()]);
        }
        page.table(&table);
    }
}

impl ApprovedImage {
    fn name(&self) -> String {
        match self.names.as_slice() {
            [] => self.digest.short(),
            [name] => name.clone(),
            [name, more @ ..] => format!("{name} (+{})", more.len()),
        }
    }
}

impl Report for Listed {
    fn draw(&self, page: &mut Page) {
        if let Some(gate) = &self.lacking {
            return self.draw_lacking(gate, page);
        }
        let columns = ["IMAGE", "GIVEN", "BY", "AS", "GATE", "SAYS", "UNTIL", "TICKET", "STATE"];
        let mut table = Table::new(&columns.map(Column::Left));
        for image in &self.images {
            for row in &image.rows {
                let decision = match row.decision {
                    Decision::Approved => "yes",
                    Decision::Rejected => "no",
                    Decision::Revoked => "no longer",
                };
                let ticket = row.tickets.first().map_or("-", String::as_str);
                table.row([
                    image.name().as_str(),
                    &day(row.issued_at),
                    &row.person,
                    &row.role,
                    &row.gate,
                    decision,
                    &row.until(),
                    ticket,
                    &row.state(),
                ]);
            }
        }
        if table.is_empty() {
            page.line("no such approvals");
        } else {
            page.table(&table);
        }
        let refused: usize = self.images.iter().map(|image| image.refused).sum();
        if refused > 0 {
            page.line(&format!("{refused} more pieces of evidence are by nobody who may say them"));
        }
    }
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}
