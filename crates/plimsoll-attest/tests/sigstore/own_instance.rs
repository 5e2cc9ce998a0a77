//! What an instance of our own certifies, leaving out one thing at a time; and what cosign 2 left of such signatures.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use plimsoll_attest::{
    Bundle, EvidenceLayer, Fact, Identity, PredicateType, Refusal, Signatory, SigningKey, SigstoreRoot,
    Statement, SubjectPattern, Trust, sign,
};
use plimsoll_oci::Digest;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::authority::{Authority, CODE_SIGNING, TIME_STAMPING, Wanted, hex, pem};
use crate::oracle::Oracle;
use crate::public_bundles::judge;

const ISSUER: &str = "https://login.example";
const ANA: &str = "ana@example.org";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    at("2026-11-22T12:00:00Z")
}

fn image() -> Digest {
    Digest::sha256_of(b"image")
}

fn key() -> SigningKey {
    SigningKey::generate(&[77; 32]).unwrap()
}

/// How a signature is to be made.
struct Making<'a> {
    wanted: Wanted<'a>,
    stamped_at: Timestamp,
    certifier: u8,
    stamper: u8,
}

impl Making<'_> {
    /// Signs the image under the instance of seed 10, unless parts of another take its place.
    fn bundle(&self) -> Bundle {
        let mut bundle = sign(&Statement::signature(&image()), &key()).unwrap();
        let certificate = Authority::new(self.certifier, now()).certify(&self.wanted);
        bundle.signatory = Signatory::Certificate(certificate);
        let digest = Sha256::digest(&bundle.envelope.signatures[0].bytes);
        bundle.timestamps = vec![Authority::new(self.stamper, now()).stamp(&digest, self.stamped_at, &[])];
        bundle
    }
}

fn root(logs: &[Value]) -> Value {
    Authority::new(10, now()).trusted_root(logs)
}

fn ana() -> Identity {
    Identity::new(ISSUER, SubjectPattern::exactly(ANA))
}

#[test]
fn each_party_has_to_do_its_part_and_sigstore_go_says_the_same() {
    let public = key().public().clone();
    let good = || Making {
        wanted: Wanted {
            key: &public,
            subjects: vec![ANA],
            issuer: Some(ISSUER),
            purpose: CODE_SIGNING,
            from: now(),
            is_seen: true,
        },
        stamped_at: now() + SignedDuration::from_mins(1),
        certifier: 10,
        stamper: 10,
    };
    let other_key = SigningKey::generate(&[78; 32]).unwrap().public().clone();
    let mut cases = vec![("", good())];
    let mut case = |reason, change: &dyn Fn(&mut Making<'_>)| {
        let mut making = good();
        change(&mut making);
        cases.push((reason, making));
    };
    case("no readable timestamp of a log of certificates", &|making| making.wanted.is_seen = false);
    case("the certificate is not for signing code", &|making| making.wanted.purpose = TIME_STAMPING);
    case("does not say, or says in two ways, who has checked", &|making| making.wanted.issuer = None);
    case("whom `https://evil.example` has checked", &|making| {
        making.wanted.issuer = Some("https://evil.example");
    });
    case("it is signed by `eve@example.org`", &|making| making.wanted.subjects = vec!["eve@example.org"]);
    case("names 2 subjects", &|making| making.wanted.subjects = vec![ANA, "eve@example.org"]);
    case("names 0 subjects", &|making| making.wanted.subjects = vec![]);
    case("does not hold at 2026-11-22T12:11:00Z", &|making| making.stamped_at = at("2026-11-22T12:11:00Z"));
    case("does not hold at 2026-11-22T11:59:59Z", &|making| making.stamped_at = at("2026-11-22T11:59:59Z"));
    case("does not follow from the authority's", &|making| making.certifier = 20);
    case("the timestamp is not signed by the key", &|making| making.stamper = 20);
    case("not valid at 2026-11-20T12:00:00Z", &|making| {
        (making.wanted.from, making.stamped_at) = (at("2026-11-20T12:00:00Z"), at("2026-11-20T12:00:00Z"));
    });
    let other: &'static _ = Box::leak(Box::new(other_key));
    let mut of_other_key = good();
    of_other_key.wanted.key = other;
    cases.push(("the key in its certificate did not sign", of_other_key));

    let root = root(&[]);
    let oracle = Oracle::find();
    for (reason, making) in cases {
        let bundle = making.bundle().to_json();
        let judged = judge(&bundle, &root.to_string(), ana(), &image().to_string());
        match &judged {
            Ok(fact) => assert_eq!((reason, fact.signer()), ("", "them")),
            Err(refusal) => {
                let said = refusal.to_string();
                assert!(!reason.is_empty() && said.contains(reason), "{said:?} does not say {reason:?}");
            }
        }
        if let Some(oracle) = &oracle {
            // sigstore-go takes the first of several subjects.
            let is_stricter = reason == "names 2 subjects";
            let theirs = oracle.accepts_without_log(&bundle, &root, [ISSUER, ANA], &image());
            assert!(theirs == judged.is_ok() || is_stricter, "{reason:?}: sigstore-go says {theirs}");
        }
    }
}

#[test]
fn whoever_fits_a_pattern_is_a_person_of_their_own() {
    let public = key().public().clone();
    let wanted = Wanted {
        key: &public,
        subjects: vec![ANA],
        issuer: Some(ISSUER),
        purpose: CODE_SIGNING,
        from: now(),
        is_seen: true,
    };
    let bundle = Making { wanted, stamped_at: now(), certifier: 10, stamper: 10 }.bundle().to_json();
    let anybody = Identity::new(ISSUER, SubjectPattern::parse("*@example.org").unwrap());
    let fact = judge(&bundle, &root(&[]).to_string(), anybody, &image().to_string()).unwrap();
    assert_eq!((fact.signer(), fact.person()), ("them", ANA));
    let fact = judge(&bundle, &root(&[]).to_string(), ana(), &image().to_string()).unwrap();
    assert_eq!((fact.signer(), fact.person()), ("them", "them"));
}

/// A keyless signature of cosign 2, with the annotations of its layer.
struct OldSignature {
    bytes: Vec<u8>,
    annotations: BTreeMap<String, String>,
}

impl OldSignature {
    fn new() -> Self {
        let (authority, key) = (Authority::new(10, now()), key());
        let bytes = format!(
            r#"{{"critical":{{"identity":{{"docker-reference":"r/app"}},"image":{{"docker-manifest-digest":"{}"}},"type":"cosign container image signature"}},"optional":null}}"#,
            image()
        );
        let signature = STANDARD.encode(key.sign(bytes.as_bytes()));
        let wanted = Wanted {
            key: key.public(),
            subjects: vec![ANA],
            issuer: Some(ISSUER),
            purpose: CODE_SIGNING,
            from: now(),
            is_seen: true,
        };
        let certificate = pem(&authority.certify(&wanted));
        let body = json!({
            "apiVersion": "0.0.1",
            "kind": "hashedrekord",
            "spec": {
                "data": {"hash": {"algorithm": "sha256", "value": hex(&Sha256::digest(&bytes))}},
                "signature": {"content": signature, "publicKey": {"content": STANDARD.encode(&certificate)}},
            },
        });
        let promise = authority.promise(&body, now() + SignedDuration::from_secs(5)).to_string();
        let annotations = [
            ("dev.cosignproject.cosign/signature", signature),
            ("dev.sigstore.cosign/certificate", certificate),
            ("dev.sigstore.cosign/bundle", promise),
        ];
        let annotations = annotations.map(|(name, text)| (name.to_owned(), text)).into();
        Self { bytes: bytes.into_bytes(), annotations }
    }

    fn judge(&self) -> Result<Fact, Refusal> {
        let rekor = Authority::new(10, now()).rekor();
        let roots = SigstoreRoot::parse_all(root(&[rekor]).to_string().as_bytes()).unwrap();
        let trust = Trust::of_identity("ana", ana(), roots);
        let layer = EvidenceLayer {
            media_type: "application/vnd.dev.cosign.simplesigning.v1+json",
            annotations: &self.annotations,
            bytes: &self.bytes,
            witnessed_at: None,
        };
        layer.verify(&image(), &trust, at("2040-01-01T00:00:00Z"))
    }

    fn reason(&self) -> String {
        self.judge().unwrap_err().to_string()
    }
}

#[test]
fn what_cosign_2_left_of_a_keyless_signature_is_verified() {
    let fact = OldSignature::new().judge().unwrap();
    assert_eq!(*fact.predicate_type(), PredicateType::SIGNATURE);
    assert_eq!(fact.logged_at(), Some(at("2026-11-22T12:00:05Z")));
    assert_eq!(fact.identity().unwrap().subject, ANA);
}

#[test]
fn what_cosign_2_left_is_refused_with_the_reason_when_it_is_changed() {
    let without = |name: &str| {
        let mut old = OldSignature::new();
        old.annotations.remove(name).unwrap();
        old.reason()
    };
    assert_eq!(without("dev.sigstore.cosign/bundle"), "it is in no log of the trusted root");
    assert_eq!(without("dev.sigstore.cosign/certificate"), "it is not signed by a trusted key");
    let changed = |name: &str, from: &str, to: &str| {
        let mut old = OldSignature::new();
        let text = old.annotations.get_mut(name).unwrap();
        assert!(text.contains(from), "{text}");
        *text = text.replacen(from, to, 1);
        old.reason()
    };
    let promise = "dev.sigstore.cosign/bundle";
    assert!(
        changed(promise, "\"logIndex\":5", "\"logIndex\":6")
            .contains("promise to take the entry is not signed")
    );
    assert!(changed(promise, "SignedEntryTimestamp", "Signed").contains("log entry cannot be read"));
    assert!(
        changed("dev.sigstore.cosign/certificate", "BEGIN", "BEGUN").contains("the certificate is damaged")
    );
    let mut other = OldSignature::new();
    other.bytes.push(b' ');
    assert!(other.reason().starts_with("the signature is broken"));
}
