//! Whose word counts: keys and identities with names, roles and times.

mod role;

use std::collections::BTreeMap;

use jiff::Timestamp;
use plimsoll_tlog::LogVerifier;

pub use self::role::Role;
use crate::{Identity, KeyId, PredicateType, ProvenIdentity, PublicKey, SigstoreRoot};

/// Most signers of one policy: each may have to be tried for a signature without a hint.
const SIGNERS_MAX: usize = 256;

/// Whose word counts, and for what.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    signers: Vec<Signer>,
    /// What each role may say, besides or instead of what it may by itself.
    says: BTreeMap<Role, Vec<PredicateType>>,
    /// The logs whose word on the time counts.
    logs: Vec<LogVerifier>,
    /// Under whom identities are proven.
    roots: Vec<SigstoreRoot>,
}

/// Somebody whose word may count.
#[derive(Clone, Debug)]
pub struct Signer {
    /// What people call them.
    pub name: String,
    /// Whose key it is, where somebody has several: people are counted, and not keys.
    pub person: Option<String>,
    /// How their signatures are known.
    pub verifier: Verifier,
    /// The roles they have; `None` for every role, as with a key that was named on the command line.
    pub roles: Option<Vec<Role>>,
    /// When their word begins to count.
    pub valid_from: Option<Timestamp>,
    /// When it ends to.
    pub valid_until: Option<Timestamp>,
    /// When and why it was taken back.
    pub revoked: Option<Revocation>,
}

/// How somebody's signatures are known.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Verifier {
    /// By a key.
    Key(PublicKey),
    /// By what a certificate says of them.
    Identity(Box<Identity>),
}

/// That somebody's word counts no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// From when on.
    pub since: Timestamp,
    /// Whether others have the key: then nothing counts that it ever signed.
    pub is_compromise: bool,
    /// Why.
    pub reason: String,
}

/// Why a policy cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// Two signers have the same key: nobody could tell who spoke.
    #[error("`{first}` and `{second}` have the same key")]
    SameKey {
        /// One.
        first: String,
        /// The other.
        second: String,
    },
    /// Two signers are the same identity.
    #[error("`{first}` and `{second}` are the same identity")]
    SameIdentity {
        /// One.
        first: String,
        /// The other.
        second: String,
    },
    /// Two signers have the same name.
    #[error("two signers are called `{0}`")]
    SameName(String),
    /// The times leave no moment.
    #[error("the time of `{0}` ends before it begins")]
    NoTime(String),
    /// There are too many.
    #[error("there are {0} signers; at most {SIGNERS_MAX} are tried")]
    ManySigners(usize),
}

impl Trust {
    /// Trusts `signers`. `says` replaces what a role may say by itself.
    pub fn new(signers: Vec<Signer>, says: BTreeMap<Role, Vec<PredicateType>>) -> Result<Self, TrustError> {
        if signers.len() > SIGNERS_MAX {
            return Err(TrustError::ManySigners(signers.len()));
        }
        for (position, signer) in signers.iter().enumerate() {
            if let (Some(from), Some(until)) = (signer.valid_from, signer.valid_until)
                && until <= from
            {
                return Err(TrustError::NoTime(signer.name.clone()));
            }
            check_unique(signer, signers.iter().take(position))?;
        }
        Ok(Self { signers, says, logs: Vec::new(), roots: Vec::new() })
    }

    /// Trusts one key in every role, without an end: what `--key` means.
    pub fn of_key(name: &str, key: PublicKey) -> Self {
        Self { signers: vec![Signer::anybody(name, Verifier::Key(key))], ..Self::default() }
    }

    /// Trusts one identity in every role, without an end, proven under one of `roots`: what `--identity` means.
    pub fn of_identity(name: &str, identity: Identity, roots: Vec<SigstoreRoot>) -> Self {
        let verifier = Verifier::Identity(Box::new(identity));
        Self { signers: vec![Signer::anybody(name, verifier)], roots, ..Self::default() }
    }

    /// Takes these logs' word on when something was signed: keys are then judged as of that time.
    pub fn with_logs(self, logs: Vec<LogVerifier>) -> Self {
        Self { logs, ..self }
    }

    /// Takes one more log's word on it.
    pub fn with_log(mut self, log: LogVerifier) -> Self {
        self.logs.push(log);
        self
    }

    /// Takes the word of these roots on who has signed.
    pub fn with_roots(self, roots: Vec<SigstoreRoot>) -> Self {
        Self { roots, ..self }
    }

    pub(crate) fn roots(&self) -> &[SigstoreRoot] {
        &self.roots
    }

    /// Who this identity is: whoever is named exactly, before those who are known by a pattern.
    pub(crate) fn signer_of(&self, proven: &ProvenIdentity) -> Option<&Signer> {
        let known = |signer: &&Signer| match &signer.verifier {
            Verifier::Identity(identity) => identity.is(proven),
            Verifier::Key(_) => false,
        };
        let mut fitting: Vec<&Signer> = self.signers.iter().filter(known).collect();
        fitting.sort_by_key(|signer| !signer.is_named_exactly());
        fitting.first().copied()
    }

    /// The logs whose word on the time counts.
    pub fn logs(&self) -> &[LogVerifier] {
        &self.logs
    }

    /// Everybody.
    pub fn signers(&self) -> &[Signer] {
        &self.signers
    }

    /// What a role may say.
    pub(crate) fn said_by(&self, role: &Role) -> &[PredicateType] {
        self.says.get(role).map_or(role.says(), Vec::as_slice)
    }

    /// The roles of `signer` that let them say `predicate`.
    pub(crate) fn roles_to_say(&self, signer: &Signer, predicate: &PredicateType) -> Vec<Role> {
        let may_say = |role: &&Role| self.said_by(role).iter().any(|said| said.covers(predicate));
        match &signer.roles {
            Some(roles) => roles.iter().filter(may_say).cloned().collect(),
            None => {
                let able: Vec<Role> = Role::KNOWN.iter().filter(may_say).cloned().collect();
                if able.is_empty() { vec![Role::WITNESS] } else { able }
            }
        }
    }
}

fn check_unique<'a>(signer: &Signer, others: impl Iterator<Item = &'a Signer>) -> Result<(), TrustError> {
    for other in others {
        let (first, second) = (other.name.clone(), signer.name.clone());
        match (&other.verifier, &signer.verifier) {
            (Verifier::Key(one), Verifier::Key(two)) if one.id() == two.id() => {
                return Err(TrustError::SameKey { first, second });
            }
            (Verifier::Identity(one), Verifier::Identity(two)) if one == two => {
                return Err(TrustError::SameIdentity { first, second });
            }
            _ => {}
        }
        if other.name == signer.name {
            return Err(TrustError::SameName(signer.name.clone()));
        }
    }
    Ok(())
}

impl Signer {
    /// Who it is: several keys may be one person's.
    pub fn person(&self) -> &str {
        self.person.as_deref().unwrap_or(&self.name)
    }

    /// Who an identity is: several may fit a pattern, and each of them is a person.
    pub(crate) fn person_of<'a>(&'a self, proven: &'a ProvenIdentity) -> &'a str {
        match &self.person {
            None if !self.is_named_exactly() => &proven.subject,
            _ => self.person(),
        }
    }

    fn anybody(name: &str, verifier: Verifier) -> Self {
        Self {
            name: name.to_owned(),
            person: None,
            verifier,
            roles: None,
            valid_from: None,
            valid_until: None,
            revoked: None,
        }
    }

    /// The key's name, if it is a key by which they are known.
    pub fn key_id(&self) -> Option<KeyId> {
        self.key().map(PublicKey::id)
    }

    fn key(&self) -> Option<&PublicKey> {
        match &self.verifier {
            Verifier::Key(key) => Some(key),
            Verifier::Identity(_) => None,
        }
    }

    fn is_named_exactly(&self) -> bool {
        matches!(&self.verifier, Verifier::Identity(identity) if identity.subject.is_exact())
    }

    pub(crate) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key().is_some_and(|key| key.verifies(message, signature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SigningKey;

    fn signer(name: &str, seed: u8) -> Signer {
        let key = SigningKey::generate(&[seed; 32]).unwrap().public().clone();
        Trust::of_key(name, key).signers.remove(0)
    }

    fn of(signers: Vec<Signer>) -> Result<Trust, TrustError> {
        Trust::new(signers, BTreeMap::new())
    }

    #[test]
    fn nobody_can_be_taken_for_another() {
        assert!(of(vec![signer("a", 1), signer("b", 2)]).is_ok());
        assert_eq!(
            of(vec![signer("a", 1), signer("a", 2)]).unwrap_err(),
            TrustError::SameName("a".to_owned())
        );
        assert!(matches!(of(vec![signer("a", 1), signer("b", 1)]), Err(TrustError::SameKey { .. })));
    }

    #[test]
    fn a_role_says_what_it_may_and_a_policy_can_change_that() {
        let ci = Signer { roles: Some(vec![Role::SIGNER]), ..signer("ci", 1) };
        let usual = of(vec![ci.clone()]).unwrap();
        assert_eq!(usual.roles_to_say(&ci, &PredicateType::SIGNATURE), [Role::SIGNER]);
        assert_eq!(usual.roles_to_say(&ci, &PredicateType::PROVENANCE), []);
        let says = BTreeMap::from([(Role::SIGNER, vec![PredicateType::PROVENANCE])]);
        let changed = Trust::new(vec![ci.clone()], says).unwrap();
        assert_eq!(changed.roles_to_say(&ci, &PredicateType::SIGNATURE), []);
        assert_eq!(changed.roles_to_say(&ci, &PredicateType::PROVENANCE), [Role::SIGNER]);
    }
}
