//! What the crate concludes, from real advisories; its version orders against the tools whose orders they are. Where a
//! tool is not installed, its test says so and ends.

mod advisories;
mod matching;
mod order_oracles;
