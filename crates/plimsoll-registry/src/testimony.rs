//! What is said about images, and how it hangs together. The registry asks; whoever puts the server together answers.

use futures_util::future::BoxFuture;
use plimsoll_oci::{Digest, Manifest};
use plimsoll_store::Timestamp;

use crate::Known;
use crate::access::{CanList, CanPull, CanPush};
use crate::ledger::carries_statements;

/// The type of layers that hold statements which nobody signed, as `BuildKit` attaches them.
const UNSIGNED_STATEMENT: &str = "application/vnd.in-toto+json";

/// Longest name of the place where an image runs.
const PLACE_BYTES_MAX: usize = 512;

/// The evidence graph.
pub trait Testimony: Send + Sync {
    /// The way of an image back to where it comes from, as far as the repository tells it. The image need not be there any
    /// more. Other repositories are asked for the images beneath it, as far as the caller may see them.
    fn trace<'a>(
        &'a self,
        can_pull: &'a CanPull,
        image: Digest,
        can_list: &'a CanList,
    ) -> BoxFuture<'a, Known>;

    /// The ways of all images that are meant: by the digest of a manifest, an index or a config, or by a vulnerability that
    /// they hold.
    fn trace_all<'a>(&'a self, of: &'a TraceOf, can_list: &'a CanList) -> BoxFuture<'a, Known>;

    /// What is said in a repository, a page at a time, behind the fact `after`: a manifest and the number of a part of it.
    /// The first page has the runs that were told there too.
    fn facts<'a>(&'a self, can_pull: &'a CanPull, after: Option<(Digest, u32)>) -> BoxFuture<'a, Known>;

    /// Notes that an image ran somewhere, and has it logged.
    fn observe<'a>(
        &'a self,
        can_push: &'a CanPush,
        image: Digest,
        run: &'a ObservedRun,
    ) -> BoxFuture<'a, Result<(), ObserveError>>;
}

/// What the images are known by that are to be traced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceOf {
    /// A digest that somebody who runs them knows.
    Digest(Digest),
    /// A vulnerability that they hold.
    Vulnerability(String),
}

/// Where an image ran, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedRun {
    place: String,
    begun_at: Timestamp,
    ended_at: Option<Timestamp>,
}

/// Why a run was not noted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObserveError {
    /// It cannot be.
    #[error(transparent)]
    Invalid(#[from] InvalidRun),
    /// The repository does not know the image.
    #[error("the repository holds no image with this digest, and no evidence about one")]
    UnknownImage,
    /// The server failed; this is for its log.
    #[error("{0}")]
    Failed(String),
}

/// Why something is no run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRun {
    /// The place is no place.
    #[error("a place is 1 to {PLACE_BYTES_MAX} printable characters, such as `CLUSTER/NAMESPACE/WORKLOAD`")]
    Place,
    /// The times leave no moment.
    #[error("the run ends before it begins")]
    NoTime,
}

impl ObservedRun {
    /// A run at `place`, from `begun_at` until `ended_at` or until now.
    pub fn new(place: String, begun_at: Timestamp, ended_at: Option<Timestamp>) -> Result<Self, InvalidRun> {
        let is_place = (1..=PLACE_BYTES_MAX).contains(&place.len())
            && place.bytes().all(|byte| byte.is_ascii_graphic())
            && place.split('/').all(|part| !part.is_empty());
        if !is_place {
            return Err(InvalidRun::Place);
        }
        if ended_at.is_some_and(|ended_at| ended_at < begun_at) {
            return Err(InvalidRun::NoTime);
        }
        Ok(Self { place, begun_at, ended_at })
    }

    /// Where, such as `prod/web/shop`.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Since when.
    pub fn begun_at(&self) -> Timestamp {
        self.begun_at
    }

    /// Until when; nothing while it runs.
    pub fn ended_at(&self) -> Option<Timestamp> {
        self.ended_at
    }
}

/// Whether the evidence graph is to read a manifest: it carries statements, signed or not, or lists other manifests.
pub fn is_evidence(manifest: &Manifest) -> bool {
    let has_claims = || manifest.blobs().any(|blob| blob.media_type.as_str() == UNSIGNED_STATEMENT);
    matches!(manifest, Manifest::Index(_)) || carries_statements(manifest) || has_claims()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(place: &str, from: i64, to: Option<i64>) -> Result<ObservedRun, InvalidRun> {
        let at = Timestamp::from_unix_ms;
        ObservedRun::new(place.to_owned(), at(from), to.map(at))
    }

    #[test]
    fn a_run_has_a_place_and_a_time() {
        assert_eq!(run("prod/web/shop", 1, Some(2)).unwrap().place(), "prod/web/shop");
        assert!(run("edge-7", 1, None).is_ok());
        for place in ["", "a//b", "/a", "a b", "a\u{1b}[2J", &"x".repeat(513)] {
            assert_eq!(run(place, 1, None), Err(InvalidRun::Place), "{place}");
        }
        assert_eq!(run("prod", 2, Some(1)), Err(InvalidRun::NoTime));
    }
}
