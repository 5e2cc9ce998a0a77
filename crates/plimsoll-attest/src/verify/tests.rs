use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::*;
use crate::{Revocation, SigningKey, sign};

fn key(seed: u8) -> SigningKey {
    SigningKey::generate(&[seed; 32]).unwrap()
}

fn image() -> Digest {
    Digest::sha256_of(b"image")
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    at("2026-11-22T12:00:00Z")
}

/// Trust in the key of seed 1, called `ci`, in these roles.
fn ci(roles: &[Role]) -> Signer {
    let trust = Trust::of_key("ci", key(1).public().clone());
    Signer { roles: Some(roles.to_vec()), ..trust.signers()[0].clone() }
}

fn trust_in(signer: Signer) -> Trust {
    Trust::new(vec![signer], BTreeMap::new()).unwrap()
}

fn signature() -> Bundle {
    sign(&Statement::signature(&image()), &key(1)).unwrap()
}

fn said(predicate_type: PredicateType) -> Bundle {
    let predicate = RawValue::from_string(r#"{"result":"FAILED"}"#.to_owned()).unwrap();
    sign(&Statement::about(&image(), predicate_type, predicate), &key(1)).unwrap()
}

fn judged(bundle: &Bundle, trust: &Trust) -> Result<Fact, Refusal> {
    verify_bundle(bundle.to_json().as_bytes(), &image(), trust, now())
}

fn reason(bundle: &Bundle, signer: Signer) -> String {
    judged(bundle, &trust_in(signer)).unwrap_err().to_string()
}

#[test]
fn what_a_trusted_signer_says_is_a_fact() {
    let fact = judged(&signature(), &trust_in(ci(&[Role::BUILDER, Role::SIGNER]))).unwrap();
    assert_eq!((fact.signer(), fact.roles()), ("ci", &[Role::SIGNER][..]));
    assert_eq!(*fact.predicate_type(), PredicateType::SIGNATURE);
}

#[test]
fn a_signed_failure_is_no_signature() {
    let scan = said(PredicateType::VULNERABILITIES);
    assert_eq!(reason(&scan, ci(&[Role::SIGNER])), "`ci` has no role that may say `vulns`");
    let fact = judged(&scan, &trust_in(ci(&[Role::SIGNER, Role::SCANNER]))).unwrap();
    assert_eq!(fact.roles(), [Role::SCANNER]);
    assert_ne!(*fact.predicate_type(), PredicateType::SIGNATURE);
}

#[test]
fn every_refusal_says_what_is_wrong() {
    let signer = || ci(&[Role::SIGNER]);
    let mut twice = signature();
    twice.envelope.signatures.push(twice.envelope.signatures[0].clone());
    assert_eq!(reason(&twice, signer()), "a bundle has exactly one signature; this one has 2");

    let mut named = signature();
    named.envelope.signatures[0].key_id = Some("another".to_owned());
    assert!(reason(&named, signer()).starts_with("the signature's keyid `another` is not the bundle's hint"));
    named.envelope.signatures[0].key_id = Some(key(1).public().id().to_string());
    assert!(judged(&named, &trust_in(signer())).is_ok());

    let mut changed = signature();
    changed.envelope.payload[100] ^= 1;
    assert_eq!(reason(&changed, signer()), "the signature is broken: `ci` did not sign these bytes");

    let foreign = sign(&Statement::signature(&image()), &key(2)).unwrap();
    let hint = key(2).public().id();
    assert_eq!(reason(&foreign, signer()), format!("it is not signed by a trusted key, but by `{hint}`"));
    let unnamed = Bundle { signatory: Signatory::Key { hint: None }, ..foreign };
    assert_eq!(reason(&unnamed, signer()), "it is not signed by a trusted key");

    let keyless = Bundle { signatory: Signatory::Certificate(vec![0x30, 0]), ..signature() };
    assert!(reason(&keyless, signer()).contains("signed with a certificate"));

    let other = Digest::sha256_of(b"other");
    let swapped = sign(&Statement::signature(&other), &key(1)).unwrap();
    assert_eq!(reason(&swapped, signer()), format!("it is about `{other}`, and not about `{}`", image()));
}

#[test]
fn only_a_statement_that_was_signed_as_one_counts() {
    let payload = Statement::signature(&image()).to_json().into_bytes();
    let bytes = key(1).sign(&crate::pae("text/plain", &payload));
    let envelope = Envelope {
        payload_type: "text/plain".to_owned(),
        payload,
        signatures: vec![EnvelopeSignature { bytes, key_id: None }],
    };
    let bundle = Bundle::of_key(envelope, &key(1).public().id());
    assert_eq!(
        reason(&bundle, ci(&[Role::SIGNER])),
        "a `text/plain` was signed, and not an in-toto statement"
    );
}

#[test]
fn a_missing_or_strange_hint_does_not_hide_the_signer() {
    for hint in [None, Some("ci-key".to_owned())] {
        let bundle = Bundle { signatory: Signatory::Key { hint }, ..signature() };
        assert_eq!(judged(&bundle, &trust_in(ci(&[Role::SIGNER]))).unwrap().signer(), "ci");
    }
}

#[test]
fn a_key_counts_in_its_time() {
    let with = |change: fn(&mut Signer)| {
        let mut signer = ci(&[Role::SIGNER]);
        change(&mut signer);
        judged(&signature(), &trust_in(signer)).map(|_| ()).map_err(|refusal| refusal.to_string())
    };
    assert_eq!(with(|signer| signer.valid_from = Some(at("2026-11-22T11:00:00Z"))), Ok(()));
    assert_eq!(with(|signer| signer.valid_until = Some(at("2026-11-22T13:00:00Z"))), Ok(()));
    assert_eq!(
        with(|signer| signer.valid_from = Some(at("2026-11-22T13:00:00Z"))),
        Err("the key of `ci` is valid from 2026-11-22T13:00:00Z on".to_owned())
    );
    assert_eq!(
        with(|signer| signer.valid_until = Some(at("2026-11-22T12:00:00Z"))),
        Err("the key of `ci` expired at 2026-11-22T12:00:00Z, and nothing proves that it was used before"
            .to_owned())
    );
}

#[test]
fn a_revoked_key_counts_no_more_and_a_compromised_one_never_did() {
    let with = |since: &str, is_compromise| {
        let reason = "the laptop was stolen".to_owned();
        let revoked = Some(Revocation { since: at(since), is_compromise, reason });
        judged(&signature(), &trust_in(Signer { revoked, ..ci(&[Role::SIGNER]) }))
    };
    assert!(with("2026-11-22T13:00:00Z", false).is_ok());
    assert_eq!(
        with("2026-11-22T11:00:00Z", false).unwrap_err().to_string(),
        "the key of `ci` was revoked at 2026-11-22T11:00:00Z: the laptop was stolen"
    );
    assert!(with("2026-11-22T13:00:00Z", true).unwrap_err().to_string().contains("is compromised"));
}
