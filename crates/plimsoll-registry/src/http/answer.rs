//! Pieces of answers that several endpoints share.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, LINK, LOCATION, WARNING};
use http::{Response, StatusCode};
use plimsoll_oci::Digest;

use super::ResponseBody;

pub(super) const DOCKER_CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
pub(super) const DOCKER_UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");
pub(super) const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
pub(super) const OCI_TAG: HeaderName = HeaderName::from_static("oci-tag");
pub(super) const OCI_FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");
const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// Most bytes of warnings in one answer (distribution-spec, "Warnings").
const WARNING_BYTES_MAX: usize = 4096;

pub(super) fn empty(status: StatusCode) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::Empty);
    *response.status_mut() = status;
    response
}

pub(super) fn json(status: StatusCode, body: Bytes) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::Full(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Sets a header to text that came through a parser; text that no header can hold is left out.
pub(super) fn set(response: &mut Response<ResponseBody>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

pub(super) fn add(response: &mut Response<ResponseBody>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().append(name, value);
    }
}

/// Names content by its digest, which is its entity tag as well.
pub(super) fn set_digest(response: &mut Response<ResponseBody>, digest: Digest) {
    let digest = digest.to_string();
    set(response, DOCKER_CONTENT_DIGEST, &digest);
    set(response, ETAG, &format!("\"{digest}\""));
}

/// A `201 Created` for content that can be pulled at `location`.
pub(super) fn created(location: &str, digest: Digest) -> Response<ResponseBody> {
    let mut response = empty(StatusCode::CREATED);
    set(&mut response, LOCATION, location);
    set(&mut response, DOCKER_CONTENT_DIGEST, &digest.to_string());
    response
}

/// Points at the next page of a list (RFC 8288).
pub(super) fn set_next(response: &mut Response<ResponseBody>, target: &str) {
    set(response, LINK, &format!("<{target}>; rel=\"next\""));
}

/// Adds a warning that clients show to people (distribution-spec, "Warnings").
pub(super) fn warn(response: &mut Response<ResponseBody>, text: &str) {
    let printable = |character: char| matches!(character, ' '..='~') && character != '"' && character != '\\';
    let text: String =
        text.chars().map(|character| if printable(character) { character } else { '\'' }).collect();
    let warning = format!("299 - \"{text}\"");
    let so_far: usize = response.headers().get_all(WARNING).iter().map(HeaderValue::len).sum();
    if so_far + warning.len() <= WARNING_BYTES_MAX {
        add(response, WARNING, &warning);
    }
}

/// The digest that an answer is about, for the log.
pub(super) fn digest_of(response: &Response<ResponseBody>) -> Option<String> {
    let digest = response.headers().get(DOCKER_CONTENT_DIGEST)?;
    digest.to_str().ok().map(str::to_owned)
}

/// Headers that every answer has.
pub(super) fn finish(mut response: Response<ResponseBody>) -> Response<ResponseBody> {
    let is_empty = matches!(response.body(), ResponseBody::Empty);
    let may_have_length =
        response.status() != StatusCode::NO_CONTENT && response.status() != StatusCode::NOT_MODIFIED;
    let headers = response.headers_mut();
    headers.insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    headers.insert(http::header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if is_empty && may_have_length && !headers.contains_key(CONTENT_LENGTH) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    response
}
