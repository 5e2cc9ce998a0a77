use std::fmt;
use std::str::FromStr;

use super::{Actor, BuildRun, full_commit, full_ref};
use crate::TokenClaims;

/// Whose tokens an issuer's are: each system has its own claims.
///
/// They are given the meanings that Fulcio gives them (`docs/oid-info.md` there), so that policies about its
/// certificates hold for them too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CiKind {
    /// GitHub Actions.
    Github,
    /// GitLab CI/CD.
    Gitlab,
    /// Buildkite.
    Buildkite,
    /// CircleCI.
    Circleci,
    /// Jenkins with its plugin `oidc-provider`.
    Jenkins,
    /// Kubernetes' service accounts, as Tekton and Argo run under.
    Kubernetes,
    /// Anything else: only the subject is known.
    Generic,
}

/// Why a token does not show a run that can be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// Somebody was logged in where it ran.
    #[error("the job was run again with SSH, so that somebody could do anything in it")]
    Interactive,
    /// Nobody is named.
    #[error("the token does not say who builds: it has no claim `{0}`")]
    NoBuilder(&'static str),
}

impl CiKind {
    const NAMES: [(Self, &'static str); 7] = [
        (Self::Github, "github"),
        (Self::Gitlab, "gitlab"),
        (Self::Buildkite, "buildkite"),
        (Self::Circleci, "circleci"),
        (Self::Jenkins, "jenkins"),
        (Self::Kubernetes, "kubernetes"),
        (Self::Generic, "generic"),
    ];

    /// The name.
    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }
}

impl fmt::Display for CiKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for CiKind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::NAMES.iter().find(|(_, name)| *name == text).map(|(kind, _)| *kind).ok_or(())
    }
}

impl BuildRun {
    /// The run that a verified token of `issuer` speaks for. `builder` is who builds there, if that is known otherwise.
    pub fn of_token(
        kind: CiKind,
        issuer: &str,
        builder: Option<&str>,
        claims: &TokenClaims,
    ) -> Result<Self, RunError> {
        let issuer = issuer.trim_end_matches('/');
        let run = match kind {
            CiKind::Github => github(issuer, claims),
            CiKind::Gitlab => gitlab(issuer, claims),
            CiKind::Buildkite => buildkite(claims),
            CiKind::Circleci => circleci(claims)?,
            CiKind::Jenkins => jenkins(issuer, claims),
            CiKind::Kubernetes => kubernetes(issuer, claims),
            CiKind::Generic => by_subject(issuer, claims),
        };
        let builder = builder.map(str::to_owned).or(run.builder);
        let builder = builder.ok_or(RunError::NoBuilder(names_builder(kind)))?;
        Ok(Self { system: kind.to_string(), builder: Some(builder), ..run })
    }
}

/// The claim that names the builder.
fn names_builder(kind: CiKind) -> &'static str {
    match kind {
        CiKind::Github => "job_workflow_ref",
        CiKind::Gitlab => "ci_config_ref_uri",
        CiKind::Buildkite => "pipeline_slug",
        CiKind::Circleci => "oidc.circleci.com/pipeline-definition-id",
        CiKind::Jenkins | CiKind::Kubernetes | CiKind::Generic => "sub",
    }
}

fn github(issuer: &str, claims: &TokenClaims) -> BuildRun {
    let server = github_server(issuer);
    let below_server = |name: &str| Some(format!("{server}/{}", claims.text(name)?));
    let repository = below_server("repository");
    let run = repository.as_ref().zip(claims.text_or_number("run_id"));
    let attempt = claims.text_or_number("run_attempt").unwrap_or_else(|| "1".to_owned());
    BuildRun {
        // The workflow that was called: the one that called it is in the hands of whoever is built for.
        builder: below_server("job_workflow_ref"),
        workflow: below_server("workflow_ref"),
        invocation: run.map(|(repository, id)| format!("{repository}/actions/runs/{id}/attempts/{attempt}")),
        repository,
        commit: claims.text("sha").and_then(full_commit),
        git_ref: owned(claims.text("ref")),
        event: owned(claims.text("event_name")),
        actor: Actor::of(owned(claims.text("actor")), None),
        runner: owned(claims.text("runner_environment")),
        environment: owned(claims.text("environment")),
        ..BuildRun::default()
    }
}

/// The address of the GitHub whose tokens are issued there: github.com, one of ghe.com, or a server of one's own.
fn github_server(issuer: &str) -> String {
    let host = issuer.strip_prefix("https://").unwrap_or(issuer);
    if host == "token.actions.githubusercontent.com" {
        return "https://github.com".to_owned();
    }
    match host.strip_prefix("token.actions.").filter(|rest| rest.ends_with(".ghe.com")) {
        Some(tenant) => format!("https://{tenant}"),
        None => issuer.strip_suffix("/_services/token").unwrap_or(issuer).to_owned(),
    }
}

fn gitlab(issuer: &str, claims: &TokenClaims) -> BuildRun {
    let repository = claims.text("project_path").map(|path| format!("{issuer}/{path}"));
    let config = claims.text("ci_config_ref_uri").map(|uri| format!("https://{uri}"));
    let named = owned(claims.text("ref"));
    let git_ref = owned(claims.text("ref_path")).or_else(|| match claims.text("ref_type") {
        Some("tag") => full_ref(named, None),
        Some("branch") => full_ref(None, named),
        _ => None,
    });
    let job = repository.as_ref().zip(claims.text_or_number("job_id"));
    BuildRun {
        builder: config.clone(),
        workflow: config,
        invocation: job.map(|(repository, id)| format!("{repository}/-/jobs/{id}")),
        repository,
        commit: claims.text("sha").and_then(full_commit),
        git_ref,
        event: owned(claims.text("pipeline_source")),
        actor: Actor::of(owned(claims.text("user_login")), owned(claims.text("user_email"))),
        runner: owned(claims.text("runner_environment")),
        environment: owned(claims.text("environment")),
        ..BuildRun::default()
    }
}

fn buildkite(claims: &TokenClaims) -> BuildRun {
    let pipeline = claims.text("organization_slug").zip(claims.text("pipeline_slug"));
    let pipeline =
        pipeline.map(|(organization, pipeline)| format!("https://buildkite.com/{organization}/{pipeline}"));
    let build = pipeline.as_ref().zip(claims.text_or_number("build_number"));
    let build = build.map(|(pipeline, number)| format!("{pipeline}/builds/{number}"));
    let job = claims.text("job_id").map(|id| format!("#{id}")).unwrap_or_default();
    BuildRun {
        builder: pipeline.clone(),
        workflow: pipeline,
        invocation: build.map(|build| format!("{build}{job}")),
        commit: claims.text("build_commit").and_then(full_commit),
        git_ref: full_ref(owned(claims.text("build_tag")), owned(claims.text("build_branch"))),
        event: owned(claims.text("build_source")),
        runner: owned(claims.text("runner_environment")),
        ..BuildRun::default()
    }
}

fn circleci(claims: &TokenClaims) -> Result<BuildRun, RunError> {
    if claims.is_true("oidc.circleci.com/ssh-rerun") {
        return Err(RunError::Interactive);
    }
    let of = |name: &str| owned(claims.text(&format!("oidc.circleci.com/{name}")));
    let definition = of("project-id").zip(of("pipeline-definition-id")).map(|(project, definition)| {
        format!("https://circleci.com/api/v2/projects/{project}/pipeline-definitions/{definition}")
    });
    Ok(BuildRun {
        builder: definition.clone(),
        workflow: definition,
        invocation: of("workflow-id").map(|id| format!("https://circleci.com/api/v2/workflow/{id}")),
        repository: of("vcs-origin").map(|origin| format!("https://{origin}")),
        git_ref: of("vcs-ref"),
        actor: Actor::of(of("user-id"), None),
        ..BuildRun::default()
    })
}

/// The subject is the job's address, unless the administrator chose another.
fn jenkins(issuer: &str, claims: &TokenClaims) -> BuildRun {
    let job = claims.text("sub").filter(|job| job.starts_with("https://") || job.starts_with("http://"));
    let run = job.zip(claims.text_or_number("build_number"));
    BuildRun {
        builder: claims.text("sub").is_some().then(|| issuer.to_owned()),
        workflow: owned(job),
        invocation: run.map(|(job, number)| format!("{}/{number}/", job.trim_end_matches('/'))),
        ..BuildRun::default()
    }
}

fn kubernetes(issuer: &str, claims: &TokenClaims) -> BuildRun {
    let pod = claims.text_in(&["kubernetes.io", "pod", "uid"]);
    BuildRun { invocation: pod.map(|uid| format!("urn:uuid:{uid}")), ..by_subject(issuer, claims) }
}

fn by_subject(issuer: &str, claims: &TokenClaims) -> BuildRun {
    let builder = claims.text("sub").map(|subject| format!("{issuer}#{subject}"));
    BuildRun { builder, ..BuildRun::default() }
}

fn owned(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}

#[cfg(test)]
mod tests;
