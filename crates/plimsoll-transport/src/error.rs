use std::io;
use std::path::{Path, PathBuf};

use plimsoll_oci::{Digest, ParseConfigError, ParseManifestError};

use crate::CredentialError;
use crate::connect_failure::cause_of;

/// What went wrong while an image was read, written or moved.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The thing is not there.
    #[error("{place} has no {what}")]
    NotFound {
        /// What was asked for.
        what: String,
        /// Where.
        place: String,
    },
    /// There is more than one image, and the user did not say which.
    #[error("{place} holds several images: {names}")]
    Ambiguous {
        /// Where.
        place: String,
        /// The names to choose from.
        names: String,
    },
    /// The registry wants a login, or does not accept the one it got.
    #[error("{operation}: `{host}` refused access ({answer}); {tried}")]
    Unauthorized {
        /// What was being done.
        operation: String,
        /// The registry.
        host: String,
        /// Status and error code.
        answer: String,
        /// Which credential was used, and where it came from.
        tried: String,
    },
    /// The registry answered with an error.
    #[error("{operation}: the registry answered {status}{detail}")]
    Refused {
        /// What was being done.
        operation: String,
        /// The HTTP status.
        status: u16,
        /// The registry's error codes and messages, with a leading separator.
        detail: String,
    },
    /// Whoever asked is known, but may not do that.
    #[error("{operation}: {who} may not {what} ({answer})")]
    Forbidden {
        /// What was being done.
        operation: String,
        /// The user, or the credential.
        who: String,
        /// The right that is missing.
        what: String,
        /// Status and error code.
        answer: String,
    },
    /// No connection came about.
    #[error("{peer} does not answer: {cause}")]
    NoAnswer {
        /// Who should have answered.
        peer: String,
        /// Why not.
        cause: String,
        /// Whether the machine is there and nothing listens.
        is_closed: bool,
        /// What to try.
        help: String,
    },
    /// The peer's certificate is not taken.
    #[error("the certificate of `{host}` is not trusted: {cause}")]
    Certificate {
        /// The peer.
        host: String,
        /// Why not.
        cause: String,
        /// What to do about it.
        help: Option<String>,
    },
    /// The connection broke.
    #[error("{operation}: {}", cause_of(.cause))]
    Unreachable {
        /// What was being done.
        operation: String,
        /// Why it failed. The message holds the innermost cause, and what is around it would only repeat it.
        cause: reqwest::Error,
    },
    /// The registry broke off while it was sent something, and what it answered was lost.
    #[error("{operation}: the registry closed the connection while taking the blob")]
    CutOff {
        /// What was being done.
        operation: String,
    },
    /// The peer sent nothing for too long.
    #[error("{operation}: no answer for {seconds} s")]
    Stalled {
        /// What was being done.
        operation: String,
        /// How long nothing came.
        seconds: u64,
    },
    /// The peer's answer makes no sense.
    #[error("{operation}: {problem}")]
    Protocol {
        /// What was being done.
        operation: String,
        /// What was wrong.
        problem: String,
    },
    /// The bytes are not those that the digest names.
    #[error("the bytes of `{expected}` hash to `{actual}`")]
    DigestMismatch {
        /// The digest asked for.
        expected: Digest,
        /// The digest of the bytes that came.
        actual: Box<Digest>,
    },
    /// There are more or fewer bytes than promised.
    #[error("`{digest}` should have {expected} bytes, but {actual} came")]
    SizeMismatch {
        /// The digest asked for.
        digest: Digest,
        /// The promised size.
        expected: u64,
        /// How many bytes came before that was clear.
        actual: u64,
    },
    /// A named limit was reached.
    #[error("{what} is over the limit of {limit}")]
    Limit {
        /// What was too large.
        what: String,
        /// The limit, with its unit.
        limit: String,
    },
    /// A manifest could not be read.
    #[error("manifest `{digest}`: {source}")]
    Manifest {
        /// Which.
        digest: Digest,
        /// Why.
        source: Box<ParseManifestError>,
    },
    /// An image config could not be read.
    #[error("image config in {place}: {source}")]
    Config {
        /// Where it stands.
        place: String,
        /// Why.
        source: ParseConfigError,
    },
    /// A file is not what its place says.
    #[error("{place}: {problem}")]
    Damaged {
        /// The file, or the file in an archive.
        place: String,
        /// What was wrong.
        problem: String,
    },
    /// A file could not be read or written.
    #[error("{operation} `{}`: {source}", .path.display())]
    Io {
        /// What was being done.
        operation: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The place cannot do what was asked.
    #[error("{what}")]
    Unsupported {
        /// What cannot be done, and why.
        what: String,
        /// What to do instead.
        help: String,
    },
    /// Credentials could not be found out.
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    /// A background task of this process ended early.
    #[error("a worker thread ended early: {0}")]
    Worker(#[from] tokio::task::JoinError),
}

/// What a caller may want to tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The thing is not there.
    NotFound,
    /// Access was refused.
    Denied,
    /// The place could not be reached, or failed on its side.
    Unreachable,
    /// Bytes or documents are not what they claim to be.
    Corrupt,
    /// A limit was reached.
    Limit,
    /// What was asked cannot be done, or not without saying more.
    Usage,
    /// This machine's files could not be read or written.
    Io,
}

impl TransportError {
    /// The kind of failure.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound { .. } | Self::Refused { status: 404, .. } => ErrorKind::NotFound,
            Self::Unauthorized { .. } | Self::Refused { status: 401 | 403, .. } => ErrorKind::Denied,
            Self::Credentials(_) | Self::Forbidden { .. } => ErrorKind::Denied,
            Self::Ambiguous { .. } | Self::Unsupported { .. } => ErrorKind::Usage,
            Self::Refused { .. } | Self::Unreachable { .. } | Self::Stalled { .. } => ErrorKind::Unreachable,
            Self::NoAnswer { .. } | Self::Certificate { .. } => ErrorKind::Unreachable,
            Self::CutOff { .. } | Self::Protocol { .. } => ErrorKind::Unreachable,
            Self::DigestMismatch { .. } | Self::SizeMismatch { .. } => ErrorKind::Corrupt,
            Self::Manifest { .. } | Self::Config { .. } | Self::Damaged { .. } => ErrorKind::Corrupt,
            Self::Limit { .. } => ErrorKind::Limit,
            Self::Io { .. } | Self::Worker(_) => ErrorKind::Io,
        }
    }

    /// What the user can do about it, when that is known.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Unauthorized { host, .. } => Some(format!("plimsoll login {host}")),
            Self::Forbidden { .. } => {
                Some("ask for the right: plimsoll user grant, or plimsoll robot add --grant".to_owned())
            }
            Self::Unsupported { help, .. } | Self::NoAnswer { help, .. } => Some(help.clone()),
            Self::Certificate { help, .. } => help.clone(),
            Self::CutOff { .. } => {
                Some("look at the registry's log, and whether its disk is full".to_owned())
            }
            Self::Refused { status: 507, .. } => {
                Some("the registry's disk is full: make room there".to_owned())
            }
            Self::Ambiguous { .. } => Some("add one of the names after a colon".to_owned()),
            Self::Credentials(error) => error.help(),
            _ => None,
        }
    }

    /// Whether the thing asked for is simply not there.
    pub fn is_not_found(&self) -> bool {
        self.kind() == ErrorKind::NotFound
    }

    /// Whether the same call may succeed a moment later.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::NoAnswer { .. } | Self::Unreachable { .. } | Self::Stalled { .. } | Self::CutOff { .. }
        )
    }

    pub(crate) fn not_found(what: impl Into<String>, place: impl Into<String>) -> Self {
        Self::NotFound { what: what.into(), place: place.into() }
    }

    pub(crate) fn damaged(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Damaged { place: place.into(), problem: problem.into() }
    }

    pub(crate) fn limit(what: impl Into<String>, limit: impl Into<String>) -> Self {
        Self::Limit { what: what.into(), limit: limit.into() }
    }

    /// Wraps a file error with what was being done to which file.
    pub(crate) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { operation, path, source }
    }
}
