use super::names::printable;
use super::{Certificate, CertificateError, oid};
use crate::der::{Der, tag};

/// What a certificate says of whoever it was issued to, as Fulcio took it from their token (`docs/oid-info.md`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateClaims {
    /// Who has checked the name: the address of an issuer of tokens.
    pub issuer: String,
    /// Which source repository was built (`.12`).
    pub repository: Option<String>,
    /// Which commit (`.13`).
    pub commit: Option<String>,
    /// By which branch or tag it was found (`.14`).
    pub git_ref: Option<String>,
    /// The top-level instructions of the build: a workflow's or pipeline's file with its ref (`.18`).
    pub workflow: Option<String>,
    /// What set the build off (`.20`).
    pub trigger: Option<String>,
    /// The run itself (`.21`).
    pub run: Option<String>,
    /// Whether the machine was the CI's own or somebody's (`.11`).
    pub runner: Option<String>,
}

/// The last numbers of the identifiers.
mod number {
    pub(super) const OLD_ISSUER: u8 = 1;
    pub(super) const ISSUER: u8 = 8;
    pub(super) const RUNNER: u8 = 11;
    pub(super) const REPOSITORY: u8 = 12;
    pub(super) const COMMIT: u8 = 13;
    pub(super) const REF: u8 = 14;
    pub(super) const WORKFLOW: u8 = 18;
    pub(super) const TRIGGER: u8 = 20;
    pub(super) const RUN: u8 = 21;
}

impl CertificateClaims {
    pub(crate) fn of(certificate: &Certificate<'_>) -> Result<Self, CertificateError> {
        let said = |number: u8| utf8_value(extension(certificate, number)?);
        Ok(Self {
            issuer: issuer(certificate).ok_or(CertificateError::Issuer)?,
            repository: said(number::REPOSITORY),
            commit: said(number::COMMIT),
            git_ref: said(number::REF),
            workflow: said(number::WORKFLOW),
            trigger: said(number::TRIGGER),
            run: said(number::RUN),
            runner: said(number::RUNNER),
        })
    }
}

fn extension<'a>(certificate: &Certificate<'a>, number: u8) -> Option<&'a [u8]> {
    let oid = [oid::FULCIO, &[number]].concat();
    certificate.extension(&oid).map(|extension| extension.value)
}

/// Certificates say it twice: as raw text, as they did at first, and as a value. Both must be the same.
fn issuer(certificate: &Certificate<'_>) -> Option<String> {
    let (old, new) = (extension(certificate, number::OLD_ISSUER), extension(certificate, number::ISSUER));
    let old = old.map(printable);
    let new = new.map(utf8_value);
    match (old, new) {
        (Some(old), Some(new)) if old == new => new,
        (None, Some(only)) | (Some(only), None) => only,
        _ => None,
    }
}

fn utf8_value(value: &[u8]) -> Option<String> {
    let mut outer = Der::new(value);
    let text = outer.take(tag::UTF8_STRING)?;
    if outer.is_empty() { printable(text) } else { None }
}
