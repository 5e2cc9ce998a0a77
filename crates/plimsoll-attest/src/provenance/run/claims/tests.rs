use serde_json::{Value, json};

use super::*;

const COMMIT: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

fn run(kind: CiKind, issuer: &str, claims: Value) -> Result<BuildRun, RunError> {
    BuildRun::of_token(kind, issuer, None, &TokenClaims::of(claims))
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn github_names_the_workflow_that_was_called_as_the_builder() {
    let claims = json!({
        "sub": "repo:team/app:ref:refs/heads/main", "repository": "team/app", "sha": COMMIT,
        "ref": "refs/heads/main", "run_id": "7", "run_attempt": "2", "event_name": "push", "actor": "ana",
        "workflow_ref": "team/app/.github/workflows/ci.yml@refs/heads/main",
        "job_workflow_ref": "platform/build/.github/workflows/image.yml@refs/tags/v1",
        "runner_environment": "github-hosted", "environment": "prod",
    });
    let expected = BuildRun {
        system: "github".to_owned(),
        builder: some("https://github.com/platform/build/.github/workflows/image.yml@refs/tags/v1"),
        workflow: some("https://github.com/team/app/.github/workflows/ci.yml@refs/heads/main"),
        invocation: some("https://github.com/team/app/actions/runs/7/attempts/2"),
        repository: some("https://github.com/team/app"),
        commit: some(COMMIT),
        git_ref: some("refs/heads/main"),
        event: some("push"),
        actor: Actor::of(some("ana"), None),
        runner: some("github-hosted"),
        environment: some("prod"),
        started_on: None,
    };
    assert_eq!(
        run(CiKind::Github, "https://token.actions.githubusercontent.com", claims.clone()),
        Ok(expected)
    );
    for (issuer, repository) in [
        ("https://token.actions.octo.ghe.com", "https://octo.ghe.com/team/app"),
        ("https://git.example/_services/token", "https://git.example/team/app"),
    ] {
        let found = run(CiKind::Github, issuer, claims.clone()).unwrap();
        assert_eq!(found.repository.as_deref(), Some(repository));
    }
}

#[test]
fn gitlab_says_who_builds_unless_the_pipeline_is_a_child() {
    let mut claims = json!({
        "project_path": "team/app", "sha": COMMIT, "ref": "v1", "ref_type": "tag", "job_id": "7",
        "ci_config_ref_uri": "gitlab.example/team/app//.gitlab-ci.yml@refs/tags/v1",
        "pipeline_source": "push", "user_login": "ana", "user_email": "ana@example.org",
    });
    let found = run(CiKind::Gitlab, "https://gitlab.example", claims.clone()).unwrap();
    assert_eq!(found.builder, some("https://gitlab.example/team/app//.gitlab-ci.yml@refs/tags/v1"));
    assert_eq!(found.invocation, some("https://gitlab.example/team/app/-/jobs/7"));
    assert_eq!(found.git_ref, some("refs/tags/v1"));
    assert_eq!(found.actor, Actor::of(some("ana"), some("ana@example.org")));
    claims.as_object_mut().unwrap().remove("ci_config_ref_uri");
    let child = run(CiKind::Gitlab, "https://gitlab.example", claims.clone());
    assert_eq!(child, Err(RunError::NoBuilder("ci_config_ref_uri")));
    let named = BuildRun::of_token(
        CiKind::Gitlab,
        "https://gitlab.example",
        Some("https://gitlab.example/runners"),
        &TokenClaims::of(claims),
    );
    assert_eq!(named.unwrap().builder, some("https://gitlab.example/runners"));
}

#[test]
fn the_other_systems_say_what_they_know() {
    let buildkite = json!({
        "organization_slug": "team", "pipeline_slug": "app", "build_number": 7, "job_id": "0190",
        "build_commit": COMMIT, "build_branch": "main", "build_tag": null, "build_source": "webhook",
    });
    let found = run(CiKind::Buildkite, "https://agent.buildkite.com", buildkite).unwrap();
    assert_eq!(found.builder, some("https://buildkite.com/team/app"));
    assert_eq!(found.invocation, some("https://buildkite.com/team/app/builds/7#0190"));
    assert_eq!((found.commit, found.git_ref), (some(COMMIT), some("refs/heads/main")));

    let jenkins = json!({ "sub": "https://jenkins.example/job/app/", "build_number": 7 });
    let found = run(CiKind::Jenkins, "https://jenkins.example/oidc", jenkins).unwrap();
    assert_eq!(found.builder, some("https://jenkins.example/oidc"));
    assert_eq!(found.invocation, some("https://jenkins.example/job/app/7/"));

    let account = json!({
        "sub": "system:serviceaccount:ci:builder",
        "kubernetes.io": { "namespace": "ci", "pod": { "name": "build-7", "uid": "6a5f7b56" } },
    });
    let found = run(CiKind::Kubernetes, "https://kubernetes.default.svc", account).unwrap();
    assert_eq!(found.builder, some("https://kubernetes.default.svc#system:serviceaccount:ci:builder"));
    assert_eq!(found.invocation, some("urn:uuid:6a5f7b56"));
    assert_eq!(run(CiKind::Generic, "https://x.example", json!({})), Err(RunError::NoBuilder("sub")));
}

#[test]
fn a_job_that_somebody_was_logged_in_to_is_no_builder() {
    let claims = |ssh: bool| {
        json!({
            "oidc.circleci.com/ssh-rerun": ssh, "oidc.circleci.com/project-id": "p",
            "oidc.circleci.com/pipeline-definition-id": "d", "oidc.circleci.com/vcs-origin": "github.com/team/app",
        })
    };
    let issuer = "https://oidc.circleci.com/org/o";
    assert_eq!(run(CiKind::Circleci, issuer, claims(true)), Err(RunError::Interactive));
    let found = run(CiKind::Circleci, issuer, claims(false)).unwrap();
    assert_eq!(found.builder, some("https://circleci.com/api/v2/projects/p/pipeline-definitions/d"));
    assert_eq!(found.repository, some("https://github.com/team/app"));
}
