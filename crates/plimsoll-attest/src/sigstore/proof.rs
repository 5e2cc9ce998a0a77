use jiff::Timestamp;
use plimsoll_tlog::{Covered, EntryError, KeyDetails, Logged, LoggedEntry, LoggedRecord, RekordKey};
use sha2::{Digest as _, Sha256, Sha384};

use super::certificate_timestamp::check_certificate_timestamp;
use super::timestamp::verify_timestamp;
use super::{CertificateTimestampError, SigstoreRoot, TimestampError};
use crate::certificate::{Certificate, CertificateClaims, CertificateError, ChainError, Usage, subject_of};
use crate::key::pem;
use crate::{KeyId, PublicKey};

/// Somebody who signed, as a certificate names them, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenIdentity {
    /// An address of mail, a workflow's URI, or a user's name.
    pub subject: String,
    /// Who has checked that, and what else the certificate says.
    pub claims: CertificateClaims,
    /// The key that signed this once.
    pub key: KeyId,
    /// The earliest time at which the signature is proven to have been there.
    pub signed_at: Timestamp,
}

/// Why it is not proven who signed.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// It is by somebody else's authority.
    #[error("no certificate authority of the trusted root has issued its certificate")]
    Authority,
    /// It is not by the authority that it names, or was not valid when it was used.
    #[error("its certificate does not hold at {at}, when it was signed: {source}")]
    Chain {
        /// When it was used.
        at: Timestamp,
        /// Why not.
        source: ChainError,
    },
    /// Nobody has seen the certificate.
    #[error(transparent)]
    CertificateTimestamp(#[from] CertificateTimestampError),
    /// The signature does not fit.
    #[error("the signature is broken: the key in its certificate did not sign these bytes")]
    Tampered,
    /// An entry of a log cannot be read, or does not hold.
    #[error("its log entry does not hold: {0}")]
    Entry(#[from] EntryError),
    /// An entry is of something else.
    #[error("its log entry is of another {0}")]
    OtherEntry(&'static str),
    /// A log states a time at which the log or the certificate did not count.
    #[error("its log entry is of {0}, when the log or the certificate did not count")]
    LoggedOutside(Timestamp),
    /// There is no entry.
    #[error("it is in no log of the trusted root")]
    NotLogged,
    /// There is no time.
    #[error("nothing proves when it was signed, and its certificate counted for minutes only{}", because(.0.as_ref()))]
    NoTime(Option<TimestampError>),
}

fn because(reason: Option<&TimestampError>) -> String {
    reason.map(|reason| format!(": {reason}")).unwrap_or_default()
}

/// A signature made with a certificate, and what came with it.
pub(crate) struct CertifiedSignature<'a> {
    /// In DER.
    pub(crate) certificate: &'a [u8],
    /// What was signed.
    pub(crate) signed: &'a [u8],
    /// The payload of the envelope, if it is one.
    pub(crate) payload: Option<&'a [u8]>,
    pub(crate) signature: &'a [u8],
    pub(crate) entries: Vec<LoggedEntry>,
    /// Timestamps in DER.
    pub(crate) timestamps: &'a [Vec<u8>],
    /// A time that a log of our own proves.
    pub(crate) witnessed_at: Option<Timestamp>,
    /// Whether a log's promise to take an entry is enough: nothing else is in what is old.
    pub(crate) is_promise_enough: bool,
}

/// Proves who made a signature: under one of the roots, wholly.
pub(crate) fn prove_identity(
    certified: &CertifiedSignature<'_>,
    roots: &[SigstoreRoot],
) -> Result<ProvenIdentity, IdentityError> {
    let leaf = Certificate::parse(certified.certificate)?;
    let mut reason = IdentityError::Authority;
    for root in roots {
        match prove_under(certified, &leaf, root) {
            Err(IdentityError::Authority) => {}
            Err(other) => reason = other,
            proven => return proven,
        }
    }
    Err(reason)
}

fn prove_under(
    certified: &CertifiedSignature<'_>,
    leaf: &Certificate<'_>,
    root: &SigstoreRoot,
) -> Result<ProvenIdentity, IdentityError> {
    if !root.authorities.iter().any(|authority| authority.bears_issuer_of(leaf)) {
        return Err(IdentityError::Authority);
    }
    let key = leaf.public_key()?;
    if !key.verifies(certified.signed, certified.signature) {
        return Err(IdentityError::Tampered);
    }
    let times = certified.proven_times(leaf, &key, root)?;
    let mut issuer = Vec::new();
    for at in &times {
        issuer = issuer_at(leaf, root, *at)?;
    }
    if let Some(logs) = &root.certificate_logs {
        check_certificate_timestamp(leaf, &issuer, logs)?;
    }
    let signed_at = times.into_iter().min().ok_or(IdentityError::NoTime(None))?;
    let (subject, claims) = (subject_of(leaf)?, CertificateClaims::of(leaf)?);
    Ok(ProvenIdentity { subject, claims, key: key.id(), signed_at })
}

/// Who has issued the certificate, if it counted at that time.
fn issuer_at(leaf: &Certificate<'_>, root: &SigstoreRoot, at: Timestamp) -> Result<Vec<u8>, IdentityError> {
    let mut reason = IdentityError::Authority;
    for authority in root.authorities.iter().filter(|authority| authority.bears_issuer_of(leaf)) {
        match authority.verify(leaf, Usage::CodeSigning, at) {
            Ok(issuer) => return Ok(issuer),
            Err(source) => reason = IdentityError::Chain { at, source },
        }
    }
    Err(reason)
}

impl CertifiedSignature<'_> {
    /// Every time that somebody trusted states of this signature; at least one. The certificate must hold at each.
    fn proven_times(
        &self,
        leaf: &Certificate<'_>,
        key: &PublicKey,
        root: &SigstoreRoot,
    ) -> Result<Vec<Timestamp>, IdentityError> {
        let mut times = self.logged_times(leaf, key, root)?;
        let mut reason = None;
        for timestamp in self.timestamps {
            match self.stamped_time(timestamp, root) {
                Ok(at) => times.push(at),
                Err(error) => reason = Some(error),
            }
        }
        times.extend(self.witnessed_at);
        if times.is_empty() { Err(IdentityError::NoTime(reason)) } else { Ok(times) }
    }

    fn stamped_time(&self, timestamp: &[u8], root: &SigstoreRoot) -> Result<Timestamp, TimestampError> {
        let mut reason = TimestampError::Signer;
        for authority in &root.timestamp_authorities {
            match verify_timestamp(timestamp, self.signature, authority) {
                Ok(at) => return Ok(at),
                Err(error) => reason = error,
            }
        }
        Err(reason)
    }

    /// The times that logs have signed. Every entry of a trusted log must hold and be of this signature; where the root
    /// names logs there must be one.
    fn logged_times(
        &self,
        leaf: &Certificate<'_>,
        key: &PublicKey,
        root: &SigstoreRoot,
    ) -> Result<Vec<Timestamp>, IdentityError> {
        let Some(logs) = &root.logs else { return Ok(Vec::new()) };
        let mut times = Vec::new();
        let mut is_logged = false;
        for entry in &self.entries {
            let Some(known) = logs.iter().find(|known| known.log.id() == entry.log_id()) else { continue };
            let logged = entry.verify(&known.log)?;
            self.check_record(&logged.record, leaf, key)?;
            let stated = stated_time(&logged)?;
            if let Some(at) = stated
                && !(leaf.validity.holds_at(at) && (!logged.is_time_signed || known.validity.holds_at(at)))
            {
                return Err(IdentityError::LoggedOutside(at));
            }
            times.extend(stated.filter(|_| logged.is_time_signed));
            is_logged |= logged.is_included || self.is_promise_enough;
        }
        if is_logged { Ok(times) } else { Err(IdentityError::NotLogged) }
    }

    /// The record must be of these very bytes, this signature and this certificate.
    fn check_record(
        &self,
        record: &LoggedRecord,
        leaf: &Certificate<'_>,
        key: &PublicKey,
    ) -> Result<(), IdentityError> {
        let certificate;
        let (signature, digest, expected, of) = match record {
            LoggedRecord::Old(old) => {
                certificate = read_certificate(&old.verifier_pem);
                (&old.signature[..], &old.digest[..], self.covered(old.covers), certificate.as_deref())
            }
            LoggedRecord::New(new) => {
                let of = match new.key() {
                    RekordKey::Certificate(der) => Some(&der[..]),
                    RekordKey::PublicKey(_) => None,
                };
                let expected =
                    digest_for(key, self.signed).filter(|(details, _)| *details == new.key_details());
                (new.signature(), new.digest(), expected.map(|(_, digest)| digest), of)
            }
        };
        if signature != self.signature {
            return Err(IdentityError::OtherEntry("signature"));
        }
        if of != Some(leaf.der) {
            return Err(IdentityError::OtherEntry("certificate"));
        }
        if expected.as_deref() != Some(digest) {
            return Err(IdentityError::OtherEntry("content"));
        }
        Ok(())
    }

    /// What a record of the first version has the hash of. A statement's is of the envelope's payload.
    fn covered(&self, covers: Covered) -> Option<Vec<u8>> {
        match (covers, self.payload) {
            (Covered::EnvelopePayload, Some(payload)) => Some(Sha256::digest(payload).to_vec()),
            (Covered::Message, None) => Some(Sha256::digest(self.signed).to_vec()),
            _ => None,
        }
    }
}

/// A certificate in PEM, as records of the first version have it.
fn read_certificate(text: &str) -> Option<Vec<u8>> {
    pem::read(text).filter(|pem| pem.label == "CERTIFICATE").map(|pem| pem.bytes)
}

fn stated_time(logged: &Logged) -> Result<Option<Timestamp>, IdentityError> {
    let Some(seconds) = logged.stated_at_unix_s else { return Ok(None) };
    let at = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    at.map(Some).ok_or(IdentityError::Entry(EntryError::Field("integratedTime")))
}

/// How a record of the second version calls a key of this kind, and the hash that it has of what such a key signs.
fn digest_for(key: &PublicKey, signed: &[u8]) -> Option<(KeyDetails, Vec<u8>)> {
    let details = key.details()?;
    let digest = match details {
        KeyDetails::EcdsaP384Sha384 => Sha384::digest(signed).to_vec(),
        _ => Sha256::digest(signed).to_vec(),
    };
    Some((details, digest))
}
