//! What the server itself vouches for. The registry knows who may push where; whoever puts the server together knows
//! whose word on a build counts, and signs.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use plimsoll_oci::Descriptor;

use crate::Referrer;
use crate::access::CanPush;

/// Somebody who vouches for how images were built.
pub trait Notary: Send + Sync {
    /// Makes a signed statement on how `subject` was built: who built is what the token says, and the rest is what the
    /// build declares, as JSON. Nothing is stored yet.
    fn vouch<'a>(
        &'a self,
        can_push: &'a CanPush,
        build: Build<'a>,
    ) -> BoxFuture<'a, Result<Referrer, NotaryError>>;
}

/// An image whose build wants to be vouched for.
#[derive(Clone, Debug)]
pub struct Build<'a> {
    /// The image.
    pub subject: Descriptor,
    /// The token that the CI system gave to the build.
    pub token: &'a str,
    /// What the build says of itself.
    pub declared: Bytes,
}

/// Why a build is not vouched for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotaryError {
    /// The token does not show who builds.
    #[error("{0}")]
    Token(String),
    /// What the build declares is not understood, or is not what the token says.
    #[error("{0}")]
    Declared(String),
    /// The issuer's keys cannot be had now.
    #[error("{0}")]
    Unavailable(String),
    /// The server failed; this is for its log.
    #[error("{0}")]
    Failed(String),
}
