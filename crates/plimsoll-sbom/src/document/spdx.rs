//! SPDX in JSON: what we write of 2.3, and what we read of it and of 2.2.
//!
//! SPDX has no properties, so ours stand in one annotation for each package: a JSON object of names and values.

pub(super) mod read;
pub(super) mod write;
