//! The tree against a naive one and against Go's checksum database; proofs, notes and entries as a verifier meets them.

mod entries;
mod go_oracle;
mod naive;
mod speed;
mod tree;
