use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::*;
use crate::approval::{Named, Scope};
use crate::{PredicateType, Signer, SigningKey, Statement, Trust, sign, verify_bundle};

const MANAGER: &str = "release-manager";

fn role(name: &str) -> Role {
    name.parse().unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    at("2026-11-22T12:00:00Z")
}

fn yes() -> Approval {
    Approval {
        decision: Decision::Approved,
        role: role(MANAGER),
        gate: "prod".to_owned(),
        scope: Scope::default(),
        evidence: Vec::new(),
        reason: None,
        tickets: Vec::new(),
        issued_at: at("2026-11-22T10:00:00Z"),
        not_before: None,
        expires_at: None,
        revokes: Vec::new(),
    }
}

/// The people of the tests: a key each, and Ana has two.
const PEOPLE: &[(&str, &str, u8, &[&str])] = &[
    ("ana-laptop", "ana", 1, &[MANAGER]),
    ("ana-phone", "ana", 2, &[MANAGER]),
    ("ben", "ben", 3, &[MANAGER]),
    ("cem", "cem", 4, &[MANAGER]),
    ("dev", "dev", 5, &["developer"]),
    ("on-call", "eve", 6, &["on-call"]),
];

/// What somebody said, verified as anything else is.
fn said(who: &str, approval: Approval) -> (Digest, Fact, Approval) {
    let signers = PEOPLE.iter().map(|(name, person, seed, roles)| Signer {
        person: Some((*person).to_owned()),
        roles: Some(roles.iter().map(|name| role(name)).collect()),
        ..Trust::of_key(name, key(*seed).public().clone()).signers()[0].clone()
    });
    let says = [MANAGER, "developer", "on-call"].map(|name| (role(name), vec![PredicateType::APPROVAL]));
    let trust = Trust::new(signers.collect(), BTreeMap::from(says)).unwrap();
    let seed = PEOPLE.iter().find(|(name, ..)| *name == who).unwrap().2;
    let image = Digest::sha256_of(b"image");
    let predicate = RawValue::from_string(serde_json::to_string(&approval).unwrap()).unwrap();
    let statement = Statement::about(&image, PredicateType::APPROVAL, predicate);
    let bundle = sign(&statement, &key(seed)).unwrap().to_json();
    let fact = verify_bundle(bundle.as_bytes(), &image, &trust, now()).unwrap();
    assert_eq!(Approval::of(&fact).as_ref(), Some(&approval));
    (Digest::sha256_of(bundle.as_bytes()), fact, approval)
}

fn key(seed: u8) -> SigningKey {
    SigningKey::generate(&[seed; 32]).unwrap()
}

fn gate() -> Gate {
    Gate {
        name: "prod".to_owned(),
        role: role(MANAGER),
        approvals: 2,
        environment: Some("prod-eu".to_owned()),
        repository: Some("registry.example/team/app".to_owned()),
        excluded: BTreeSet::from(["cem".to_owned()]),
        break_glass: Some(role("on-call")),
        max_age: None,
    }
}

fn ruled(said: &[(Digest, Fact, Approval)]) -> Ruling {
    let mut ballots = Vec::new();
    for (bundle, fact, approval) in said {
        ballots.push(Ballot { bundle: *bundle, fact, approval: approval.clone() });
    }
    gate().rule(&ballots, now())
}

#[test]
fn two_of_three_people_open_the_gate_and_one_with_two_keys_does_not() {
    assert!(ruled(&[said("ana-laptop", yes()), said("ben", yes())]).is_open);
    let alone = ruled(&[said("ana-laptop", yes()), said("ana-phone", yes())]);
    assert_eq!((alone.is_open, alone.approvers.len()), (false, 1));
    assert!(!ruled(&[]).is_open);
}

#[test]
fn what_does_not_count_is_said_with_the_reason() {
    let scope = |environments: &[&str], repository: Option<&str>| Scope {
        environments: environments.iter().map(|&name| name.to_owned()).collect(),
        resource_uri: repository.map(str::to_owned),
    };
    let table: [(&str, Approval, &str); 9] = [
        ("ben", Approval { gate: "staging".to_owned(), ..yes() }, "it is for the gate `staging`"),
        ("ben", Approval { scope: scope(&["prod-us"], None), ..yes() }, "it does not hold here"),
        (
            "ben",
            Approval { scope: scope(&[], Some("registry.example/other")), ..yes() },
            "it does not hold here",
        ),
        ("dev", Approval { role: role("developer"), ..yes() }, "it is said as `developer`"),
        ("dev", yes(), "`dev` does not have the role `release-manager`"),
        ("cem", yes(), "`cem` wrote or built it"),
        (
            "ben",
            Approval { not_before: Some(at("2026-12-01T00:00:00Z")), ..yes() },
            "it holds from 2026-12-01T00:00:00Z on",
        ),
        (
            "ben",
            Approval { expires_at: Some(at("2026-11-22T12:00:00Z")), ..yes() },
            "it expired at 2026-11-22T12:00:00Z",
        ),
        (
            "on-call",
            Approval { role: role("on-call"), ..yes() },
            "an emergency needs a reason, and an end within 72 hours",
        ),
    ];
    for (who, approval, reason) in table {
        let ruling = ruled(&[said("ana-laptop", yes()), said(who, approval)]);
        assert!(!ruling.is_open, "{reason}");
        let reasons: Vec<String> = ruling.not_counted.iter().map(|(_, why)| why.to_string()).collect();
        assert_eq!(reasons, [reason]);
    }
}

#[test]
fn an_approval_holds_where_it_says() {
    let here = Scope {
        environments: vec!["prod-eu".to_owned()],
        resource_uri: Some("registry.example/team/app".to_owned()),
    };
    assert!(ruled(&[said("ana-laptop", yes()), said("ben", Approval { scope: here, ..yes() })]).is_open);
}

#[test]
fn one_who_rejects_is_not_outvoted() {
    let no = Approval { decision: Decision::Rejected, ..yes() };
    let ruling = ruled(&[said("ana-laptop", yes()), said("ben", yes()), said("cem", no.clone())]);
    assert_eq!((ruling.is_open, ruling.rejecters.len()), (false, 1));
    let by_nobody = ruled(&[said("ana-laptop", yes()), said("ben", yes()), said("dev", no)]);
    assert!(by_nobody.is_open, "whoever lacks the role cannot stop it");
}

#[test]
fn an_approval_is_taken_back_by_who_gave_it_or_has_the_role() {
    let (ana, ben) = (said("ana-laptop", yes()), said("ben", yes()));
    let revoking =
        |what: &Digest| Approval { decision: Decision::Revoked, revokes: vec![Named::of(what)], ..yes() };
    for who in ["ana-phone", "ben"] {
        let ruling = ruled(&[ana.clone(), ben.clone(), said(who, revoking(&ana.0))]);
        assert!(!ruling.is_open, "{who}");
        assert!(matches!(&ruling.not_counted[..], [(digest, NotCounted::Revoked(_))] if *digest == ana.0));
    }
    let by_stranger = Approval { role: role("developer"), ..revoking(&ana.0) };
    assert!(ruled(&[ana, ben, said("dev", by_stranger)]).is_open);
}

#[test]
fn an_emergency_opens_the_gate_alone_and_says_so() {
    let emergency = Approval {
        role: role("on-call"),
        reason: Some("the shop is down".to_owned()),
        expires_at: Some(at("2026-11-23T10:00:00Z")),
        ..yes()
    };
    let ruling = ruled(&[said("on-call", emergency.clone())]);
    assert_eq!((ruling.is_open, ruling.broken_by.as_deref()), (true, Some("eve")));
    let too_long = Approval { expires_at: Some(at("2026-12-23T10:00:00Z")), ..emergency };
    assert!(!ruled(&[said("on-call", too_long)]).is_open);
}
