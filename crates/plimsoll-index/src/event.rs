use plimsoll_vuln::severity::Severity;
use serde::Serialize;

/// Something about a component and a vulnerability has changed. It holds for every image with the component, so images
/// are looked up when the event is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The component's number.
    pub component: u32,
    /// The vulnerability.
    pub vulnerability: String,
    /// How bad it is, after the change.
    pub severity: Severity,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// The component is known to have it now.
    Appeared,
    /// Its severity, fix or exploitation is another now.
    Changed,
    /// The component is no longer known to have it.
    Resolved,
}
