//! Keys: public ones that verify, private ones that sign, and the files they are kept in.

pub(crate) mod pem;
mod public;
mod sealed;
mod signing;

pub use public::{KeyError, KeyId, PublicKey};
pub use sealed::{Chance, SEALED_KEY_LABEL, SealedKeyError, open_private_key};
pub use signing::SigningKey;
