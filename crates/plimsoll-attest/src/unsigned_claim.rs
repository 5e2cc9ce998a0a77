use plimsoll_oci::Digest;

use crate::{ParseStatementError, Provenance, Statement};

/// A statement that nobody signed, as `BuildKit` puts beside the images of an index.
///
/// It is a hint for people and never evidence, which is why it is of another type than a [`crate::Fact`]: nothing that
/// decides takes it.
#[derive(Clone, Debug)]
pub struct UnsignedClaim(Statement);

/// Reads a layer of the type `application/vnd.in-toto+json`.
pub fn read_unsigned_claim(json: &[u8]) -> Result<UnsignedClaim, ParseStatementError> {
    Statement::parse(json).map(UnsignedClaim)
}

impl UnsignedClaim {
    /// What is claimed.
    pub fn statement(&self) -> &Statement {
        &self.0
    }

    /// Whether it claims to be about `digest`.
    pub fn is_about(&self, digest: &Digest) -> bool {
        self.0.is_about(digest)
    }

    /// How the image is claimed to have been built.
    pub fn provenance(&self) -> Option<Provenance> {
        Provenance::of(&self.0)
    }
}
