//! Traces on a page: a line for each step.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::answer::{Checkpoint, Grade, Holding, Hop, Said, Step, Trace, Traces};
use crate::terminal::{Page, Report};

/// Instructions of one Dockerfile that are shown, unless the page is wide.
const INSTRUCTIONS_SHOWN: usize = 3;

impl Report for Trace {
    fn draw(&self, page: &mut Page) {
        self.draw_hops(page);
        draw_end(page, self.unread, self.checkpoint.as_ref());
    }
}

impl Report for Traces {
    fn draw(&self, page: &mut Page) {
        let images = if self.images == 1 { "1 image".to_owned() } else { format!("{} images", self.images) };
        if self.traces.is_empty() {
            page.line(&format!("{} is in no image that you may see", self.of));
        } else {
            page.line(&format!("{} is in {images}", self.of));
        }
        for trace in &self.traces {
            page.line("");
            trace.draw_hops(page);
        }
        if self.images > self.traces.len() {
            page.line(&format!("and {} images more", self.images - self.traces.len()));
        }
        draw_end(page, self.unread, self.checkpoint.as_ref());
    }
}

impl Trace {
    fn draw_hops(&self, page: &mut Page) {
        let digest = if page.is_wide() { self.digest.to_string() } else { self.digest.short() };
        page.heading(&format!("{} is {digest}", self.image));
        self.components.iter().for_each(|holding| page.line(&format!("  holds {}", held(holding))));
        let is_wide = page.is_wide();
        // One statement leads several steps back, and what is wrong with it need be said once.
        let mut told = BTreeSet::new();
        for hop in self.hops.iter().filter(|hop| is_wide || hop.is_worth_a_line(self)) {
            hop.draw(page, &mut told);
        }
        if self.is_cut {
            page.line("  there is more than is told here");
        }
    }
}

fn held(holding: &Holding) -> String {
    match (holding.layer, &holding.instruction) {
        (Some(layer), Some(instruction)) => format!("{}, by layer {layer}: {instruction}", holding.purl),
        (Some(layer), None) => format!("{}, by layer {layer}", holding.purl),
        _ => holding.purl.clone(),
    }
}

fn draw_end(page: &mut Page, unread: u64, checkpoint: Option<&Checkpoint>) {
    if unread > 0 {
        page.line(&format!("{unread} manifests are still to be read: ask again for all that they say"));
    }
    if let Some(Checkpoint { origin, size, root }) = checkpoint {
        let root = if page.is_wide() { root } else { root.get(..12).unwrap_or(root) };
        page.line(&format!("as of the log {origin} with {size} entries, root {root}"));
    }
}

impl Hop {
    /// The image that was asked for stands in the heading; and that nobody knows what is beneath a base, where it ends.
    fn is_worth_a_line(&self, trace: &Trace) -> bool {
        match &self.step {
            Step::Image { .. } => {
                self.image != trace.digest && self.depth == 0 || self.grade == Grade::Missing
            }
            Step::Signature {} | Step::Deleted {} => true,
            _ => self.depth == 0 || self.grade != Grade::Missing,
        }
    }

    fn draw<'h>(&'h self, page: &mut Page, told: &mut BTreeSet<&'h str>) {
        let indent = "  ".repeat(usize::try_from(self.depth).unwrap_or_default());
        let (mark, grade) = self.grade.shown();
        let what = self.step.text(page.is_wide());
        let who = self.said.as_ref().map(|said| said.text(&self.step, told)).unwrap_or_default();
        let text = [what, who].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
        let line = format!("{indent}{mark} {grade:<8}  {:<10}  {text}", self.step.name());
        page.line(line.trim_end());
        if let Some(next) = self.next.as_ref().filter(|next| self.depth == 0 && told.insert(next)) {
            page.line(&format!("{indent}              {:<10}  {next}", ""));
        }
        if let Step::Dockerfile { instructions, .. } = &self.step {
            let shown = if page.is_wide() { instructions.len() } else { INSTRUCTIONS_SHOWN };
            for instruction in instructions.iter().rev().take(shown).rev() {
                page.line(&format!("{indent}              {:<10}  {instruction}", ""));
            }
        }
    }
}

impl Grade {
    fn shown(self) -> (&'static str, &'static str) {
        match self {
            Self::Signed => ("✓", "signed"),
            Self::Measured => ("✓", "measured"),
            Self::Claimed => ("?", "claimed"),
            Self::InheritedIgnored => ("✗", "ignored"),
            Self::Missing => ("✗", "missing"),
        }
    }
}

impl Step {
    fn name(&self) -> &'static str {
        match self {
            Self::Image { .. } => "image",
            Self::Deleted {} => "deleted",
            Self::Signature {} => "signature",
            Self::Approval { .. } => "approval",
            Self::Build { .. } => "build",
            Self::Source { .. } => "source",
            Self::Dockerfile { .. } => "dockerfile",
            Self::Base { .. } => "base",
            Self::Run { .. } => "run",
        }
    }

    fn text(&self, is_wide: bool) -> String {
        let or_nothing = |text: &Option<String>| text.clone().unwrap_or_default();
        match self {
            Self::Image { repository, platform, .. } => match platform {
                Some(platform) => format!("{repository} for {platform}"),
                None => repository.clone(),
            },
            Self::Deleted {} | Self::Signature {} => String::new(),
            Self::Approval { decision, gate, tickets, valid_until_unix_ms } => {
                let until = valid_until_unix_ms.map(|until| format!(" until {}", minute(until)));
                let tickets =
                    if tickets.is_empty() { String::new() } else { format!(" ({})", tickets.join(" ")) };
                let (decision, gate) = (or_nothing(decision), or_nothing(gate));
                format!("{decision} for {gate}{}{tickets}", until.unwrap_or_default())
            }
            Self::Build { builder: None, .. } => String::new(),
            Self::Build { builder: Some(builder), invocation } => {
                format!("{builder} {}", or_nothing(invocation)).trim_end().to_owned()
            }
            Self::Source { commit: None, .. } => String::new(),
            Self::Source { repository, commit: Some(commit) } => {
                let commit = if is_wide { commit.as_str() } else { commit.get(..12).unwrap_or(commit) };
                format!("{}@{commit}", or_nothing(repository))
            }
            Self::Dockerfile { path, instructions } => match instructions.len() {
                0 => or_nothing(path),
                1 => format!("{} 1 instruction", or_nothing(path)).trim_start().to_owned(),
                count => format!("{} {count} instructions", or_nothing(path)).trim_start().to_owned(),
            },
            Self::Base { base, names, known_by, layers } => {
                let digest = base
                    .as_ref()
                    .map(|base| if is_wide { base.digest.to_string() } else { base.digest.short() });
                let name = names.first().cloned().or_else(|| Some(base.as_ref()?.name.clone()));
                let layers = layers.map(|layers| format!("its lowest {layers} layers"));
                let known_by = (!known_by.is_empty()).then(|| format!("by {}", known_by.join(" and ")));
                let named = [name, digest].into_iter().flatten().collect::<Vec<_>>().join(" ");
                [Some(named), layers, known_by]
                    .into_iter()
                    .flatten()
                    .filter(|part| !part.is_empty())
                    .collect::<Vec<_>>()
                    .join(", ")
            }
            Self::Run { place: None, .. } => String::new(),
            Self::Run { place: Some(place), begun_at_unix_ms, ended_at_unix_ms } => {
                let from = begun_at_unix_ms.map(minute).unwrap_or_default();
                let to = ended_at_unix_ms.map_or_else(|| "now".to_owned(), minute);
                format!("{place} from {from} to {to}")
            }
        }
    }
}

impl Said {
    fn text<'h>(&'h self, step: &Step, told: &mut BTreeSet<&'h str>) -> String {
        let who = self.by.as_ref().map(|by| match self.roles.as_slice() {
            [] => format!("told by {by}"),
            roles => format!("by {by} ({})", roles.join(", ")),
        });
        let when = self.attested_at_unix_ms.or(self.observed_at_unix_ms).map(minute);
        let entry = self.log_index.map(|index| format!("log entry {index}"));
        let gone = self.retracted_at_index.map(|index| format!("deleted at log entry {index}"));
        let manifest =
            matches!(step, Step::Deleted {}).then(|| self.evidence.map(|digest| digest.short())).flatten();
        let reason = self.reason.clone().filter(|_| told.insert(self.reason.as_deref().unwrap_or_default()));
        let parts = [manifest, who, reason, when, entry, gone];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

fn minute(unix_ms: i64) -> String {
    Timestamp::from_millisecond(unix_ms)
        .map_or_else(|_| "never".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M").to_string())
}
