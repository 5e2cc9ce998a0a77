use std::io;

use super::Compression;

/// Why a layer could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadLayerError {
    /// The bytes could not be had from wherever they come.
    #[error("cannot read the layer's bytes")]
    Read(#[source] io::Error),
    /// The compressed stream is damaged or cut short.
    #[error("the layer's {compression} stream is damaged or cut short")]
    Damaged {
        /// How the stream is compressed.
        compression: Compression,
        /// What the decoder said.
        source: io::Error,
    },
    /// More comes out than is read.
    #[error("the layer unpacks to more than {0} bytes, the limit for one layer")]
    TooLarge(u64),
    /// Suspiciously much comes out of little.
    #[error("the layer unpacks to more than {0} times its size, the limit against decompression bombs")]
    Ratio(u64),
    /// Too many members.
    #[error("the layer has more than {0} entries, the limit for one layer")]
    Entries(u32),
    /// The paths together take too much memory.
    #[error("the paths of the layer take more than {0} bytes, the limit for one layer")]
    Names(u32),
    /// The archive is not a tar.
    #[error("the layer is not a tar archive at byte {offset}: {what}")]
    NotTar {
        /// Where, in the uncompressed archive.
        offset: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// A member of a kind that no runtime unpacks.
    #[error("the entry `{path}` has the unknown type `{flag}`")]
    UnknownKind {
        /// Its path.
        path: String,
        /// The type flag of its header.
        flag: char,
    },
    /// A path that cannot be used.
    #[error("the path `{path}` {why}")]
    Path {
        /// The path as it stands in the archive.
        path: String,
        /// Why it is refused.
        why: PathFault,
    },
}

/// What is wrong with a path in a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// `..` leads out of the image.
    #[error("leads out of the image with `..`")]
    Escapes,
    /// Longer than the limit.
    #[error("is longer than {0} bytes, the limit for one path")]
    TooLong(u16),
    /// More components than the limit.
    #[error("has more than {0} components, the limit for one path")]
    TooDeep(usize),
    /// A NUL byte, at which other readers would cut it.
    #[error("holds a NUL byte")]
    Nul,
    /// No path at all.
    #[error("is empty")]
    Empty,
    /// The root of the image, as something else than a directory.
    #[error("is the root of the image, and no directory")]
    Root,
    /// A whiteout that names `.`, `..` or nothing.
    #[error("is a whiteout of nothing that can be removed")]
    Whiteout,
}

impl From<io::Error> for ReadLayerError {
    /// Takes an own error back out of the [`io::Error`] that carried it through [`io::Read`].
    fn from(error: io::Error) -> Self {
        error.downcast().unwrap_or_else(Self::Read)
    }
}

impl ReadLayerError {
    /// Wraps the error so that it passes through [`io::Read`]; `From<io::Error>` takes it out again.
    pub(super) fn into_io(self) -> io::Error {
        io::Error::other(self)
    }
}
