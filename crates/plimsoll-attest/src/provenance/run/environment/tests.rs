use super::*;

const COMMIT: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

fn run(variables: &[(&str, &str)]) -> Option<BuildRun> {
    let find =
        |name: &str| variables.iter().find(|(its, _)| *its == name).map(|(_, value)| (*value).to_owned());
    read(&find)
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn github_actions() {
    let found = run(&[
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_SERVER_URL", "https://github.com"),
        ("GITHUB_REPOSITORY", "team/app"),
        ("GITHUB_WORKFLOW_REF", "team/app/.github/workflows/build.yml@refs/heads/main"),
        ("GITHUB_RUN_ID", "7"),
        ("GITHUB_RUN_ATTEMPT", "2"),
        ("GITHUB_SHA", COMMIT),
        ("GITHUB_REF", "refs/heads/main"),
        ("GITHUB_EVENT_NAME", "push"),
        ("GITHUB_ACTOR", "ana"),
        ("GITHUB_TRIGGERING_ACTOR", "ben"),
        ("RUNNER_ENVIRONMENT", "github-hosted"),
    ]);
    let workflow = some("https://github.com/team/app/.github/workflows/build.yml@refs/heads/main");
    let expected = BuildRun {
        system: "github".to_owned(),
        builder: workflow.clone(),
        workflow,
        invocation: some("https://github.com/team/app/actions/runs/7/attempts/2"),
        repository: some("https://github.com/team/app"),
        commit: some(COMMIT),
        git_ref: some("refs/heads/main"),
        event: some("push"),
        actor: Actor::of(some("ben"), None),
        runner: some("github-hosted"),
        ..BuildRun::default()
    };
    assert_eq!(found, Some(expected));
}

#[test]
fn gitlab_ci() {
    let found = run(&[
        ("GITLAB_CI", "true"),
        ("CI_PROJECT_URL", "https://gitlab.example/team/app"),
        ("CI_CONFIG_PATH", ".gitlab-ci.yml"),
        ("CI_JOB_URL", "https://gitlab.example/team/app/-/jobs/7"),
        ("CI_COMMIT_SHA", COMMIT),
        ("CI_COMMIT_BRANCH", "main"),
        ("CI_PIPELINE_SOURCE", "push"),
        ("GITLAB_USER_LOGIN", "ana"),
        ("GITLAB_USER_EMAIL", "ana@example.org"),
        ("CI_JOB_STARTED_AT", "2026-11-22T12:00:00Z"),
    ])
    .unwrap();
    assert_eq!(found.builder, some("https://gitlab.example/team/app//.gitlab-ci.yml@refs/heads/main"));
    assert_eq!(found.invocation, some("https://gitlab.example/team/app/-/jobs/7"));
    assert_eq!(found.actor, Actor::of(some("ana"), some("ana@example.org")));
    assert_eq!(found.started_on, "2026-11-22T12:00:00Z".parse().ok());
    let of_request =
        run(&[("GITLAB_CI", "true"), ("CI_MERGE_REQUEST_REF_PATH", "refs/merge-requests/1/head")]);
    assert_eq!(of_request.unwrap().git_ref, some("refs/merge-requests/1/head"));
}

#[test]
fn buildkite_says_head_where_it_does_not_know_the_commit() {
    let found = run(&[
        ("BUILDKITE", "true"),
        ("BUILDKITE_ORGANIZATION_SLUG", "team"),
        ("BUILDKITE_PIPELINE_SLUG", "app"),
        ("BUILDKITE_BUILD_URL", "https://buildkite.com/team/app/builds/7"),
        ("BUILDKITE_JOB_ID", "0190"),
        ("BUILDKITE_REPO", "git@github.com:team/app.git"),
        ("BUILDKITE_COMMIT", "HEAD"),
        ("BUILDKITE_BRANCH", "main"),
        ("BUILDKITE_TAG", "v1"),
        ("BUILDKITE_SOURCE", "webhook"),
        ("BUILDKITE_BUILD_CREATOR_EMAIL", "ana@example.org"),
    ])
    .unwrap();
    assert_eq!(found.builder, some("https://buildkite.com/team/app"));
    assert_eq!(found.invocation, some("https://buildkite.com/team/app/builds/7#0190"));
    assert_eq!((found.commit, found.git_ref), (None, some("refs/tags/v1")));
    assert_eq!(found.actor, Actor::of(None, some("ana@example.org")));
}

#[test]
fn jenkins_and_circleci() {
    let jenkins = run(&[
        ("JENKINS_URL", "https://jenkins.example/"),
        ("BUILD_URL", "https://jenkins.example/job/app/7/"),
        ("JOB_URL", "https://jenkins.example/job/app/"),
        ("GIT_URL", "https://example.org/app.git"),
        ("GIT_COMMIT", COMMIT),
        ("GIT_BRANCH", "origin/main"),
        ("BRANCH_NAME", "PR-3"),
        ("CHANGE_ID", "3"),
        ("BUILD_USER_ID", "ana"),
    ])
    .unwrap();
    assert_eq!(
        (jenkins.builder, jenkins.git_ref),
        (some("https://jenkins.example/"), some("refs/heads/main"))
    );
    assert_eq!(jenkins.actor, Actor::of(some("ana"), None));
    let circle = run(&[
        ("CIRCLECI", "true"),
        ("CIRCLE_BUILD_URL", "https://circleci.com/gh/team/app/7"),
        ("CIRCLE_REPOSITORY_URL", "git@github.com:team/app.git"),
        ("CIRCLE_SHA1", COMMIT),
        ("CIRCLE_BRANCH", "main"),
        ("CIRCLE_USERNAME", "ana"),
    ])
    .unwrap();
    assert_eq!((circle.builder, circle.commit), (some("https://circleci.com"), some(COMMIT)));
}

#[test]
fn a_machine_of_ones_own_is_no_ci() {
    assert_eq!(run(&[("CI", "true"), ("BUILD_URL", "x"), ("GITHUB_ACTIONS", "false")]), None);
}
