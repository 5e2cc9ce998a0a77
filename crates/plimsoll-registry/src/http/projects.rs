//! Projects and their policies. An extension: the specification knows no rules for images.

use http::{Response, StatusCode};
use plimsoll_oci::RepositoryName;
use plimsoll_store::catalogue::{Project, ProjectName};
use serde::Serialize;
use serde_json::value::RawValue;

use super::body::{CollectError, collect};
use super::error::ErrorResponse;
use super::{Asked, RequestBody, ResponseBody, answer};

/// Longest project that is taken: some hundred keys and a few thousand people.
const PROJECT_BYTES_MAX: usize = 512 * 1024;

/// A project as it is shown.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'p> {
    name: &'p ProjectName,
    repositories: &'p [plimsoll_store::Pattern],
    policy_digest: plimsoll_oci::Digest,
    policy: &'p RawValue,
    set_at_unix_ms: plimsoll_store::Timestamp,
    set_by: &'p str,
}

/// Answers with the projects over repositories that the caller may see.
pub(super) async fn list(asked: &Asked<'_>) -> Result<Response<ResponseBody>, ErrorResponse> {
    let projects = asked.registry.list_projects(&asked.identity.can_list()).await?;
    let shown = projects.iter().map(shown).collect::<Result<Vec<_>, _>>()?;
    Ok(answer::json(StatusCode::OK, serde_json::json!({ "projects": shown }).to_string().into()))
}

/// Answers with one of them.
pub(super) async fn get(
    asked: &Asked<'_>,
    name: &ProjectName,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    let projects = asked.registry.list_projects(&asked.identity.can_list()).await?;
    let found = projects.iter().find(|project| project.name == *name);
    respond(found.ok_or_else(|| ErrorResponse::project_unknown(name))?)
}

/// Answers with the project whose rules are those of a repository.
pub(super) async fn governing(
    asked: &Asked<'_>,
    repository: &RepositoryName,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    let can_pull = asked.identity.can_pull(repository)?;
    let found = asked.registry.project_of(&can_pull).await?;
    respond(&found.ok_or_else(|| ErrorResponse::no_project(repository))?)
}

/// Adds a project, or changes one.
pub(super) async fn put<B: RequestBody>(
    asked: &Asked<'_>,
    name: &ProjectName,
    body: B,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    let can_govern = asked.identity.can_govern()?;
    let json = collect(body, PROJECT_BYTES_MAX).await.map_err(|error| match error {
        CollectError::TooLarge => ErrorResponse::project_too_large(PROJECT_BYTES_MAX),
        CollectError::Interrupted => ErrorResponse::body_interrupted(),
    })?;
    respond(&asked.registry.set_project(&can_govern, name.clone(), &json).await?)
}

/// Removes a project.
pub(super) async fn delete(
    asked: &Asked<'_>,
    name: &ProjectName,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    let can_govern = asked.identity.can_govern()?;
    let is_gone = asked.registry.remove_project(&can_govern, name.clone()).await?;
    if is_gone {
        Ok(answer::empty(StatusCode::NO_CONTENT))
    } else {
        Err(ErrorResponse::project_unknown(name))
    }
}

fn respond(project: &Project) -> Result<Response<ResponseBody>, ErrorResponse> {
    let json =
        serde_json::to_vec(&shown(project)?).map_err(|error| ErrorResponse::damaged_project(&error))?;
    Ok(answer::json(StatusCode::OK, json.into()))
}

fn shown(project: &Project) -> Result<Shown<'_>, ErrorResponse> {
    Ok(Shown {
        name: &project.name,
        repositories: &project.repositories,
        policy_digest: project.policy_digest(),
        policy: serde_json::from_str(&project.policy)
            .map_err(|error| ErrorResponse::damaged_project(&error))?,
        set_at_unix_ms: project.set_at,
        set_by: &project.set_by,
    })
}
