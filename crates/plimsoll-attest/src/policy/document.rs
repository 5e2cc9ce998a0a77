use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use plimsoll_tlog::LogVerifier;
use serde::{Deserialize, Serialize};

use super::{PolicyError, kind, log_key};
use crate::{Gate, PublicKey, Requirement, Revocation, Role, Signer, Verifier};

/// A policy as it is written down: the `trust` section of `plimsoll.yaml`, and the document that a server keeps for a
/// project. Names that nobody knows are refused: a typing error must not be a gap.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyDocument {
    /// Whose signatures count.
    pub keys: Vec<PolicyKey>,
    /// What roles may say, where it is not what they may by themselves.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) roles: BTreeMap<Role, Vec<String>>,
    /// What must be there for an image to pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) require: Vec<RequireEntry>,
    /// Where people have to approve.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) gates: Vec<GateEntry>,
    /// The logs that say when something was signed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) logs: Vec<LogEntry>,
    /// Who is who in git and where images are built.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) people: Vec<PersonEntry>,
}

/// A key, whose it is, and for what it counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PolicyKey {
    /// What people call it.
    pub name: String,
    /// Whose key it is, where somebody has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) person: Option<String>,
    /// The key itself in PEM; or a file, for whoever reads the document to put in its place.
    pub key: String,
    pub(super) roles: Vec<Role>,
    /// Whether it may do what is meant to be done with different keys.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) shared: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) valid_from: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) valid_until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) revoked: Option<RevokedEntry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RevokedEntry {
    since: Timestamp,
    reason: String,
    #[serde(default, skip_serializing_if = "is_false")]
    compromised: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogEntry {
    /// The key that signs checkpoints, as `NAME+HASH+KEY`.
    key: String,
    /// The key of whoever states the time, in the same form.
    time: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct GateEntry {
    name: String,
    role: Role,
    #[serde(default = "one")]
    approvals: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
    /// The people whose own work it is.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    excluded: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    break_glass: Option<Role>,
    /// How old a verdict may be, such as `10m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_age: Option<SignedDuration>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum RequireEntry {
    Type(String),
    Whole(WholeRequirement),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WholeRequirement {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    #[serde(default = "one")]
    signers: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PersonEntry {
    pub(super) name: String,
    /// The addresses in commits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) git: Vec<String>,
    /// The accounts where images are built, such as `github:ana`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) ci: Vec<String>,
}

fn one() -> usize {
    1
}

fn is_false(value: &bool) -> bool {
    !value
}

impl PolicyDocument {
    /// Puts the keys themselves in place of the files that hold them.
    pub fn with_keys_inline<E>(mut self, read: impl Fn(&PolicyKey) -> Result<String, E>) -> Result<Self, E> {
        for key in self.keys.iter_mut().filter(|key| !key.is_inline()) {
            key.key = read(key)?;
        }
        Ok(self)
    }
}

impl PolicyKey {
    fn is_inline(&self) -> bool {
        self.key.contains("-----BEGIN")
    }

    pub(super) fn signer(&self) -> Result<Signer, PolicyError> {
        let unusable = |source| PolicyError::Key { name: self.name.clone(), source };
        let key: PublicKey = self.key.parse().map_err(unusable)?;
        let revoked = self.revoked.as_ref().map(|revoked| Revocation {
            since: revoked.since,
            is_compromise: revoked.compromised,
            reason: revoked.reason.clone(),
        });
        Ok(Signer {
            name: self.name.clone(),
            person: self.person.clone(),
            verifier: Verifier::Key(key),
            roles: Some(self.roles.clone()),
            valid_from: self.valid_from,
            valid_until: self.valid_until,
            revoked,
        })
    }
}

impl LogEntry {
    pub(super) fn verifier(&self) -> Result<LogVerifier, PolicyError> {
        Ok(LogVerifier { log: log_key(&self.key)?, cosigner: Some(log_key(&self.time)?) })
    }
}

impl GateEntry {
    pub(super) fn gate(&self) -> Result<Gate, PolicyError> {
        if self.max_age.is_some_and(|age| !age.is_positive()) {
            return Err(PolicyError::MaxAge(self.name.clone()));
        }
        let Self { name, role, approvals, environment, excluded, break_glass, max_age } = self.clone();
        Ok(Gate { name, role, approvals, environment, repository: None, excluded, break_glass, max_age })
    }
}

impl RequireEntry {
    pub(super) fn requirement(&self) -> Result<Requirement, PolicyError> {
        match self {
            Self::Type(text) => Ok(Requirement::of(kind(text)?)),
            Self::Whole(WholeRequirement { kind: text, role, signers }) => {
                Ok(Requirement { predicate_type: kind(text)?, role: role.clone(), signers: *signers })
            }
        }
    }
}
