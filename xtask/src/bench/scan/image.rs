//! One image whose contents are known, judged again in this process.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};
use jiff::Timestamp;
use plimsoll_sbom::ImageContents;
use plimsoll_vuln::feed::Terms;
use plimsoll_vuln::index::Index;
use plimsoll_vuln::report::{Scan, ScanReport};
use plimsoll_vuln::vex::{Image, Statements};

use super::advisories;
use crate::bench::part::Figures;
use crate::bench::stopwatch::Stopwatch;

/// How often the image is judged.
const TIMES: usize = 50;

pub(super) fn measure(contents: &Path, advisories: &Path) -> anyhow::Result<Figures> {
    let bytes = fs::read(contents).with_context(|| format!("reading `{}`", contents.display()))?;
    let contents: ImageContents = serde_json::from_slice(&bytes).context("reading the image's contents")?;
    let index = Index::open(advisories::compile(advisories, |_| true)?.shards)?;
    let report = judge(&contents, &index);
    let findings = report.verdict.findings.len() + report.verdict.suppressed.len();
    ensure!(findings > 0, "nothing was found in the image");

    let watch = Stopwatch::start();
    for _ in 0..TIMES {
        std::hint::black_box(judge(&contents, &index));
    }
    let judged = watch.cpu_seconds() / TIMES as f64;
    let figures = [
        ("image.judge", judged * 1e3),
        ("image.components", report.components.len() as f64),
        ("image.findings", findings as f64),
    ];
    Ok(figures.map(|(key, value)| (key.to_owned(), value)).into())
}

fn judge(contents: &ImageContents, index: &Index) -> ScanReport {
    Scan {
        image: "bench/debian:1",
        identity: &Image { purls: Vec::new(), digests: Vec::new() },
        digest: None,
        contents,
        base: None,
        instructions: &[],
        index,
        index_digest: "",
        terms: &Terms { now: Timestamp::now(), age_days_max: None },
        statements: &Statements::new(),
        ignores: &[],
    }
    .report()
}
