//! Signs any bytes as each predicate that decides something, by somebody whose word counts, and has a policy judge it.
//! Nothing may panic, and one voice is never the two that the gate asks for.
#![no_main]

use std::sync::LazyLock;

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use plimsoll_attest::{
    Exception, Policy, PolicyDocument, PredicateType, Proven, Provenance, SigningKey, Statement,
    VerificationSummary, sign, verify_bundle,
};
use plimsoll_oci::Digest;
use serde_json::value::RawValue;
use serde_json::{from_slice, from_value, json};

const TYPES: [PredicateType; 5] = [
    PredicateType::APPROVAL,
    PredicateType::EXCEPTION,
    PredicateType::PROVENANCE,
    PredicateType::VERIFICATION_SUMMARY,
    PredicateType::SIGNATURE,
];

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(&[7; 32]).expect("it is a key"));

static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    let roles = ["signer", "builder", "approver", "verifier"];
    let key = json!({"name": "ana", "key": KEY.public().to_pem(), "roles": roles, "shared": true});
    let gate = json!({"name": "prod", "role": "approver", "approvals": 2});
    let document = json!({"keys": [key], "gates": [gate], "require": ["provenance"]});
    let document: PolicyDocument = from_value(document).expect("it is a policy");
    Policy::try_from(&document).expect("it is a policy that holds together")
});

fuzz_target!(|bytes: &[u8]| {
    if let Ok(policy) = from_slice::<PolicyDocument>(bytes) {
        let _ = Policy::try_from(&policy);
    }
    let Ok(predicate) = from_slice::<Box<RawValue>>(bytes) else { return };
    let subject = Digest::sha256_of(b"image");
    for predicate_type in TYPES {
        let statement = Statement::about(&subject, predicate_type, predicate.clone());
        let Ok(bundle) = sign(&statement, &KEY) else { return };
        let bundle = bundle.to_json();
        let now = Timestamp::UNIX_EPOCH;
        let Ok(fact) = verify_bundle(bundle.as_bytes(), &subject, &POLICY.trust, now) else { continue };
        let proven = [Proven { bundle: Digest::sha256_of(bundle.as_bytes()), fact: &fact }; 1];
        let judgement = POLICY.judge(&proven, now);
        assert!(judgement.gates.iter().all(|(_, ruling)| !ruling.is_open));
        let _ = POLICY.next_change(&proven, now);
        let _ = Exception::granted(&proven, "team/app", now);
        let _ = VerificationSummary::of(&fact);
        let _ = Provenance::of(fact.statement());
    }
});
