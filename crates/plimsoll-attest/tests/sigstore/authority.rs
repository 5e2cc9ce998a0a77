//! A Sigstore of our own, as small as it can be: an authority that certifies keys, a log of certificates, an authority of
//! timestamps, and the promises of a Rekor of the first version. It writes its DER by hand, so that a test can leave any
//! part out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use plimsoll_attest::{PublicKey, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

mod tag {
    pub(super) const INTEGER: u8 = 0x02;
    pub(super) const BITS: u8 = 0x03;
    pub(super) const OCTETS: u8 = 0x04;
    pub(super) const OID: u8 = 0x06;
    pub(super) const UTF8: u8 = 0x0c;
    pub(super) const UTC_TIME: u8 = 0x17;
    pub(super) const TIME: u8 = 0x18;
    pub(super) const SEQUENCE: u8 = 0x30;
    pub(super) const SET: u8 = 0x31;
}

mod oid {
    pub(super) const COMMON_NAME: &[u8] = &[0x55, 4, 3];
    pub(super) const KEY_USAGE: &[u8] = &[0x55, 0x1d, 15];
    pub(super) const NAMES: &[u8] = &[0x55, 0x1d, 17];
    pub(super) const CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];
    pub(super) const PURPOSES: &[u8] = &[0x55, 0x1d, 37];
    pub(super) const TIMESTAMPS: &[u8] = &[0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 2];
    pub(super) const FULCIO: &[u8] = &[0x2b, 6, 1, 4, 1, 0x83, 0xbf, 0x30, 1];
    pub(super) const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    pub(super) const SHA256: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
    pub(super) const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
    pub(super) const TIMESTAMP_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 1, 4];
    pub(super) const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 3];
    pub(super) const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 4];
}

/// The purpose of keys that sign code.
pub(crate) const CODE_SIGNING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 3];
/// The purpose of keys that state times.
pub(crate) const TIME_STAMPING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 8];

/// All the parties of an instance, each with a key of its own.
pub(crate) struct Authority {
    certifier: SigningKey,
    certificate_log: SigningKey,
    timestamper: SigningKey,
    rekor: SigningKey,
    root: Vec<u8>,
    timestamper_certificate: Vec<u8>,
    /// When it was set up, a day before what it says.
    since: Timestamp,
}

/// What a certificate is to say.
#[derive(Clone)]
pub(crate) struct Wanted<'a> {
    pub(crate) key: &'a PublicKey,
    /// Addresses of mail, or URIs.
    pub(crate) subjects: Vec<&'a str>,
    pub(crate) issuer: Option<&'a str>,
    pub(crate) purpose: &'a [u8],
    pub(crate) from: Timestamp,
    pub(crate) is_seen: bool,
}

fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let head = match u16::try_from(content.len()).unwrap().to_be_bytes() {
        [0, short @ ..=0x7f] => vec![tag, short],
        [0, length] => vec![tag, 0x81, length],
        [high, low] => vec![tag, 0x82, high, low],
    };
    [head, content].concat()
}

fn named(name: &str) -> Vec<u8> {
    let text = [der(tag::OID, &[oid::COMMON_NAME]), der(tag::UTF8, &[name.as_bytes()])].concat();
    der(tag::SEQUENCE, &[&der(tag::SET, &[&der(tag::SEQUENCE, &[&text])])])
}

fn algorithm(oid: &[u8]) -> Vec<u8> {
    der(tag::SEQUENCE, &[&der(tag::OID, &[oid])])
}

fn extension(oid: &[u8], is_critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if is_critical { &[1, 1, 0xff] } else { &[] };
    der(tag::SEQUENCE, &[&der(tag::OID, &[oid]), critical, &der(tag::OCTETS, &[value])])
}

fn utc(at: Timestamp) -> Vec<u8> {
    der(tag::UTC_TIME, &[at.strftime("%y%m%d%H%M%SZ").to_string().as_bytes()])
}

/// The part of a certificate that is signed.
fn unsigned(
    serial: u8,
    [issuer, subject]: [&[u8]; 2],
    [from, until]: [Timestamp; 2],
    spki: &[u8],
    extensions: &[Vec<u8>],
) -> Vec<u8> {
    let version = der(0xa0, &[&der(tag::INTEGER, &[&[2]])]);
    let times = der(tag::SEQUENCE, &[&utc(from), &utc(until)]);
    let extensions = der(0xa3, &[&der(tag::SEQUENCE, &[&extensions.concat()])]);
    let (serial, signature) = (der(tag::INTEGER, &[&[serial]]), algorithm(oid::ECDSA_SHA256));
    der(tag::SEQUENCE, &[&version, &serial, &signature, issuer, &times, subject, spki, &extensions])
}

fn signed(unsigned: &[u8], key: &SigningKey) -> Vec<u8> {
    let signature = der(tag::BITS, &[&[0], &key.sign(unsigned)]);
    der(tag::SEQUENCE, &[unsigned, &algorithm(oid::ECDSA_SHA256), &signature])
}

impl Authority {
    pub(crate) fn new(seed: u8, now: Timestamp) -> Self {
        let key = |number: u8| SigningKey::generate(&[seed.wrapping_add(number); 32]).unwrap();
        let (certifier, timestamper) = (key(0), key(2));
        let since = now - SignedDuration::from_hours(24);
        let times = [since, now + SignedDuration::from_hours(24 * 365)];
        let (root_name, time_name) = (named("root"), named("time"));
        let authority = [
            extension(oid::CONSTRAINTS, true, &der(tag::SEQUENCE, &[&[1, 1, 0xff]])),
            extension(oid::KEY_USAGE, true, &der(tag::BITS, &[&[1, 6]])),
        ];
        let root = unsigned(1, [&root_name, &root_name], times, certifier.public().spki(), &authority);
        let purpose = der(tag::SEQUENCE, &[&der(tag::OID, &[TIME_STAMPING])]);
        let purpose = [extension(oid::PURPOSES, true, &purpose)];
        let states_time = unsigned(2, [&root_name, &time_name], times, timestamper.public().spki(), &purpose);
        Self {
            root: signed(&root, &certifier),
            timestamper_certificate: signed(&states_time, &certifier),
            certificate_log: key(1),
            rekor: key(3),
            certifier,
            timestamper,
            since,
        }
    }

    /// A certificate for ten minutes.
    pub(crate) fn certify(&self, wanted: &Wanted<'_>) -> Vec<u8> {
        let name =
            |subject: &&str| der(if subject.contains("://") { 0x86 } else { 0x81 }, &[subject.as_bytes()]);
        let names: Vec<u8> = wanted.subjects.iter().flat_map(name).collect();
        let mut extensions = vec![
            extension(oid::KEY_USAGE, true, &der(tag::BITS, &[&[7, 0x80]])),
            extension(oid::PURPOSES, false, &der(tag::SEQUENCE, &[&der(tag::OID, &[wanted.purpose])])),
            extension(oid::NAMES, true, &der(tag::SEQUENCE, &[&names])),
        ];
        let issuer = wanted.issuer.map(|issuer| der(tag::UTF8, &[issuer.as_bytes()]));
        extensions.extend(issuer.map(|issuer| extension(&[oid::FULCIO, &[8]].concat(), false, &issuer)));
        let times = [wanted.from, wanted.from + SignedDuration::from_mins(10)];
        let write = |extensions: &[Vec<u8>]| {
            unsigned(7, [&named("root"), &der(tag::SEQUENCE, &[])], times, wanted.key.spki(), extensions)
        };
        if wanted.is_seen {
            let seen = self.see(&write(&extensions), wanted.from);
            extensions.push(extension(oid::TIMESTAMPS, false, &der(tag::OCTETS, &[&seen])));
        }
        signed(&write(&extensions), &self.certifier)
    }

    /// The list with the log's one timestamp (RFC 6962, section 3.3).
    fn see(&self, precertificate: &[u8], at: Timestamp) -> Vec<u8> {
        let time = u64::try_from(at.as_millisecond()).unwrap().to_be_bytes();
        let issuer = Sha256::digest(self.certifier.public().spki());
        let length = u32::try_from(precertificate.len()).unwrap().to_be_bytes();
        let message = [&[0, 0], &time[..], &[0, 1], &issuer, &length[1..], precertificate, &[0, 0]].concat();
        let signature = self.certificate_log.sign(&message);
        let sized = |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
        let id = Sha256::digest(self.certificate_log.public().spki());
        let one = [&[0], &id[..], &time, &[0, 0], &[4, 3], &sized(&signature)].concat();
        sized(&sized(&one))
    }

    /// A timestamp of a SHA-256 (RFC 3161, section 2.4.2), with what else the request wants.
    pub(crate) fn stamp(&self, digest: &[u8], at: Timestamp, nonce: &[u8]) -> Vec<u8> {
        let imprint = der(tag::SEQUENCE, &[&algorithm(oid::SHA256), &der(tag::OCTETS, &[digest])]);
        let time = der(tag::TIME, &[at.strftime("%Y%m%d%H%M%SZ").to_string().as_bytes()]);
        let (policy, number) = (der(tag::OID, &[&[0x2a, 3, 4]]), der(tag::INTEGER, &[&[9]]));
        let one = der(tag::INTEGER, &[&[1]]);
        let info = der(tag::SEQUENCE, &[&one, &policy, &imprint, &number, &time, nonce]);
        let attribute = |oid: &[u8], value: &[u8]| {
            der(tag::SEQUENCE, &[&der(tag::OID, &[oid]), &der(tag::SET, &[value])])
        };
        let attributes = [
            attribute(oid::CONTENT_TYPE, &der(tag::OID, &[oid::TIMESTAMP_INFO])),
            attribute(oid::MESSAGE_DIGEST, &der(tag::OCTETS, &[&Sha256::digest(&info)])),
        ]
        .concat();
        let signature = self.timestamper.sign(&der(tag::SET, &[&attributes]));
        let signer = der(tag::SEQUENCE, &[&named("root"), &der(tag::INTEGER, &[&[2]])]);
        let signer = [
            one,
            signer,
            algorithm(oid::SHA256),
            der(0xa0, &[&attributes]),
            algorithm(oid::ECDSA_SHA256),
            der(tag::OCTETS, &[&signature]),
        ];
        let content = der(
            tag::SEQUENCE,
            &[&der(tag::OID, &[oid::TIMESTAMP_INFO]), &der(0xa0, &[&der(tag::OCTETS, &[&info])])],
        );
        let data = [
            der(tag::INTEGER, &[&[3]]),
            der(tag::SET, &[&algorithm(oid::SHA256)]),
            content,
            der(tag::SET, &[&der(tag::SEQUENCE, &[&signer.concat()])]),
        ];
        let data = der(0xa0, &[&der(tag::SEQUENCE, &[&data.concat()])]);
        let token = der(tag::SEQUENCE, &[&der(tag::OID, &[oid::SIGNED_DATA]), &data]);
        der(tag::SEQUENCE, &[&der(tag::SEQUENCE, &[&der(tag::INTEGER, &[&[0]])]), &token])
    }

    /// What Rekor's first version answers at once, as cosign 2 wrote it into an annotation.
    pub(crate) fn promise(&self, body: &Value, at: Timestamp) -> Value {
        let (body, time) = (STANDARD.encode(body.to_string()), at.as_second());
        let id = hex(&Sha256::digest(self.rekor.public().spki()));
        let message = format!(r#"{{"body":"{body}","integratedTime":{time},"logID":"{id}","logIndex":5}}"#);
        let signature = STANDARD.encode(self.rekor.sign(message.as_bytes()));
        let payload = json!({"body": body, "integratedTime": time, "logIndex": 5, "logID": id});
        json!({"SignedEntryTimestamp": signature, "Payload": payload})
    }

    /// What others need to believe it. `logs` beside its own Rekor, if that is wanted.
    pub(crate) fn trusted_root(&self, logs: &[Value]) -> Value {
        let times = json!({"start": self.since});
        let chain = |certificates: &[&[u8]]| {
            let raw = |der: &&[u8]| json!({"rawBytes": STANDARD.encode(der)});
            json!({"certificates": certificates.iter().map(raw).collect::<Vec<_>>()})
        };
        let root = self.root.as_slice();
        json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": logs,
            "certificateAuthorities": [{"uri": "https://ca.example", "certChain": chain(&[root]), "validFor": times}],
            "ctlogs": [self.log("https://ct.example", &self.certificate_log)],
            "timestampAuthorities": [
                {"uri": "https://time.example", "certChain": chain(&[&self.timestamper_certificate, root]), "validFor": times},
            ],
        })
    }

    /// Its Rekor, as a trusted root names it.
    pub(crate) fn rekor(&self) -> Value {
        self.log("https://rekor.example", &self.rekor)
    }

    fn log(&self, url: &str, key: &SigningKey) -> Value {
        let spki = key.public().spki();
        json!({
            "baseUrl": url,
            "hashAlgorithm": "SHA2_256",
            "publicKey": {
                "rawBytes": STANDARD.encode(spki),
                "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                "validFor": {"start": self.since},
            },
            "logId": {"keyId": STANDARD.encode(Sha256::digest(spki))},
        })
    }
}

/// Bytes in hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A certificate in PEM.
pub(crate) fn pem(certificate: &[u8]) -> String {
    let base64 = STANDARD.encode(certificate);
    let lines: Vec<&str> =
        base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}
