use jiff::Timestamp;
use plimsoll_oci::Digest;

use crate::{
    IdentityError, ParseBundleError, ParseEnvelopeError, ParseStatementError, PredicateType, Revocation,
    Statement,
};

/// Why something that was signed is not taken as a fact.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It is not a bundle that can be judged.
    #[error(transparent)]
    Bundle(#[from] ParseBundleError),
    /// It is not an envelope that can be judged.
    #[error(transparent)]
    Envelope(#[from] ParseEnvelopeError),
    /// What was signed is not a statement that can be judged.
    #[error(transparent)]
    Statement(#[from] ParseStatementError),
    /// A bundle has exactly one signature.
    #[error("a bundle has exactly one signature; this one has {0}")]
    SignatureCount(usize),
    /// Two names for the key contradict each other.
    #[error("the signature's keyid `{key_id}` is not the bundle's hint `{hint}`")]
    KeyId {
        /// In the envelope.
        key_id: String,
        /// Beside it.
        hint: String,
    },
    /// It is signed by an identity and not by a key.
    #[error("it is signed with a certificate, and no certificate authority is trusted")]
    Certificate,
    /// It is not proven by which identity.
    #[error(transparent)]
    Identity(#[from] Box<IdentityError>),
    /// The identity is nobody's that is trusted.
    #[error("it is signed by `{subject}`, whom `{issuer}` has checked, and who is not trusted")]
    UnknownIdentity {
        /// Who signed.
        subject: String,
        /// Who says so.
        issuer: String,
    },
    /// The key is nobody's that is trusted.
    #[error("it is not signed by a trusted key{}", hint.as_ref().map_or(String::new(), |hint| format!(", but by `{hint}`")))]
    UnknownKey {
        /// Whose it says to be.
        hint: Option<String>,
    },
    /// The key is trusted, and did not sign these bytes.
    #[error("the signature is broken: `{signer}` did not sign these bytes")]
    Tampered {
        /// Whose key it says to be.
        signer: String,
    },
    /// Something else than a statement was signed.
    #[error("a `{0}` was signed, and not an in-toto statement")]
    PayloadType(String),
    /// It is about something else.
    #[error("it is about {found}, and not about `{expected}`")]
    WrongSubject {
        /// The image.
        expected: Digest,
        /// What it is about.
        found: String,
    },
    /// The signer has no role that may say this.
    #[error("`{signer}` has no role that may say `{}`", predicate_type.short_name())]
    NotTheirRole {
        /// Who signed.
        signer: String,
        /// What they said.
        predicate_type: PredicateType,
    },
    /// The signer's time has not begun.
    #[error("the key of `{signer}` is valid from {from} on")]
    NotYetValid {
        /// Who signed.
        signer: String,
        /// When it begins.
        from: Timestamp,
    },
    /// The signer's time is over.
    #[error("the key of `{signer}` expired at {until}, and nothing proves that it was used before")]
    Expired {
        /// Who signed.
        signer: String,
        /// When it ended.
        until: Timestamp,
    },
    /// The signer's word was taken back.
    #[error("the key of `{signer}` {}: {}", describe(revocation), revocation.reason)]
    Revoked {
        /// Who signed.
        signer: String,
        /// When and why.
        revocation: Revocation,
    },
}

impl From<IdentityError> for Refusal {
    fn from(error: IdentityError) -> Self {
        Self::Identity(Box::new(error))
    }
}

fn describe(revocation: &Revocation) -> String {
    let how = if revocation.is_compromise { "is compromised, and was revoked" } else { "was revoked" };
    format!("{how} at {}", revocation.since)
}

impl Refusal {
    pub(crate) fn of_other_subject(expected: &Digest, statement: &Statement) -> Self {
        let first = statement.subjects.first().and_then(|subject| subject.digest.iter().next());
        let found = match (first, statement.subjects.len()) {
            (Some((algorithm, hash)), 1) => format!("`{algorithm}:{hash}`"),
            (_, count) => format!("{count} other things"),
        };
        Self::WrongSubject { expected: *expected, found }
    }
}
