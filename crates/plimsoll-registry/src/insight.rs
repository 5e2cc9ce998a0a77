//! What is known of images beyond their bytes. The registry asks; whoever puts the server together answers.

use futures_util::future::BoxFuture;
use plimsoll_oci::Digest;
use plimsoll_store::Timestamp;

use crate::access::{CanList, CanPull};

/// Tells what is known of images. Callers have shown that they may pull them.
pub trait Insight: Send + Sync {
    /// A document about an image that was asked for by `name`. It names other images only as far as the caller may see
    /// their repositories.
    fn document<'a>(
        &'a self,
        image: Digest,
        name: &'a str,
        kind: DocumentKind,
        can_list: &'a CanList,
    ) -> BoxFuture<'a, Known>;

    /// Where a vulnerability is, among the repositories that the caller may see, as JSON.
    fn locate<'a>(&'a self, vulnerability: &'a str, can_list: &'a CanList) -> BoxFuture<'a, Known>;

    /// When something entered the line of an image, left it and returned, as JSON.
    fn line<'a>(
        &'a self,
        asked: &'a LineQuestion,
        can_pull: &'a CanPull,
        can_list: &'a CanList,
    ) -> BoxFuture<'a, Known>;

    /// What changes of the advisories meant, a page at a time, for images that the caller may see.
    fn events<'a>(&'a self, page: EventsPage, can_list: &'a CanList) -> BoxFuture<'a, KnownEvents>;

    /// One line that clients should hear of when they pull the image, if it is at hand.
    fn warning(&self, image: Digest) -> Option<String>;

    /// The same after a push, which waits a moment for it.
    fn warning_of_pushed(&self, image: Digest) -> BoxFuture<'_, Option<String>>;
}

/// What is asked about the line of an image: the images of its repository for its platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineQuestion {
    /// The image.
    pub image: Digest,
    /// The id of a vulnerability, or a package URL.
    pub what: String,
}

/// Which document is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentKind {
    /// What is known against the image.
    Report,
    /// What is inside, with all evidence.
    Contents,
    /// The same in CycloneDX.
    CycloneDx,
    /// The same in SPDX.
    Spdx,
}

/// Which events are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventsPage {
    /// Those with higher numbers.
    pub after: i64,
    /// Those that were told then or later.
    pub since: Timestamp,
    /// Most that are looked at.
    pub limit: usize,
}

/// A page of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownEvents {
    /// The page.
    pub known: Known,
    /// The number after which the next page begins, if there is one.
    pub next: Option<i64>,
}

/// What became of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// The answer, as JSON.
    Document(Vec<u8>),
    /// It is being found out.
    Waiting,
    /// It cannot be known, for this reason.
    NotEvaluated(String),
    /// What was named is no container image.
    NotImage,
    /// Nothing is known of what was named.
    Nothing,
    /// The server failed; this is for its log.
    Failed(String),
}
