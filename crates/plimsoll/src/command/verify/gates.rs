use plimsoll_attest::{Gate, Ruling};
use plimsoll_oci::Digest;
use serde::Serialize;

use crate::terminal::Page;

/// What the approvals of an image come to at one gate.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GateRuling {
    pub(super) gate: String,
    pub(super) is_open: bool,
    wanted: usize,
    role: String,
    approvers: Vec<String>,
    rejecters: Vec<String>,
    /// Who opened it alone, in an emergency.
    #[serde(skip_serializing_if = "Option::is_none")]
    broken_by: Option<String>,
    not_counted: Vec<NotCounted>,
}

#[derive(Serialize)]
struct NotCounted {
    bundle: Digest,
    reason: String,
}

impl GateRuling {
    pub(super) fn of((gate, ruling): (Gate, Ruling)) -> Self {
        let Ruling { approvers, rejecters, broken_by, not_counted, is_open } = ruling;
        let reason = |(bundle, why): (Digest, plimsoll_attest::NotCounted)| NotCounted {
            bundle,
            reason: why.to_string(),
        };
        Self {
            gate: gate.name,
            is_open,
            wanted: gate.approvals.max(1),
            role: gate.role.to_string(),
            approvers: approvers.into_iter().collect(),
            rejecters: rejecters.into_iter().collect(),
            broken_by,
            not_counted: not_counted.into_iter().map(reason).collect(),
        }
    }

    /// What to do about a gate that is shut.
    pub(super) fn next_command(&self, image: &str) -> String {
        format!("plimsoll approve {image} --gate {} --role {} --key FILE", self.gate, self.role)
    }

    pub(super) fn draw(&self, page: &mut Page) {
        let mark = if self.is_open { "✓" } else { "✗" };
        let (gate, given, wanted) = (&self.gate, self.approvers.len(), self.wanted);
        let names = if self.approvers.is_empty() { "nobody".to_owned() } else { self.approvers.join(", ") };
        page.line(&format!("{mark} approval for {gate}: {given} of {wanted}: {names}"));
        for person in &self.rejecters {
            page.line(&format!("    rejected by {person}"));
        }
        if let Some(person) = &self.broken_by {
            page.line(&format!("    opened in an emergency by {person}"));
        }
        for not_counted in &self.not_counted {
            page.line(&format!("    not counted: {}: {}", not_counted.bundle.short(), not_counted.reason));
        }
    }
}
