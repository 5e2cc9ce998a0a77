//! The tables that go to docs/benchmarks.md.

use std::fmt::Write as _;

use crate::bench::figures::machine;
use crate::bench::table::{Row, row, table};

use super::options::Options;
use super::rounds::Outcome;

#[rustfmt::skip]
const ROWS: &[Row] = &[
    row("bundle.signature", "Bundle: a signature verified", "CPU µs", Some(80.0)),
    row("bundle.provenance", "Bundle: provenance of 12 dependencies verified", "CPU µs", Some(80.0)),
    row("image.plimsoll.wall", "Image with 40 bundles: `plimsoll verify`, from start to end", "ms", Some(25.0)),
    row("image.plimsoll.cpu", "Image with 40 bundles: the same", "CPU ms", None),
    row("image.cosign.wall", "Image with 40 bundles: `cosign verify`, from start to end", "ms", None),
    row("image.cosign.cpu", "Image with 40 bundles: the same", "CPU ms", None),
    row("log.appends", "Log: durable appends, in batches of 500 (at least 5,000)", "per s", None),
    row("log.append_cpu", "Log: the same", "CPU µs each", None),
    row("tree.prove", "Tree of 10 million leaves: a leaf proven", "CPU µs", Some(100.0)),
    row("tree.verify", "Tree of 10 million leaves: the proof verified", "CPU µs", None),
    row("tree.grow", "Tree of 10 million leaves: grown", "CPU s", None),
    row("graph.images", "Graph: images", "", None),
    row("graph.facts", "Graph: statements about them, each in the log", "", None),
    row("graph.trace", "Graph: the way of one image", "ms", Some(50.0)),
    row("graph.trace.p99", "Graph: the same, of 200 the third slowest", "ms", None),
    row("graph.trace.cpu", "Graph: the same, in the server", "CPU ms", None),
    row("graph.lacking", "Graph: all images that lack an approval", "ms", Some(200.0)),
    row("graph.lacking.cpu", "Graph: the same, in the server", "CPU ms", None),
    row("graph.lacking.rows", "Graph: how many these are", "", None),
    row("graph.reindex", "Graph: made anew by `plimsoll evidence reindex`", "s", Some(600.0)),
    row("graph.reindex.cpu", "Graph: the same", "CPU s", None),
    row("graph.reindex.rate", "Graph: the same", "statements/s", None),
    row("graph.reindex.rss", "Graph: memory of the same", "MiB", None),
    row("graph.fill", "Graph: filled by this benchmark", "s", None),
];

/// The whole section: terms, the table, and what could not be measured.
pub(super) fn markdown(options: &Options, outcome: &Outcome) -> String {
    let mut text = format!(
        "Medians of {} round(s), with the smallest and the largest; {}. CPU is user and system time.\n",
        options.rounds,
        machine(),
    );
    text.push_str(&table(ROWS, &outcome.figures));
    for remark in &outcome.remarks {
        // Writing to a string does not fail.
        let _ = write!(text, "\n{remark}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_figure_has_one_row() {
        let keys: std::collections::BTreeSet<&str> = ROWS.iter().map(|row| row.key).collect();
        assert_eq!(keys.len(), ROWS.len());
    }
}
