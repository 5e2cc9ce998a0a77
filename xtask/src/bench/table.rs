//! The table of figures of a benchmark.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::figures::{median, three_digits};

/// A line of the table of figures.
pub(super) struct Row {
    pub(super) key: &'static str,
    what: &'static str,
    unit: &'static str,
    target: Option<f64>,
}

pub(super) const fn row(
    key: &'static str,
    what: &'static str,
    unit: &'static str,
    target: Option<f64>,
) -> Row {
    Row { key, what, unit, target }
}

/// The rows whose figures were measured: median, smallest and largest.
pub(super) fn table(rows: &[Row], figures: &BTreeMap<String, Vec<f64>>) -> String {
    let mut text = String::new();
    for row in rows {
        let Some(rounds) = figures.get(row.key) else { continue };
        let target = row.target.map_or_else(String::new, |target| format!("≤ {}", three_digits(target)));
        let smallest = rounds.iter().copied().fold(f64::INFINITY, f64::min);
        let largest = rounds.iter().copied().fold(0.0, f64::max);
        let _ = writeln!(
            text,
            "| {} | {} | {target} | {} | {} to {} |",
            row.what,
            row.unit,
            median(rounds.iter().copied()).map_or_else(String::new, three_digits),
            three_digits(smallest),
            three_digits(largest),
        );
    }
    if text.is_empty() {
        return text;
    }
    format!("\n| what | in | target | median | from |\n|---|---|--:|--:|--:|\n{text}")
}
