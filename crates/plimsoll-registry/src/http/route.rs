//! From method, path and query to one call with parsed parts.
//!
//! Repository names hold slashes, so a path is read from its end.

mod query;

use http::{Method, Uri};
use percent_encoding::percent_decode_str;
use plimsoll_oci::{Algorithm, Digest, ParseDigestError, RepositoryName, Tag, TagOrDigest};
use plimsoll_store::catalogue::{LackingRun, ProjectName, UploadId};

use super::error::ErrorResponse;
use super::token::{GOVERN_SCOPE, LIST_SCOPE};
use crate::{DocumentKind, EventsPage, LogRead, TraceOf};
use query::Query;

macro_rules! endpoints {
    ($($(#[$doc:meta])* $name:ident = $label:literal;)*) => {
        /// An endpoint, as logs and metrics name it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Endpoint {
            $($(#[$doc])* $name,)*
        }

        impl Endpoint {
            /// Every endpoint.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// A short name.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $label,)*
                }
            }
        }
    };
}

endpoints! {
    /// `GET /v2/`
    Ping = "ping";
    /// `GET` and `POST /token`
    Token = "token";
    /// `GET /v2/_catalog`
    ListRepositories = "list-repositories";
    /// `GET /v2/<name>/tags/list`
    ListTags = "list-tags";
    /// `GET /v2/<name>/_plimsoll/tags/history`
    TagHistory = "tag-history";
    /// `GET /v2/<name>/_plimsoll/scan/<reference>` and `…/sbom/<reference>`
    Document = "document";
    /// `GET /v2/_plimsoll/where/<vulnerability>`
    Locate = "locate";
    /// `GET /v2/<name>/_plimsoll/introduced/<reference>`
    ImageLine = "image-line";
    /// `GET /v2/_plimsoll/events`
    ListEvents = "list-events";
    /// `GET /v2/<name>/_plimsoll/push/<digest>`
    FindPush = "find-push";
    /// `POST /v2/<name>/_plimsoll/provenance/<reference>`
    Vouch = "vouch";
    /// `GET /v2/<name>/_plimsoll/trace/<reference>`
    Trace = "trace";
    /// `GET /v2/_plimsoll/trace/<digest>` and `…/<vulnerability>`
    TraceAll = "trace-all";
    /// `GET /v2/<name>/_plimsoll/facts`
    ListFacts = "list-facts";
    /// `POST /v2/<name>/_plimsoll/runs/<digest>`
    Observe = "observe";
    /// `GET` below `/log/`
    ReadLog = "read-log";
    /// `POST /log/api/v2/log/entries`
    WriteLog = "write-log";
    /// `GET /v2/_plimsoll/projects`
    ListProjects = "list-projects";
    /// `GET /v2/_plimsoll/projects/<project>`
    GetProject = "get-project";
    /// `PUT /v2/_plimsoll/projects/<project>`
    PutProject = "put-project";
    /// `DELETE /v2/_plimsoll/projects/<project>`
    DeleteProject = "delete-project";
    /// `GET /v2/<name>/_plimsoll/policy`
    GetPolicy = "get-policy";
    /// `GET /v2/_plimsoll/lacking/<gate>`
    ListLacking = "list-lacking";
    /// `GET /v2/<name>/_plimsoll/verdict/<reference>`
    GetVerdict = "get-verdict";
    /// `GET /v2/<name>/referrers/<digest>`
    ListReferrers = "list-referrers";
    /// `GET` and `HEAD /v2/<name>/manifests/<reference>`
    GetManifest = "get-manifest";
    /// `PUT /v2/<name>/manifests/<reference>`
    PutManifest = "put-manifest";
    /// `DELETE /v2/<name>/manifests/<reference>`
    DeleteManifest = "delete-manifest";
    /// `GET` and `HEAD /v2/<name>/blobs/<digest>`
    GetBlob = "get-blob";
    /// `DELETE /v2/<name>/blobs/<digest>`
    DeleteBlob = "delete-blob";
    /// `POST /v2/<name>/blobs/uploads/`
    BeginUpload = "begin-upload";
    /// `GET <location>`
    GetUpload = "get-upload";
    /// `PATCH <location>`
    AppendToUpload = "append-to-upload";
    /// `PUT <location>?digest=<digest>`
    CloseUpload = "close-upload";
    /// `DELETE <location>`
    CancelUpload = "cancel-upload";
}

/// One request, parsed.
#[derive(Debug)]
pub(super) enum Call {
    Ping,
    Token,
    ListRepositories(Page),
    ListTags(RepositoryName, Page),
    TagHistory(RepositoryName, Option<Tag>),
    Document(RepositoryName, TagOrDigest, DocumentKind),
    Locate(String),
    ImageLine(RepositoryName, TagOrDigest, String),
    ListEvents(EventsPage),
    FindPush(RepositoryName, Digest),
    Vouch(RepositoryName, TagOrDigest),
    Trace(RepositoryName, TagOrDigest),
    TraceAll(TraceOf),
    ListFacts(RepositoryName, Option<(Digest, u32)>),
    Observe(RepositoryName, Digest),
    ReadLog(LogRead),
    WriteLog,
    ListProjects,
    GetProject(ProjectName),
    PutProject(ProjectName),
    DeleteProject(ProjectName),
    GetPolicy(RepositoryName),
    ListLacking(LackingQuestion),
    GetVerdict(RepositoryName, TagOrDigest, Option<String>),
    ListReferrers(RepositoryName, Digest, ReferrersFilter),
    GetManifest(RepositoryName, TagOrDigest),
    PutManifest(RepositoryName, TagOrDigest, Vec<Tag>),
    DeleteManifest(RepositoryName, TagOrDigest),
    GetBlob(RepositoryName, Digest),
    DeleteBlob(RepositoryName, Digest),
    BeginUpload(RepositoryName, UploadStart),
    GetUpload(RepositoryName, UploadId),
    AppendToUpload(RepositoryName, UploadId),
    CloseUpload(RepositoryName, UploadId, Digest),
    CancelUpload(RepositoryName, UploadId),
}

/// Which part of a list is wanted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) limit: usize,
    pub(super) last: Option<String>,
}

/// Which images are wanted that do not pass a gate.
#[derive(Debug)]
pub(super) struct LackingQuestion {
    pub(super) gate: String,
    pub(super) of: LackingOf,
    pub(super) limit: usize,
}

/// By what the images are known, and what the last page ended with.
#[derive(Debug)]
pub(super) enum LackingOf {
    /// By their repository and tag.
    Tags(Option<(String, String)>),
    /// By where they run.
    Runs(Option<LackingRun>),
}

/// Which referrers are wanted.
#[derive(Debug)]
pub(super) struct ReferrersFilter {
    pub(super) artifact_type: Option<String>,
    pub(super) last: Option<Digest>,
}

/// How an upload begins.
#[derive(Debug)]
pub(super) enum UploadStart {
    /// A session, hashed with this algorithm.
    Session(Algorithm),
    /// The whole blob is in this request.
    Whole(Digest),
    /// The blob may be in another repository already.
    Mount { digest: Digest, from: Option<RepositoryName> },
}

/// Whether a path belongs to this door.
pub fn is_registry_path(path: &str) -> bool {
    path == "/v2" || path.starts_with("/v2/") || path.starts_with("/log/") || path == "/token"
}

impl Call {
    pub(super) fn parse(method: &Method, uri: &Uri) -> Result<Self, ErrorResponse> {
        if uri.path() == "/token" {
            let is_read = method == Method::GET || method == Method::POST;
            return if is_read { Ok(Self::Token) } else { Err(ErrorResponse::method_not_allowed()) };
        }
        let path =
            percent_decode_str(uri.path()).decode_utf8().map_err(|_| ErrorResponse::no_such_endpoint())?;
        if let Some(below) = path.strip_prefix("/log/") {
            return log(method, below);
        }
        let rest = match path.strip_prefix("/v2") {
            Some("" | "/") => return only_get(method, Self::Ping),
            Some(rest) => rest.strip_prefix('/').ok_or_else(ErrorResponse::no_such_endpoint)?,
            None => return Err(ErrorResponse::no_such_endpoint()),
        };
        let query = Query::parse(uri.query().unwrap_or_default())?;
        if rest == "_catalog" {
            return only_get(method, Self::ListRepositories(query.page()?));
        }
        let segments: Vec<&str> = rest.split('/').collect();
        match segments.as_slice() {
            [name @ .., "_plimsoll", "tags", "history"] => {
                let tag =
                    query.first("tag").map(str::parse).transpose().map_err(ErrorResponse::tag_invalid)?;
                only_get(method, Self::TagHistory(repository(name)?, tag))
            }
            ["_plimsoll", "where", vulnerability] => {
                only_get(method, Self::Locate((*vulnerability).to_owned()))
            }
            [name @ .., "_plimsoll", "introduced", reference] => only_get(
                method,
                Self::ImageLine(repository(name)?, self::reference(reference)?, query.asked()?),
            ),
            ["_plimsoll", "events"] => only_get(method, Self::ListEvents(query.events_page()?)),
            ["_plimsoll", "projects"] => only_get(method, Self::ListProjects),
            ["_plimsoll", "projects", name] => project(method, name),
            [name @ .., "_plimsoll", "policy"] => only_get(method, Self::GetPolicy(repository(name)?)),
            ["_plimsoll", "lacking", gate] => only_get(method, Self::ListLacking(query.lacking(gate)?)),
            [name @ .., "_plimsoll", "verdict", reference] => {
                let gate = query.first("gate").map(str::to_owned);
                only_get(method, Self::GetVerdict(repository(name)?, self::reference(reference)?, gate))
            }
            ["_plimsoll", "trace", of] => only_get(method, Self::TraceAll(trace_of(of))),
            [name @ .., "_plimsoll", "trace", of] => {
                only_get(method, Self::Trace(repository(name)?, reference(of)?))
            }
            [name @ .., "_plimsoll", "facts"] => {
                only_get(method, Self::ListFacts(repository(name)?, query.fact()?))
            }
            [name @ .., "_plimsoll", "runs", image] => observe(method, repository(name)?, image),
            [name @ .., "_plimsoll", "scan", reference] => {
                document(method, repository(name)?, reference, DocumentKind::Report)
            }
            [name @ .., "_plimsoll", "sbom", reference] => {
                document(method, repository(name)?, reference, sbom_format(&query)?)
            }
            [name @ .., "_plimsoll", "push", text] => {
                only_get(method, Self::FindPush(repository(name)?, digest(text)?))
            }
            [name @ .., "_plimsoll", "provenance", reference] => vouch(method, repository(name)?, reference),
            [name @ .., "tags", "list"] => only_get(method, Self::ListTags(repository(name)?, query.page()?)),
            [name @ .., "blobs", "uploads", ""] | [name @ .., "blobs", "uploads"] => {
                begin_upload(method, repository(name)?, &query)
            }
            [name @ .., "blobs", "uploads", id] => upload(method, repository(name)?, id, &query),
            [name @ .., "blobs", digest] => blob(method, repository(name)?, digest),
            [name @ .., "manifests", reference] => manifest(method, repository(name)?, reference, &query),
            [name @ .., "referrers", subject] => referrers(method, repository(name)?, subject, &query),
            _ => Err(ErrorResponse::no_such_endpoint()),
        }
    }

    pub(super) fn endpoint(&self) -> Endpoint {
        match self {
            Self::Ping => Endpoint::Ping,
            Self::Token => Endpoint::Token,
            Self::ListRepositories(..) => Endpoint::ListRepositories,
            Self::ListTags(..) => Endpoint::ListTags,
            Self::TagHistory(..) => Endpoint::TagHistory,
            Self::Document(..) => Endpoint::Document,
            Self::Locate(..) => Endpoint::Locate,
            Self::ImageLine(..) => Endpoint::ImageLine,
            Self::ListEvents(..) => Endpoint::ListEvents,
            Self::FindPush(..) => Endpoint::FindPush,
            Self::Vouch(..) => Endpoint::Vouch,
            Self::Trace(..) => Endpoint::Trace,
            Self::TraceAll(..) => Endpoint::TraceAll,
            Self::ListFacts(..) => Endpoint::ListFacts,
            Self::Observe(..) => Endpoint::Observe,
            Self::ReadLog(..) => Endpoint::ReadLog,
            Self::WriteLog => Endpoint::WriteLog,
            Self::ListProjects => Endpoint::ListProjects,
            Self::GetProject(..) => Endpoint::GetProject,
            Self::PutProject(..) => Endpoint::PutProject,
            Self::DeleteProject(..) => Endpoint::DeleteProject,
            Self::GetPolicy(..) => Endpoint::GetPolicy,
            Self::ListLacking(..) => Endpoint::ListLacking,
            Self::GetVerdict(..) => Endpoint::GetVerdict,
            Self::ListReferrers(..) => Endpoint::ListReferrers,
            Self::GetManifest(..) => Endpoint::GetManifest,
            Self::PutManifest(..) => Endpoint::PutManifest,
            Self::DeleteManifest(..) => Endpoint::DeleteManifest,
            Self::GetBlob(..) => Endpoint::GetBlob,
            Self::DeleteBlob(..) => Endpoint::DeleteBlob,
            Self::BeginUpload(..) => Endpoint::BeginUpload,
            Self::GetUpload(..) => Endpoint::GetUpload,
            Self::AppendToUpload(..) => Endpoint::AppendToUpload,
            Self::CloseUpload(..) => Endpoint::CloseUpload,
            Self::CancelUpload(..) => Endpoint::CancelUpload,
        }
    }

    /// The rights to ask a token for, in the words of the token service.
    pub(super) fn scope(&self) -> Option<String> {
        let (name, actions) = match self {
            Self::ListRepositories(..)
            | Self::Locate(..)
            | Self::ListEvents(..)
            | Self::ListLacking(..)
            | Self::ListProjects
            | Self::TraceAll(..)
            | Self::GetProject(..) => return Some(LIST_SCOPE.to_owned()),
            Self::PutProject(..) | Self::DeleteProject(..) => return Some(GOVERN_SCOPE.to_owned()),
            Self::Ping | Self::Token | Self::ReadLog(..) | Self::WriteLog => return None,
            Self::ListTags(name, _)
            | Self::TagHistory(name, _)
            | Self::GetPolicy(name)
            | Self::GetVerdict(name, ..)
            | Self::Document(name, ..)
            | Self::ImageLine(name, ..)
            | Self::Trace(name, _)
            | Self::ListFacts(name, _)
            | Self::ListReferrers(name, ..)
            | Self::FindPush(name, _)
            | Self::GetManifest(name, _)
            | Self::GetBlob(name, _) => (name, "pull"),
            Self::DeleteManifest(name, _) | Self::DeleteBlob(name, _) => (name, "delete"),
            Self::PutManifest(name, ..)
            | Self::Vouch(name, _)
            | Self::Observe(name, _)
            | Self::BeginUpload(name, _)
            | Self::GetUpload(name, _)
            | Self::AppendToUpload(name, _)
            | Self::CloseUpload(name, ..)
            | Self::CancelUpload(name, _) => (name, "pull,push"),
        };
        Some(format!("repository:{name}:{actions}"))
    }
}

fn only_get(method: &Method, call: Call) -> Result<Call, ErrorResponse> {
    if is_read(method) { Ok(call) } else { Err(ErrorResponse::method_not_allowed()) }
}

fn is_read(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

fn repository(segments: &[&str]) -> Result<RepositoryName, ErrorResponse> {
    segments.join("/").parse().map_err(ErrorResponse::name_invalid)
}

fn reference(text: &str) -> Result<TagOrDigest, ErrorResponse> {
    text.parse().map_err(|error: ParseDigestError| ErrorResponse::digest_invalid(&error))
}

fn digest(text: &str) -> Result<Digest, ErrorResponse> {
    text.parse().map_err(|error: ParseDigestError| ErrorResponse::digest_invalid(&error))
}

/// The paths of C2SP's tlog-tiles, and the same below `api/v2/` as Rekor has them.
fn log(method: &Method, below: &str) -> Result<Call, ErrorResponse> {
    if below == "api/v2/log/entries" {
        let is_write = method == Method::POST;
        return if is_write { Ok(Call::WriteLog) } else { Err(ErrorResponse::method_not_allowed()) };
    }
    let below = below.strip_prefix("api/v2/").unwrap_or(below);
    let what = match below.split_once('/') {
        None if below == "checkpoint" => LogRead::Checkpoint,
        None if below == "keys" => LogRead::Keys,
        Some(("checkpoint", entry)) => {
            LogRead::CheckpointOf(entry.parse().map_err(|_| ErrorResponse::no_such_endpoint())?)
        }
        Some(("tile", path)) => LogRead::Tile(path.to_owned()),
        Some(("leaf", hash)) => LogRead::Leaf(hash.to_owned()),
        Some(("payload", leaf)) => {
            LogRead::Payload(leaf.parse().map_err(|_| ErrorResponse::no_such_endpoint())?)
        }
        _ => return Err(ErrorResponse::no_such_endpoint()),
    };
    only_get(method, Call::ReadLog(what))
}

fn project(method: &Method, name: &str) -> Result<Call, ErrorResponse> {
    let name: ProjectName = name.parse().map_err(ErrorResponse::project_name_invalid)?;
    match *method {
        Method::GET | Method::HEAD => Ok(Call::GetProject(name)),
        Method::PUT => Ok(Call::PutProject(name)),
        Method::DELETE => Ok(Call::DeleteProject(name)),
        _ => Err(ErrorResponse::method_not_allowed()),
    }
}

fn document(
    method: &Method,
    name: RepositoryName,
    text: &str,
    kind: DocumentKind,
) -> Result<Call, ErrorResponse> {
    only_get(method, Call::Document(name, reference(text)?, kind))
}

fn vouch(method: &Method, name: RepositoryName, text: &str) -> Result<Call, ErrorResponse> {
    let is_write = method == Method::POST;
    if is_write { Ok(Call::Vouch(name, reference(text)?)) } else { Err(ErrorResponse::method_not_allowed()) }
}

/// A vulnerability's id is none of a digest's forms.
fn trace_of(text: &str) -> TraceOf {
    text.parse().map_or_else(|_| TraceOf::Vulnerability(text.to_owned()), TraceOf::Digest)
}

fn observe(method: &Method, name: RepositoryName, image: &str) -> Result<Call, ErrorResponse> {
    if method == Method::POST {
        Ok(Call::Observe(name, digest(image)?))
    } else {
        Err(ErrorResponse::method_not_allowed())
    }
}

fn sbom_format(query: &Query) -> Result<DocumentKind, ErrorResponse> {
    match query.first("format") {
        None | Some("json") => Ok(DocumentKind::Contents),
        Some("cyclonedx") => Ok(DocumentKind::CycloneDx),
        Some("spdx") => Ok(DocumentKind::Spdx),
        Some(_) => Err(ErrorResponse::format_unknown()),
    }
}

fn begin_upload(method: &Method, name: RepositoryName, query: &Query) -> Result<Call, ErrorResponse> {
    if method != Method::POST {
        return Err(ErrorResponse::method_not_allowed());
    }
    let start = match (query.first("mount"), query.first("digest"), query.first("digest-algorithm")) {
        (Some(mount), _, _) => {
            let from =
                query.first("from").map(str::parse).transpose().map_err(ErrorResponse::name_invalid)?;
            UploadStart::Mount { digest: digest(mount)?, from }
        }
        (None, Some(whole), _) => UploadStart::Whole(digest(whole)?),
        (None, None, Some(algorithm)) => UploadStart::Session(
            algorithm.parse().map_err(|error: ParseDigestError| ErrorResponse::digest_invalid(&error))?,
        ),
        (None, None, None) => UploadStart::Session(Algorithm::Sha256),
    };
    Ok(Call::BeginUpload(name, start))
}

fn upload(method: &Method, name: RepositoryName, id: &str, query: &Query) -> Result<Call, ErrorResponse> {
    let id: UploadId = id.parse().map_err(|_| ErrorResponse::upload_unknown())?;
    match *method {
        Method::GET | Method::HEAD => Ok(Call::GetUpload(name, id)),
        Method::PATCH => Ok(Call::AppendToUpload(name, id)),
        Method::PUT => {
            let expected = query.first("digest").ok_or_else(ErrorResponse::digest_missing)?;
            Ok(Call::CloseUpload(name, id, digest(expected)?))
        }
        Method::DELETE => Ok(Call::CancelUpload(name, id)),
        _ => Err(ErrorResponse::method_not_allowed()),
    }
}

fn blob(method: &Method, name: RepositoryName, text: &str) -> Result<Call, ErrorResponse> {
    match *method {
        Method::GET | Method::HEAD => Ok(Call::GetBlob(name, digest(text)?)),
        Method::DELETE => Ok(Call::DeleteBlob(name, digest(text)?)),
        _ => Err(ErrorResponse::method_not_allowed()),
    }
}

fn manifest(
    method: &Method,
    name: RepositoryName,
    reference: &str,
    query: &Query,
) -> Result<Call, ErrorResponse> {
    let reference = self::reference(reference)?;
    match *method {
        Method::GET | Method::HEAD => Ok(Call::GetManifest(name, reference)),
        Method::PUT => {
            let tags = query.all("tag").map(str::parse).collect::<Result<_, _>>();
            Ok(Call::PutManifest(name, reference, tags.map_err(ErrorResponse::tag_invalid)?))
        }
        Method::DELETE => Ok(Call::DeleteManifest(name, reference)),
        _ => Err(ErrorResponse::method_not_allowed()),
    }
}

fn referrers(
    method: &Method,
    name: RepositoryName,
    subject: &str,
    query: &Query,
) -> Result<Call, ErrorResponse> {
    let artifact_type = query.first("artifactType").filter(|text| !text.is_empty()).map(str::to_owned);
    let last = query.first("last").map(digest).transpose()?;
    only_get(method, Call::ListReferrers(name, digest(subject)?, ReferrersFilter { artifact_type, last }))
}

#[cfg(test)]
mod tests {
    use plimsoll_store::Timestamp;

    use super::query::EVENTS_MAX;
    use super::*;

    fn parse(method: &Method, uri: &str) -> Result<Call, ErrorResponse> {
        Call::parse(method, &uri.parse().unwrap())
    }

    #[test]
    fn names_may_hold_the_words_of_the_api() {
        let call = parse(&Method::GET, "/v2/a/blobs/uploads/manifests/latest").unwrap();
        assert!(matches!(call, Call::GetManifest(name, _) if name.as_str() == "a/blobs/uploads"));
        let call = parse(&Method::GET, "/v2/tags/list/tags/list?n=2&last=b").unwrap();
        assert!(matches!(call, Call::ListTags(name, page)
            if name.as_str() == "tags/list" && page == Page { limit: 2, last: Some("b".into()) }));
    }

    #[test]
    fn path_tricks_do_not_reach_an_operation() {
        let digest = Digest::sha256_of(b"");
        for path in [
            format!("/v2/../a/blobs/{digest}"),
            format!("/v2/a/../../b/blobs/{digest}"),
            format!("/v2/a%2f..%2fb/blobs/{digest}"),
            format!("/v2//blobs/{digest}"),
            format!("/v2/A/blobs/{digest}"),
            "/v2/a/blobs/sha256:..%2f..%2fetc%2fpasswd".to_owned(),
            "/v2/a/manifests/..%2f..%2fetc".to_owned(),
            "/v2/a/blobs/uploads/..%2f..%2fetc".to_owned(),
            "/v2/a/manifests/%00".to_owned(),
            "/v2/%ff/manifests/latest".to_owned(),
        ] {
            assert!(parse(&Method::GET, &path).is_err(), "{path}");
        }
    }

    #[test]
    fn a_digest_may_be_escaped() {
        let path = format!("/v2/a/blobs/{}", Digest::sha256_of(b"").to_string().replace(':', "%3A"));
        assert!(matches!(parse(&Method::HEAD, &path), Ok(Call::GetBlob(..))));
    }

    #[test]
    fn a_page_of_events_is_asked_for_by_number_and_time() {
        let Ok(Call::ListEvents(page)) = parse(&Method::GET, "/v2/_plimsoll/events?after=7&since=9&n=99999")
        else {
            panic!("it is no page of events")
        };
        assert_eq!(page, EventsPage { after: 7, since: Timestamp::from_unix_ms(9), limit: EVENTS_MAX });
        for wrong in ["after=x", "after=99999999999999999999", "since=yesterday", "n=-1"] {
            assert!(parse(&Method::GET, &format!("/v2/_plimsoll/events?{wrong}")).is_err(), "{wrong}");
        }
        assert!(parse(&Method::POST, "/v2/_plimsoll/events").is_err());
    }

    #[test]
    fn an_artifact_type_keeps_its_plus_sign() {
        let path = format!("/v2/a/referrers/{}?artifactType=application/spdx+json", Digest::sha256_of(b""));
        let Ok(Call::ListReferrers(_, _, filter)) = parse(&Method::GET, &path) else {
            panic!("it is not a list")
        };
        assert_eq!(filter.artifact_type.as_deref(), Some("application/spdx+json"));
    }
}
