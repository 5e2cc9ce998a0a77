use plimsoll_vuln::finding::Finding;
use plimsoll_vuln::severity::Severity;
use serde::{Deserialize, Serialize};

/// Something about a component and a vulnerability has changed. It holds for every image with the component, so images
/// are looked up when the event is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The component's number.
    pub component: u32,
    /// The vulnerability.
    pub vulnerability: String,
    /// What was known of it before; nothing where it appeared.
    pub before: Option<FindingState>,
    /// What is known of it now; nothing where it is resolved.
    pub after: Option<FindingState>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventKind {
    /// The component is known to have it now.
    Appeared,
    /// Its severity, fix or exploitation is another now.
    Changed,
    /// The component is no longer known to have it.
    Resolved,
}

/// What makes a finding another one. Estimates that move every day do not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FindingState {
    /// How bad it is.
    pub severity: Severity,
    /// The smallest version in which it is fixed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed: Option<String>,
    /// Whether it is known to be exploited.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exploited: bool,
    /// Why it is information and no vulnerability.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub informational: Option<String>,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Appeared, Self::Changed, Self::Resolved];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Appeared => "appeared",
            Self::Changed => "changed",
            Self::Resolved => "resolved",
        }
    }
}

impl From<&Finding> for FindingState {
    fn from(finding: &Finding) -> Self {
        Self {
            severity: finding.rating.severity,
            fixed: finding.fixed.clone(),
            exploited: finding.priority.exploited_since.is_some(),
            informational: finding.informational.clone(),
        }
    }
}
