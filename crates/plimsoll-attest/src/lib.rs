//! Who vouches for it: statements about images, their signatures, the bundles they travel in, and whose word counts.
//!
//! A *fact* is one in-toto [`Statement`] in one DSSE [`Envelope`] with one signature, in one Sigstore [`Bundle`], in
//! one OCI referrer of its subject. [`sign()`] makes one, [`referrer()`] wraps it, and [`verify_bundle`] is the one way
//! back: bytes, the digest they should be about, whom to [`Trust`] and the time go in; a [`Fact`] comes out, or the
//! [`Refusal`] that says exactly what is wrong.
//!
//! - A signature counts for the predicate type that was signed, and only from somebody who has a role that may say
//!   it. A signed "scan failed" is never a signature of the image.
//! - Nothing is taken from what is not signed. [`UnsignedClaim`]s, as `BuildKit` leaves them, are hints by type.
//! - Bytes from outside are read under named limits: [`BUNDLE_BYTES_MAX`], [`NESTING_MAX`].
//! - Nothing here reads a clock or makes a random number: times and chance are arguments.

mod approval;
mod base64_text;
mod bundle;
mod certificate;
mod chain;
mod der;
mod envelope;
mod evidence_layer;
mod exception;
mod identity;
mod key;
mod legacy;
mod log_proofs;
mod logged;
mod nesting;
mod policy;
mod predicate_type;
mod provenance;
mod referrer;
mod requirement;
mod sign;
mod sigstore;
mod statement;
mod summary;
mod token;
mod trust;
mod unsigned_claim;
mod verify;

pub use approval::{Approval, Ballot, Decision, Gate, Named, NotCounted, Ruling, Scope, Seen, Ticket};
pub use bundle::{BUNDLE_BYTES_MAX, Bundle, BundleVersion, ParseBundleError, Signatory};
pub use certificate::{CertificateClaims, CertificateError, ChainError};
pub use chain::{ChainParts, Hop, HopKind, Pushed, Standing, chain};
pub use envelope::{Envelope, EnvelopeSignature, IN_TOTO, ParseEnvelopeError, pae};
pub use evidence_layer::{EvidenceLayer, Unverified};
pub use exception::{Exception, GrantedException, SeenRisk};
pub use identity::{Identity, SubjectPattern, SubjectPatternError};
pub use key::{
    Chance, KeyError, KeyId, PublicKey, SEALED_KEY_LABEL, SealedKeyError, SigningKey, open_private_key,
};
pub use log_proofs::{LOG_PROOFS_BYTES_MAX, LogProofs, LogProofsError};
pub use nesting::{NESTING_MAX, TooDeep};
pub use plimsoll_tlog::{LogVerifier, VerifyingKey as LogKey};
pub use policy::{
    Duty, Judgement, Policy, PolicyDocument, PolicyError, PolicyKey, Proven, RequirementRuling,
};
pub use predicate_type::PredicateType;
pub use provenance::{
    Actor, Aspect, BUILD_TYPE, BuildRecord, BuildRun, CiKind, Contradiction, Grade, LOCK_FILES, Material,
    People, Provenance, RecordError, RunError, SourceRevision, SourceTree, Witness, is_same_repository,
    source_uri,
};
pub use referrer::{EMPTY_CONFIG, NewReferrer, referrer};
pub use requirement::{Requirement, Unmet};
pub use sign::{SignError, sign};
pub use sigstore::{
    CertificateTimestampError, IdentityError, ProvenIdentity, SigstoreRoot, SigstoreRootError, TimestampError,
};
pub use statement::{ParseStatementError, Statement, Subject};
pub use summary::{
    SummaryExpectation, SummaryPolicy, SummaryRefusal, SummaryVerifier, VerificationResult,
    VerificationSummary,
};
pub use token::{
    ExpectedToken, KeySet, KeySetError, TOKEN_BYTES_MAX, TokenClaims, TokenError, claimed_issuer,
    verify_token,
};
pub use trust::{Revocation, Role, Signer, Trust, TrustError, Verifier};
pub use unsigned_claim::{UnsignedClaim, read_unsigned_claim};
pub use verify::{Fact, Refusal, verify_bundle};
