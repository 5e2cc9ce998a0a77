//! What can go: what each byte of an image is there for, which files it needs, and the smaller image.
//!
//! Nothing here runs or opens anything: the file system is a value, contents come through a port, and what was seen of
//! running programs comes in as a [`trace`].

pub mod closure;
pub mod file_system;
mod reason;
pub mod trace;

pub use reason::{Cause, Reason};
