use plimsoll_attest::Policy;
use plimsoll_oci::{Digest, RegistryHost};
use plimsoll_store::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::command::moment::{rfc3339, to_the_minute};
use crate::failure::Failure;
use crate::terminal::{Column, Page, Report, Table};
use crate::trust::Project;

/// All projects, without their policies.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProjectList<'a> {
    api_version: &'static str,
    kind: &'static str,
    projects: Vec<ListedProject<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListedProject<'a> {
    name: &'a str,
    repositories: &'a [String],
    policy_digest: &'a Digest,
    set_at: String,
    set_by: &'a str,
    #[serde(skip)]
    at: Timestamp,
}

/// One project with its rules.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProjectDetails<'a> {
    api_version: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    listed: ListedProject<'a>,
    policy: &'a RawValue,
    #[serde(skip)]
    rules: Policy,
}

impl<'a> ListedProject<'a> {
    fn of(project: &'a Project) -> Self {
        let at = Timestamp::from_unix_ms(project.set_at_unix_ms);
        Self {
            name: &project.name,
            repositories: &project.repositories,
            policy_digest: &project.policy_digest,
            set_at: rfc3339(at),
            set_by: &project.set_by,
            at,
        }
    }
}

impl<'a> ProjectList<'a> {
    pub(super) fn of(projects: &'a [Project]) -> Self {
        let projects = projects.iter().map(ListedProject::of).collect();
        Self { api_version: "plimsoll/v1", kind: "ProjectList", projects }
    }
}

impl<'a> ProjectDetails<'a> {
    pub(super) fn of(project: &'a Project, server: &RegistryHost) -> Result<Self, Failure> {
        Ok(Self {
            api_version: "plimsoll/v1",
            kind: "Project",
            listed: ListedProject::of(project),
            policy: &project.policy,
            rules: project.policy(server)?,
        })
    }
}

impl Report for ProjectList<'_> {
    fn draw(&self, page: &mut Page) {
        let columns = ["NAME", "SET AT", "BY", "POLICY", "REPOSITORIES"].map(Column::Left);
        let mut table = Table::new(&columns);
        for project in &self.projects {
            let digest = if page.is_wide() {
                project.policy_digest.to_string()
            } else {
                project.policy_digest.short()
            };
            let at = to_the_minute(project.at);
            table.row([project.name, &at, project.set_by, &digest, &project.repositories.join(", ")]);
        }
        if !table.is_empty() {
            page.table(&table);
        }
    }
}

impl Report for ProjectDetails<'_> {
    fn draw(&self, page: &mut Page) {
        let ListedProject { name, repositories, policy_digest, at, set_by, .. } = &self.listed;
        page.heading(&format!("project {name}: {}", repositories.join(", ")));
        page.line(&format!("policy {policy_digest}, set by {set_by} at {}", to_the_minute(*at)));
        for signer in self.rules.trust.signers() {
            let roles: Vec<String> = signer.roles.iter().flatten().map(ToString::to_string).collect();
            page.line(&format!("  trusts {} as {}", signer.name, roles.join(", ")));
        }
        for requirement in &self.rules.required {
            page.line(&format!("  requires {requirement}"));
        }
        for gate in &self.rules.gates {
            page.line(&format!(
                "  gate {}: {} × approval as {}",
                gate.name,
                gate.approvals.max(1),
                gate.role
            ));
        }
    }
}
