use plimsoll_oci::Digest;

use super::{Approval, Named, Seen};
use crate::PredicateType;

impl Seen {
    /// Whether statements of this kind are what approvers look at before they decide. Another's approval is not, and
    /// neither is a summary of it all.
    pub fn is_worth_seeing(predicate_type: &PredicateType) -> bool {
        *predicate_type != PredicateType::APPROVAL && *predicate_type != PredicateType::VERIFICATION_SUMMARY
    }

    /// A statement that was seen, by the digest of its bundle.
    pub fn of(bundle: &Digest, predicate_type: PredicateType) -> Self {
        Self { predicate_type, which: Named::of(bundle) }
    }
}

impl Approval {
    /// What there is now, of the kinds that the approver looked at, and was not there then: it may say something else
    /// than what was approved. Whoever wrote down nothing may have seen anything.
    pub fn unseen<'n>(&self, there: &'n [(Digest, PredicateType)]) -> Vec<&'n Digest> {
        let is_of_kind = |kind: &PredicateType| self.evidence.iter().any(|seen| seen.predicate_type == *kind);
        let was_seen = |bundle: &Digest| self.evidence.iter().any(|seen| seen.which.is(bundle));
        let news = there.iter().filter(|(bundle, kind)| is_of_kind(kind) && !was_seen(bundle));
        news.map(|(bundle, _)| bundle).collect()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{Decision, Scope};

    fn approval(evidence: Vec<Seen>) -> Approval {
        Approval {
            decision: Decision::Approved,
            role: "approver".parse().unwrap(),
            gate: "prod".to_owned(),
            scope: Scope::default(),
            evidence,
            reason: None,
            tickets: Vec::new(),
            issued_at: Timestamp::UNIX_EPOCH,
            not_before: None,
            expires_at: None,
            revokes: Vec::new(),
        }
    }

    #[test]
    fn a_scan_that_came_after_the_approval_was_not_seen() {
        let [old, new, sbom] = [b"old", b"new", b"bom"].map(|bytes| Digest::sha256_of(bytes));
        let seen = approval(vec![Seen::of(&old, PredicateType::VULNERABILITIES)]);
        let there = [
            (old, PredicateType::VULNERABILITIES),
            (sbom, PredicateType::SPDX),
            (new, PredicateType::VULNERABILITIES),
        ];
        assert_eq!(seen.unseen(&there), [&new], "nobody looked at an SBOM, then or now");
        assert!(seen.unseen(&there[..2]).is_empty());
        assert!(approval(Vec::new()).unseen(&there).is_empty(), "what was seen is not known");
        assert!(!Seen::is_worth_seeing(&PredicateType::APPROVAL));
    }
}
