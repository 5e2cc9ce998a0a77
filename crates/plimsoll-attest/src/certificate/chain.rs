use std::time::Duration;

use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert, ring};

use super::{Certificate, CertificateError, Validity, oid};

/// Most certificates of one authority.
const CHAIN_MAX: usize = 8;

/// How authorities sign certificates.
const ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = &[
    ring::ECDSA_P256_SHA256,
    ring::ECDSA_P256_SHA384,
    ring::ECDSA_P384_SHA256,
    ring::ECDSA_P384_SHA384,
    ring::ED25519,
    ring::RSA_PKCS1_2048_8192_SHA256,
    ring::RSA_PKCS1_2048_8192_SHA384,
    ring::RSA_PKCS1_2048_8192_SHA512,
];

/// What a certificate is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usage {
    CodeSigning,
    TimeStamping,
}

impl Usage {
    pub(crate) fn oid(self) -> &'static [u8] {
        match self {
            Self::CodeSigning => oid::CODE_SIGNING,
            Self::TimeStamping => oid::TIME_STAMPING,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CodeSigning => "signing code",
            Self::TimeStamping => "stating times",
        }
    }
}

/// The certificates of an authority: those between it and whom it certifies, and its root, which is trusted.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    between: Vec<CertificateDer<'static>>,
    root: CertificateDer<'static>,
    /// When the trusted root says that the authority counts.
    validity: Validity,
}

/// Why a certificate does not lead to an authority.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// One of the certificates is not what it should be.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// There are none, or too many.
    #[error("an authority has 1 to {CHAIN_MAX} certificates, and not {0}")]
    Count(usize),
    /// The authority did not count at that time.
    #[error("the authority was not valid at {0}")]
    NotThen(Timestamp),
    /// The certificate does not follow from the authority's.
    #[error("the certificate does not follow from the authority's: {0:?}")]
    Path(Box<webpki::Error>),
}

impl Chain {
    /// The certificates in DER, the root last.
    pub(crate) fn new(mut certificates: Vec<Vec<u8>>, validity: Validity) -> Result<Self, ChainError> {
        let count = certificates.len();
        let root = certificates.pop().filter(|_| count <= CHAIN_MAX).ok_or(ChainError::Count(count))?;
        for der in certificates.iter().chain([&root]) {
            Certificate::parse(der)?;
        }
        let between = certificates.into_iter().map(CertificateDer::from).collect();
        Ok(Self { between, root: root.into(), validity })
    }

    /// Whether one of the certificates bears the name that `leaf` says it was issued by.
    pub(crate) fn bears_issuer_of(&self, leaf: &Certificate<'_>) -> bool {
        let bears = |der: &CertificateDer<'_>| {
            Certificate::parse(der).is_ok_and(|certificate| certificate.subject == leaf.issuer)
        };
        self.between.iter().chain([&self.root]).any(bears)
    }

    /// Checks that `leaf` leads to the root, for this use and as of this time, with every certificate on the way valid.
    /// Returns the SubjectPublicKeyInfo of whoever issued the leaf.
    pub(crate) fn verify(
        &self,
        leaf: &Certificate<'_>,
        usage: Usage,
        at: Timestamp,
    ) -> Result<Vec<u8>, ChainError> {
        leaf.check_usage(usage)?;
        // A path's end is taken as it is, so its own time is looked at here.
        let root = Certificate::parse(&self.root)?;
        let seconds = u64::try_from(at.as_second()).map_err(|_| ChainError::NotThen(at))?;
        if !self.validity.holds_at(at) || !root.validity.holds_at(at) {
            return Err(ChainError::NotThen(at));
        }
        self.find_path(leaf.der, usage, UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
            .map_err(|error| ChainError::Path(Box::new(error)))
    }

    fn find_path(&self, leaf: &[u8], usage: Usage, at: UnixTime) -> Result<Vec<u8>, webpki::Error> {
        let leaf = CertificateDer::from(leaf);
        let leaf = EndEntityCert::try_from(&leaf)?;
        let anchors = [anchor_from_trusted_cert(&self.root)?];
        // The leaf must name its use, which was looked at; those between it and the root need not.
        let usage = KeyUsage::required_if_present(usage.oid());
        let path = leaf.verify_for_usage(ALGORITHMS, &anchors, &self.between, at, usage, None, None)?;
        Ok(path.issuer_spki().as_ref().to_owned())
    }
}
