//! The chain from commit to approval, one line a step.

use plimsoll_attest::{ChainParts, Hop, HopKind, Judgement, Policy, Proven, Standing, UnsignedClaim, chain};
use serde::Serialize;

use super::verdict::Gathered;
use crate::terminal::Page;

/// The steps on an image's way, and what to do about the first that is missing.
#[derive(Serialize)]
pub(super) struct Way {
    hops: Vec<Hop>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl Way {
    pub(super) fn of(
        image: &str,
        gathered: &Gathered,
        proven: &[Proven<'_>],
        judgement: &Judgement<'_>,
        policy: &Policy,
    ) -> Self {
        let claims: Vec<&UnsignedClaim> = gathered.claims.iter().map(|one| &one.claim).collect();
        let hops =
            chain(&ChainParts { policy, proven, claims: &claims, judgement, pushed: &gathered.pushed });
        let missing = hops.iter().find(|hop| hop.standing == Standing::Missing).map(|hop| hop.hop);
        let shut = judgement.gates.iter().find(|(_, ruling)| !ruling.is_open).map(|(gate, _)| gate);
        let next = missing.map(|missing| match (missing, shut) {
            (HopKind::Commit | HopKind::Build, _) => format!("plimsoll attest provenance {image} --key FILE"),
            (HopKind::Approve, Some(gate)) => {
                format!("plimsoll approve {image} --gate {} --role {} --key FILE", gate.name, gate.role)
            }
            _ => format!("plimsoll sign {image} --key FILE"),
        });
        Self { hops, next }
    }

    pub(super) fn draw(&self, page: &mut Page) {
        for hop in &self.hops {
            let mark = match hop.standing {
                Standing::Known => '✓',
                Standing::Missing => '✗',
                Standing::NotKnownHere => '–',
            };
            let said = match (&hop.grade, hop.who.as_slice()) {
                (None, _) => String::new(),
                (Some(grade), []) => format!(" ({})", grade.as_str()),
                // Who signs and who approves is what is said.
                (Some(grade), _) if matches!(hop.hop, HopKind::Sign | HopKind::Approve) => {
                    format!(" ({})", grade.as_str())
                }
                (Some(grade), who) => format!(" ({}, says {})", grade.as_str(), who.join(", ")),
            };
            let when = hop.when.map(|when| when.strftime(", %Y-%m-%dT%H:%M:%SZ").to_string());
            let (name, what) = (hop.hop.to_string(), &hop.what);
            page.line(&format!("{mark} {name:<7} {what}{}{said}", when.unwrap_or_default()));
        }
        if let Some(next) = &self.next {
            page.line(&format!("  next: {next}"));
        }
    }
}
