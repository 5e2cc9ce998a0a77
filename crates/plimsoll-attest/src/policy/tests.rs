use serde_json::{Value, json};

use super::*;
use crate::{SigningKey, Verifier};

fn pem(seed: u8) -> String {
    SigningKey::generate(&[seed; 32]).unwrap().public().to_pem()
}

/// Reads a policy with one signer's key, changed and added to as given.
fn policy(of_key: Value, more: Value) -> Result<Policy, String> {
    let key = with(json!({"name": "ci", "key": pem(1), "roles": ["signer"]}), of_key);
    read(&with(json!({"keys": [key]}), more))
}

fn with(document: Value, more: Value) -> Value {
    let (Value::Object(mut fields), Value::Object(more)) = (document, more) else { panic!("no objects") };
    fields.extend(more);
    Value::Object(fields)
}

fn read(document: &Value) -> Result<Policy, String> {
    let document: PolicyDocument =
        serde_json::from_value(document.clone()).map_err(|error| error.to_string())?;
    let written = serde_json::to_value(&document).unwrap();
    assert_eq!(serde_json::from_value::<PolicyDocument>(written).unwrap(), document);
    Policy::try_from(&document).map_err(|error| error.to_string())
}

fn refused(of_key: Value, more: Value) -> String {
    policy(of_key, more).map(|_| ()).unwrap_err()
}

#[test]
fn keys_roles_times_and_requirements_are_read() {
    let key = json!({
        "validUntil": "2027-01-01T00:00:00Z",
        "revoked": {"since": "2026-12-01T00:00:00Z", "reason": "lost"},
    });
    let require = json!(["signature", {"type": "provenance", "role": "builder", "signers": 2}]);
    let policy =
        policy(key, json!({"roles": {"release-manager": ["approval"]}, "require": require})).unwrap();
    let signer = &policy.trust.signers()[0];
    assert_eq!((signer.name.as_str(), signer.roles.as_deref()), ("ci", Some(&[Role::SIGNER][..])));
    assert!(signer.valid_until.is_some() && signer.revoked.as_ref().is_some_and(|one| !one.is_compromise));
    assert_eq!(policy.required[0], Requirement::of(PredicateType::SIGNATURE));
    assert_eq!((policy.required[1].signers, policy.required[1].role.clone()), (2, Some(Role::BUILDER)));
}

#[test]
fn a_gate_has_people_and_an_age_for_verdicts() {
    let gate =
        json!({"name": "prod", "role": "approver", "approvals": 2, "maxAge": "10m", "breakGlass": "on-call"});
    let policy = policy(json!({}), json!({"gates": [gate]})).unwrap();
    let gate = policy.gate("prod").unwrap();
    assert_eq!((gate.approvals, gate.max_age), (2, Some(jiff::SignedDuration::from_mins(10))));
    assert!(policy.gate("test").is_none());
    let twice = json!({"gates": [{"name": "a", "role": "approver"}, {"name": "a", "role": "approver"}]});
    assert_eq!(refused(json!({}), twice), "two gates are called `a`");
    let no_time = json!({"gates": [{"name": "a", "role": "approver", "maxAge": "-1m"}]});
    assert!(refused(json!({}), no_time).contains("`maxAge`"));
}

#[test]
fn a_typing_error_is_no_silent_gap() {
    assert!(
        refused(json!({}), json!({"logs": [{"key": "nonsense", "time": "nonsense"}]})).contains("`nonsense`")
    );
    assert!(refused(json!({"validTill": "2027-01-01T00:00:00Z"}), json!({})).contains("validTill"));
    assert!(refused(json!({}), json!({"require": ["signatur"]})).starts_with("`signatur` is no kind"));
    assert!(refused(json!({}), json!({"requires": ["signature"]})).contains("requires"));
    assert!(refused(json!({"key": "ci.pub"}), json!({})).starts_with("the key of `ci` cannot be used"));
    assert!(refused(json!({}), json!({"people": [{"name": "ana", "email": []}]})).contains("email"));
}

#[test]
fn one_key_signs_or_attests_or_approves() {
    let both = json!({"roles": ["signer", "builder"]});
    let refusal = refused(both, json!({}));
    assert!(refusal.starts_with("the key of `ci` may both sign images and say what they are"), "{refusal}");
    assert!(refusal.contains("`shared: true`"), "{refusal}");
    assert!(policy(json!({"roles": ["signer", "builder"], "shared": true}), json!({})).is_ok());
    assert!(policy(json!({"roles": ["scanner", "builder"]}), json!({})).is_ok());
    let by_invention = json!({"roles": {"release-manager": ["approval", "test-result"]}});
    let refusal = refused(json!({"roles": ["release-manager"]}), by_invention);
    assert!(refusal.contains("say what they are and approve them"), "{refusal}");
}

#[test]
fn people_are_found_by_address_and_account() {
    let people = json!([
        {"name": "ana", "git": ["ana@example.org", "Ana@Home.example"], "ci": ["github:ana"]},
        {"name": "ben", "git": ["ben@example.org"]},
    ]);
    let policy = policy(json!({}), json!({"people": people})).unwrap();
    assert_eq!(policy.person_of_author("ANA@example.org"), Some("ana"));
    assert_eq!(policy.person_of_author("ana@home.example"), Some("ana"));
    assert_eq!(policy.person_of_actor("GitHub:Ana"), Some("ana"));
    assert_eq!(policy.person_of_author("github:ana"), None, "an account is no address");
    assert_eq!(policy.person_of_actor("github:ben"), None);
    let shared = json!({"people": [{"name": "ana", "git": ["team@example.org"]},
                                   {"name": "ben", "git": ["Team@example.org"]}]});
    assert_eq!(refused(json!({}), shared), "`Team@example.org` cannot be both `ana` and `ben`");
}

#[test]
fn files_give_way_to_their_keys() {
    let document = json!({"keys": [{"name": "ci", "key": "ci.pub", "roles": ["signer"]},
                                   {"name": "ana", "key": pem(2), "roles": ["approver"]}]});
    let document: PolicyDocument = serde_json::from_value(document).unwrap();
    let inline = document
        .with_keys_inline(|key| if key.key == "ci.pub" { Ok(pem(1)) } else { Err(key.key.clone()) })
        .unwrap();
    assert_eq!(Policy::try_from(&inline).unwrap().trust.signers().len(), 2);
}

/// A policy with one identity, changed as given, under Sigstore's public root.
fn of_identity(identity: Value, more: Value) -> Result<Policy, String> {
    let root = include_str!("../../tests/sigstore/data/root-public.json");
    let identity = with(json!({"issuer": "https://example.org"}), identity);
    let key = json!({"name": "release", "identity": identity, "roles": ["signer"]});
    read(&with(json!({"keys": [key], "sigstore": {"trustedRoot": root}}), more))
}

#[test]
fn an_identity_stands_in_the_place_of_a_key() {
    let exact =
        of_identity(json!({"subject": "ana@example.org", "ref": "refs/heads/main"}), json!({})).unwrap();
    let signer = &exact.trust.signers()[0];
    let Verifier::Identity(identity) = &signer.verifier else { panic!("{signer:?}") };
    assert_eq!((identity.git_ref.as_deref(), signer.key_id()), (Some("refs/heads/main"), None));
    assert!(of_identity(json!({"subjectPattern": "*@example.org"}), json!({})).is_ok());
}

#[test]
fn an_identity_that_could_be_anybody_is_refused() {
    let refused_as = |identity: Value, more: Value| of_identity(identity, more).map(|_| ()).unwrap_err();
    let one_of = "the identity of `release` has a `subject` or a `subjectPattern`, one of them";
    assert_eq!(refused_as(json!({}), json!({})), one_of);
    assert_eq!(refused_as(json!({"subject": "a", "subjectPattern": "*@b"}), json!({})), one_of);
    assert!(refused_as(json!({"subjectPattern": "*"}), json!({})).contains("could stand for somebody else"));
    assert!(refused_as(json!({"subject": "a", "subjectRegex": ".*"}), json!({})).contains("subjectRegex"));
    let subject = || json!({"subject": "ana@example.org"});
    assert!(
        refused_as(subject(), json!({"sigstore": null}))
            .starts_with("`release` is an identity, and no `sigstore")
    );
    let root = json!({"sigstore": {"trustedRoot": "{}"}});
    assert!(
        refused_as(subject(), root).starts_with("the `trustedRoot` cannot be used: `` is not the media type")
    );
    let both = json!({"key": pem(1), "identity": {"issuer": "https://example.org", "subject": "a"}});
    assert_eq!(
        refused(both, json!({})),
        "`ci` has a key and an identity, where only one can tell who signed"
    );
}
