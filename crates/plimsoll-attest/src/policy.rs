//! What must be said about images, and by whom: the policy of a project, or of the file beside the one who verifies.

mod document;
mod duty;
mod judgement;
mod makers;
mod people;

use std::collections::{BTreeMap, BTreeSet};

pub use self::document::{PolicyDocument, PolicyKey};
pub use self::duty::Duty;
pub use self::judgement::{Judgement, Proven, RequirementRuling};
use self::people::People;
use crate::{
    Gate, KeyError, LogKey, PredicateType, Requirement, Role, SubjectPatternError, Trust, TrustError,
};

/// Most gates, requirements or logs of one policy.
const ENTRIES_MAX: usize = 256;

/// A policy that was read: whom to trust, what to require, where people have to approve, and who is who.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Whose word counts, and for what.
    pub trust: Trust,
    /// What must be there for an image to pass.
    pub required: Vec<Requirement>,
    /// Where people have to approve.
    pub gates: Vec<Gate>,
    people: People,
}

/// Why a document is no policy.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PolicyError {
    /// A key cannot be read.
    #[error("the key of `{name}` cannot be used: {source}")]
    Key {
        /// Whose.
        name: String,
        /// Why.
        source: KeyError,
    },
    /// A signer has two ways to be known by.
    #[error("`{0}` has a key and an identity, where only one can tell who signed")]
    KeyAndIdentity(String),
    /// An identity has no name, or two.
    #[error("the identity of `{0}` has a `subject` or a `subjectPattern`, one of them")]
    Subject(String),
    /// An identity takes in too many.
    #[error("the identity of `{name}` cannot be used: {source}")]
    Identity {
        /// Whose.
        name: String,
        /// Why.
        source: SubjectPatternError,
    },
    /// Nobody says whom to believe about identities.
    #[error("`{0}` is an identity, and no `sigstore: {{trustedRoot: FILE}}` says under whom it is proven")]
    NoRoot(String),
    /// A trusted root cannot be read.
    #[error("the `trustedRoot` cannot be used: {0}")]
    Root(String),
    /// A log's key cannot be read.
    #[error("`{text}` is no key of a log: {reason}")]
    LogKey {
        /// What stands there.
        text: String,
        /// Why it is none.
        reason: String,
    },
    /// A kind of statement that nobody knows.
    #[error("`{0}` is no kind of statement: write a URI, or one of {names}", names = short_names())]
    Kind(String),
    /// One key would vouch for an image in two ways that are meant to check each other.
    #[error(
        "the key of `{name}` may both {first} and {second}, so that who has it needs nobody else: \
         give each its own key, or say `shared: true` beside it"
    )]
    TwoDuties {
        /// Whose.
        name: String,
        /// One.
        first: Duty,
        /// The other.
        second: Duty,
    },
    /// Two gates have the same name.
    #[error("two gates are called `{0}`")]
    SameGate(String),
    /// Verdicts of a gate would be stale when they are made.
    #[error("the `maxAge` of the gate `{0}` is no time")]
    MaxAge(String),
    /// An address belongs to two people.
    #[error("`{address}` cannot be both `{first}` and `{second}`")]
    TwoPeople {
        /// The address or account.
        address: String,
        /// One.
        first: String,
        /// The other.
        second: String,
    },
    /// There is too much of something.
    #[error("there are {found} {what}; at most {at_most} are taken")]
    TooMany {
        /// What.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        at_most: usize,
    },
    /// Its signers do not fit together.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

fn short_names() -> String {
    PredicateType::short_names().collect::<Vec<_>>().join(", ")
}

impl Policy {
    /// Trusts some signers, and requires nothing.
    pub fn trusting(trust: Trust) -> Self {
        Self { trust, ..Self::default() }
    }

    /// Who writes under this address in git, if the policy says so.
    pub fn person_of_author(&self, email: &str) -> Option<&str> {
        self.people.of_author(email)
    }

    /// Whose account this is where images are built, such as `github:ana`, if the policy says so.
    pub fn person_of_actor(&self, actor: &str) -> Option<&str> {
        self.people.of_actor(actor)
    }

    /// Requires a signature where nothing is required: a policy that asks for nothing would let everything pass.
    pub fn require_something(&mut self) {
        if self.required.is_empty() && self.gates.is_empty() {
            self.required.push(Requirement::of(PredicateType::SIGNATURE));
        }
    }

    /// The gate of this name.
    pub fn gate(&self, name: &str) -> Option<&Gate> {
        self.gates.iter().find(|gate| gate.name == name)
    }
}

impl TryFrom<&PolicyDocument> for Policy {
    type Error = PolicyError;

    fn try_from(document: &PolicyDocument) -> Result<Self, PolicyError> {
        check_lengths(document)?;
        let signers = document.keys.iter().map(PolicyKey::signer).collect::<Result<Vec<_>, _>>()?;
        let says = document.roles.iter().map(|(role, types)| Ok((role.clone(), kinds(types)?)));
        let says = says.collect::<Result<BTreeMap<Role, Vec<PredicateType>>, PolicyError>>()?;
        let logs = document.logs.iter().map(document::LogEntry::verifier).collect::<Result<Vec<_>, _>>()?;
        let trust = Trust::new(signers, says)?.with_logs(logs).with_roots(document.roots()?);
        let shared = document.keys.iter().filter(|key| key.shared).map(|key| key.name.as_str());
        duty::separate(&trust, &shared.collect())?;
        let required = document.require.iter().map(document::RequireEntry::requirement);
        let gates = document.gates.iter().map(document::GateEntry::gate).collect::<Result<Vec<_>, _>>()?;
        check_gate_names(&gates)?;
        let people = People::of(&document.people)?;
        Ok(Self { trust, required: required.collect::<Result<_, _>>()?, gates, people })
    }
}

fn check_lengths(document: &PolicyDocument) -> Result<(), PolicyError> {
    let lengths = [
        ("requirements", document.require.len()),
        ("gates", document.gates.len()),
        ("logs", document.logs.len()),
        ("roles", document.roles.len()),
    ];
    match lengths.into_iter().find(|(_, length)| *length > ENTRIES_MAX) {
        Some((what, found)) => Err(PolicyError::TooMany { what, found, at_most: ENTRIES_MAX }),
        None => Ok(()),
    }
}

fn check_gate_names(gates: &[Gate]) -> Result<(), PolicyError> {
    let mut names = BTreeSet::new();
    match gates.iter().find(|gate| !names.insert(&gate.name)) {
        Some(gate) => Err(PolicyError::SameGate(gate.name.clone())),
        None => Ok(()),
    }
}

fn kinds(texts: &[String]) -> Result<Vec<PredicateType>, PolicyError> {
    texts.iter().map(|text| kind(text)).collect()
}

fn kind(text: &str) -> Result<PredicateType, PolicyError> {
    PredicateType::named(text).ok_or_else(|| PolicyError::Kind(text.to_owned()))
}

fn log_key(text: &str) -> Result<LogKey, PolicyError> {
    let unusable = |error: plimsoll_tlog::KeyError| PolicyError::LogKey {
        text: text.to_owned(),
        reason: error.to_string(),
    };
    text.parse().map_err(unusable)
}

#[cfg(test)]
mod tests;
