//! Finding out which bytes of a Debian system nobody needs: the whole command, and its part after the analyser.

use std::fs::File;
use std::io::{Cursor, Write as _};
use std::process::{Command, Stdio};

use anyhow::Context as _;
use plimsoll_image::{LayerAlgorithms, LayerWalk};
use plimsoll_sbom::{LayerRecord, Spool, analyse_layer, analysis_limits};
use plimsoll_slim::waste::Waste;
use plimsoll_slim::{Census, LayerFiles};

use super::options::Options;
use crate::bench::child;
use crate::bench::figures::{median, three_digits};
use crate::bench::scan::{Layer, TAG};
use crate::bench::stopwatch::Stopwatch;

/// Measures, and tells the medians.
pub(super) fn measure(options: &Options) -> anyhow::Result<String> {
    let layer = Layer::kept_in(&options.directory)?;
    let record = record(&layer)?;
    let (mut whole, mut behind) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds.max(1) {
        let mut command = Command::new(&options.program);
        command.args(["layers", "--quiet", "--output", "json"]);
        command.arg(format!("oci:{}:{TAG}", layer.layout.display())).stdout(Stdio::null());
        whole.push(child::run(&mut command)?.cpu.as_secs_f64() * layer.scale());
        behind.push(from_record(&record)? * layer.scale());
    }
    let told = |figures: Vec<f64>| median(figures.into_iter()).map_or_else(String::new, three_digits);
    let mut text =
        String::from("| layers of a Debian system | in | target | median |\n| --- | --- | --: | --: |\n");
    text.push_str(&format!(
        "| `plimsoll layers`, the analyser included | CPU s for 379 MB | | {} |\n",
        told(whole)
    ));
    text.push_str(&format!(
        "| the same from the layer's record | CPU s for 379 MB | ≤ 1.00 | {} |\n",
        told(behind)
    ));
    Ok(text)
}

/// CPU seconds from a record to what could go.
fn from_record(record: &[u8]) -> anyhow::Result<f64> {
    let watch = Stopwatch::start();
    let files = [LayerFiles::read(&mut LayerRecord::open(Cursor::new(record))?)?];
    let waste = Waste::of(&Census::of(&files));
    anyhow::ensure!(waste.bytes > 0, "a Debian system has documentation at least");
    Ok(watch.cpu_seconds())
}

fn record(layer: &Layer) -> anyhow::Result<Vec<u8>> {
    let limits = analysis_limits();
    let walk = LayerWalk::new(File::open(&layer.packed)?, LayerAlgorithms::default(), &limits)?;
    let mut record = Vec::new();
    analyse_layer(walk, &mut Scratch, &mut record).context("analysing the layer")?;
    record.flush()?;
    Ok(record)
}

/// Large files in nameless files on disk.
struct Scratch;

impl Spool for Scratch {
    type File = File;

    fn open(&mut self) -> std::io::Result<File> {
        tempfile::tempfile()
    }
}
