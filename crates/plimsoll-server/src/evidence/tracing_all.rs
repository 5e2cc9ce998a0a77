//! Traces of several images: those that a digest means, and those that hold a vulnerability.

use std::collections::BTreeMap;

use plimsoll_oci::{Digest, RepositoryName};
use plimsoll_registry::access::CanList;
use plimsoll_registry::{Known, TraceOf};

use super::hop::{Holding, Trace, Traces};
use super::reading::ReadError;
use super::{Evidence, document};

/// Images that are traced in one answer.
const TRACES_MAX: usize = 20;

/// Places of a digest that are looked at.
const PLACES_MAX: usize = 1000;

/// Images that are meant, and by which components.
type Meant = BTreeMap<(RepositoryName, Digest), Vec<Holding>>;

impl Evidence {
    pub(super) async fn answer_all(&self, of: &TraceOf, can_list: &CanList) -> Result<Known, ReadError> {
        let unread = self.catch_up().await?;
        let checkpoint = self.checkpoint().await?;
        let (meant, of) = match of {
            TraceOf::Digest(digest) => (self.by_digest(*digest, can_list).await?, digest.to_string()),
            TraceOf::Vulnerability(id) => match &self.parts.scanner {
                Some(scanner) => (scanner.images_with(id, can_list).await?, id.clone()),
                None => {
                    return Ok(Known::NotEvaluated("this server does not look into its images".to_owned()));
                }
            },
        };
        let images = meant.len();
        let mut traces: Vec<Trace> = Vec::new();
        for ((repository, image), components) in meant.into_iter().take(TRACES_MAX) {
            let trace = self.trace_of(&repository, image, can_list).await?;
            traces.extend(trace.map(|trace| Trace { components, ..trace }));
        }
        let kind = "Traces";
        Ok(document(&Traces { api_version: "plimsoll/v1", kind, of, images, traces, unread, checkpoint }))
    }

    /// A container is known by the digest of a manifest or of a config.
    async fn by_digest(&self, digest: Digest, can_list: &CanList) -> Result<Meant, ReadError> {
        let held = self.parts.storage.catalogue().images_by_any_digest(&[digest], PLACES_MAX).await?;
        let seen = held.into_iter().filter(|held| can_list.may_see(&held.repository));
        Ok(seen.map(|held| ((held.repository, held.manifest), Vec::new())).collect())
    }
}
