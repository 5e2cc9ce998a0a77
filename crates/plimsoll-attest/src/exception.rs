//! Exceptions: a named person accepts a vulnerability in a package, for a time, as it was when they saw it.
//!
//! One is an approval of a risk and not of an image: it refers to the image that it was found in, and carries over to
//! others of the repository for as long as it holds.

use jiff::Timestamp;
use plimsoll_oci::Digest;
use serde::{Deserialize, Serialize};
use serde_json::value::to_raw_value;

use crate::approval::{Approval, Decision, Scope};
use crate::{Fact, PredicateType, Proven, Statement};

/// What is accepted: the predicate of [`PredicateType::EXCEPTION`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exception {
    /// Ids of the vulnerability; any of them names it.
    pub vulnerabilities: Vec<String>,
    /// In which package, as a package URL; without a version in every version. In all of them, if none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// Where it holds; everywhere, if nothing is said.
    #[serde(default, skip_serializing_if = "Scope::is_everywhere")]
    pub scope: Scope,
    /// Why it is acceptable.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// When it was granted.
    pub issued_at: Timestamp,
    /// Until when it holds.
    pub expires_at: Timestamp,
    /// What was known then. When it is worse or better now, the exception is open to be judged again.
    pub saw: SeenRisk,
}

/// What was known of a vulnerability when it was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeenRisk {
    /// The severity, such as `high`.
    pub severity: String,
    /// Whether it was known to be exploited.
    #[serde(default)]
    pub exploited: bool,
    /// The version with a fix, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed: Option<String>,
}

/// An exception that holds, and who granted it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantedException {
    /// What is accepted.
    pub exception: Exception,
    /// By whom.
    pub person: String,
    /// The bundle that proves it.
    pub bundle: Digest,
}

impl Exception {
    /// Reads what a fact says, if it is an exception.
    pub fn of(fact: &Fact) -> Option<Self> {
        let is_exception = *fact.predicate_type() == PredicateType::EXCEPTION;
        is_exception.then(|| serde_json::from_str(fact.statement().predicate.get()).ok()).flatten()
    }

    /// The statement that it is, about the image it was found in.
    pub fn statement(&self, subject: &Digest) -> Statement {
        let predicate = to_raw_value(self).expect("texts and times serialise");
        Statement::about(subject, PredicateType::EXCEPTION, predicate)
    }

    /// Those among what is proven that hold in `repository` at `now`: in time, with a reason and somebody who answers for
    /// it, and not revoked by who granted it or by anybody with the role.
    pub fn granted(proven: &[Proven<'_>], repository: &str, now: Timestamp) -> Vec<GrantedException> {
        let revocation = |proven: &Proven<'_>| {
            Approval::of(proven.fact).filter(|approval| approval.decision == Decision::Revoked)
        };
        let revocations: Vec<(&Fact, Approval)> =
            proven.iter().filter_map(|proven| Some((proven.fact, revocation(proven)?))).collect();
        let is_revoked =
            |granted: &Proven<'_>| revocations.iter().any(|(by, said)| takes_back(by, said, granted));
        let granted = proven.iter().filter(|granted| !is_revoked(granted)).filter_map(|granted| {
            let exception = Self::of(granted.fact).filter(|exception| exception.holds(repository, now))?;
            let person = granted.fact.person().to_owned();
            Some(GrantedException { exception, person, bundle: granted.bundle })
        });
        granted.collect()
    }

    /// An exception for some environments alone does not hold where nobody says which one it is.
    fn holds(&self, repository: &str, now: Timestamp) -> bool {
        let is_founded = !self.reason.trim().is_empty() && !self.owner.trim().is_empty();
        let is_here = self.scope.environments.is_empty()
            && self.scope.resource_uri.as_ref().is_none_or(|named| named == repository);
        is_founded && is_here && !self.vulnerabilities.is_empty() && now < self.expires_at
    }
}

fn takes_back(by: &Fact, revocation: &Approval, granted: &Proven<'_>) -> bool {
    let has_role = by.roles().iter().any(|role| granted.fact.roles().contains(role));
    let may = has_role || by.person() == granted.fact.person();
    may && revocation.revokes.iter().any(|named| named.is(&granted.bundle))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Named, Signer, SigningKey, Trust, Verifier, sign, verify_bundle};

    const HERE: &str = "registry.example/team/app";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn exception() -> Exception {
        Exception {
            vulnerabilities: vec!["CVE-2026-0001".to_owned()],
            package: Some("pkg:deb/debian/zlib1g".to_owned()),
            scope: Scope::default(),
            reason: "not reachable".to_owned(),
            owner: "ops@example.org".to_owned(),
            issued_at: at("2026-11-01T00:00:00Z"),
            expires_at: at("2026-12-01T00:00:00Z"),
            saw: SeenRisk { severity: "high".to_owned(), exploited: false, fixed: None },
        }
    }

    fn image() -> Digest {
        Digest::sha256_of(b"image")
    }

    /// What `who`, an approver, says, with the digest of the bundle.
    fn said(who: &str, statement: &Statement) -> (Digest, Fact) {
        let key = SigningKey::generate(Digest::sha256_of(who.as_bytes()).hash().try_into().unwrap()).unwrap();
        let signer = Signer {
            name: who.to_owned(),
            verifier: Verifier::Key(key.public().clone()),
            roles: Some(vec![crate::Role::APPROVER]),
            ..Trust::of_key(who, key.public().clone()).signers()[0].clone()
        };
        let trust = Trust::new(vec![signer], [].into()).unwrap();
        let bundle = sign(statement, &key).unwrap().to_json();
        let fact = verify_bundle(bundle.as_bytes(), &image(), &trust, at("2026-11-22T00:00:00Z")).unwrap();
        (Digest::sha256_of(bundle.as_bytes()), fact)
    }

    fn granted(said: &[(Digest, Fact)], now: &str) -> usize {
        let proven: Vec<Proven<'_>> =
            said.iter().map(|(bundle, fact)| Proven { bundle: *bundle, fact }).collect();
        Exception::granted(&proven, HERE, at(now)).len()
    }

    const NOW: &str = "2026-11-22T00:00:00Z";

    #[test]
    fn an_exception_holds_in_its_time_and_place() {
        let of = |exception: &Exception| [said("ana", &exception.statement(&image()))];
        assert_eq!(granted(&of(&exception()), NOW), 1);
        assert_eq!(granted(&of(&exception()), "2026-12-01T00:00:00Z"), 0, "it ends");
        let here = Scope { resource_uri: Some(HERE.to_owned()), ..Scope::default() };
        assert_eq!(granted(&of(&Exception { scope: here, ..exception() }), NOW), 1);
        let elsewhere = Scope { resource_uri: Some("registry.example/other".to_owned()), ..Scope::default() };
        assert_eq!(granted(&of(&Exception { scope: elsewhere, ..exception() }), NOW), 0);
        assert_eq!(granted(&of(&Exception { owner: " ".to_owned(), ..exception() }), NOW), 0);
        assert_eq!(granted(&of(&Exception { vulnerabilities: Vec::new(), ..exception() }), NOW), 0);
    }

    #[test]
    fn it_can_be_taken_back() {
        let first = said("ana", &exception().statement(&image()));
        let revocation = Approval {
            decision: Decision::Revoked,
            role: crate::Role::APPROVER,
            gate: String::new(),
            scope: Scope::default(),
            evidence: Vec::new(),
            reason: None,
            tickets: Vec::new(),
            issued_at: at(NOW),
            not_before: None,
            expires_at: None,
            revokes: vec![Named::of(&first.0)],
        };
        let statement =
            Statement::about(&image(), PredicateType::APPROVAL, to_raw_value(&revocation).unwrap());
        let second = said("ben", &exception().statement(&image()));
        let taken_back = said("ben", &statement);
        assert_eq!(granted(&[first, second, taken_back], NOW), 1, "the other one holds");
    }
}
