//! Signed data (RFC 5652), as far as timestamps are made of it.

use super::timestamp::Hash;
use crate::PublicKey;
use crate::certificate::Certificate;
use crate::der::{Der, Value, tag, write};

/// Most certificates, and most attributes, that are looked at.
const PARTS_MAX: usize = 32;

mod oid {
    pub(super) const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
    pub(super) const TIMESTAMP_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 1, 4];
    pub(super) const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 3];
    /// ECDSA (RFC 5758) and RSA (RFC 4055): how they begin, and what they may end with. The key says the rest.
    pub(super) const SIGNATURES: [(&[u8], &[u8]); 3] = [
        (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 2], &[1]),
        (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3], &[2, 3, 4]),
        (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1], &[1, 11, 12, 13]),
    ];
    pub(super) const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 4];
}

/// A timestamp's content, with the one signature over it.
pub(super) struct SignedData<'a> {
    pub(super) content: &'a [u8],
    /// The certificates that came with it, in DER.
    pub(super) certificates: Vec<&'a [u8]>,
    signer: SignerInfo<'a>,
}

/// Who signed, and what (section 5.3).
struct SignerInfo<'a> {
    issuer: &'a [u8],
    serial: &'a [u8],
    hash: Hash,
    /// The content of the set of attributes, which is what the signature is over.
    attributes: &'a [u8],
    signature: &'a [u8],
}

impl<'a> SignedData<'a> {
    /// Takes a token apart. `fields` is where it begins, and must end with it.
    pub(super) fn parse(mut fields: Der<'a>) -> Option<Self> {
        let mut token = fields.enter(tag::SEQUENCE).filter(|_| fields.is_empty())?;
        (token.take(tag::OID)? == oid::SIGNED_DATA).then_some(())?;
        let mut data = token.enter(tag::numbered(0))?.enter(tag::SEQUENCE)?;
        data.take(tag::INTEGER)?;
        data.take(tag::SET)?;
        let content = read_content(data.enter(tag::SEQUENCE)?)?;
        let certificates = data.enter(tag::numbered(0)).map_or(Some(Vec::new()), read_certificates)?;
        data.take(tag::numbered(1));
        let mut signers = data.enter(tag::SET).filter(|_| data.is_empty())?;
        let signer = read_signer(signers.enter(tag::SEQUENCE)?)?;
        signers.is_empty().then_some(Self { content, certificates, signer })
    }

    /// Whether it says to be signed with this certificate.
    pub(super) fn names(&self, certificate: &Certificate<'_>) -> bool {
        certificate.issuer == self.signer.issuer && certificate.serial == self.signer.serial
    }

    /// Whether the attributes are signed with this key, and speak of this content (section 5.4).
    pub(super) fn is_signed_by(&self, key: &PublicKey) -> bool {
        let SignerInfo { hash, attributes, signature, .. } = &self.signer;
        let said = |kind| attribute(attributes, kind);
        let is_of_content = said(oid::MESSAGE_DIGEST).is_some_and(|value| {
            value.tag == tag::OCTET_STRING && value.content == hash.digest(self.content)
        });
        let is_timestamp = said(oid::CONTENT_TYPE)
            .is_some_and(|value| value.tag == tag::OID && value.content == oid::TIMESTAMP_INFO);
        is_of_content && is_timestamp && key.verifies(&write(tag::SET, attributes), signature)
    }
}

fn read_content<'a>(mut content: Der<'a>) -> Option<&'a [u8]> {
    (content.take(tag::OID)? == oid::TIMESTAMP_INFO).then_some(())?;
    let mut inner = content.enter(tag::numbered(0)).filter(|_| content.is_empty())?;
    inner.take(tag::OCTET_STRING).filter(|_| inner.is_empty())
}

fn read_certificates(mut list: Der<'_>) -> Option<Vec<&[u8]>> {
    let mut certificates = Vec::new();
    while !list.is_empty() && certificates.len() < PARTS_MAX {
        certificates.push(list.take_any()?.whole);
    }
    list.is_empty().then_some(certificates)
}

fn read_signer(mut fields: Der<'_>) -> Option<SignerInfo<'_>> {
    // Version 1: the signer is named by issuer and number.
    (fields.take(tag::INTEGER)? == [1]).then_some(())?;
    let mut name = fields.enter(tag::SEQUENCE)?;
    let issuer = name.take_value(tag::SEQUENCE)?.whole;
    let serial = name.take(tag::INTEGER).filter(|_| name.is_empty())?;
    let hash = Hash::read(&mut fields)?;
    let attributes = fields.take(tag::numbered(0))?;
    let kind = fields.enter(tag::SEQUENCE)?.take(tag::OID)?;
    oid::SIGNATURES.iter().any(|(prefix, last)| is_one_of(kind, prefix, last)).then_some(())?;
    let signature = fields.take(tag::OCTET_STRING)?;
    Some(SignerInfo { issuer, serial, hash, attributes, signature })
}

fn is_one_of(oid: &[u8], prefix: &[u8], last: &[u8]) -> bool {
    matches!(oid.strip_prefix(prefix), Some([one]) if last.contains(one))
}

/// The one value of an attribute that stands there once.
fn attribute<'a>(attributes: &'a [u8], kind: &[u8]) -> Option<Value<'a>> {
    let mut list = Der::new(attributes);
    let mut found = None;
    for _ in 0..PARTS_MAX {
        if list.is_empty() {
            return found;
        }
        let mut attribute = list.enter(tag::SEQUENCE)?;
        let is_it = attribute.take(tag::OID)? == kind;
        let mut values = attribute.enter(tag::SET)?;
        let value = values.take_any()?;
        if is_it {
            if found.is_some() || !values.is_empty() {
                return None;
            }
            found = Some(value);
        }
    }
    None
}
