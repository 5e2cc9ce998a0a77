use std::io::{self, Read, Seek, Write};

/// A file's bytes at rest, to be read in any order.
pub trait Content: Read + Seek {}

impl<T: Read + Seek> Content for T {}

/// Where files rest that are too large for memory: files without a name, in the server's or the command's own directory.
pub trait Spool {
    /// What a place is.
    type File: Read + Write + Seek;

    /// A new and empty place, gone when it is dropped.
    fn open(&mut self) -> io::Result<Self::File>;
}
