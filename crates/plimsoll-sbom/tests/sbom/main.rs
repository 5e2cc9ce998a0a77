//! What the crate's public parts do together, and what other programs make of what it writes.

mod databases;
mod document;
mod foreign;
mod languages;
mod oracles;
mod sample;
