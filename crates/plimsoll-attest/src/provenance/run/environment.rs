use super::{Actor, BuildRun, full_commit, full_ref};

/// Gives the value of a variable that is set to something.
type Variable<'v> = &'v dyn Fn(&str) -> Option<String>;

pub(super) fn read(variable: Variable<'_>) -> Option<BuildRun> {
    [github, gitlab, buildkite, circleci, jenkins].iter().find_map(|read| read(variable))
}

/// GitHub Actions, "Variables reference".
fn github(variable: Variable<'_>) -> Option<BuildRun> {
    variable("GITHUB_ACTIONS").filter(|value| value == "true")?;
    let server = variable("GITHUB_SERVER_URL");
    let below_server = |path: String| Some(format!("{}/{path}", server.as_ref()?));
    let repository = variable("GITHUB_REPOSITORY").and_then(below_server);
    let workflow = variable("GITHUB_WORKFLOW_REF").and_then(below_server);
    let attempt = variable("GITHUB_RUN_ATTEMPT").unwrap_or_else(|| "1".to_owned());
    let run = repository.as_ref().zip(variable("GITHUB_RUN_ID"));
    Some(BuildRun {
        system: "github".to_owned(),
        builder: workflow.clone(),
        workflow,
        invocation: run.map(|(repository, id)| format!("{repository}/actions/runs/{id}/attempts/{attempt}")),
        repository,
        commit: variable("GITHUB_SHA").as_deref().and_then(full_commit),
        git_ref: variable("GITHUB_REF"),
        event: variable("GITHUB_EVENT_NAME"),
        // Who starts a run again is not who started it first.
        actor: Actor::of(variable("GITHUB_TRIGGERING_ACTOR").or_else(|| variable("GITHUB_ACTOR")), None),
        runner: variable("RUNNER_ENVIRONMENT"),
        environment: None,
        started_on: None,
    })
}

/// GitLab CI/CD, "Predefined CI/CD variables reference".
fn gitlab(variable: Variable<'_>) -> Option<BuildRun> {
    variable("GITLAB_CI").filter(|value| value == "true")?;
    let git_ref = variable("CI_MERGE_REQUEST_REF_PATH").or_else(|| {
        full_ref(
            variable("CI_COMMIT_TAG"),
            variable("CI_COMMIT_BRANCH").or_else(|| variable("CI_COMMIT_REF_NAME")),
        )
    });
    let repository = variable("CI_PROJECT_URL");
    // The form of the claim `ci_config_ref_uri`.
    let config = variable("CI_CONFIG_PATH").unwrap_or_else(|| ".gitlab-ci.yml".to_owned());
    let workflow =
        repository.as_ref().zip(git_ref.as_ref()).map(|(url, git_ref)| format!("{url}//{config}@{git_ref}"));
    Some(BuildRun {
        system: "gitlab".to_owned(),
        builder: workflow.clone(),
        workflow,
        invocation: variable("CI_JOB_URL"),
        repository,
        commit: variable("CI_COMMIT_SHA").as_deref().and_then(full_commit),
        git_ref,
        event: variable("CI_PIPELINE_SOURCE"),
        actor: Actor::of(variable("GITLAB_USER_LOGIN"), variable("GITLAB_USER_EMAIL")),
        runner: None,
        environment: variable("CI_ENVIRONMENT_NAME"),
        started_on: variable("CI_JOB_STARTED_AT").and_then(|time| time.parse().ok()),
    })
}

/// Buildkite, "Environment variables".
fn buildkite(variable: Variable<'_>) -> Option<BuildRun> {
    variable("BUILDKITE").filter(|value| value == "true")?;
    let pipeline = variable("BUILDKITE_ORGANIZATION_SLUG").zip(variable("BUILDKITE_PIPELINE_SLUG"));
    let pipeline =
        pipeline.map(|(organization, pipeline)| format!("https://buildkite.com/{organization}/{pipeline}"));
    let job = variable("BUILDKITE_BUILD_URL").zip(variable("BUILDKITE_JOB_ID"));
    Some(BuildRun {
        system: "buildkite".to_owned(),
        builder: pipeline.clone(),
        workflow: pipeline,
        invocation: job.map(|(build, job)| format!("{build}#{job}")),
        repository: variable("BUILDKITE_REPO"),
        commit: variable("BUILDKITE_COMMIT").as_deref().and_then(full_commit),
        git_ref: full_ref(variable("BUILDKITE_TAG"), variable("BUILDKITE_BRANCH")),
        event: variable("BUILDKITE_SOURCE"),
        actor: Actor::of(None, variable("BUILDKITE_BUILD_CREATOR_EMAIL")),
        runner: variable("BUILDKITE_COMPUTE_TYPE"),
        environment: None,
        started_on: None,
    })
}

/// CircleCI, "Project values and variables".
fn circleci(variable: Variable<'_>) -> Option<BuildRun> {
    variable("CIRCLECI").filter(|value| value == "true")?;
    let build = variable("CIRCLE_BUILD_URL");
    let host = build.as_ref().and_then(|url| {
        let (scheme, rest) = url.split_once("://")?;
        Some(format!("{scheme}://{}", rest.split('/').next()?))
    });
    Some(BuildRun {
        system: "circleci".to_owned(),
        builder: host,
        workflow: None,
        invocation: build,
        repository: variable("CIRCLE_REPOSITORY_URL"),
        commit: variable("CIRCLE_SHA1").as_deref().and_then(full_commit),
        git_ref: full_ref(variable("CIRCLE_TAG"), variable("CIRCLE_BRANCH")),
        event: None,
        actor: Actor::of(variable("CIRCLE_USERNAME"), None),
        runner: None,
        environment: None,
        started_on: None,
    })
}

/// Jenkins, "Using environment variables", with those of its Git and Build User Vars plugins.
fn jenkins(variable: Variable<'_>) -> Option<BuildRun> {
    let invocation = variable("BUILD_URL").filter(|_| variable("JENKINS_URL").is_some())?;
    // Of a change that is looked at, the name of the branch is the name of the change.
    let branch = variable("BRANCH_NAME").filter(|_| variable("CHANGE_ID").is_none()).or_else(|| {
        let branch = variable("GIT_BRANCH")?;
        Some(branch.strip_prefix("origin/").unwrap_or(&branch).to_owned())
    });
    Some(BuildRun {
        system: "jenkins".to_owned(),
        builder: variable("JENKINS_URL"),
        workflow: variable("JOB_URL"),
        invocation: Some(invocation),
        repository: variable("GIT_URL"),
        commit: variable("GIT_COMMIT").as_deref().and_then(full_commit),
        git_ref: full_ref(variable("TAG_NAME"), branch),
        event: None,
        actor: Actor::of(variable("BUILD_USER_ID"), variable("BUILD_USER_EMAIL")),
        runner: None,
        environment: None,
        started_on: None,
    })
}

#[cfg(test)]
mod tests;
