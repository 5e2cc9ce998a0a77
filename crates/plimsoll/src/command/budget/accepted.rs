//! Who has accepted that an image exceeds its budget.

use plimsoll_attest::{Gate, Policy, Proven};
use plimsoll_oci::Digest;
use plimsoll_slim::budget::{BudgetVerdict, Excess};
use plimsoll_transport::{EvidenceOutcome, ImageName, Places, verify_evidence};

use crate::failure::Failure;
use crate::signing::wall_clock;
use crate::trust::TrustArguments;

/// The gate whose people may accept an excess. An approval names it and the delta: `budget:growth`.
const GATE: &str = "budget";

/// Writes into a verdict who has accepted what. Without a policy that has the gate nobody can.
pub(super) async fn note(
    verdict: &mut BudgetVerdict,
    trust: &TrustArguments,
    places: &Places,
    name: &ImageName,
    digest: &Digest,
) -> Result<(), Failure> {
    let Some(in_force) = trust.policy_if_any(places, name).await? else { return Ok(()) };
    let policy = in_force.policy;
    let Some(gate) = policy.gate(GATE).cloned() else { return Ok(()) };
    let at = wall_clock();
    let open = places.open_source(name).await?;
    let evidence = verify_evidence(open.source.as_ref(), digest, &policy.trust, at).await?;
    let proven: Vec<Proven<'_>> = evidence
        .iter()
        .filter_map(|one| match (&one.outcome, &one.layer) {
            (EvidenceOutcome::Proven(fact), Some(layer)) => Some(Proven { bundle: layer.digest, fact }),
            _ => None,
        })
        .collect();
    for excess in &mut verdict.excesses {
        let whole = approvers(&policy, &gate, std::slice::from_ref(&excess.delta), &proven, at);
        let names: Vec<String> = each(excess);
        let single = || approvers(&policy, &gate, &names, &proven, at);
        excess.accepted_by = whole.or_else(single).unwrap_or_default();
    }
    Ok(())
}

/// The deltas that name each new thing by itself.
fn each(excess: &Excess) -> Vec<String> {
    excess.items.iter().map(|item| format!("{}:{item}", excess.delta)).collect()
}

/// Who approved all of these deltas; nothing where one of them is open.
fn approvers(
    policy: &Policy,
    gate: &Gate,
    deltas: &[String],
    proven: &[Proven<'_>],
    at: jiff::Timestamp,
) -> Option<Vec<String>> {
    let mut policy = policy.clone();
    policy.gates =
        deltas.iter().map(|delta| Gate { name: format!("{GATE}:{delta}"), ..gate.clone() }).collect();
    let judgement = policy.judge(proven, at);
    let is_open = !deltas.is_empty() && judgement.gates.iter().all(|(_, ruling)| ruling.is_open);
    let mut people: Vec<String> = judgement
        .gates
        .iter()
        .flat_map(|(_, ruling)| ruling.approvers.iter().chain(&ruling.broken_by))
        .cloned()
        .collect();
    people.sort();
    people.dedup();
    is_open.then_some(people)
}
