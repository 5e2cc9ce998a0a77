//! What can go: what each byte of an image is there for, which files it needs, and the smaller image.
//!
//! Nothing here runs or opens anything: the file system is a value, contents come through a port, and what was seen of
//! running programs comes in as a [`trace`].

pub mod base;
pub mod budget;
mod census;
pub mod closure;
pub mod file_system;
mod image_layers;
pub mod keep;
pub mod lock;
pub mod patch;
mod reason;
pub mod savings;
mod shape;
pub mod surface;
pub mod trace;
pub mod waste;

pub use census::{Census, LayerFiles};
pub use image_layers::{ImageLayers, LayerParts, LayerSummary, LayerTotals, Pull, ZstdProposal};
pub use reason::{Cause, Reason};
pub use shape::{Branch, branches};
