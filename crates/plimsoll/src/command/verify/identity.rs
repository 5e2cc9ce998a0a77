use jiff::Timestamp;
use plimsoll_attest::{Fact, ProvenIdentity};
use serde::Serialize;

/// Who signed without a key of their own, as their certificate says.
#[derive(Serialize, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(super) struct SignedBy {
    subject: String,
    /// Who has checked that.
    issuer: String,
    /// When it is proven to have been signed.
    signed_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<String>,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    git_ref: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trigger: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    runner: Option<String>,
}

impl SignedBy {
    pub(super) fn of(fact: &Fact) -> Option<Self> {
        let ProvenIdentity { subject, claims, signed_at, .. } = fact.identity()?.clone();
        Some(Self {
            subject,
            issuer: claims.issuer,
            signed_at,
            repository: claims.repository,
            git_ref: claims.git_ref,
            commit: claims.commit,
            workflow: claims.workflow,
            run: claims.run,
            trigger: claims.trigger,
            runner: claims.runner,
        })
    }

    /// For people: who, when, and what their machine was building.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines =
            vec![format!("by {} at {}, as {} has checked", self.subject, self.signed_at, self.issuer)];
        if let Some(repository) = &self.repository {
            let commit = self.commit.as_ref().map_or(String::new(), |commit| format!(" at {commit}"));
            let git_ref = self.git_ref.as_ref().map_or(String::new(), |git_ref| format!(", {git_ref}"));
            lines.push(format!("from {repository}{commit}{git_ref}"));
        }
        lines.extend(self.run.as_ref().map(|run| format!("in {run}")));
        lines
    }
}
