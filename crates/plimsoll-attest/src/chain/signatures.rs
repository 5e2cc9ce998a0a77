use super::{ChainParts, Hop, HopKind};
use crate::{Grade, PredicateType};

/// Who signed the image itself.
pub(super) fn hop(parts: &ChainParts<'_>) -> Hop {
    let facts = parts.proven.iter().map(|proven| proven.fact);
    let signed: Vec<_> = facts.filter(|fact| *fact.predicate_type() == PredicateType::SIGNATURE).collect();
    if signed.is_empty() {
        return Hop::missing(HopKind::Sign, "no signature that counts");
    }
    let mut who: Vec<String> = signed.iter().map(|fact| fact.signer().to_owned()).collect();
    who.sort();
    who.dedup();
    Hop {
        grade: Some(Grade::Signed),
        when: signed.iter().filter_map(|fact| fact.logged_at()).min(),
        ..Hop { what: format!("by {}", who.join(", ")), who, ..Hop::known(HopKind::Sign, "") }
    }
}
