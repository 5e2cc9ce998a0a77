//! What follows from it: which images hold which components, and what the advisories say of each.
//!
//! An [`Inventory`] is a projection in memory that can be dropped and built again from the catalogue. Components are
//! distinct, so each is matched once however many images hold it, and an advisory that changes finds its images without
//! any layer being read. [`lineage`] tells of the images of one line when something came into them, and why.

pub mod lineage;

mod event;
mod holdings;
mod inventory;
mod judgements;
mod processors;
mod surroundings;

pub use event::{Event, EventKind, FindingState};
pub use inventory::{Concerned, Interned, Inventory, Location};
