//! What is known about the components of an image: OSV records, the order of versions in each ecosystem, the compiled
//! index of advisories, and the findings that come from matching one with the other.
//!
//! Nothing here opens a file, a socket or a clock: bytes, values and the time come in, values go out.

pub mod acceptance;
pub mod artifact;
mod ecosystem;
pub mod feed;
pub mod finding;
pub mod import;
pub mod index;
pub mod matching;
pub mod order;
pub mod osv;
pub mod priority;
pub mod report;
pub mod severity;
pub mod verdict;
pub mod vex;

pub use ecosystem::Ecosystem;
pub use order::{Order, VersionFault};
