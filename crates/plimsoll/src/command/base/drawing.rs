use plimsoll_oci::Digest;
use plimsoll_slim::base::Candidate;
use serde::Serialize;

use crate::reading::WholeImage;
use crate::terminal::{Column, Page, Report, Table, bytes};

/// Bases that are told where not everything is.
const ROWS_MAX: usize = 8;

/// On which bases an image could stand.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BaseReport {
    api_version: &'static str,
    kind: &'static str,
    image: String,
    digest: Digest,
    /// The image that it stands on, if the registry has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    present: Option<String>,
    pub(super) candidates: Vec<Candidate>,
    /// Images that were not looked at, because there are too many.
    pub(super) left_out: usize,
    /// Names that are no image for the platform, or could not be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) unread: Vec<String>,
    /// The change of the Dockerfile to the best base.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) patch: Option<String>,
}

impl BaseReport {
    pub(super) fn of(image: &WholeImage, present: Option<String>, candidates: Vec<Candidate>) -> Self {
        Self {
            api_version: "plimsoll/v1",
            kind: "BaseAdvice",
            image: image.name.clone(),
            digest: image.found.raw.digest,
            present,
            candidates,
            left_out: 0,
            unread: Vec::new(),
            patch: None,
        }
    }
}

impl Report for BaseReport {
    fn draw(&self, page: &mut Page) {
        match &self.present {
            Some(base) => page.heading(&format!("{} stands on {base}", self.image)),
            None => page.heading(&format!("{} stands on no image of this registry", self.image)),
        }
        let rows_max = if page.is_wide() { self.candidates.len() } else { ROWS_MAX };
        let mut table = Table::new(&[
            Column::Right("FINDINGS"),
            Column::Right("TO FETCH"),
            Column::Right("STORED"),
            Column::Left("BREAKS"),
            Column::Left("BASE"),
        ]);
        for candidate in self.candidates.iter().take(rows_max) {
            table.row([
                candidate.findings.map_or_else(|| "?".to_owned(), |count| count.to_string()),
                bytes(candidate.missing_bytes),
                bytes(candidate.stored_bytes),
                verdict(candidate),
                candidate.name.clone(),
            ]);
        }
        if table.is_empty() {
            page.line("there is no other image to stand on");
        }
        page.table(&table);
        for candidate in
            self.candidates.iter().take(rows_max).filter(|candidate| !candidate.breaks.is_empty())
        {
            page.heading(&format!("What would break on {}", candidate.name));
            for found in &candidate.breaks {
                let how = if found.is_certain { "missing" } else { "perhaps missing" };
                page.line(&format!("{how}: {}", found.what));
            }
        }
        if let Some(patch) = &self.patch {
            page.heading("The change");
            patch.lines().for_each(|line| page.line(line));
        }
        if !self.unread.is_empty() {
            page.line(&format!("no image for this platform, or not readable: {}", self.unread.join(" ")));
        }
        let more = (self.candidates.len() - rows_max.min(self.candidates.len())) + self.left_out;
        if more > 0 {
            page.line(&format!("… {more} more; a longer prefix for --from says which are meant"));
        }
    }
}

fn verdict(candidate: &Candidate) -> String {
    let certain = candidate.breaks.iter().filter(|found| found.is_certain).count();
    match (certain, candidate.breaks.len()) {
        (0, 0) => "nothing".to_owned(),
        (0, count) => format!("perhaps {count}"),
        (certain, _) => format!("{certain} at least"),
    }
}
