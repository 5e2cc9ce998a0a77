//! Outcomes of operations in the specification's statuses and codes (distribution-spec, "Error Codes").

use std::fmt;

use http::header::{CONTENT_RANGE, LOCATION, RANGE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use plimsoll_oci::{
    MANIFEST_BYTES_MAX, ParseDigestError, ParseManifestError, ParseRepositoryNameError, ParseTagError,
};
use plimsoll_store::catalogue::{ParseProjectNameError, ProjectName};
use plimsoll_store::{CatalogueError, ObjectError};

use super::authorize::Challenge;
use super::{ResponseBody, answer};
use crate::access::{Denied, DeniedOverall, Identity, ShownBy};
use crate::{
    AttachError, DeleteError, LedgerError, NotaryError, ObserveError, PullError, PushBlobError,
    PushManifestError, SetProjectError, VerdictError,
};

/// An answer that says why not.
#[derive(Debug)]
pub(super) struct ErrorResponse {
    status: StatusCode,
    code: &'static str,
    /// What the client reads.
    message: String,
    /// What the client may do about it.
    help: Option<String>,
    /// What the operator reads, where it is more.
    operator: Option<String>,
    headers: Vec<(http::HeaderName, String)>,
    is_denied: bool,
}

impl ErrorResponse {
    fn new(status: StatusCode, code: &'static str, message: impl fmt::Display) -> Self {
        Self {
            status,
            code,
            message: message.to_string(),
            help: None,
            operator: None,
            headers: Vec::new(),
            is_denied: false,
        }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    fn header(mut self, name: http::HeaderName, value: impl fmt::Display) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// Names the session that the answer is about.
    pub(super) fn with_location(self, location: String) -> Self {
        self.header(LOCATION, location)
    }

    pub(super) fn for_operator(&self) -> &str {
        self.operator.as_deref().unwrap_or(&self.message)
    }

    pub(super) fn into_response(self) -> Response<ResponseBody> {
        let mut error = serde_json::json!({ "code": self.code, "message": self.message });
        if let Some(help) = self.help {
            error["detail"] = serde_json::json!({ "help": help });
        }
        let body = serde_json::json!({ "errors": [error] }).to_string();
        let mut response = answer::json(self.status, body.into());
        for (name, value) in self.headers {
            answer::set(&mut response, name, &value);
        }
        response
    }

    /// A refusal for want of rights becomes a question for better credentials, where there may be some.
    pub(super) fn challenged_if_denied<'c>(
        self,
        who: &Identity,
        challenge: impl FnOnce() -> Challenge<'c>,
    ) -> Self {
        let may_know_better = matches!(who.shown_by, ShownBy::Nothing | ShownBy::ScopedToken);
        if !self.is_denied || !may_know_better {
            return self;
        }
        let is_scoped = who.shown_by == ShownBy::ScopedToken;
        let value = challenge().header_value(is_scoped.then_some("insufficient_scope"));
        Self { status: StatusCode::UNAUTHORIZED, code: "UNAUTHORIZED", ..self }
            .header(WWW_AUTHENTICATE, value)
    }

    pub(super) fn unauthorized(message: &str, challenge: String) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message)
            .help("log in with `docker login` or `plimsoll login`")
            .header(WWW_AUTHENTICATE, challenge)
    }

    pub(super) fn no_users_yet() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "DENIED",
            "this registry has no users yet and answers only to its own machine",
        )
        .help("on the server, make the first user: plimsoll user add NAME --admin --data-dir DIR")
    }

    pub(super) fn too_many_sign_in() -> Self {
        let message = "too many sign in at this moment; try again";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS", message).header(RETRY_AFTER, 1)
    }

    pub(super) fn no_such_endpoint() -> Self {
        Self::new(StatusCode::NOT_FOUND, "UNSUPPORTED", "the registry has no such endpoint")
    }

    pub(super) fn format_unknown() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "UNSUPPORTED", "`format` is `json`, `cyclonedx` or `spdx`")
    }

    pub(super) fn not_an_image() -> Self {
        Self::new(StatusCode::NOT_FOUND, "UNSUPPORTED", "the manifest is no container image")
    }

    pub(super) fn nothing_known() -> Self {
        Self::new(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", "nothing is known of an image with this digest")
    }

    pub(super) fn run_invalid(why: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "UNSUPPORTED", format!("the run cannot be noted: {why}"))
    }

    pub(super) fn insight_failed(why: String) -> Self {
        Self::internal(StatusCode::INTERNAL_SERVER_ERROR, &std::io::Error::other(why))
    }

    pub(super) fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", "the endpoint does not know this method")
    }

    pub(super) fn name_invalid(error: ParseRepositoryNameError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "NAME_INVALID", error)
    }

    pub(super) fn name_unknown(name: &plimsoll_oci::RepositoryName) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NAME_UNKNOWN", format!("repository `{name}` is not known"))
    }

    pub(super) fn tag_invalid(error: ParseTagError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "MANIFEST_INVALID", error)
    }

    pub(super) fn digest_invalid(error: &ParseDigestError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "DIGEST_INVALID", error)
    }

    pub(super) fn digest_missing() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "DIGEST_INVALID", "the closing request has no `digest` parameter")
    }

    pub(super) fn query_invalid() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "UNSUPPORTED", "the query is not UTF-8")
    }

    pub(super) fn page_invalid() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "UNSUPPORTED", "`n` is a number of results")
    }

    pub(super) fn event_number_invalid() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "UNSUPPORTED",
            "`after` is the number of an event, `since` a time in milliseconds since 1970",
        )
    }

    pub(super) fn question_missing() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "UNSUPPORTED",
            "`vulnerability` is the id of a vulnerability, or `component` a package URL, of at most 1024 bytes",
        )
    }

    pub(super) fn upload_unknown() -> Self {
        Self::new(StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN", "the upload session is not known")
    }

    pub(super) fn chunk_invalid() -> Self {
        let message = "`Content-Range` is `first-last`, and spans as many bytes as the request has";
        Self::new(StatusCode::BAD_REQUEST, "BLOB_UPLOAD_INVALID", message)
    }

    pub(super) fn blob_unknown(digest: plimsoll_oci::Digest) -> Self {
        Self::new(StatusCode::NOT_FOUND, "BLOB_UNKNOWN", format!("blob `{digest}` is not in this repository"))
    }

    pub(super) fn manifest_unknown(reference: &plimsoll_oci::TagOrDigest) -> Self {
        let message = format!("manifest `{reference}` is not in this repository");
        Self::new(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", message)
    }

    pub(super) fn range_not_satisfiable(size: u64) -> Self {
        Self::new(StatusCode::RANGE_NOT_SATISFIABLE, "SIZE_INVALID", format!("the content has {size} bytes"))
            .header(CONTENT_RANGE, format!("bytes */{size}"))
    }

    pub(super) fn manifest_too_large() -> Self {
        let message = format!("a manifest has at most {MANIFEST_BYTES_MAX} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID", message)
    }

    pub(super) fn media_type_invalid(error: plimsoll_oci::ParseMediaTypeError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "MANIFEST_INVALID", error)
    }

    pub(super) fn entity_tag_invalid() -> Self {
        let message = "the condition is not a manifest's entity tag: its digest in double quotes";
        Self::new(StatusCode::BAD_REQUEST, "UNSUPPORTED", message)
    }

    pub(super) fn body_interrupted() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "SIZE_INVALID", "the request's body ended early")
    }

    pub(super) fn not_in_log() -> Self {
        Self::new(StatusCode::NOT_FOUND, "UNSUPPORTED", "the transparency log holds nothing under this path")
    }

    pub(super) fn record_too_large(bytes_max: usize) -> Self {
        let message = format!("a record for the log has at most {bytes_max} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID", message)
    }

    pub(super) fn no_notary() -> Self {
        let message = "this server vouches for no builds: it knows no issuer of tokens";
        Self::new(StatusCode::NOT_FOUND, "UNSUPPORTED", message).help("set `ci.issuers` on the server")
    }

    pub(super) fn no_ci_token() -> Self {
        let message = "the header `Plimsoll-CI-Token` is missing: it holds the token of the CI system";
        Self::new(StatusCode::BAD_REQUEST, "UNSUPPORTED", message)
    }

    pub(super) fn build_too_large(bytes_max: usize) -> Self {
        let message = format!("the description of a build has at most {bytes_max} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID", message)
    }

    pub(super) fn project_name_invalid(error: ParseProjectNameError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "UNSUPPORTED", error)
    }

    pub(super) fn project_unknown(name: &ProjectName) -> Self {
        Self::new(StatusCode::NOT_FOUND, "UNSUPPORTED", format!("there is no project `{name}`"))
    }

    pub(super) fn no_project(repository: &plimsoll_oci::RepositoryName) -> Self {
        let message = format!("no project has rules for the repository `{repository}`");
        Self::new(StatusCode::NOT_FOUND, "UNSUPPORTED", message)
            .help("plimsoll project set NAME --repositories PATTERN --file FILE SERVER")
    }

    pub(super) fn project_too_large(bytes_max: usize) -> Self {
        let message = format!("a project has at most {bytes_max} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID", message)
    }

    pub(super) fn damaged_project(error: &serde_json::Error) -> Self {
        Self::internal(StatusCode::INTERNAL_SERVER_ERROR, error)
    }

    /// A manifest was stored, and nothing can be said yet of its leaf.
    pub(super) fn not_logged(error: LedgerError) -> Self {
        let response = Self::from(error);
        response.help("the manifest is stored; push it again to wait for its place in the log")
    }

    pub(super) fn form_invalid() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "UNSUPPORTED", "the token service takes `grant_type=password`")
    }

    /// The server's own trouble: the client learns that, and the operator learns what.
    fn internal(status: StatusCode, error: &(dyn std::error::Error + 'static)) -> Self {
        let message = match status {
            StatusCode::SERVICE_UNAVAILABLE => "the registry cannot reach its storage; try again",
            _ => "the registry failed; its log says why",
        };
        let mut operator = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            operator = format!("{operator}: {cause}");
            source = cause.source();
        }
        let response = Self::new(status, "UNKNOWN", message);
        let response = if status == StatusCode::SERVICE_UNAVAILABLE {
            response.header(RETRY_AFTER, 1)
        } else {
            response
        };
        Self { operator: Some(operator), ..response }
    }

    fn storage_full(operator: String) -> Self {
        let message = "the registry's storage is full; nothing was stored";
        let response = Self::new(StatusCode::INSUFFICIENT_STORAGE, "DENIED", message)
            .help("delete images that are not needed, or give the registry more room");
        Self { operator: Some(operator), ..response }
    }
}

impl From<Denied> for ErrorResponse {
    fn from(denied: Denied) -> Self {
        Self { is_denied: true, ..Self::new(StatusCode::FORBIDDEN, "DENIED", denied) }
    }
}

impl From<DeniedOverall> for ErrorResponse {
    fn from(denied: DeniedOverall) -> Self {
        Self { is_denied: true, ..Self::new(StatusCode::FORBIDDEN, "DENIED", denied) }
    }
}

impl From<VerdictError> for ErrorResponse {
    fn from(error: VerdictError) -> Self {
        match error {
            VerdictError::NoProject => Self::new(StatusCode::NOT_FOUND, "UNSUPPORTED", error)
                .help("plimsoll project set NAME --repositories PATTERN --file FILE SERVER"),
            VerdictError::NoGate { .. } => Self::new(StatusCode::NOT_FOUND, "UNSUPPORTED", error),
            VerdictError::NotEvaluated(_) => Self::internal(StatusCode::SERVICE_UNAVAILABLE, &error),
            VerdictError::Failed(_) => Self::internal(StatusCode::INTERNAL_SERVER_ERROR, &error),
        }
    }
}

impl From<SetProjectError> for ErrorResponse {
    fn from(error: SetProjectError) -> Self {
        match error {
            SetProjectError::Shape(_) | SetProjectError::Policy(_) | SetProjectError::Patterns(_) => {
                Self::new(StatusCode::BAD_REQUEST, "UNSUPPORTED", error)
            }
            SetProjectError::Contested { .. } => {
                Self::new(StatusCode::CONFLICT, "DENIED", error).help("let one of the two patterns say more")
            }
            SetProjectError::Catalogue(error) => error.into(),
        }
    }
}

impl From<LedgerError> for ErrorResponse {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Refused(_) => Self::new(StatusCode::BAD_REQUEST, "UNSUPPORTED", error),
            LedgerError::Late => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "UNKNOWN", error).header(RETRY_AFTER, 1)
            }
            LedgerError::Failed(_) => Self::internal(StatusCode::INTERNAL_SERVER_ERROR, &error),
        }
    }
}

impl From<NotaryError> for ErrorResponse {
    fn from(error: NotaryError) -> Self {
        match error {
            NotaryError::Token(_) => Self::new(StatusCode::FORBIDDEN, "DENIED", error),
            NotaryError::Declared(_) => Self::new(StatusCode::BAD_REQUEST, "UNSUPPORTED", error),
            NotaryError::Unavailable(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "UNKNOWN", error).header(RETRY_AFTER, 1)
            }
            NotaryError::Failed(_) => Self::internal(StatusCode::INTERNAL_SERVER_ERROR, &error),
        }
    }
}

impl From<AttachError> for ErrorResponse {
    fn from(error: AttachError) -> Self {
        match error {
            AttachError::Blob(error) => error.into(),
            AttachError::Manifest(error) => error.into(),
        }
    }
}

impl From<ObserveError> for ErrorResponse {
    fn from(error: ObserveError) -> Self {
        match error {
            ObserveError::Invalid(why) => Self::run_invalid(&why.to_string()),
            ObserveError::UnknownImage => Self::new(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", error),
            ObserveError::Failed(_) => Self::internal(StatusCode::INTERNAL_SERVER_ERROR, &error),
        }
    }
}

impl From<CatalogueError> for ErrorResponse {
    fn from(error: CatalogueError) -> Self {
        match error {
            CatalogueError::Full => Self::storage_full(error.to_string()),
            CatalogueError::Postgres(refusal) if refusal.is_closed() || refusal.code().is_none() => {
                Self::internal(StatusCode::SERVICE_UNAVAILABLE, &CatalogueError::Postgres(refusal))
            }
            CatalogueError::Unreachable(_) | CatalogueError::Closed | CatalogueError::Overtaken => {
                Self::internal(StatusCode::SERVICE_UNAVAILABLE, &error)
            }
            error => Self::internal(StatusCode::INTERNAL_SERVER_ERROR, &error),
        }
    }
}

impl From<ObjectError> for ErrorResponse {
    fn from(error: ObjectError) -> Self {
        match &error {
            ObjectError::Full(_) => Self::storage_full(error.to_string()),
            ObjectError::Service { .. } => Self::internal(StatusCode::SERVICE_UNAVAILABLE, &error),
            _ => Self::internal(StatusCode::INTERNAL_SERVER_ERROR, &error),
        }
    }
}

impl From<PullError> for ErrorResponse {
    fn from(error: PullError) -> Self {
        match error {
            PullError::Catalogue(error) => error.into(),
            PullError::Objects(error) => error.into(),
        }
    }
}

impl From<PushBlobError> for ErrorResponse {
    fn from(error: PushBlobError) -> Self {
        let message = error.to_string();
        let invalid = |status| Self::new(status, "BLOB_UPLOAD_INVALID", &message);
        match error {
            PushBlobError::UnknownUpload(_) => {
                Self::new(StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN", message)
            }
            PushBlobError::OutOfOrder { received } => {
                invalid(StatusCode::RANGE_NOT_SATISFIABLE).header(RANGE, received_range(received))
            }
            PushBlobError::Busy(_) => invalid(StatusCode::CONFLICT),
            PushBlobError::DigestMismatch { .. } => {
                Self::new(StatusCode::BAD_REQUEST, "DIGEST_INVALID", message)
            }
            PushBlobError::BodyInterrupted { .. } => {
                Self::new(StatusCode::BAD_REQUEST, "SIZE_INVALID", message)
            }
            PushBlobError::NotResumable { .. } => invalid(StatusCode::NOT_FOUND).help("begin a new upload"),
            PushBlobError::Catalogue(error) => error.into(),
            PushBlobError::Objects(error) => error.into(),
        }
    }
}

/// The bytes received so far, as `Range` has them. Nothing received looks like one byte received; the standard has no
/// way to write an empty range.
pub(super) fn received_range(received: u64) -> String {
    format!("0-{}", received.saturating_sub(1))
}

impl From<PushManifestError> for ErrorResponse {
    fn from(error: PushManifestError) -> Self {
        let message = error.to_string();
        match error {
            PushManifestError::Invalid(ParseManifestError::TooLarge { .. }) => Self::manifest_too_large(),
            PushManifestError::Invalid(_) => Self::new(StatusCode::BAD_REQUEST, "MANIFEST_INVALID", message),
            PushManifestError::DigestMismatch { .. } => {
                Self::new(StatusCode::BAD_REQUEST, "DIGEST_INVALID", message)
            }
            PushManifestError::BlobsUnknown(_) => {
                Self::new(StatusCode::BAD_REQUEST, "MANIFEST_BLOB_UNKNOWN", message)
                    .help("push the blobs first")
            }
            PushManifestError::TagImmutable { .. } => Self::new(StatusCode::CONFLICT, "DENIED", message)
                .help("push under a new tag; which tags are immutable is set in the server's configuration"),
            PushManifestError::PreconditionFailed { .. } => {
                Self::new(StatusCode::PRECONDITION_FAILED, "DENIED", message)
            }
            PushManifestError::TooManyTags => Self::new(StatusCode::URI_TOO_LONG, "UNSUPPORTED", message),
            PushManifestError::Overtaken => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "UNKNOWN", message).header(RETRY_AFTER, 1)
            }
            PushManifestError::Catalogue(error) => error.into(),
            PushManifestError::Objects(error) => error.into(),
        }
    }
}

impl From<DeleteError> for ErrorResponse {
    fn from(error: DeleteError) -> Self {
        let message = error.to_string();
        match error {
            DeleteError::TagImmutable(_) => Self::new(StatusCode::CONFLICT, "DENIED", message),
            DeleteError::PreconditionFailed(_) => {
                Self::new(StatusCode::PRECONDITION_FAILED, "DENIED", message)
            }
            DeleteError::BlobNeeded(_) => Self::new(StatusCode::CONFLICT, "DENIED", message),
            DeleteError::Catalogue(error) => error.into(),
            DeleteError::Objects(error) => error.into(),
        }
    }
}
