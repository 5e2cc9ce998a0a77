use serde::Serialize;

/// A file of one layer that a later layer took out of the image. Its bytes are still stored and pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The file's position among the entries of its layer, which are in path order.
    pub entry: u32,
    /// The file's length.
    pub size_bytes: u64,
    /// The layer that took it, counted from 0 at the base.
    pub by: usize,
    /// How.
    pub manner: Manner,
}

/// How a later layer takes a file out of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Manner {
    /// Nothing stands at its path any more.
    Deleted,
    /// Something else stands at its path.
    Overwritten,
}
