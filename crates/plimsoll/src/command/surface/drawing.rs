//! A surface for people: a line for each kind, worst changes last so that they stand near the prompt.

use plimsoll_slim::surface::{Change, RuntimeUser, Surface, SurfaceChange, SurfaceKind};
use serde::Serialize;

use crate::terminal::{Column, Page, Report, Table};

/// Things of a kind that are named where not everything is.
const ITEMS_MAX: usize = 3;

/// A surface, and what it is compared with.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SurfaceReport {
    api_version: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    surface: Surface,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Surface>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<SurfaceChange>,
}

impl SurfaceReport {
    pub(super) fn of(surface: Surface, before: Option<Surface>, change: Option<SurfaceChange>) -> Self {
        Self { api_version: "plimsoll/v1", kind: "AttackSurface", surface, before, change }
    }
}

impl Report for SurfaceReport {
    fn draw(&self, page: &mut Page) {
        page.heading(&format!("What {} offers", self.surface.name));
        match &self.before {
            Some(before) => draw_comparison(self, before, page),
            None => draw_counts(&self.surface, page),
        }
        if let Some(change) = &self.change {
            draw_changes(change, page);
        }
    }
}

fn draw_counts(surface: &Surface, page: &mut Page) {
    let mut table = Table::new(&[Column::Left("KIND"), Column::Right("COUNT"), Column::Left("SUCH AS")]);
    for kind in SurfaceKind::ALL {
        table.row([
            kind.title().to_owned(),
            surface.count(kind).to_string(),
            named(surface, kind, page.is_wide()),
        ]);
    }
    for (severity, count) in surface.findings.iter().flatten() {
        table.row([format!("{severity} findings"), count.to_string(), String::new()]);
    }
    page.table(&table);
    page.fact("user", &user(&surface.user));
}

fn named(surface: &Surface, kind: SurfaceKind, is_wide: bool) -> String {
    let items = surface.items(kind);
    let count = if is_wide { items.len() } else { ITEMS_MAX };
    let mut text = items.iter().take(count).cloned().collect::<Vec<_>>().join(" ");
    if items.len() > count {
        text.push_str(" …");
    }
    text
}

fn user(user: &RuntimeUser) -> String {
    match (&user.written, user.is_root()) {
        (None, _) => "root: nothing says who runs it".to_owned(),
        (Some(written), true) => format!("root, as `{written}`"),
        (Some(written), false) => written.clone(),
    }
}

fn draw_comparison(report: &SurfaceReport, before: &Surface, page: &mut Page) {
    let now = &report.surface;
    let mut table = Table::new(&[
        Column::Left("KIND"),
        Column::Right("BEFORE"),
        Column::Right("NOW"),
        Column::Left("CHANGE"),
    ]);
    for kind in SurfaceKind::ALL {
        let (was, is) = (before.count(kind), now.count(kind));
        table.row([kind.title().to_owned(), was.to_string(), is.to_string(), change(was, is)]);
    }
    let severities = now.findings.iter().flatten().zip(before.findings.iter().flatten());
    for ((severity, is), (_, was)) in severities {
        table.row([format!("{severity} findings"), was.to_string(), is.to_string(), change(*was, *is)]);
    }
    page.table(&table);
    page.fact("user", &format!("{}, before: {}", user(&now.user), user(&before.user)));
}

/// The change in per cent; from nothing there is none.
fn change(before: u64, now: u64) -> String {
    let (was, is) = (i128::from(before), i128::from(now));
    match ((is - was) * 100).checked_div(was) {
        _ if was == is => "-".to_owned(),
        Some(percent) => format!("{percent:+} %"),
        None => format!("{:+}", is - was),
    }
}

fn draw_changes(change: &SurfaceChange, page: &mut Page) {
    let came = |change: &&Change| !change.added.is_empty();
    if !change.changes.iter().any(|one| came(&one)) {
        page.heading(&format!("Nothing came that {} does not have", change.against));
        return;
    }
    page.heading("What came");
    for one in change.changes.iter().filter(came) {
        let count = if page.is_wide() { one.added.len() } else { ITEMS_MAX };
        let tail = if one.added.len() > count {
            format!(" and {} more", one.added.len() - count)
        } else {
            String::new()
        };
        let items = one.added.iter().take(count).cloned().collect::<Vec<_>>().join(" ");
        page.line(&format!("+ {}: {items}{tail}", one.kind.title()));
    }
}
