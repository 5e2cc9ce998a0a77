use std::collections::BTreeSet;
use std::fmt;

use crate::{Fact, PredicateType, Role};

/// Something that must have been said about an image, by whom, and by how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// What.
    pub predicate_type: PredicateType,
    /// In which role; `None` for any that may say it.
    pub role: Option<Role>,
    /// By how many different people.
    pub signers: usize,
}

/// That not enough was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// How many signers said it.
    pub found: usize,
    /// How many must.
    pub wanted: usize,
}

impl Requirement {
    /// One signer who may say it.
    pub fn of(predicate_type: PredicateType) -> Self {
        Self { predicate_type, role: None, signers: 1 }
    }

    /// Whether this fact is of the kind that is required: the exact predicate type, in the role.
    pub fn is_about(&self, fact: &Fact) -> bool {
        self.predicate_type.covers(fact.predicate_type())
            && self.role.as_ref().is_none_or(|role| fact.roles().contains(role))
    }

    /// The facts that meet it.
    pub fn met_by<'f>(&self, facts: impl IntoIterator<Item = &'f Fact>) -> Result<Vec<&'f Fact>, Unmet> {
        let said: Vec<&Fact> = facts.into_iter().filter(|fact| self.is_about(fact)).collect();
        let signers: BTreeSet<&str> = said.iter().map(|fact| fact.person()).collect();
        if signers.len() >= self.signers.max(1) {
            Ok(said)
        } else {
            Err(Unmet { found: signers.len(), wanted: self.signers.max(1) })
        }
    }
}

impl fmt::Display for Requirement {
    /// Such as `signature`, or `2 × approval as release-manager`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.signers > 1 {
            write!(f, "{} × ", self.signers)?;
        }
        f.write_str(self.predicate_type.short_name())?;
        match &self.role {
            Some(role) => write!(f, " as {role}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_oci::Digest;

    use super::*;
    use crate::{SigningKey, Statement, Trust, sign, verify_bundle};

    fn said_by(name: &str, seed: u8) -> Fact {
        let (image, key) = (Digest::sha256_of(b"image"), SigningKey::generate(&[seed; 32]).unwrap());
        let bundle = sign(&Statement::signature(&image), &key).unwrap().to_json();
        let trust = Trust::of_key(name, key.public().clone());
        verify_bundle(bundle.as_bytes(), &image, &trust, jiff::Timestamp::UNIX_EPOCH).unwrap()
    }

    #[test]
    fn who_speaks_twice_is_one() {
        let two = Requirement { signers: 2, ..Requirement::of(PredicateType::SIGNATURE) };
        let (ana, ben) = (said_by("ana", 1), said_by("ben", 2));
        assert_eq!(two.met_by([&ana, &ana]).unwrap_err(), Unmet { found: 1, wanted: 2 });
        assert_eq!(two.met_by([&ana, &ben]).unwrap().len(), 2);
    }

    #[test]
    fn a_role_or_type_that_is_another_does_not_meet_it() {
        let ana = said_by("ana", 1);
        let by_role = |role| Requirement { role: Some(role), ..Requirement::of(PredicateType::SIGNATURE) };
        assert!(by_role(Role::SIGNER).met_by([&ana]).is_ok());
        assert!(by_role(Role::APPROVER).met_by([&ana]).is_err());
        assert!(Requirement::of(PredicateType::PROVENANCE).met_by([&ana]).is_err());
    }
}
