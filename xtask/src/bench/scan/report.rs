//! The tables that go to docs/benchmarks.md.

use std::fmt::Write as _;

use crate::bench::figures::{machine, mebibytes, median, three_digits};
use crate::bench::table::{Row, row, table};

use super::fleet::{COMPONENTS, IMAGES};
use super::options::Options;
use super::peers::{Finder, Found};
use super::rounds::Outcome;

#[rustfmt::skip]
const ROWS: &[Row] = &[
    row("layer.decode", "Layer: decoded, both digests", "CPU s for 379 MB", Some(1.0)),
    row("layer.analyse", "Layer: analysed", "CPU s for 379 MB", Some(1.6)),
    row("layer.rss", "Layer: analysed, peak memory", "MiB", Some(64.0)),
    row("advisories.ingest", "Advisories: read and compiled", "CPU s", Some(2.0)),
    row("advisories.bytes", "Advisories: all shards", "MB", Some(4.0)),
    row("advisories.open", "Advisories: all shards opened", "CPU ms", Some(0.2)),
    row("image.judge", "Image: judged again", "CPU ms", Some(10.0)),
    row("serving.cpu", "Image: judged again and sent by the server", "CPU ms", None),
    row("serving.latency", "Image: the same, as the client waits", "ms", Some(10.0)),
    row("inventory.take_components", "Registry: components taken in", "CPU s", None),
    row("inventory.take_images", "Registry: images taken in", "CPU s", None),
    row("inventory.first", "Registry: the first advisories come", "CPU s", None),
    row("inventory.again", "Registry: an ecosystem goes, all components held against the rest", "CPU s", Some(2.0)),
    row("inventory.again.wall", "Registry: the same, by the clock", "s", None),
    row("inventory.touched", "Registry: 1,000 changed advisories to the affected images", "CPU ms", Some(100.0)),
    row("inventory.touched.wall", "Registry: the same, by the clock", "ms", Some(100.0)),
    row("inventory.changed", "Registry: the same, until all is matched again", "CPU ms", None),
    row("inventory.kev", "Registry: the list of exploited CVEs goes", "CPU ms", None),
    row("inventory.locate", "Registry: where is a vulnerability", "CPU ms", None),
    row("inventory.counts", "Registry: findings counted by severity", "CPU ms", None),
    row("inventory.put_again", "Registry: an image noted again", "CPU µs", None),
    row("inventory.rss", "Registry: peak memory, advisories compiled beforehand", "MiB", None),
];

/// The whole section: terms, the tables, and what could not be measured.
pub(super) fn markdown(options: &Options, outcome: &Outcome) -> String {
    let layer = &outcome.layer;
    let mut text = format!(
        "Medians of {} round(s), with the smallest and the largest; {}. CPU is user and system time, of children too. \
         MB is 10^6 bytes.\n\nThe layer is a Debian 11 system without its security updates, with nginx, python3, a JRE, \
         git and nodejs: {:.0} MB, {:.0} MB of gzip. Its figures are divided by {:.2}, to be those of 379 MB.\n",
        options.rounds,
        machine(),
        layer.unpacked_bytes as f64 / 1e6,
        layer.packed_bytes as f64 / 1e6,
        1.0 / layer.scale(),
    );
    text.push_str(&sizes(outcome));
    text.push_str(&table(ROWS, &outcome.figures));
    text.push_str(&peers(&outcome.finders));
    for remark in &outcome.remarks {
        // Writing to a string does not fail.
        let _ = write!(text, "\n{remark}\n");
    }
    text
}

/// How large what was measured is.
fn sizes(outcome: &Outcome) -> String {
    let of = |key| median(outcome.figures.get(key)?.iter().copied()).map(|value| format!("{value:.0}"));
    let mut text = String::new();
    if let Some((read, records)) = of("advisories.read").zip(of("advisories.records")) {
        let _ = write!(
            text,
            "The {read} records are OSV's, CISA's list and CVSS vectors; they become {records} rows. "
        );
    }
    if let Some((components, findings)) = of("image.components").zip(of("image.findings")) {
        let _ =
            write!(text, "The image has {components} components and {findings} findings, counted or not. ");
    }
    if let Some((findings, events)) = of("inventory.findings").zip(of("inventory.events")) {
        let affected = of("inventory.affected").unwrap_or_default();
        let _ = write!(
            text,
            "The registry has {IMAGES} images with some 300 of {COMPONENTS} distinct components each; a quarter of these \
             have names of which advisories speak, and {findings} findings. The changed advisories are {events} events \
             in {affected} images. "
        );
    }
    if text.is_empty() { text } else { format!("{}\n", text.trim_end()) }
}

fn peers(finders: &[(Finder, Vec<Found>)]) -> String {
    if finders.is_empty() {
        return String::new();
    }
    let mut text = "\nFrom the image, as an OCI layout, to a list of its components. What is counted as a component differs; \
                    matching is not compared, since the others' advisories are not these.\n\n\
                    | program | CPU s | s | peak memory MiB | components |\n|---|--:|--:|--:|--:|\n"
        .to_owned();
    for (finder, rounds) in finders {
        let of = |figure: &dyn Fn(&Found) -> f64| {
            median(rounds.iter().map(figure)).map_or_else(String::new, three_digits)
        };
        let rss =
            median(rounds.iter().map(|found| found.taken.rss_peak_bytes)).map_or_else(String::new, mebibytes);
        let components = rounds.last().map_or(0, |found| found.components);
        let _ = writeln!(
            text,
            "| {} | {} | {} | {rss} | {components} |",
            finder.version().unwrap_or_else(|_| finder.name.to_owned()),
            of(&|found| found.taken.cpu.as_secs_f64()),
            of(&|found| found.taken.wall.as_secs_f64()),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::scan::layer::Layer;

    #[test]
    fn rows_show_what_was_measured_and_nothing_else() {
        let layer = Layer {
            packed: "/packed".into(),
            packed_bytes: 1,
            unpacked_bytes: 758_000_000,
            layout: "/layout".into(),
        };
        let figures = [("layer.analyse".to_owned(), vec![1.5, 1.25, 2.0])].into();
        let outcome = Outcome { figures, finders: Vec::new(), remarks: vec!["No Go.".to_owned()], layer };
        let text = table(ROWS, &outcome.figures);
        assert!(
            text.ends_with("| Layer: analysed | CPU s for 379 MB | ≤ 1.60 | 1.50 | 1.25 to 2.00 |\n"),
            "{text}"
        );
        assert_eq!(text.lines().count(), 4, "{text}");
        assert_eq!((sizes(&outcome), peers(&[])), (String::new(), String::new()));
        let keys: std::collections::BTreeSet<&str> = ROWS.iter().map(|row| row.key).collect();
        assert_eq!(keys.len(), ROWS.len());
    }
}
