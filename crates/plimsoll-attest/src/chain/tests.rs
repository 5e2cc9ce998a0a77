use std::collections::BTreeMap;

use plimsoll_oci::Digest;
use serde_json::value::to_raw_value;

use super::*;
use crate::{
    Actor, BuildRecord, BuildRun, Fact, People, PolicyDocument, PredicateType, SigningKey, SourceRevision,
    Statement, Witness, sign, verify_bundle,
};

const COMMIT: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
const NOW: &str = "2026-11-22T12:00:00Z";

fn key(seed: u8) -> SigningKey {
    SigningKey::generate(&[seed; 32]).unwrap()
}

/// A policy in which `ci` builds and signs, and two of ana, ben and cem approve.
fn policy() -> Policy {
    let named = |name: &str, seed: u8, role: &str| serde_json::json!({ "name": name, "key": key(seed).public().to_pem(), "roles": [role] });
    let document = serde_json::json!({
        "keys": [
            named("ci", 1, "builder"), named("release", 2, "signer"), named("ana", 3, "approver"),
            named("ben", 4, "approver"), named("cem", 5, "approver"),
        ],
        "gates": [{ "name": "prod", "role": "approver", "approvals": 2 }],
        "people": [
            { "name": "ana", "git": ["Ana@example.org"] },
            { "name": "ben", "ci": ["github:benjamin"] },
        ],
    });
    let document: PolicyDocument = serde_json::from_value(document).unwrap();
    Policy::try_from(&document).unwrap()
}

fn image() -> Digest {
    Digest::sha256_of(b"image")
}

fn said(statement: &Statement, seed: u8, policy: &Policy) -> Fact {
    let bundle = sign(statement, &key(seed)).unwrap().to_json();
    verify_bundle(bundle.as_bytes(), &image(), &policy.trust, NOW.parse().unwrap()).unwrap()
}

fn provenance(witness: &Witness) -> Statement {
    let record = BuildRecord {
        source: Some(SourceRevision {
            uri: "git+https://x.example/app".to_owned(),
            commit: COMMIT.to_owned(),
        }),
        people: Some(People { authors: ["ana@example.org".to_owned()].into(), ..People::default() }),
        ..BuildRecord::default()
    };
    let run = BuildRun {
        system: "github".to_owned(),
        builder: Some("https://x.example/build".to_owned()),
        commit: Some(COMMIT.to_owned()),
        repository: Some("https://x.example/app".to_owned()),
        actor: Some(Actor { login: Some("benjamin".to_owned()), email: None }),
        ..BuildRun::default()
    };
    Statement::about(&image(), PredicateType::PROVENANCE, record.to_predicate(&run, witness, "1"))
}

fn approval() -> Statement {
    let predicate =
        serde_json::json!({ "decision": "approved", "role": "approver", "gate": "prod", "issuedAt": NOW });
    Statement::about(&image(), PredicateType::APPROVAL, to_raw_value(&predicate).unwrap())
}

fn hops(policy: &Policy, facts: &[Fact], pushed: &Pushed) -> BTreeMap<String, Hop> {
    let proven: Vec<Proven<'_>> =
        facts.iter().zip(0u8..).map(|(fact, n)| Proven { bundle: Digest::sha256_of(&[n]), fact }).collect();
    let judgement = policy.judge(&proven, NOW.parse().unwrap());
    let parts = ChainParts { policy, proven: &proven, claims: &[], judgement: &judgement, pushed };
    chain(&parts).into_iter().map(|hop| (hop.hop.to_string(), hop)).collect()
}

#[test]
fn a_whole_chain_is_told_with_who_says_so() {
    let policy = policy();
    let facts = [
        said(&provenance(&Witness::Environment), 1, &policy),
        said(&provenance(&Witness::Token("https://x.example".to_owned())), 1, &policy),
        said(&Statement::signature(&image()), 2, &policy),
        said(&approval(), 5, &policy),
    ];
    let pushed = Pushed::By { actor: "robot".to_owned(), at: NOW.parse().unwrap() };
    let hops = hops(&policy, &facts, &pushed);
    let told = |hop: &str| (hops[hop].standing, hops[hop].grade.map(Grade::as_str), hops[hop].what.as_str());
    let commit = format!("{COMMIT} of git+https://x.example/app, by ana@example.org");
    assert_eq!(told("commit"), (Standing::Known, Some("signed"), commit.as_str()));
    let build = "by https://x.example/build, started by benjamin";
    assert_eq!(told("build"), (Standing::Known, Some("signed"), build));
    assert_eq!(told("push"), (Standing::Known, Some("claimed"), "by robot"));
    assert_eq!(told("sign"), (Standing::Known, Some("signed"), "by release"));
    assert_eq!(told("approve"), (Standing::Missing, None, "for prod by cem only, and 2 must"));
}

#[test]
fn who_wrote_it_or_started_its_build_does_not_approve_it() {
    let policy = policy();
    let approvals = [3, 4, 5].map(|seed| said(&approval(), seed, &policy));
    let without = hops(&policy, &approvals, &Pushed::NotKnownHere);
    assert_eq!(without["approve"].what, "for prod by ana, ben, cem");
    let with: Vec<Fact> =
        approvals.into_iter().chain([said(&provenance(&Witness::Environment), 1, &policy)]).collect();
    let hops = hops(&policy, &with, &Pushed::NotKnownHere);
    assert_eq!(hops["approve"].what, "for prod by cem only, and 2 must");
    assert_eq!(hops["push"].standing, Standing::NotKnownHere);
}

#[test]
fn what_is_missing_is_missing() {
    let policy = policy();
    let hops = hops(&policy, &[], &Pushed::NotKnownHere);
    for hop in ["commit", "build", "sign", "approve"] {
        assert_eq!((hops[hop].standing, hops[hop].grade), (Standing::Missing, None), "{hop}");
    }
}
