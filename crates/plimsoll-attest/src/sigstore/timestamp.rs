//! Timestamps by authorities (RFC 3161): somebody had these bytes at that time.

use jiff::Timestamp;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::instance::TimestampAuthority;
use super::signed_data::SignedData;
use crate::certificate::{Certificate, ChainError, Usage, read_generalized_time};
use crate::der::{Der, tag};

/// Largest timestamp that is read: those with all their certificates have about 5 kB.
pub(super) const TIMESTAMP_BYTES_MAX: usize = 48 * 1024;

/// Why a timestamp proves no time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    /// It cannot be read.
    #[error("the timestamp is damaged, or of a kind that is not read")]
    Damaged,
    /// The authority declined.
    #[error("the authority of timestamps refused to give one")]
    Declined,
    /// It is of other bytes.
    #[error("the timestamp is of another signature")]
    OtherBytes,
    /// The signature does not fit.
    #[error("the timestamp is not signed by the key in its certificate")]
    Signature,
    /// The signer is not known.
    #[error("the timestamp is not signed with the certificate of a trusted authority")]
    Signer,
    /// The signer is not trusted.
    #[error("the timestamp is by nobody who is trusted to state times: {0}")]
    Chain(#[from] ChainError),
}

/// Checks that `authority` has had `message` at the time that it returns.
pub(super) fn verify_timestamp(
    response: &[u8],
    message: &[u8],
    authority: &TimestampAuthority,
) -> Result<Timestamp, TimestampError> {
    if response.len() > TIMESTAMP_BYTES_MAX {
        return Err(TimestampError::Damaged);
    }
    let signed = SignedData::parse(read_response(response)?).ok_or(TimestampError::Damaged)?;
    let (imprint, at) = read_info(signed.content).ok_or(TimestampError::Damaged)?;
    if !imprint.is_of(message) {
        return Err(TimestampError::OtherBytes);
    }
    let signer = signer(&signed, authority)?;
    if !signed.is_signed_by(&signer.public_key().map_err(ChainError::from)?) {
        return Err(TimestampError::Signature);
    }
    authority.chain.verify(&signer, Usage::TimeStamping, at)?;
    Ok(at)
}

/// The certificate of whoever signed: from the timestamp if it brings any, which must be the authority's own where that
/// is known.
fn signer<'a>(
    signed: &SignedData<'a>,
    authority: &'a TimestampAuthority,
) -> Result<Certificate<'a>, TimestampError> {
    let known = authority.signer.as_deref();
    let brought = if signed.certificates.is_empty() {
        known.into_iter().collect()
    } else {
        signed.certificates.clone()
    };
    let certificates = brought.into_iter().map(Certificate::parse).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.map_err(ChainError::from)?;
    let signer = certificates.into_iter().find(|certificate| signed.names(certificate));
    let is_known = |certificate: &Certificate<'_>| known.is_none_or(|known| known == certificate.der);
    signer.filter(is_known).ok_or(TimestampError::Signer)
}

/// The token in an answer (section 2.4.2).
fn read_response(response: &[u8]) -> Result<Der<'_>, TimestampError> {
    let mut whole = Der::new(response);
    let mut fields = whole.enter(tag::SEQUENCE).ok_or(TimestampError::Damaged)?;
    let mut status = fields.enter(tag::SEQUENCE).ok_or(TimestampError::Damaged)?;
    match status.take(tag::INTEGER).ok_or(TimestampError::Damaged)? {
        // Granted, and granted with changes.
        [0 | 1] => Some(fields).filter(|_| whole.is_empty()).ok_or(TimestampError::Damaged),
        _ => Err(TimestampError::Declined),
    }
}

/// What a timestamp is of.
struct Imprint<'a> {
    algorithm: Hash,
    digest: &'a [u8],
}

impl Imprint<'_> {
    fn is_of(&self, message: &[u8]) -> bool {
        self.algorithm.digest(message) == self.digest
    }
}

/// Imprint and time (`TSTInfo`, section 2.4.2).
fn read_info(info: &[u8]) -> Option<(Imprint<'_>, Timestamp)> {
    let mut whole = Der::new(info);
    let mut fields = whole.enter(tag::SEQUENCE).filter(|_| whole.is_empty())?;
    (fields.take(tag::INTEGER)? == [1]).then_some(())?;
    fields.take(tag::OID)?;
    let mut imprint = fields.enter(tag::SEQUENCE)?;
    let algorithm = Hash::read(&mut imprint)?;
    let digest = imprint.take(tag::OCTET_STRING).filter(|_| imprint.is_empty())?;
    fields.take(tag::INTEGER)?;
    let at = read_generalized_time(fields.take(tag::GENERALIZED_TIME)?)?;
    Some((Imprint { algorithm, digest }, at))
}

/// The hashes that timestamps are made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    /// Reads an algorithm (RFC 5754, section 2), whose parameters say nothing.
    pub(super) fn read(fields: &mut Der<'_>) -> Option<Self> {
        const SHA2: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2];
        let oid = fields.enter(tag::SEQUENCE)?.take(tag::OID)?;
        match oid.strip_prefix(SHA2)? {
            [1] => Some(Self::Sha256),
            [2] => Some(Self::Sha384),
            [3] => Some(Self::Sha512),
            _ => None,
        }
    }

    pub(super) fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(message).to_vec(),
            Self::Sha384 => Sha384::digest(message).to_vec(),
            Self::Sha512 => Sha512::digest(message).to_vec(),
        }
    }
}
