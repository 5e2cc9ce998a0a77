use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{Response, StatusCode};
use plimsoll_attest::Bundle;
use plimsoll_oci::{Digest, RepositoryName, Tag, TagOrDigest};
use plimsoll_store::Timestamp;
use plimsoll_store::catalogue::{LackingImage, LackingRun};
use serde::Serialize;

use super::error::ErrorResponse;
use super::route::{LackingOf, LackingQuestion};
use super::{Asked, ResponseBody, answer};

/// Answers with the signed verdict on an image by the rules of its project. An extension.
pub(super) async fn get(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    reference: &TagOrDigest,
    gate: Option<&str>,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    let can_pull = asked.identity.can_pull(repository)?;
    let verdicts = asked.verdicts.ok_or_else(ErrorResponse::no_such_endpoint)?;
    let found = asked.registry.pull_manifest(&can_pull, reference).await?;
    let manifest = found.ok_or_else(|| ErrorResponse::manifest_unknown(reference))?;
    let bundle = verdicts.verdict(&can_pull, manifest.digest, gate).await?;
    let mut response = answer::json(StatusCode::OK, bundle);
    answer::set(&mut response, CONTENT_TYPE, Bundle::MEDIA_TYPE);
    answer::set(&mut response, CACHE_CONTROL, "no-store");
    answer::set_digest(&mut response, manifest.digest);
    Ok(response)
}

/// Answers with the images that do not pass a gate, among those that the caller may see. An extension.
pub(super) async fn lacking(
    asked: &Asked<'_>,
    question: &LackingQuestion,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    let can_list = asked.identity.can_list();
    let LackingQuestion { gate, of, limit } = question;
    let last = match of {
        LackingOf::Tags(last) => last.clone(),
        LackingOf::Runs(last) => {
            let (runs, next) = asked.registry.runs_lacking(&can_list, gate, last.clone(), *limit).await?;
            return Ok(respond(&LackingRuns::of(gate, &runs, next.as_ref())));
        }
    };
    let page = asked.registry.images_lacking(&can_list, gate, last, *limit).await?;
    let now = asked.registry.now();
    let of = |image: LackingImage| Lacking {
        is_waiting: image.due_at.is_some_and(|due_at| due_at <= now),
        repository: image.repository,
        tag: image.tag,
        digest: image.digest,
    };
    Ok(respond(&LackingImages {
        api_version: "plimsoll/v1",
        kind: "LackingImages",
        gate,
        images: page.images.into_iter().map(of).collect(),
        last: page.next.map(|(repository, tag)| format!("{repository}:{tag}")),
    }))
}

fn respond(body: &impl Serialize) -> Response<ResponseBody> {
    let body = serde_json::to_vec(body).expect("names and digests serialise");
    answer::json(StatusCode::OK, body.into())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LackingRuns<'g> {
    api_version: &'static str,
    kind: &'static str,
    gate: &'g str,
    runs: Vec<Running<'g>>,
    /// Where the next page begins.
    last: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Running<'r> {
    repository: &'r RepositoryName,
    digest: Digest,
    place: &'r str,
    begun_at_unix_ms: Timestamp,
}

impl<'g> LackingRuns<'g> {
    fn of(gate: &'g str, runs: &'g [LackingRun], next: Option<&LackingRun>) -> Self {
        let running = |run: &'g LackingRun| Running {
            repository: &run.repository,
            digest: run.image,
            place: &run.place,
            begun_at_unix_ms: run.begun_at,
        };
        let place = |run: &LackingRun| {
            let LackingRun { repository, image, place, begun_at } = run;
            format!("{repository}@{image}@{}@{place}", begun_at.unix_ms())
        };
        let (api_version, kind) = ("plimsoll/v1", "LackingRuns");
        Self { api_version, kind, gate, runs: runs.iter().map(running).collect(), last: next.map(place) }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LackingImages<'g> {
    api_version: &'static str,
    kind: &'static str,
    gate: &'g str,
    images: Vec<Lacking>,
    /// Where the next page begins.
    last: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Lacking {
    repository: RepositoryName,
    tag: Tag,
    digest: Digest,
    is_waiting: bool,
}
