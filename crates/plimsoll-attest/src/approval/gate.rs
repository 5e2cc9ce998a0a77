use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use plimsoll_oci::Digest;

use super::{Approval, Decision};
use crate::{Fact, Role};

/// Longest time that a break-glass approval holds.
const BREAK_GLASS_MAX: SignedDuration = SignedDuration::from_hours(72);

/// How many of whom must accept an image before it passes.
#[derive(Clone, Debug)]
pub struct Gate {
    /// The purpose.
    pub name: String,
    /// In which role approvers speak.
    pub role: Role,
    /// How many different people.
    pub approvals: usize,
    /// The environment in question.
    pub environment: Option<String>,
    /// The repository that the image is in.
    pub repository: Option<String>,
    /// The people who wrote or built what is to be approved: their own word does not count.
    pub excluded: BTreeSet<String>,
    /// The role of those who may open the gate alone in an emergency, with a reason and for a short time.
    pub break_glass: Option<Role>,
    /// How old a verdict about the gate may be, if it is said.
    pub max_age: Option<SignedDuration>,
}

/// One approver's verified statement.
#[derive(Clone, Debug)]
pub struct Ballot<'f> {
    /// The digest of the bundle it came in, by which it can be revoked.
    pub bundle: Digest,
    /// Who says it, and that they may.
    pub fact: &'f Fact,
    /// What they say.
    pub approval: Approval,
}

/// Why an approval does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCounted {
    /// It is for another gate.
    #[error("it is for the gate `{0}`")]
    OtherGate(String),
    /// It holds elsewhere.
    #[error("it does not hold here")]
    OtherScope,
    /// It was said in another role than the gate asks for.
    #[error("it is said as `{0}`")]
    OtherRole(Role),
    /// The role was only claimed.
    #[error("`{person}` does not have the role `{role}`")]
    NotHeld {
        /// Who claimed it.
        person: String,
        /// What they claimed to be.
        role: Role,
    },
    /// Nobody approves their own work.
    #[error("`{0}` wrote or built it")]
    OwnWork(String),
    /// It does not hold yet.
    #[error("it holds from {0} on")]
    NotYet(Timestamp),
    /// It holds no longer.
    #[error("it expired at {0}")]
    Expired(Timestamp),
    /// It was taken back.
    #[error("it was revoked by `{0}`")]
    Revoked(String),
    /// It opens the gate alone, and lacks a reason or an early end.
    #[error("an emergency needs a reason, and an end within {} hours", BREAK_GLASS_MAX.as_hours())]
    Unfounded,
}

/// What the approvals come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// Who approves, each of them once.
    pub approvers: BTreeSet<String>,
    /// Who rejects.
    pub rejecters: BTreeSet<String>,
    /// Who opened the gate in an emergency.
    pub broken_by: Option<String>,
    /// What did not count, by the bundle's digest.
    pub not_counted: Vec<(Digest, NotCounted)>,
    /// Whether the image passes.
    pub is_open: bool,
}

impl Gate {
    /// Counts the approvals as of `now`.
    pub fn rule(&self, ballots: &[Ballot<'_>], now: Timestamp) -> Ruling {
        let mut ruling = Ruling {
            approvers: BTreeSet::new(),
            rejecters: BTreeSet::new(),
            broken_by: None,
            not_counted: Vec::new(),
            is_open: false,
        };
        for ballot in ballots.iter().filter(|ballot| ballot.approval.decision != Decision::Revoked) {
            match self.check(ballot, ballots, now) {
                Ok(()) => self.count(ballot, &mut ruling),
                Err(reason) => ruling.not_counted.push((ballot.bundle, reason)),
            }
        }
        let is_quorum = ruling.approvers.len() >= self.approvals.max(1) && ruling.rejecters.is_empty();
        ruling.is_open = is_quorum || ruling.broken_by.is_some();
        ruling
    }

    fn count(&self, ballot: &Ballot<'_>, ruling: &mut Ruling) {
        let person = ballot.fact.person().to_owned();
        match ballot.approval.decision {
            Decision::Approved if self.is_emergency(&ballot.approval) => ruling.broken_by = Some(person),
            Decision::Approved => {
                ruling.approvers.insert(person);
            }
            Decision::Rejected | Decision::Revoked => {
                ruling.rejecters.insert(person);
            }
        }
    }

    fn is_emergency(&self, approval: &Approval) -> bool {
        self.break_glass.as_ref() == Some(&approval.role) && approval.role != self.role
    }

    fn check(&self, ballot: &Ballot<'_>, all: &[Ballot<'_>], now: Timestamp) -> Result<(), NotCounted> {
        let Ballot { fact, approval, .. } = ballot;
        self.check_place(approval)?;
        let is_emergency = self.is_emergency(approval);
        if approval.role != self.role && !is_emergency {
            return Err(NotCounted::OtherRole(approval.role.clone()));
        }
        if !fact.roles().contains(&approval.role) {
            let (person, role) = (fact.person().to_owned(), approval.role.clone());
            return Err(NotCounted::NotHeld { person, role });
        }
        // Whoever made it may reject it, and may not accept it.
        if approval.decision == Decision::Approved && self.excluded.contains(fact.person()) {
            return Err(NotCounted::OwnWork(fact.person().to_owned()));
        }
        check_time(approval, now)?;
        if is_emergency && !is_founded(approval) {
            return Err(NotCounted::Unfounded);
        }
        match all.iter().find(|other| self.revokes(other, ballot, now)) {
            Some(other) => Err(NotCounted::Revoked(other.fact.person().to_owned())),
            None => Ok(()),
        }
    }

    fn check_place(&self, approval: &Approval) -> Result<(), NotCounted> {
        if approval.gate != self.name {
            return Err(NotCounted::OtherGate(approval.gate.clone()));
        }
        let environments = &approval.scope.environments;
        let is_here = environments.is_empty()
            || self.environment.as_ref().is_some_and(|here| environments.contains(here));
        let named = approval.scope.resource_uri.as_ref();
        let is_ours = named.is_none_or(|named| self.repository.as_ref() == Some(named));
        if is_here && is_ours { Ok(()) } else { Err(NotCounted::OtherScope) }
    }

    /// Whether `revocation` takes `ballot` back: its own maker may, and whoever has the role that it was said in.
    fn revokes(&self, revocation: &Ballot<'_>, ballot: &Ballot<'_>, now: Timestamp) -> bool {
        let Approval { decision, revokes, .. } = &revocation.approval;
        let may = revocation.fact.person() == ballot.fact.person()
            || revocation.fact.roles().contains(&ballot.approval.role);
        *decision == Decision::Revoked
            && may
            && check_time(&revocation.approval, now).is_ok()
            && revokes.iter().any(|named| named.is(&ballot.bundle))
    }
}

fn check_time(approval: &Approval, now: Timestamp) -> Result<(), NotCounted> {
    match (approval.not_before, approval.expires_at) {
        (Some(from), _) if now < from => Err(NotCounted::NotYet(from)),
        (_, Some(until)) if now >= until => Err(NotCounted::Expired(until)),
        _ => Ok(()),
    }
}

fn is_founded(approval: &Approval) -> bool {
    let has_reason = approval.reason.as_ref().is_some_and(|reason| !reason.trim().is_empty());
    let ends_soon =
        approval.expires_at.is_some_and(|end| end.duration_since(approval.issued_at) <= BREAK_GLASS_MAX);
    has_reason && ends_soon
}

#[cfg(test)]
mod tests;
