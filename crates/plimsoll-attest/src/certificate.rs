//! Certificates (RFC 5280), as far as somebody's identity is told by them: names, times, keys and what Fulcio adds.

mod chain;
mod claims;
mod names;
mod times;

use jiff::Timestamp;

pub use self::chain::ChainError;
pub(crate) use self::chain::{Chain, Usage};
pub use self::claims::CertificateClaims;
pub(crate) use self::names::subject_of;
pub(crate) use self::times::{Validity, read_generalized_time};
use crate::der::{Der, Value, tag};
use crate::{KeyError, PublicKey};

/// Largest certificate that is read: those of builds have about 1,700 bytes.
const CERTIFICATE_BYTES_MAX: usize = 32 * 1024;
/// Most extensions of one certificate that are read.
const EXTENSIONS_MAX: usize = 64;

/// Object identifiers as they stand in DER.
pub(crate) mod oid {
    pub(crate) const SUBJECT_ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 0x11];
    pub(crate) const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
    pub(crate) const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
    pub(crate) const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
    pub(crate) const CODE_SIGNING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 3];
    pub(crate) const TIME_STAMPING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 8];
    /// RFC 6962, section 3.3.
    pub(crate) const TIMESTAMP_LIST: &[u8] = &[0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 2];
    /// What all that Fulcio adds begins with (sigstore/fulcio, `docs/oid-info.md`): 1.3.6.1.4.1.57264.1.
    pub(crate) const FULCIO: &[u8] = &[0x2b, 6, 1, 4, 1, 0x83, 0xbf, 0x30, 1];
}

/// Why bytes are not a certificate that tells who signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// It cannot be read.
    #[error("the certificate is damaged, or has more than {CERTIFICATE_BYTES_MAX} bytes")]
    Damaged,
    /// Its key is of no known kind.
    #[error("the certificate's key cannot be used: {0}")]
    Key(#[from] KeyError),
    /// It does not name one subject.
    #[error("the certificate names {0} subjects that can be told, and not one")]
    Subjects(usize),
    /// It does not say who has checked the name.
    #[error("the certificate does not say, or says in two ways, who has checked the name in it")]
    Issuer,
    /// It was not made for this.
    #[error("the certificate is not for {0}")]
    Usage(&'static str),
}

/// A certificate that was taken apart, and not verified.
#[derive(Clone, Debug)]
pub(crate) struct Certificate<'a> {
    pub(crate) der: &'a [u8],
    pub(crate) serial: &'a [u8],
    /// The issuer's name with tag and length.
    pub(crate) issuer: &'a [u8],
    pub(crate) subject: &'a [u8],
    pub(crate) validity: Validity,
    /// The SubjectPublicKeyInfo with tag and length.
    pub(crate) spki: &'a [u8],
    pub(crate) extensions: Vec<Extension<'a>>,
    /// What was signed, up to the extensions.
    pub(crate) before_extensions: &'a [u8],
}

/// Something that a certificate says besides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extension<'a> {
    pub(crate) oid: &'a [u8],
    pub(crate) is_critical: bool,
    pub(crate) value: &'a [u8],
    /// With tag and length.
    pub(crate) whole: &'a [u8],
}

impl<'a> Certificate<'a> {
    /// Takes a certificate in DER apart.
    pub(crate) fn parse(der: &'a [u8]) -> Result<Self, CertificateError> {
        let small = Some(der).filter(|der| der.len() <= CERTIFICATE_BYTES_MAX);
        small.and_then(parse).ok_or(CertificateError::Damaged)
    }

    /// The value of an extension. One that stands there twice is as if it were not there.
    pub(crate) fn extension(&self, oid: &[u8]) -> Option<&Extension<'a>> {
        let mut of_it = self.extensions.iter().filter(|extension| extension.oid == oid);
        of_it.next().filter(|_| of_it.next().is_none())
    }

    pub(crate) fn public_key(&self) -> Result<PublicKey, CertificateError> {
        Ok(PublicKey::from_spki(self.spki)?)
    }

    /// Whether its key may be used for this, and signs at all.
    pub(crate) fn check_usage(&self, usage: Usage) -> Result<(), CertificateError> {
        let purposes = self.purposes().unwrap_or_default();
        let is_for_it = match usage {
            Usage::CodeSigning => purposes.contains(&usage.oid()),
            // RFC 3161, section 2.3: for nothing else, and everybody must heed it.
            Usage::TimeStamping => {
                let is_critical =
                    self.extension(oid::EXTENDED_KEY_USAGE).is_some_and(|extension| extension.is_critical);
                is_critical && purposes == [usage.oid()] && !self.is_authority()
            }
        };
        let signs = self.extension(oid::KEY_USAGE).is_none_or(|extension| has_first_bit(extension.value));
        if is_for_it && signs { Ok(()) } else { Err(CertificateError::Usage(usage.name())) }
    }

    fn purposes(&self) -> Option<Vec<&'a [u8]>> {
        let mut list = Der::new(self.extension(oid::EXTENDED_KEY_USAGE)?.value).enter(tag::SEQUENCE)?;
        let mut purposes = Vec::new();
        while !list.is_empty() {
            purposes.push(list.take(tag::OID)?);
        }
        Some(purposes)
    }

    fn is_authority(&self) -> bool {
        let is_stated = |extension: &Extension<'_>| {
            let mut constraints = Der::new(extension.value).enter(tag::SEQUENCE)?;
            constraints.take(tag::BOOLEAN).map(|value| value != [0])
        };
        self.extension(oid::BASIC_CONSTRAINTS).and_then(is_stated).unwrap_or(false)
    }
}

/// The first bit of a key's uses is `digitalSignature` (RFC 5280, section 4.2.1.3).
fn has_first_bit(value: &[u8]) -> bool {
    let bits = Der::new(value).take(tag::BIT_STRING);
    matches!(bits, Some([_, first, ..]) if first & 0x80 != 0)
}

fn parse(der: &[u8]) -> Option<Certificate<'_>> {
    let mut whole = Der::new(der);
    let mut parts = whole.enter(tag::SEQUENCE)?;
    let signed = parts.take(tag::SEQUENCE)?;
    parts.enter(tag::SEQUENCE)?;
    parts.take(tag::BIT_STRING)?;
    if !whole.is_empty() || !parts.is_empty() {
        return None;
    }
    let mut fields = Der::new(signed);
    fields.take(tag::numbered(0))?;
    let serial = fields.take(tag::INTEGER)?;
    fields.take(tag::SEQUENCE)?;
    let issuer = fields.take_value(tag::SEQUENCE)?.whole;
    let validity = times::read_validity(fields.enter(tag::SEQUENCE)?)?;
    let subject = fields.take_value(tag::SEQUENCE)?.whole;
    let spki = fields.take_value(tag::SEQUENCE)?.whole;
    let (extensions, length) = match last_value(fields)? {
        Some(list) => (read_extensions(list)?, signed.len().checked_sub(list.whole.len())?),
        None => (Vec::new(), signed.len()),
    };
    let before_extensions = signed.get(..length)?;
    Some(Certificate { der, serial, issuer, subject, validity, spki, extensions, before_extensions })
}

/// The extensions stand last, behind two identifiers that nobody uses.
fn last_value(mut fields: Der<'_>) -> Option<Option<Value<'_>>> {
    fields.take(tag::numbered_bytes(1));
    fields.take(tag::numbered_bytes(2));
    let list = fields.take_value(tag::numbered(3));
    fields.is_empty().then_some(list)
}

fn read_extensions(list: Value<'_>) -> Option<Vec<Extension<'_>>> {
    let mut outer = Der::new(list.content);
    let mut list = outer.enter(tag::SEQUENCE)?;
    let mut extensions = Vec::new();
    while !list.is_empty() {
        let value = list.take_value(tag::SEQUENCE)?;
        extensions.push(read_extension(value)?);
        if extensions.len() > EXTENSIONS_MAX {
            return None;
        }
    }
    outer.is_empty().then_some(extensions)
}

fn read_extension(extension: Value<'_>) -> Option<Extension<'_>> {
    let mut fields = Der::new(extension.content);
    let oid = fields.take(tag::OID)?;
    let is_critical = fields.take(tag::BOOLEAN).is_some_and(|value| value != [0]);
    let value = fields.take(tag::OCTET_STRING)?;
    fields.is_empty().then_some(Extension { oid, is_critical, value, whole: extension.whole })
}

impl Validity {
    /// Whether this is a time of the certificate's. Both ends belong to it.
    pub(crate) fn holds_at(self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at <= until)
    }
}
