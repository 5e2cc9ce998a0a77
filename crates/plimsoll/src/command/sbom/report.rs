//! The list of an image's components, for people and for programs.

use std::collections::BTreeMap;

use plimsoll_sbom::{
    Document, DocumentFormat, Executables, ImageContents, Kinship, LayerNote, Located, Mismatch,
};
use serde::Serialize;

use crate::arguments::OutputFormat;
use crate::terminal::{Column, Page, Report, Table};

/// Notes and unaccounted programs that people are shown unless they ask for everything.
const LINES_MAX: usize = 10;

/// What is inside an image.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Bill {
    api_version: &'static str,
    kind: &'static str,
    /// The image as it was named.
    image: String,
    #[serde(flatten)]
    contents: ImageContents,
    /// The package URL of each component, in the order of `components`.
    purls: Vec<String>,
    coverage_percent: u8,
    #[serde(skip)]
    document: Document,
}

impl Bill {
    pub(super) fn new(contents: ImageContents, document: Document) -> Self {
        let distribution = contents.distribution.as_ref();
        let purls = contents
            .components
            .iter()
            .map(|located| located.component.purl(distribution).to_string())
            .collect();
        Self {
            api_version: "plimsoll/v1",
            kind: "Sbom",
            image: document.subject.name().to_owned(),
            coverage_percent: contents.executables.coverage_percent(),
            contents,
            purls,
            document,
        }
    }

    fn layer_number(&self, located: &Located) -> String {
        let position = self.contents.layers.iter().position(|layer| Some(*layer) == located.layer);
        position.map_or_else(|| "-".to_owned(), |number| (number + 1).to_string())
    }
}

impl Report for Bill {
    fn draw(&self, page: &mut Page) {
        page.heading(&self.image);
        page.fact("distribution", &distribution(&self.contents));
        page.fact("components", &counts(&self.contents.components));
        page.fact("programs", &coverage(&self.contents.executables));
        self.draw_components(page);
        draw_unaccounted(&self.contents.executables, page);
        draw_mismatches(&self.contents.mismatches, page);
        draw_notes(&self.contents.notes, page);
    }

    fn write_as(&self, format: OutputFormat) -> Option<Vec<u8>> {
        let format = match format {
            OutputFormat::Cyclonedx => DocumentFormat::CycloneDx,
            OutputFormat::Spdx => DocumentFormat::Spdx,
            _ => return None,
        };
        let mut text = Vec::new();
        self.document.write(format, &mut text).ok()?;
        Some(text)
    }
}

impl Bill {
    fn draw_components(&self, page: &mut Page) {
        page.heading("Components");
        let mut table = Table::new(&[
            Column::Left("NAME"),
            Column::Left("VERSION"),
            Column::Left("TYPE"),
            Column::Right("LAYER"),
            Column::Left("FOUND IN"),
        ]);
        for located in &self.contents.components {
            let component = &located.component;
            let kind = match component.kinship {
                Kinship::Installed | Kinship::Embedded => component.package_type.as_str().to_owned(),
                Kinship::Locked => format!("{} (lock file)", component.package_type.as_str()),
                Kinship::HeadersOnly => format!("{} (headers)", component.package_type.as_str()),
            };
            let version = if component.version.is_empty() { "-" } else { &component.version };
            let layer = self.layer_number(located);
            table.row([component.full_name(), version.to_owned(), kind, layer, located.path.clone()]);
        }
        page.table(&table);
    }
}

fn distribution(contents: &ImageContents) -> String {
    match &contents.distribution {
        Some(distribution) => distribution
            .pretty_name
            .clone()
            .unwrap_or_else(|| format!("{} {}", distribution.id, distribution.version_id)),
        None => "none (no os-release)".to_owned(),
    }
}

fn counts(components: &[Located]) -> String {
    let mut by_type: BTreeMap<&str, usize> = BTreeMap::new();
    for located in components {
        *by_type.entry(located.component.package_type.as_str()).or_default() += 1;
    }
    let parts: Vec<String> = by_type.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}

fn coverage(executables: &Executables) -> String {
    let Executables { total, accounted, .. } = executables;
    format!("{accounted} of {total} accounted for ({} %)", executables.coverage_percent())
}

fn draw_unaccounted(executables: &Executables, page: &mut Page) {
    let count = executables.total - executables.accounted;
    if count == 0 {
        return;
    }
    page.heading("Programs that no component accounts for");
    let shown = if page.is_wide() { usize::MAX } else { LINES_MAX };
    for program in executables.unaccounted.iter().take(shown) {
        page.line(&program.path);
    }
    let hidden = count.saturating_sub(executables.unaccounted.len().min(shown) as u64);
    if hidden > 0 {
        page.line(&format!("and {hidden} more"));
    }
}

fn draw_mismatches(mismatches: &[Mismatch], page: &mut Page) {
    if !mismatches.is_empty() {
        page.heading("Not what the config says");
    }
    mismatches.iter().for_each(|mismatch| page.line(&mismatch.to_string()));
}

fn draw_notes(notes: &[LayerNote], page: &mut Page) {
    if notes.is_empty() {
        return;
    }
    page.heading("Not told in full");
    let shown = if page.is_wide() { usize::MAX } else { LINES_MAX };
    for LayerNote { layer, note } in notes.iter().take(shown) {
        let number = layer + 1;
        match note.path.as_str() {
            "" => page.line(&format!("layer {number}: {}", note.text)),
            path => page.line(&format!("layer {number}: {path}: {}", note.text)),
        }
    }
    if notes.len() > shown {
        page.line(&format!("and {} more: -o wide", notes.len() - shown));
    }
}
