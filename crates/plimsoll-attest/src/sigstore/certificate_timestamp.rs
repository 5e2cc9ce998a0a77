//! Signed certificate timestamps (RFC 6962): a log of certificates has seen a certificate before it was used.

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::instance::KeyInstance;
use crate::certificate::{Certificate, oid};
use crate::der::{Der, tag, write};

/// Most timestamps of one certificate that are looked at.
const TIMESTAMPS_MAX: usize = 16;
/// ECDSA or RSA over SHA-256 (RFC 5246, section 7.4.1.4.1).
const SIGNATURE_KINDS: [[u8; 2]; 2] = [[4, 3], [4, 1]];

/// Why a certificate does not count as seen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateTimestampError {
    /// There are no timestamps in it that can be read.
    #[error("the certificate has no readable timestamp of a log of certificates")]
    None,
    /// None of them is by a trusted log.
    #[error("none of the certificate's {0} timestamps is by a trusted log of certificates")]
    Untrusted(usize),
}

/// One timestamp (section 3.2).
struct CertificateTimestamp<'a> {
    log_id: &'a [u8],
    time_ms: &'a [u8; 8],
    extensions: &'a [u8],
    kind: [u8; 2],
    signature: &'a [u8],
}

/// Checks that one of `logs` has seen the certificate, which the key `issuer_spki` has signed.
pub(super) fn check_certificate_timestamp(
    certificate: &Certificate<'_>,
    issuer_spki: &[u8],
    logs: &[KeyInstance],
) -> Result<(), CertificateTimestampError> {
    let list = certificate.extension(oid::TIMESTAMP_LIST).and_then(|extension| read_list(extension.value));
    let list = list.filter(|list| !list.is_empty()).ok_or(CertificateTimestampError::None)?;
    let precertificate = precertificate(certificate);
    let issuer = Sha256::digest(issuer_spki);
    let is_trusted = |time: &CertificateTimestamp<'_>| {
        let signed = time.signed_bytes(&issuer, &precertificate);
        signed.is_some_and(|signed| logs.iter().any(|log| time.is_by(log, &signed)))
    };
    if list.iter().any(is_trusted) { Ok(()) } else { Err(CertificateTimestampError::Untrusted(list.len())) }
}

impl CertificateTimestamp<'_> {
    fn is_by(&self, log: &KeyInstance, signed: &[u8]) -> bool {
        let at = i64::try_from(u64::from_be_bytes(*self.time_ms)).ok();
        let at = at.and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok());
        log.id == self.log_id
            && at.is_some_and(|at| log.validity.holds_at(at))
            && SIGNATURE_KINDS.contains(&self.kind)
            && log.key.verifies(signed, self.signature)
    }

    /// What the log signed: the certificate without this very list, and the hash of its issuer's key.
    fn signed_bytes(&self, issuer: &[u8], precertificate: &[u8]) -> Option<Vec<u8>> {
        const VERSION_1: u8 = 0;
        const CERTIFICATE_TIMESTAMP: u8 = 0;
        const PRECERTIFICATE: [u8; 2] = [0, 1];
        let [zero, length @ ..] = u32::try_from(precertificate.len()).ok()?.to_be_bytes();
        let extensions_length = u16::try_from(self.extensions.len()).ok()?.to_be_bytes();
        let head = [VERSION_1, CERTIFICATE_TIMESTAMP];
        let parts = [
            &head[..],
            self.time_ms,
            &PRECERTIFICATE,
            issuer,
            &length,
            precertificate,
            &extensions_length,
            self.extensions,
        ];
        (zero == 0).then(|| parts.concat())
    }
}

/// The certificate's signed part as it was before the timestamps came in.
fn precertificate(certificate: &Certificate<'_>) -> Vec<u8> {
    let kept = certificate.extensions.iter().filter(|extension| extension.oid != oid::TIMESTAMP_LIST);
    let list: Vec<u8> = kept.flat_map(|extension| extension.whole).copied().collect();
    let list = write(tag::numbered(3), &write(tag::SEQUENCE, &list));
    write(tag::SEQUENCE, &[certificate.before_extensions, &list].concat())
}

fn read_list(value: &[u8]) -> Option<Vec<CertificateTimestamp<'_>>> {
    let mut outer = Der::new(value);
    let mut rest = outer.take(tag::OCTET_STRING).filter(|_| outer.is_empty())?;
    let mut list = take_sized(&mut rest)?;
    let mut times = Vec::new();
    while !list.is_empty() && times.len() < TIMESTAMPS_MAX {
        // A timestamp of a later version is passed over.
        times.extend(read_one(take_sized(&mut list)?));
    }
    rest.is_empty().then_some(times)
}

fn read_one(bytes: &[u8]) -> Option<CertificateTimestamp<'_>> {
    let rest = bytes.strip_prefix(&[0])?;
    let (log_id, rest) = rest.split_first_chunk::<32>()?;
    let (time_ms, mut rest) = rest.split_first_chunk()?;
    let extensions = take_sized(&mut rest)?;
    let (kind, mut rest) = rest.split_first_chunk()?;
    let signature = take_sized(&mut rest)?;
    rest.is_empty().then_some(CertificateTimestamp { log_id, time_ms, extensions, kind: *kind, signature })
}

/// Takes bytes that stand behind their length in two bytes.
fn take_sized<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk()?;
    let (taken, after) = after.split_at_checked(u16::from_be_bytes(*length).into())?;
    *rest = after;
    Some(taken)
}
