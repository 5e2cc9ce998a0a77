//! A directory tree as an image of one layer.

mod layer;
mod source;
mod walk;

pub use source::open_root_fs;
