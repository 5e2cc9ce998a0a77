use crate::PublicKey;
use crate::certificate::{Chain, Validity};

/// A log of certificates: its key, by the id that its timestamps carry.
#[derive(Clone, Debug)]
pub(super) struct KeyInstance {
    pub(super) id: Vec<u8>,
    pub(super) key: PublicKey,
    pub(super) validity: Validity,
}

/// An authority of timestamps.
#[derive(Clone, Debug)]
pub(super) struct TimestampAuthority {
    /// The one certificate that it signs with, in DER, where the trusted root has it.
    pub(super) signer: Option<Vec<u8>>,
    pub(super) chain: Chain,
}
