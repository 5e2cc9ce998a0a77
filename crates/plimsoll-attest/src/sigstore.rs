//! Identities instead of keys: what Sigstore's parties say of a signature, checked offline under a trusted root.
//!
//! Somebody shows a token to a certificate authority, has a key certified that lives for minutes, signs, and has the
//! signature logged. So what remains to be checked later is that each of them did their part, and that it all happened
//! while the certificate was valid.

mod certificate_timestamp;
mod instance;
mod proof;
mod root;
mod signed_data;
mod timestamp;

pub use self::certificate_timestamp::CertificateTimestampError;
pub(crate) use self::proof::{CertifiedSignature, prove_identity};
pub use self::proof::{IdentityError, ProvenIdentity};
pub use self::root::{SigstoreRoot, SigstoreRootError};
pub use self::timestamp::TimestampError;
