use super::{ChainParts, Hop, HopKind};
use crate::{Approval, Decision, Gate, Grade, Ruling};

/// What people decided: at the gates that were asked about, else what they said at all.
pub(super) fn hop(parts: &ChainParts<'_>) -> Hop {
    let gates = &parts.judgement.gates;
    if gates.is_empty() {
        return unasked(parts);
    }
    let what = gates.iter().map(describe).collect::<Vec<_>>().join("; ");
    let is_open = gates.iter().all(|(_, ruling)| ruling.is_open);
    let hop = if is_open { Hop::known(HopKind::Approve, what) } else { Hop::missing(HopKind::Approve, what) };
    let who = gates.iter().flat_map(|(_, ruling)| ruling.approvers.iter().chain(&ruling.broken_by));
    let mut who: Vec<String> = who.cloned().collect();
    who.sort();
    who.dedup();
    Hop { grade: is_open.then_some(Grade::Signed), who, ..hop }
}

fn describe((gate, ruling): &(Gate, Ruling)) -> String {
    let (name, wanted) = (&gate.name, gate.approvals.max(1));
    let people = |people: &std::collections::BTreeSet<String>| {
        people.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
    };
    if let Some(person) = &ruling.broken_by {
        return format!("for {name}, in an emergency, by {person}");
    }
    if !ruling.rejecters.is_empty() {
        return format!("rejected for {name} by {}", people(&ruling.rejecters));
    }
    match ruling.approvers.len() {
        0 => format!("for {name} by nobody, and {wanted} must"),
        given if given < wanted => {
            format!("for {name} by {} only, and {wanted} must", people(&ruling.approvers))
        }
        _ => format!("for {name} by {}", people(&ruling.approvers)),
    }
}

/// Without a gate nobody has counted, and nothing is missing.
fn unasked(parts: &ChainParts<'_>) -> Hop {
    let approvals = parts.proven.iter().filter_map(|proven| Some((proven.fact, Approval::of(proven.fact)?)));
    let mut said: Vec<String> = approvals
        .filter(|(_, approval)| approval.decision == Decision::Approved)
        .map(|(fact, approval)| format!("for {} by {}", approval.gate, fact.person()))
        .collect();
    said.sort();
    said.dedup();
    let what = if said.is_empty() {
        "nobody asked (--gate NAME)".to_owned()
    } else {
        format!("said {}, and not counted (--gate NAME)", said.join(", "))
    };
    Hop::not_known_here(HopKind::Approve, what)
}
