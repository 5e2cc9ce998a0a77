//! What whoever judges brings along: VEX statements, and entries that ignore something for now.

use jiff::Timestamp;

use crate::feed::day;
use crate::finding::Finding;
use crate::vex::{Image, Installed, Statements};

use super::{Because, Found, Ignore, IgnoreState, IgnoreUse};

/// Assumptions on one image, with what became of each entry so far.
pub(crate) struct Assumed<'a> {
    statements: &'a Statements,
    image: &'a Image,
    ignores: Vec<IgnoreUse>,
}

impl<'a> Assumed<'a> {
    pub(crate) fn new(
        statements: &'a Statements,
        image: &'a Image,
        ignores: &[Ignore],
        now: Timestamp,
    ) -> Self {
        let today = day(now);
        let entry = |ignore: &Ignore| IgnoreUse { ignore: ignore.clone(), state: ignore.standing(today) };
        Self { statements, image, ignores: ignores.iter().map(entry).collect() }
    }

    /// Why a finding does not count. What VEX says that leaves it standing is noted in `found`.
    pub(crate) fn suppression(&mut self, found: &mut Found, installed: &Installed<'_>) -> Option<Because> {
        match self.statements.about(&found.finding, installed, self.image).cloned() {
            Some(said) if said.status.suppresses() => return Some(Because::Vex(said)),
            Some(said) => found.said = Some(said),
            None => {}
        }
        self.ignored(&found.finding, installed)
    }

    /// What became of the entries.
    pub(crate) fn into_ignores(self) -> Vec<IgnoreUse> {
        self.ignores
    }

    fn ignored(&mut self, finding: &Finding, installed: &Installed<'_>) -> Option<Because> {
        let counts =
            |entry: &&mut IgnoreUse| matches!(entry.state, IgnoreState::Used(_) | IgnoreState::Unused);
        let mut entries = self.ignores.iter_mut().filter(counts);
        let entry = entries.find(|entry| entry.ignore.covers(finding, installed))?;
        entry.state = match entry.state {
            IgnoreState::Used(count) => IgnoreState::Used(count.saturating_add(1)),
            _ => IgnoreState::Used(1),
        };
        Some(Because::Ignored(entry.ignore.clone()))
    }
}
