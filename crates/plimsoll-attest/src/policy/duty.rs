use std::collections::BTreeSet;
use std::fmt;

use super::PolicyError;
use crate::{PredicateType, Signer, Trust};

/// What a key is for. The three check each other, so that a key that leaks is not enough by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Duty {
    /// Signing images.
    Sign,
    /// Saying how they were built, or what is in them.
    Attest,
    /// Accepting them.
    Approve,
}

impl Duty {
    fn of(said: &PredicateType) -> Self {
        match said {
            said if *said == PredicateType::SIGNATURE => Self::Sign,
            said if [PredicateType::APPROVAL, PredicateType::EXCEPTION].contains(said) => Self::Approve,
            _ => Self::Attest,
        }
    }
}

impl fmt::Display for Duty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sign => "sign images",
            Self::Attest => "say what they are",
            Self::Approve => "approve them",
        })
    }
}

/// Refuses keys with several duties, but for the `shared` ones.
pub(super) fn separate(trust: &Trust, shared: &BTreeSet<&str>) -> Result<(), PolicyError> {
    for signer in trust.signers().iter().filter(|signer| !shared.contains(signer.name.as_str())) {
        let mut duties = duties(trust, signer).into_iter();
        if let (Some(first), Some(second)) = (duties.next(), duties.next()) {
            return Err(PolicyError::TwoDuties { name: signer.name.clone(), first, second });
        }
    }
    Ok(())
}

fn duties(trust: &Trust, signer: &Signer) -> BTreeSet<Duty> {
    let roles = signer.roles.iter().flatten();
    roles.flat_map(|role| trust.said_by(role)).map(Duty::of).collect()
}
