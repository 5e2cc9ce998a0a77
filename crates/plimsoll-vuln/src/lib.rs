//! What is known about the components of an image: OSV records, the order of versions in each ecosystem, the compiled
//! index of advisories, and the findings that come from matching one with the other.
//!
//! Nothing here opens a file, a socket or a clock: bytes, values and the time come in, values go out.

pub mod feed;
pub mod finding;
pub mod order;
pub mod priority;
pub mod severity;
pub mod vex;

pub use order::{Order, VersionFault};
