//! For tests: programs by others, looked for on this machine, and tests that say why they do nothing.
//!
//! It knows nothing of Plimsoll, so that tests of a reasoning crate need not build the server.

mod peer;
mod token_issuer;

pub use peer::{Peer, find_peer, left_out, passed_over};
pub use token_issuer::TokenIssuer;
