//! Verdicts by the rules of projects. The registry asks; whoever puts the server together judges and signs.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use plimsoll_oci::Digest;

use crate::access::CanPull;

/// Judges images by the rules of their project.
pub trait Verdicts: Send + Sync {
    /// A signed verification summary on an image, as a Sigstore bundle: at one gate, or at all that the project has.
    fn verdict<'a>(
        &'a self,
        can_pull: &'a CanPull,
        image: Digest,
        gate: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Bytes, VerdictError>>;
}

/// Why there is no verdict.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerdictError {
    /// No project has rules for the repository.
    #[error("no project has rules for this repository")]
    NoProject,
    /// The project has no such gate.
    #[error("the project `{project}` has no gate `{gate}`")]
    NoGate {
        /// The project.
        project: String,
        /// What was asked for.
        gate: String,
    },
    /// Some evidence could not be read, so that nobody knows what it says.
    #[error("some evidence could not be read: {0}")]
    NotEvaluated(String),
    /// The server failed; this is for its log.
    #[error("{0}")]
    Failed(String),
}
