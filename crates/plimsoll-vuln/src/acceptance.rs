//! Risks that named people accept, as long as they are what was accepted.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::finding::Finding;
use crate::severity::Severity;
use crate::vex::{Installed, PurlPattern};

/// A vulnerability that somebody accepts, with what they saw of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Acceptance {
    /// Ids of the vulnerability, or of advisories on it; any of them names it.
    pub ids: Vec<String>,
    /// In which components; in all where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purl: Option<PurlPattern>,
    /// Why it is acceptable.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// Who signed it.
    pub granted_by: String,
    /// The digest of the bundle that proves it.
    pub evidence: String,
    /// Until when it holds.
    pub expires_at: Timestamp,
    /// What was known when it was granted.
    pub saw: Saw,
}

/// What was known of a vulnerability.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Saw {
    /// How bad it was.
    pub severity: Severity,
    /// Whether it was known to be exploited.
    pub exploited: bool,
    /// The version with a fix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed: Option<String>,
}

/// What became of an acceptance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptanceUse {
    /// Which.
    pub acceptance: Acceptance,
    /// Whether it counted.
    pub state: AcceptanceState,
}

/// Whether an acceptance counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AcceptanceState {
    /// It suppressed this many findings.
    Used(usize),
    /// Nothing in the image has the vulnerability.
    Unused,
    /// What it accepts is another risk now, for this reason: the finding counts, and is to be judged again.
    Reopened(String),
}

impl Acceptance {
    /// Whether it speaks of this finding in this component.
    pub(crate) fn covers(&self, finding: &Finding, installed: &Installed<'_>) -> bool {
        self.ids.iter().any(|id| finding.is_called(id))
            && self.purl.as_ref().is_none_or(|pattern| pattern.matches(installed))
    }
}

/// The acceptances that hold, with what became of each so far.
pub(crate) struct Accepted(Vec<AcceptanceUse>);

impl Accepted {
    pub(crate) fn new(acceptances: &[Acceptance], now: Timestamp) -> Self {
        let holding = acceptances.iter().filter(|acceptance| now < acceptance.expires_at);
        let unused = |acceptance: &Acceptance| AcceptanceUse {
            acceptance: acceptance.clone(),
            state: AcceptanceState::Unused,
        };
        Self(holding.map(unused).collect())
    }

    /// The first acceptance that covers a finding as it is now. Those that cover it as it was are noted as reopened.
    pub(crate) fn covering(&mut self, finding: &Finding, installed: &Installed<'_>) -> Option<Acceptance> {
        let now = Saw::of(finding);
        for one in self.0.iter_mut().filter(|one| one.acceptance.covers(finding, installed)) {
            if let Some(why) = one.acceptance.saw.differs_from(&now) {
                one.state = AcceptanceState::Reopened(why);
                continue;
            }
            match &mut one.state {
                AcceptanceState::Used(count) => *count = count.saturating_add(1),
                AcceptanceState::Unused => one.state = AcceptanceState::Used(1),
                // In another component it is another risk: that is what there is to see.
                AcceptanceState::Reopened(_) => {}
            }
            return Some(one.acceptance.clone());
        }
        None
    }

    pub(crate) fn into_uses(self) -> Vec<AcceptanceUse> {
        self.0
    }
}

impl Saw {
    /// What is known of a finding now.
    pub fn of(finding: &Finding) -> Self {
        Self {
            severity: finding.rating.severity,
            exploited: finding.priority.exploited_since.is_some(),
            fixed: finding.fixed.clone(),
        }
    }

    /// Why what is known now is another risk: it is worse, it is exploited, or there is a fix that was not there. What
    /// has become less bad is still accepted.
    pub fn differs_from(&self, now: &Self) -> Option<String> {
        if now.severity > self.severity {
            return Some(format!("its severity is {} now, and was {}", now.severity, self.severity));
        }
        if now.exploited && !self.exploited {
            return Some("it is known to be exploited now".to_owned());
        }
        match (&now.fixed, &self.fixed) {
            (Some(fixed), before) if before.as_ref() != Some(fixed) => {
                Some(format!("{fixed} has a fix, which was not known"))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saw(severity: Severity, exploited: bool, fixed: Option<&str>) -> Saw {
        Saw { severity, exploited, fixed: fixed.map(str::to_owned) }
    }

    #[test]
    fn what_became_worse_or_can_be_mended_is_another_risk() {
        let before = saw(Severity::Medium, false, None);
        let differs = |now: Saw| before.differs_from(&now);
        assert_eq!(differs(before.clone()), None);
        assert_eq!(differs(saw(Severity::Low, false, None)), None);
        assert_eq!(
            differs(saw(Severity::High, false, None)).unwrap(),
            "its severity is high now, and was medium"
        );
        assert!(differs(saw(Severity::Medium, true, None)).unwrap().contains("exploited"));
        assert_eq!(
            differs(saw(Severity::Medium, false, Some("1.2"))).unwrap(),
            "1.2 has a fix, which was not known"
        );
        let had_fix = saw(Severity::Medium, false, Some("1.1"));
        assert!(had_fix.differs_from(&saw(Severity::Medium, false, Some("1.1"))).is_none());
        assert!(had_fix.differs_from(&saw(Severity::Medium, false, Some("1.2"))).is_some());
    }
}
