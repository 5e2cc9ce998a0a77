use jiff::Timestamp;
use plimsoll_tlog::{Hash, RekorLog};
use serde::Deserialize;

use super::instance::{KeyInstance, TimestampAuthority};
use crate::PublicKey;
use crate::base64_text::decode;
use crate::certificate::{Certificate, Chain, ChainError, Usage, Validity};
use crate::nesting::{TooDeep, check_nesting};

/// Largest trusted root that is read: Sigstore's own has 7 kB, GitHub's with all its instances 32.
const ROOT_BYTES_MAX: usize = 1 << 20;
/// Most instances of one kind.
const INSTANCES_MAX: usize = 128;
/// Most trusted roots in one file.
const ROOTS_MAX: usize = 16;

/// Whom to believe about identities (Sigstore's `TrustedRoot`, `sigstore_trustroot.proto`).
///
/// It has certificate authorities, logs of certificates, logs of signatures and authorities of timestamps, each with its
/// time.
///
/// A root that names no log of one kind wants no entry in any: some private instances have none. One that names logs
/// wants an entry, also where none of them can be read here.
#[derive(Clone, Debug)]
pub struct SigstoreRoot {
    pub(super) authorities: Vec<Chain>,
    pub(super) certificate_logs: Option<Vec<KeyInstance>>,
    pub(super) logs: Option<Vec<Log>>,
    pub(super) timestamp_authorities: Vec<TimestampAuthority>,
}

/// A log of signatures, with the time in which its promises count.
#[derive(Clone, Debug)]
pub(super) struct Log {
    pub(super) log: RekorLog,
    pub(super) validity: Validity,
}

/// Why bytes are not a trusted root.
#[derive(Debug, thiserror::Error)]
pub enum SigstoreRootError {
    /// It is too large.
    #[error("the trusted root has {0} bytes; at most {ROOT_BYTES_MAX} are read")]
    TooLarge(usize),
    /// It is too deep.
    #[error(transparent)]
    Nesting(#[from] TooDeep),
    /// It is not JSON of the expected shape.
    #[error("the trusted root is not understood: {0}")]
    Json(#[from] serde_json::Error),
    /// It says to be of another type.
    #[error("`{0}` is not the media type of a trusted root of version 0.1 or 0.2")]
    MediaType(String),
    /// There is nothing in it, or too much.
    #[error("there are {0} {1}; 1 to {2} are read")]
    Count(usize, &'static str, usize),
    /// A part cannot be used.
    #[error("the {0} is missing or damaged")]
    Field(&'static str),
    /// An authority cannot be used.
    #[error("the authority `{uri}` cannot be used: {source}")]
    Authority {
        /// Where it is.
        uri: String,
        /// Why not.
        source: ChainError,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RootJson {
    #[serde(default)]
    media_type: String,
    #[serde(default)]
    tlogs: Vec<LogJson>,
    #[serde(default)]
    certificate_authorities: Vec<AuthorityJson>,
    #[serde(default)]
    ctlogs: Vec<LogJson>,
    #[serde(default)]
    timestamp_authorities: Vec<AuthorityJson>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogJson {
    #[serde(default)]
    base_url: String,
    hash_algorithm: String,
    public_key: KeyJson,
    log_id: LogIdJson,
    checkpoint_key_id: Option<LogIdJson>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeyJson {
    raw_bytes: String,
    valid_for: TimesJson,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogIdJson {
    key_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthorityJson {
    #[serde(default)]
    uri: String,
    cert_chain: CertificatesJson,
    #[serde(default)]
    valid_for: TimesJson,
}

#[derive(Deserialize)]
struct CertificatesJson {
    certificates: Vec<CertificateJson>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CertificateJson {
    raw_bytes: String,
}

#[derive(Default, Deserialize)]
struct TimesJson {
    start: Option<Timestamp>,
    end: Option<Timestamp>,
}

impl SigstoreRoot {
    /// Reads the trusted roots in a file: one as Sigstore publishes it, or several in lines, as GitHub's client writes
    /// them.
    pub fn parse_all(json: &[u8]) -> Result<Vec<Self>, SigstoreRootError> {
        if json.len() > ROOT_BYTES_MAX {
            return Err(SigstoreRootError::TooLarge(json.len()));
        }
        check_nesting(json)?;
        let documents = serde_json::Deserializer::from_slice(json).into_iter::<RootJson>();
        let mut roots = Vec::new();
        for document in documents.take(ROOTS_MAX + 1) {
            roots.push(Self::of(document?)?);
        }
        if (1..=ROOTS_MAX).contains(&roots.len()) {
            Ok(roots)
        } else {
            Err(SigstoreRootError::Count(roots.len(), "trusted roots", ROOTS_MAX))
        }
    }

    fn of(root: RootJson) -> Result<Self, SigstoreRootError> {
        if !is_root_type(&root.media_type) {
            return Err(SigstoreRootError::MediaType(root.media_type));
        }
        for (count, what) in [
            (root.tlogs.len(), "logs"),
            (root.ctlogs.len(), "logs of certificates"),
            (root.certificate_authorities.len(), "certificate authorities"),
            (root.timestamp_authorities.len(), "authorities of timestamps"),
        ] {
            if count > INSTANCES_MAX {
                return Err(SigstoreRootError::Count(count, what, INSTANCES_MAX));
            }
        }
        let authorities = root.certificate_authorities.iter().map(authority);
        let timestamp_authorities = root.timestamp_authorities.iter().map(timestamp_authority);
        Ok(Self {
            authorities: authorities.collect::<Result<_, _>>()?,
            certificate_logs: some_of(&root.ctlogs, certificate_log)?,
            logs: some_of(&root.tlogs, signature_log)?,
            timestamp_authorities: timestamp_authorities.collect::<Result<_, _>>()?,
        })
    }
}

fn is_root_type(media_type: &str) -> bool {
    let version = media_type
        .strip_prefix("application/vnd.dev.sigstore.trustedroot.v")
        .and_then(|rest| rest.strip_suffix("+json"))
        .or_else(|| media_type.strip_prefix("application/vnd.dev.sigstore.trustedroot+json;version="));
    matches!(version, Some("0.1" | "0.2"))
}

/// Nothing where no log is named; else those whose keys can be used.
fn some_of<T>(
    logs: &[LogJson],
    read: fn(&LogJson) -> Result<Option<T>, SigstoreRootError>,
) -> Result<Option<Vec<T>>, SigstoreRootError> {
    if logs.is_empty() {
        return Ok(None);
    }
    let usable = logs.iter().filter_map(|log| read(log).transpose());
    usable.collect::<Result<_, _>>().map(Some)
}

fn certificate_log(log: &LogJson) -> Result<Option<KeyInstance>, SigstoreRootError> {
    let (spki, validity) = log.key()?;
    let id = decode(&log.log_id.key_id).ok_or(SigstoreRootError::Field("log's `logId`"))?;
    let key = PublicKey::from_spki(&spki).ok();
    Ok(key.map(|key| KeyInstance { id, key, validity }))
}

fn signature_log(log: &LogJson) -> Result<Option<Log>, SigstoreRootError> {
    let (spki, validity) = log.key()?;
    let ids = [Some(&log.log_id), log.checkpoint_key_id.as_ref()];
    let ids = ids.into_iter().flatten().filter_map(|id| decode(&id.key_id)?.try_into().ok());
    let read = |id: [u8; 32]| RekorLog::new(&log.base_url, &spki, Hash::new(id)).ok();
    Ok(ids.map(read).find_map(|log| log).map(|log| Log { log, validity }))
}

impl LogJson {
    /// Its key in DER, and the key's time. A log without a beginning would count for ever.
    fn key(&self) -> Result<(Vec<u8>, Validity), SigstoreRootError> {
        if self.hash_algorithm != "SHA2_256" {
            return Err(SigstoreRootError::Field("log's `hashAlgorithm`, which is SHA2_256,"));
        }
        let spki = decode(&self.public_key.raw_bytes).ok_or(SigstoreRootError::Field("log's `publicKey`"))?;
        let validity = self.public_key.valid_for.validity();
        if validity.from.is_none() {
            return Err(SigstoreRootError::Field("beginning of a log's `validFor`"));
        }
        Ok((spki, validity))
    }
}

impl TimesJson {
    fn validity(&self) -> Validity {
        Validity { from: self.start, until: self.end }
    }
}

fn authority(read: &AuthorityJson) -> Result<Chain, SigstoreRootError> {
    let certificates = read.certificates()?;
    chain(certificates, read)
}

/// The first certificate is the signer's own, unless it is an authority's.
fn timestamp_authority(read: &AuthorityJson) -> Result<TimestampAuthority, SigstoreRootError> {
    let mut certificates = read.certificates()?;
    let is_signer = |der: &Vec<u8>| {
        Certificate::parse(der).is_ok_and(|leaf| leaf.check_usage(Usage::TimeStamping).is_ok())
    };
    let signer = certificates.first().is_some_and(is_signer).then(|| certificates.remove(0));
    Ok(TimestampAuthority { signer, chain: chain(certificates, read)? })
}

impl AuthorityJson {
    fn certificates(&self) -> Result<Vec<Vec<u8>>, SigstoreRootError> {
        let decoded = |certificate: &CertificateJson| decode(&certificate.raw_bytes);
        let certificates = self.cert_chain.certificates.iter().map(decoded).collect::<Option<_>>();
        certificates.ok_or(SigstoreRootError::Field("certificate of an authority"))
    }
}

fn chain(certificates: Vec<Vec<u8>>, read: &AuthorityJson) -> Result<Chain, SigstoreRootError> {
    Chain::new(certificates, read.valid_for.validity())
        .map_err(|source| SigstoreRootError::Authority { uri: read.uri.clone(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: &str = include_str!("../../tests/sigstore/data/root-public.json");

    fn refused(text: &str) -> String {
        SigstoreRoot::parse_all(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn both_forms_of_the_type_are_read() {
        for kind in ["trustedroot+json;version=0.2", "trustedroot.v0.1+json", "trustedroot.v0.2+json"] {
            let text = PUBLIC.replace("trustedroot+json;version=0.1", kind);
            let roots = SigstoreRoot::parse_all(text.as_bytes()).unwrap();
            assert_eq!((roots.len(), roots[0].logs.as_ref().map(Vec::len)), (1, Some(2)), "{kind}");
        }
        assert!(
            refused(&PUBLIC.replace("version=0.1", "version=0.3")).contains("version=0.3` is not the media")
        );
    }

    #[test]
    fn a_log_whose_key_is_not_read_is_named_all_the_same() {
        let text = PUBLIC.replace("\"rawBytes\": \"MFkw", "\"rawBytes\": \"MFkx");
        let root = SigstoreRoot::parse_all(text.as_bytes()).unwrap().remove(0);
        assert_eq!(
            root.certificate_logs.map(|logs| logs.len()),
            Some(0),
            "so an entry is wanted, and there is none"
        );
    }

    #[test]
    fn what_is_no_trusted_root_is_refused_with_the_reason() {
        assert_eq!(refused(&"[".repeat(10_000)), "the JSON is nested more than 96 levels deep");
        assert_eq!(refused(""), "there are 0 trusted roots; 1 to 16 are read");
        assert!(refused(&" ".repeat(ROOT_BYTES_MAX + 1)).contains("at most 1048576 are read"));
        let empty = r#"{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}"#;
        assert_eq!(refused(&empty.repeat(17)), "there are 17 trusted roots; 1 to 16 are read");
        assert!(refused(&PUBLIC.replace("SHA2_256", "SHA2_512")).contains("`hashAlgorithm`"));
        assert!(
            refused(&PUBLIC.replace("\"start\"", "\"begin\"")).contains("beginning of a log's `validFor`")
        );
        assert!(
            refused(&PUBLIC.replace("\"MII", "\"MIJ")).contains("cannot be used: the certificate is damaged")
        );
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_without_panic(bytes: Vec<u8>) {
            let _ = SigstoreRoot::parse_all(&bytes);
        }
    }
}
