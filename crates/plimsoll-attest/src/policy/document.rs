use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use plimsoll_tlog::LogVerifier;
use serde::{Deserialize, Serialize};

use super::{PolicyError, kind, log_key};
use crate::{
    Gate, Identity, PublicKey, Requirement, Revocation, Role, Signer, SigstoreRoot, SubjectPattern, Verifier,
};

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
    /// Under whom identities are proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sigstore: Option<SigstoreEntry>,
}

/// A key or an identity, whose it is, and for what it counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PolicyKey {
    /// What people call it.
    pub name: String,
    /// Whose key it is, where somebody has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) person: Option<String>,
    /// The key itself in PEM; or a file, for whoever reads the document to put in its place. Empty for an identity.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// What certificates say of them, where they have no key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) identity: Option<IdentityEntry>,
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
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct IdentityEntry {
    /// Who must have checked the name.
    issuer: String,
    /// The name, exactly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// Or what it must be like, with `*` and `**`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject_pattern: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    repository: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    workflow: Option<String>,
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    git_ref: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct SigstoreEntry {
    /// Sigstore's trusted root: the JSON itself, or a file, for whoever reads the document to put in its place.
    trusted_root: String,
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
    /// The names of its gates.
    pub fn gate_names(&self) -> impl Iterator<Item = &str> {
        self.gates.iter().map(|gate| gate.name.as_str())
    }

    /// Puts the keys themselves in place of the files that hold them.
    pub fn with_keys_inline<E>(mut self, read: impl Fn(&PolicyKey) -> Result<String, E>) -> Result<Self, E> {
        for key in self.keys.iter_mut().filter(|key| !key.is_inline()) {
            key.key = read(key)?;
        }
        Ok(self)
    }

    /// Puts the trusted root itself in place of the file that holds it.
    pub fn with_root_inline<E>(mut self, read: impl FnOnce(&str) -> Result<String, E>) -> Result<Self, E> {
        if let Some(sigstore) = self.sigstore.as_mut().filter(|sigstore| !sigstore.is_inline()) {
            sigstore.trusted_root = read(&sigstore.trusted_root)?;
        }
        Ok(self)
    }

    /// Under whom identities are proven; nobody, where the document says nothing of it.
    pub(super) fn roots(&self) -> Result<Vec<SigstoreRoot>, PolicyError> {
        if let Some(sigstore) = &self.sigstore {
            let roots = SigstoreRoot::parse_all(sigstore.trusted_root.as_bytes());
            return roots.map_err(|error| PolicyError::Root(error.to_string()));
        }
        match self.keys.iter().find(|key| key.identity.is_some()) {
            Some(key) => Err(PolicyError::NoRoot(key.name.clone())),
            None => Ok(Vec::new()),
        }
    }
}

impl SigstoreEntry {
    fn is_inline(&self) -> bool {
        self.trusted_root.trim_start().starts_with('{')
    }
}

impl IdentityEntry {
    fn identity(&self, name: &str) -> Result<Identity, PolicyError> {
        let subject = match (&self.subject, &self.subject_pattern) {
            (Some(subject), None) => SubjectPattern::exactly(subject),
            (None, Some(pattern)) => SubjectPattern::parse(pattern)
                .map_err(|source| PolicyError::Identity { name: name.to_owned(), source })?,
            _ => return Err(PolicyError::Subject(name.to_owned())),
        };
        Ok(Identity {
            repository: self.repository.clone(),
            workflow: self.workflow.clone(),
            git_ref: self.git_ref.clone(),
            ..Identity::new(&self.issuer, subject)
        })
    }
}

impl PolicyKey {
    /// Whether nothing of it lies in a file.
    fn is_inline(&self) -> bool {
        self.key.is_empty() || self.key.contains("-----BEGIN")
    }

    fn verifier(&self) -> Result<Verifier, PolicyError> {
        let name = || self.name.clone();
        match &self.identity {
            Some(_) if !self.key.is_empty() => Err(PolicyError::KeyAndIdentity(name())),
            Some(identity) => Ok(Verifier::Identity(Box::new(identity.identity(&self.name)?))),
            None => {
                let key = self.key.parse::<PublicKey>();
                key.map(Verifier::Key).map_err(|source| PolicyError::Key { name: name(), source })
            }
        }
    }

    pub(super) fn signer(&self) -> Result<Signer, PolicyError> {
        let revoked = self.revoked.as_ref().map(|revoked| Revocation {
            since: revoked.since,
            is_compromise: revoked.compromised,
            reason: revoked.reason.clone(),
        });
        Ok(Signer {
            name: self.name.clone(),
            person: self.person.clone(),
            verifier: self.verifier()?,
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
