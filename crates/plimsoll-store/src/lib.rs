//! Where truth rests: the bytes of blobs, and the catalogue of repositories, manifests, tags and accounts.
//!
//! - [`Objects`] holds bytes under keys that are never used twice. An object is there only when it is whole and durable.
//! - [`Catalogue`] maps digests to keys and names to digests, in SQLite or PostgreSQL. What it says is visible; nothing
//!   else is.
//! - The [`journal`], kept among the objects, holds what is needed to rebuild the catalogue from them.
//!
//! Nothing here knows HTTP, asks a clock or reads the environment.

pub mod catalogue;
pub mod journal;
pub mod objects;
mod pattern;
mod time;

pub use catalogue::{Catalogue, CatalogueError};
pub use objects::{ObjectError, ObjectKey, Objects};
pub use pattern::{ParsePatternError, Pattern};
pub use time::Timestamp;
