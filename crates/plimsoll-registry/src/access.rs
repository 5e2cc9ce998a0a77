//! Who asks, and the proofs of what they may do.
//!
//! A proof can only be made here, from an [`Identity`]. Operations take proofs and not names, so an operation without
//! authorisation does not compile.

use plimsoll_oci::RepositoryName;
use plimsoll_store::Pattern;
use plimsoll_store::catalogue::{Action, Grant};

/// Somebody whose credentials were checked, or nobody in particular.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name in histories and logs.
    pub name: String,
    /// What they may do.
    pub grants: Vec<Grant>,
    /// Which repositories they may see the names of.
    pub listable: Vec<Pattern>,
    /// How they showed who they are.
    pub shown_by: ShownBy,
}

/// How an identity was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShownBy {
    /// Nothing was shown, and nothing is asked for: there are no users yet.
    NotAsked,
    /// Nothing was shown.
    Nothing,
    /// A password or a robot's token.
    Credentials,
    /// A token of the token service, which carries only the rights it was asked for.
    ScopedToken,
}

/// May read in a repository.
#[derive(Clone, Debug)]
pub struct CanPull {
    repository: RepositoryName,
}

/// May add to a repository.
#[derive(Clone, Debug)]
pub struct CanPush {
    repository: RepositoryName,
    actor: String,
}

/// May delete from a repository.
#[derive(Clone, Debug)]
pub struct CanDelete {
    repository: RepositoryName,
    actor: String,
}

/// May see the names of those repositories that match.
#[derive(Clone, Debug)]
pub struct CanList {
    repositories: Vec<Pattern>,
}

/// May have records put into the log.
#[derive(Clone, Debug)]
pub struct CanLog {
    actor: String,
}

/// May read what the log tells of accounts.
#[derive(Clone, Copy, Debug)]
pub struct CanAudit(());

/// May set the rules for repositories.
#[derive(Clone, Debug)]
pub struct CanGovern {
    actor: String,
}

/// A right over the whole registry is missing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeniedOverall {
    /// To write.
    #[error("`{0}` may push nowhere, and so may not write to the transparency log")]
    Write(String),
    /// To read about accounts.
    #[error("`{0}` may not do everything everywhere, and so may not read what the log tells of accounts")]
    Audit(String),
    /// To set rules.
    #[error("`{0}` may not do everything everywhere, and so may not set projects")]
    Govern(String),
}

/// The right that is missing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{who}` may not {action} in repository `{repository}`")]
pub struct Denied {
    /// Who asked.
    pub who: String,
    /// For what.
    pub action: Action,
    /// Where.
    pub repository: RepositoryName,
}

impl Identity {
    /// Somebody with some rights, who may see the names of what they may pull.
    pub fn new(name: String, grants: Vec<Grant>, shown_by: ShownBy) -> Self {
        let may_pull = grants.iter().filter(|grant| grant.actions.contains(&Action::Pull));
        let listable = may_pull.map(|grant| grant.repositories.clone()).collect();
        Self { name, grants, listable, shown_by }
    }

    /// Anybody, who may do everything: there are no users yet.
    pub fn not_asked() -> Self {
        Self::new("anonymous".to_owned(), vec![Grant::all()], ShownBy::NotAsked)
    }

    /// Whether the identity may do `action` in `repository`.
    pub fn may(&self, repository: &RepositoryName, action: Action) -> bool {
        self.grants.iter().any(|grant| grant.allows(repository, action))
    }

    fn check(&self, repository: &RepositoryName, action: Action) -> Result<(), Denied> {
        if self.may(repository, action) {
            return Ok(());
        }
        Err(Denied { who: self.name.clone(), action, repository: repository.clone() })
    }

    /// Proves the right to pull.
    pub fn can_pull(&self, repository: &RepositoryName) -> Result<CanPull, Denied> {
        self.check(repository, Action::Pull).map(|()| CanPull { repository: repository.clone() })
    }

    /// Proves the right to push.
    pub fn can_push(&self, repository: &RepositoryName) -> Result<CanPush, Denied> {
        self.check(repository, Action::Push)
            .map(|()| CanPush { repository: repository.clone(), actor: self.name.clone() })
    }

    /// Proves the right to delete.
    pub fn can_delete(&self, repository: &RepositoryName) -> Result<CanDelete, Denied> {
        self.check(repository, Action::Delete)
            .map(|()| CanDelete { repository: repository.clone(), actor: self.name.clone() })
    }

    /// Proves the right to write to the log: who may push somewhere has something to sign.
    pub fn can_log(&self) -> Result<CanLog, DeniedOverall> {
        let may = self.grants.iter().any(|grant| grant.actions.contains(&Action::Push));
        if may {
            Ok(CanLog { actor: self.name.clone() })
        } else {
            Err(DeniedOverall::Write(self.name.clone()))
        }
    }

    /// Proves the right to read about accounts: who may do everything everywhere.
    pub fn can_audit(&self) -> Result<CanAudit, DeniedOverall> {
        let may = self.grants.contains(&Grant::all());
        if may { Ok(CanAudit(())) } else { Err(DeniedOverall::Audit(self.name.clone())) }
    }

    /// Proves the right to set rules for repositories: who may do everything everywhere.
    pub fn can_govern(&self) -> Result<CanGovern, DeniedOverall> {
        let may = self.grants.contains(&Grant::all());
        let denied = || DeniedOverall::Govern(self.name.clone());
        may.then(|| CanGovern { actor: self.name.clone() }).ok_or_else(denied)
    }

    /// Proves the right to list repositories: everybody may list what they may pull.
    pub fn can_list(&self) -> CanList {
        CanList { repositories: self.listable.clone() }
    }
}

impl CanPull {
    /// The repository.
    pub fn repository(&self) -> &RepositoryName {
        &self.repository
    }
}

impl CanPush {
    /// The repository.
    pub fn repository(&self) -> &RepositoryName {
        &self.repository
    }

    /// Who pushes.
    pub fn actor(&self) -> &str {
        &self.actor
    }
}

impl CanDelete {
    /// The repository.
    pub fn repository(&self) -> &RepositoryName {
        &self.repository
    }

    /// Who deletes.
    pub fn actor(&self) -> &str {
        &self.actor
    }
}

impl CanLog {
    /// Who writes.
    pub fn actor(&self) -> &str {
        &self.actor
    }
}

impl CanGovern {
    /// Who sets them.
    pub fn actor(&self) -> &str {
        &self.actor
    }
}

impl CanList {
    /// Whether some repository that matches one of these patterns may be shown.
    pub fn may_see_some_of(&self, patterns: &[Pattern]) -> bool {
        self.repositories.iter().any(|seen| patterns.iter().any(|pattern| pattern.overlaps(seen)))
    }

    /// Whether a repository may be shown.
    pub fn may_see(&self, repository: &RepositoryName) -> bool {
        self.repositories.iter().any(|pattern| pattern.matches(repository.as_str()))
    }
}
