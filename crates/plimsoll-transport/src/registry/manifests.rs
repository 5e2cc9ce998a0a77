use plimsoll_oci::{Digest, MANIFEST_BYTES_MAX, MediaType, TagOrDigest};
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response, StatusCode};

use super::connection::Call;
use super::repository::Repository;
use crate::{RawManifest, TransportError};

/// The header with the digest of an answer's content.
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// All manifest types, the newest first.
const ACCEPTED: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json";

impl Repository {
    /// The manifest that a tag or digest points at, with the answer's headers.
    pub(crate) async fn get_manifest(
        &self,
        target: &TagOrDigest,
    ) -> Result<(RawManifest, HeaderMap), TransportError> {
        let call = self.manifest_call(Method::GET, format!("read {}", self.describe(target)), target)?;
        let response = self.connection().send_expecting(&call, &[200]).await?;
        let headers = response.headers().clone();
        let bytes = self.connection().read_body(&call.operation, response, MANIFEST_BYTES_MAX).await?;
        let digest = match target {
            TagOrDigest::Digest(digest) => *digest,
            TagOrDigest::Tag(_) => digest_header(&headers).unwrap_or_else(|| Digest::sha256_of(&bytes)),
        };
        let sent_as = media_type_header(&headers);
        Ok((RawManifest::verify(bytes, &digest, sent_as.as_ref())?, headers))
    }

    /// The same, or nothing when it is not there.
    pub(crate) async fn find_manifest(
        &self,
        target: &TagOrDigest,
    ) -> Result<Option<(RawManifest, HeaderMap)>, TransportError> {
        match self.get_manifest(target).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn manifest_exists(&self, digest: &Digest) -> Result<bool, TransportError> {
        let target = TagOrDigest::Digest(*digest);
        let call =
            self.manifest_call(Method::HEAD, format!("look for {}", self.describe(&target)), &target)?;
        let response = self.connection().send_expecting(&call, &[200, 404]).await?;
        Ok(response.status() == StatusCode::OK)
    }

    /// Stores a manifest under a tag or its digest.
    pub(crate) async fn send_manifest(
        &self,
        manifest: &RawManifest,
        target: &TagOrDigest,
        condition: Option<(HeaderName, HeaderValue)>,
    ) -> Result<Response, TransportError> {
        let url = self.url(&format!("manifests/{target}"))?;
        let media_type =
            HeaderValue::try_from(manifest.media_type.as_str()).map_err(|_| TransportError::Protocol {
                operation: format!("write {}", self.describe(target)),
                problem: format!("`{}` cannot be sent in a header", manifest.media_type),
            })?;
        let mut call = Call::new(Method::PUT, format!("write {}", self.describe(target)), url)
            .with_header(CONTENT_TYPE, media_type)
            .with_body(manifest.bytes.clone());
        call.headers.insert(CONTENT_LENGTH, HeaderValue::from(manifest.bytes.len()));
        let is_conditional = condition.is_some();
        call.headers.extend(condition);
        let response = self.connection().send(&call).await?;
        if is_conditional && response.status() == StatusCode::PRECONDITION_FAILED {
            return Ok(response);
        }
        self.connection().expect(&call, response, &[200, 201, 202]).await
    }

    fn manifest_call(
        &self,
        method: Method,
        operation: String,
        target: &TagOrDigest,
    ) -> Result<Call, TransportError> {
        let url = self.url(&format!("manifests/{target}"))?;
        Ok(Call::new(method, operation, url).with_header(ACCEPT, HeaderValue::from_static(ACCEPTED)))
    }

    fn describe(&self, target: &TagOrDigest) -> String {
        match target {
            TagOrDigest::Tag(tag) => format!("manifest {}:{tag}", self.full_name()),
            TagOrDigest::Digest(digest) => format!("manifest {}@{digest}", self.full_name()),
        }
    }
}

fn digest_header(headers: &HeaderMap) -> Option<Digest> {
    headers.get(CONTENT_DIGEST)?.to_str().ok()?.parse().ok()
}

/// The type that the answer was sent with. Some servers send files with a generic type: then the manifest's own word counts.
fn media_type_header(headers: &HeaderMap) -> Option<MediaType> {
    let media_type: MediaType = headers.get(CONTENT_TYPE)?.to_str().ok()?.parse().ok()?;
    (media_type.is_image_manifest() || media_type.is_image_index()).then_some(media_type)
}
