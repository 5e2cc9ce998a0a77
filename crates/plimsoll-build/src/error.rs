use std::io;
use std::path::PathBuf;

use plimsoll_image::ReadLayerError;
use plimsoll_oci::Digest;
use plimsoll_transport::{ErrorKind, TransportError};

/// Why nothing was built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The Dockerfile or the context asks for something that cannot be.
    #[error("{what}")]
    Wrong {
        /// What is wrong.
        what: String,
        /// What to do.
        help: Option<String>,
    },
    /// An instruction failed.
    #[error("{file}:{line}: {instruction}")]
    Instruction {
        /// The Dockerfile.
        file: String,
        /// The line of the instruction, from one.
        line: usize,
        /// Its first line.
        instruction: String,
        /// Why.
        source: Box<Self>,
    },
    /// A file or directory of this machine cannot be used.
    #[error("cannot {operation} `{}`", path.display())]
    Io {
        /// What was being done.
        operation: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file cannot be put into a layer.
    #[error("cannot copy `{path}`")]
    Content {
        /// The file.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// A layer of an image cannot be read.
    #[error("cannot read layer `{digest}`")]
    Layer {
        /// The layer.
        digest: Digest,
        /// Why not.
        source: Box<ReadLayerError>,
    },
    /// An archive cannot be unpacked.
    #[error("cannot unpack `{path}`")]
    Archive {
        /// The archive.
        path: String,
        /// Why not.
        source: Box<ReadLayerError>,
    },
    /// An image cannot be fetched or kept.
    #[error("cannot {operation} `{image}`")]
    Image {
        /// What was being done.
        operation: &'static str,
        /// The image.
        image: String,
        /// Why not.
        source: Box<TransportError>,
    },
    /// The builder that runs commands cannot be used, or failed.
    #[error("{what}")]
    Builder {
        /// What was being done, and how it ended.
        what: String,
        /// The last lines that it wrote.
        output: Vec<String>,
        /// What to do.
        help: String,
    },
}

impl BuildError {
    pub(crate) fn wrong(what: impl Into<String>) -> Self {
        Self::Wrong { what: what.into(), help: None }
    }

    /// Adds what to do.
    pub(crate) fn help(self, advice: impl Into<String>) -> Self {
        match self {
            Self::Wrong { what, .. } => Self::Wrong { what, help: Some(advice.into()) },
            other => other,
        }
    }

    /// Whether another Dockerfile or another command line is what would help.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Wrong { .. } => true,
            Self::Instruction { source, .. } => source.is_usage(),
            Self::Image { source, .. } => source.kind() == ErrorKind::Usage,
            _ => false,
        }
    }

    /// What to do about it, where that is known.
    pub fn advice(&self) -> Option<String> {
        match self {
            Self::Wrong { help, .. } => help.clone(),
            Self::Instruction { source, .. } => source.advice(),
            Self::Image { source, .. } => source.help(),
            Self::Builder { help, .. } => Some(help.clone()),
            Self::Io { source, .. } | Self::Content { source, .. } => space(source),
            Self::Layer { .. } | Self::Archive { .. } => None,
        }
    }
}

fn space(error: &io::Error) -> Option<String> {
    let is_full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    is_full.then(|| "free some space, or keep builds elsewhere with --cache-dir DIR".to_owned())
}
