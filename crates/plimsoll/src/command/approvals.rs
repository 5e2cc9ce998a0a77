mod lacking;
mod listed;
mod places;
mod running;
mod selection;

use std::sync::Arc;

use clap::Args;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use plimsoll_attest::{Ballot, Gate, Judgement, PredicateType, Proven, Seen};
use plimsoll_oci::Digest;
use plimsoll_transport::{EvidenceOutcome, JudgedEvidence, Places, WarningCollector, verify_evidence};

use self::listed::{ApprovedImage, GateState, Listed, Row};
use self::places::{NamedImage, Scope};
use self::selection::Selection;
use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;
use crate::signing::wall_clock;
use crate::trust::{PolicyInForce, TrustArguments};

/// Images that are looked at at the same time.
const PARALLEL_MAX: usize = 4;

/// List who approved what, until when, and whether it counts
///
/// Reads what is said about an image, about all tagged images of a repository, or of a registry, and judges it by the
/// policy, as `plimsoll verify --gate` does: a person counts once, in a role that they have, and not for their own work.
#[derive(Debug, Args)]
pub(crate) struct Approvals {
    /// An image, a repository such as localhost:5000/team/app, or a registry
    #[arg(value_name = "IMAGE|REPOSITORY|REGISTRY")]
    place: String,
    #[command(flatten)]
    trust: TrustArguments,
    #[command(flatten)]
    selection: Selection,
    /// List the images that do not pass this gate instead
    #[arg(long, value_name = "GATE")]
    lacking: Option<String>,
    /// Of these list where they run, as their registry was told
    #[arg(long, requires = "lacking", conflicts_with_all = ["keys", "policy", "at"])]
    running: bool,
    /// Judge as of this time, such as 2026-11-22T12:00:00Z
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    #[command(flatten)]
    registries: RegistryArguments,
}

impl Approvals {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let scope = Scope::read(&self.place, context)?;
        let warnings = Arc::new(WarningCollector::default());
        let places = self.registries.places(context, warnings.clone())?;
        if let (Some(gate), true) = (&self.lacking, self.running) {
            let running = context.block_on(running::ask(&places, gate, &scope))?;
            return context.terminal().print(&running);
        }
        if let (Some(gate), Some(host), false) = (&self.lacking, scope.registry(), self.trust.is_given())
            && let Some(told) = context.block_on(lacking::ask(&places, host, gate, &scope))?
        {
            return context.terminal().print(&told);
        }
        let step = context.terminal().step("reading approvals");
        let at = self.at.unwrap_or_else(wall_clock);
        let images = context.block_on(self.images(&places, &scope, at));
        drop(step);
        for (host, text) in warnings.take() {
            context.terminal().warn(&format!("{host}: {text}"));
        }
        let listed = Listed::of(&self.place, images?, &self.selection, self.lacking.as_deref(), at);
        context.terminal().print(&listed)?;
        listed.into_result()
    }

    async fn images(
        &self,
        places: &Places,
        scope: &Scope,
        at: Timestamp,
    ) -> Result<Vec<ApprovedImage>, Failure> {
        let mut images = Vec::new();
        for group in scope.images(places).await? {
            let Some(first) = group.first() else { continue };
            let policy = self.trust.policy(places, &first.name).await?;
            if let Some(gate) = self.lacking.as_ref().filter(|gate| policy.policy.gate(gate).is_none()) {
                return Err(Failure::usage(format!("there is no gate `{gate}`")).at(policy.origin));
            }
            let one = |image: NamedImage| read(places, image, &policy, at);
            let read: Vec<ApprovedImage> =
                stream::iter(group).map(one).buffered(PARALLEL_MAX).try_collect().await?;
            images.extend(read);
        }
        Ok(images)
    }
}

/// Reads what is said about one image, and judges it.
async fn read(
    places: &Places,
    image: NamedImage,
    policy: &PolicyInForce,
    at: Timestamp,
) -> Result<ApprovedImage, Failure> {
    let open = places.open_source(&image.name).await?;
    let evidence = verify_evidence(open.source.as_ref(), &image.digest, &policy.policy.trust, at).await?;
    let proven: Vec<(Digest, Proven<'_>)> = evidence.iter().filter_map(proven).collect();
    let facts: Vec<Proven<'_>> = proven.iter().map(|(_, proven)| *proven).collect();
    let mut policy = policy.policy.clone();
    for gate in &mut policy.gates {
        gate.repository.clone_from(&image.repository);
    }
    let judgement = policy.judge(&facts, at);
    let there: Vec<(Digest, PredicateType)> = facts
        .iter()
        .map(|proven| (proven.bundle, proven.fact.predicate_type().clone()))
        .filter(|(_, kind)| Seen::is_worth_seeing(kind))
        .collect();
    let rows = proven.iter().filter_map(|(evidence, proven)| {
        let ballot = Ballot::of(proven)?;
        Some(Row::of(*evidence, &ballot, state_of(&ballot, &judgement), ballot.approval.unseen(&there)))
    });
    Ok(ApprovedImage {
        names: image.names,
        digest: image.digest,
        rows: rows.collect(),
        gates: judgement.gates.iter().map(|(gate, ruling)| GateState::of(gate, ruling)).collect(),
        refused: count(&evidence, |outcome| matches!(outcome, EvidenceOutcome::Refused(_))),
        unread: count(&evidence, |outcome| {
            matches!(outcome, EvidenceOutcome::Damaged(_) | EvidenceOutcome::Unreachable(_))
        }),
    })
}

fn proven(evidence: &JudgedEvidence) -> Option<(Digest, Proven<'_>)> {
    match (&evidence.outcome, &evidence.layer) {
        (EvidenceOutcome::Proven(fact), Some(layer)) => {
            Some((evidence.manifest, Proven { bundle: layer.digest, fact }))
        }
        _ => None,
    }
}

fn count(evidence: &[JudgedEvidence], is_one: impl Fn(&EvidenceOutcome) -> bool) -> usize {
    evidence.iter().filter(|one| is_one(&one.outcome)).count()
}

/// Why an approval does not count at its gate; `None` if it does.
fn state_of(ballot: &Ballot<'_>, judgement: &Judgement<'_>) -> Option<String> {
    if ballot.approval.decision == plimsoll_attest::Decision::Revoked {
        return None;
    }
    let of_gate = |(gate, _): &&(Gate, plimsoll_attest::Ruling)| gate.name == ballot.approval.gate;
    let Some((_, ruling)) = judgement.gates.iter().find(of_gate) else {
        return Some(format!("the policy has no gate `{}`", ballot.approval.gate));
    };
    let not_counted = ruling.not_counted.iter().find(|(bundle, _)| *bundle == ballot.bundle);
    not_counted.map(|(_, why)| why.to_string())
}
