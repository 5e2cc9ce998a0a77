//! What a Dockerfile says: its text without loss, the stages it builds, and what is wrong with it.
//!
//! [`parse()`] reads any bytes into a [`Document`] that prints back the same. It goes by `BuildKit`'s reading, and by
//! that alone.

mod bases;
mod document;
pub mod expand;
pub mod graph;
pub mod ignore;
pub mod instruction;
mod joined;
pub mod lint;
mod parse;
pub mod shell;
mod span;

pub use bases::{BasesError, base_images};
pub use document::{Directive, Document, Part, PartKind, SyntaxError};
pub use joined::Joined;
pub use parse::{Mount, mounts, parse};
pub use span::{LineIndex, Position, Span};
