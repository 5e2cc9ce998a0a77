use jiff::Timestamp;
use plimsoll_oci::Digest;

use super::Policy;
use crate::{Approval, Ballot, Fact, Gate, Requirement, Ruling};

/// A fact, and the bundle that proves it.
#[derive(Clone, Copy, Debug)]
pub struct Proven<'f> {
    /// The digest of the bundle, by which an approval can be revoked.
    pub bundle: Digest,
    /// What it proves.
    pub fact: &'f Fact,
}

/// What a policy makes of all that is proven about one image.
#[derive(Clone, Debug)]
pub struct Judgement<'f> {
    /// What became of each requirement, in the policy's order.
    pub requirements: Vec<RequirementRuling<'f>>,
    /// What became of each gate.
    pub gates: Vec<(Gate, Ruling)>,
}

/// What became of one requirement.
#[derive(Clone, Debug)]
pub struct RequirementRuling<'f> {
    /// Which.
    pub requirement: Requirement,
    /// The facts that count for it.
    pub facts: Vec<Proven<'f>>,
    /// Whether they are enough.
    pub is_met: bool,
}

impl Policy {
    /// Judges what is proven as of `at`. Whoever made the image counts at no gate, as if the policy named them there.
    pub fn judge<'f>(&self, proven: &[Proven<'f>], at: Timestamp) -> Judgement<'f> {
        let ballots: Vec<Ballot<'f>> = proven.iter().filter_map(Ballot::of).collect();
        let makers = self.makers(proven);
        let gates = self.gates.iter().map(|gate| {
            let mut gate = gate.clone();
            gate.excluded.extend(makers.iter().cloned());
            let ruling = gate.rule(&ballots, at);
            (gate, ruling)
        });
        let gates = gates.collect();
        let requirements = self.required.iter().map(|requirement| rule(requirement, proven)).collect();
        Judgement { requirements, gates }
    }
}

impl Policy {
    /// When the judgement may become another though nothing is said anew: a key or an approval begins or ends to count.
    pub fn next_change(&self, proven: &[Proven<'_>], after: Timestamp) -> Option<Timestamp> {
        let approvals = proven.iter().filter_map(|proven| Approval::of(proven.fact));
        let of_approvals = approvals.flat_map(|approval| [approval.not_before, approval.expires_at]);
        let of_signers = self.trust.signers().iter().flat_map(|signer| {
            [signer.valid_from, signer.valid_until, signer.revoked.as_ref().map(|revoked| revoked.since)]
        });
        of_approvals.chain(of_signers).flatten().filter(|at| *at > after).min()
    }
}

impl Judgement<'_> {
    /// The requirements that are not met.
    pub fn unmet(&self) -> impl Iterator<Item = &Requirement> {
        self.requirements.iter().filter(|ruling| !ruling.is_met).map(|ruling| &ruling.requirement)
    }

    /// Whether everything that was asked for is there.
    pub fn is_pass(&self) -> bool {
        self.requirements.iter().all(|ruling| ruling.is_met)
            && self.gates.iter().all(|(_, ruling)| ruling.is_open)
    }
}

impl<'f> Ballot<'f> {
    /// What is proven, if it is an approval.
    pub fn of(proven: &Proven<'f>) -> Option<Self> {
        let approval = Approval::of(proven.fact)?;
        Some(Self { bundle: proven.bundle, fact: proven.fact, approval })
    }
}

fn rule<'f>(requirement: &Requirement, proven: &[Proven<'f>]) -> RequirementRuling<'f> {
    let facts: Vec<Proven<'f>> =
        proven.iter().filter(|proven| requirement.is_about(proven.fact)).copied().collect();
    let is_met = requirement.met_by(facts.iter().map(|proven| proven.fact)).is_ok();
    RequirementRuling { requirement: requirement.clone(), facts, is_met }
}
