//! What an image's layers hold, for people: no more than a screen unless everything is asked for.

use std::cmp::Reverse;

use plimsoll_slim::waste::{Cause, Reason};
use plimsoll_slim::{ImageLayers, LayerSummary};

use crate::terminal::{Column, Page, Report, Table, bytes, percent};

/// Layers that are told where not everything is.
const LAYERS_MAX: usize = 8;

/// Causes of waste that are told then.
const CAUSES_MAX: usize = 9;

/// Files of a cause that are named where everything is told.
const FILES_MAX: usize = 5;

impl Report for ImageLayers {
    fn draw(&self, page: &mut Page) {
        draw_layers(self, page);
        draw_waste(self, page);
        draw_compression(self, page);
        draw_summary(self, page);
    }
}

fn draw_layers(report: &ImageLayers, page: &mut Page) {
    page.heading(&format!("Layers of {}", report.name));
    let mut table = Table::new(&[
        Column::Right("#"),
        Column::Right("STORED"),
        Column::Right("UNPACKED"),
        Column::Right("COULD GO"),
        Column::Left("INSTRUCTION"),
    ]);
    let shown = shown_layers(report, page.is_wide());
    for layer in &shown {
        table.row(row(layer));
        if page.is_wide() {
            for branch in &layer.tree {
                let path = format!("{}{}", "  ".repeat(branch.depth + 1), branch.path);
                table.row(["".to_owned(), "".to_owned(), bytes(branch.bytes), "".to_owned(), path]);
            }
        }
    }
    page.table(&table);
    if shown.len() < report.layers.len() {
        let hidden = report.layers.len() - shown.len();
        page.line(&format!("… {hidden} smaller ones, shown with -o wide"));
    }
}

/// The largest layers, in their order.
fn shown_layers(report: &ImageLayers, is_wide: bool) -> Vec<&LayerSummary> {
    let mut layers: Vec<&LayerSummary> = report.layers.iter().collect();
    if !is_wide && layers.len() > LAYERS_MAX {
        layers.sort_by_key(|layer| (Reverse(layer.stored_bytes), layer.number));
        layers.truncate(LAYERS_MAX);
        layers.sort_by_key(|layer| layer.number);
    }
    layers
}

fn row(layer: &LayerSummary) -> [String; 5] {
    [
        layer.number.to_string(),
        bytes(layer.stored_bytes),
        bytes(layer.unpacked_bytes),
        if layer.wasted_bytes == 0 { "-".to_owned() } else { bytes(layer.wasted_bytes) },
        layer.instruction.clone().unwrap_or_else(|| "(not known)".to_owned()),
    ]
}

fn draw_waste(report: &ImageLayers, page: &mut Page) {
    let causes = &report.waste.causes;
    if causes.is_empty() {
        return;
    }
    page.heading(&format!("What could go (a pull is counted at {}/s)", bytes(report.pull.bandwidth_bytes)));
    let mut table =
        Table::new(&[Column::Right("BYTES"), Column::Right("LAYER"), Column::Left("WHAT AND WHY")]);
    let rows_max = if page.is_wide() { causes.len() } else { CAUSES_MAX };
    for cause in causes.iter().take(rows_max) {
        table.row([bytes(cause.bytes), cause.layer.to_string(), what(cause)]);
        if page.is_wide() {
            for file in cause.paths.iter().take(FILES_MAX) {
                let package = file.package.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
                table.row([bytes(file.bytes), String::new(), format!("  {}{package}", file.path)]);
            }
            table.row(["".to_owned(), "".to_owned(), format!("  help: {}", cause.remedy)]);
        }
    }
    page.table(&table);
    if causes.len() > rows_max {
        let rest = causes.iter().skip(rows_max).map(|cause| cause.bytes).fold(0, u64::saturating_add);
        page.line(&format!("… {} more with {}, shown with -o wide", causes.len() - rows_max, bytes(rest)));
    }
}

/// The kind of files, and the packages or the file that most of it is.
fn what(cause: &Cause) -> String {
    let named: Vec<&str> = match cause.reason {
        Reason::BuildOnly | Reason::Deleted | Reason::Overwritten => {
            cause.packages.iter().take(3).map(|share| share.name.as_str()).collect()
        }
        _ => Vec::new(),
    };
    match (&*named, cause.paths.first()) {
        ([], Some(file)) if cause.files == 1 => format!("{}: {}", cause.what, file.path),
        ([], Some(file)) => format!("{}: {} files, most {}", cause.what, cause.files, file.path),
        ([], None) => cause.what.clone(),
        (names, _) => {
            let more = cause.packages.len() - names.len();
            let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{}: {}{tail}", cause.what, names.join(", "))
        }
    }
}

fn draw_compression(report: &ImageLayers, page: &mut Page) {
    let better: Vec<&LayerSummary> = report.layers.iter().filter(|layer| layer.zstd.is_some()).collect();
    if better.is_empty() {
        return;
    }
    let now = better.iter().map(|layer| layer.stored_bytes).fold(0, u64::saturating_add);
    let proposals = better.iter().filter_map(|layer| layer.zstd.as_ref());
    let then = proposals.map(|zstd| zstd.stored_bytes).fold(0, u64::saturating_add);
    let numbers: Vec<String> = better.iter().map(|layer| layer.number.to_string()).collect();
    let layers = if numbers.len() == 1 { "layer" } else { "layers" };
    page.heading(&format!("As zstd ({layers} {}, tried on the first 4 MB)", numbers.join(", ")));
    page.line(&format!(
        "{} become {}, a pull {:.1} s instead of {:.1} s: cp --compression zstd",
        bytes(now),
        bytes(then),
        report.pull.seconds_as_zstd,
        report.pull.seconds
    ));
}

fn draw_summary(report: &ImageLayers, page: &mut Page) {
    let pull = &report.pull;
    let rate = bytes(pull.bandwidth_bytes);
    if page.is_wide() {
        page.heading(&format!("A cold pull at {rate}/s takes {:.1} s: {}", pull.seconds, pull.model));
    }
    let stored = bytes(report.totals.stored_bytes);
    let (added, wasted) = (report.totals.added_bytes, report.waste.bytes);
    page.heading(&match wasted {
        0 => format!("{stored} stored, nothing could go; pulled in {:.1} s at {rate}/s", pull.seconds),
        _ => format!(
            "{} of {} could go ({}), pull {:.1} s -> {:.1} s; {}",
            bytes(wasted),
            bytes(added),
            percent(wasted, added),
            pull.seconds,
            pull.seconds_without_waste,
            next(report)
        ),
    });
}

/// The command that does most about it.
fn next(report: &ImageLayers) -> &'static str {
    match report.waste.causes.first().map(|cause| cause.reason) {
        Some(Reason::Documentation | Reason::Copy) | None => "see -o wide",
        Some(_) => "plimsoll lint --diff",
    }
}
