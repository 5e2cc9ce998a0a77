//! CycloneDX in JSON (ECMA-424 is its version 1.6): what we write of it, and what we read of it.

pub(super) mod read;
pub(super) mod write;
