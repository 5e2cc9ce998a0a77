//! Judging Dockerfiles: as a program that reads four hundred of them, and how fast their text is read.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;
use plimsoll_dockerfile::parse;

use super::options::Options;
use crate::bench::child;
use crate::bench::figures::{median, three_digits};
use crate::bench::stopwatch::Stopwatch;

/// Dockerfiles that are judged.
const FILES: usize = 400;

/// Bytes of text that is read in one piece.
const TEXT_BYTES: usize = 20_000_000;

/// Measures, and tells the medians.
pub(super) fn measure(options: &Options) -> anyhow::Result<String> {
    let files = dockerfiles(&options.dockerfiles)?;
    let directory = tempfile::tempdir().context("making a directory")?;
    let mut names = Vec::new();
    for (number, text) in files.iter().cycle().take(FILES).enumerate() {
        let name = format!("{number}.Dockerfile");
        fs::write(directory.path().join(&name), text)?;
        names.push(name);
    }
    let (mut linted, mut read) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds.max(1) {
        // Findings are no failure here.
        let mut command = Command::new("sh");
        command.args(["-c", "\"$0\" lint --quiet --output json \"$@\" || [ $? = 1 ]"]).arg(&options.program);
        command.args(&names).current_dir(directory.path()).stdout(Stdio::null()).stderr(Stdio::null());
        linted.push(child::run(&mut command)?.wall.as_secs_f64());
        read.push(megabytes_a_second(&files));
    }
    let told = |figures: Vec<f64>| median(figures.into_iter()).map_or_else(String::new, three_digits);
    let mut text =
        format!("| {FILES} Dockerfiles, {} of them different | in | target | median |\n", files.len());
    text.push_str("| --- | --- | --: | --: |\n");
    text.push_str(&format!("| `plimsoll lint`, all in one run | s | ≤ 0.50 | {} |\n", told(linted)));
    text.push_str(&format!("| parsed | MB/s | ≥ 50 | {} |\n", told(read)));
    Ok(text)
}

/// The Dockerfiles of a directory.
fn dockerfiles(directory: &Path) -> anyhow::Result<Vec<Vec<u8>>> {
    let list = fs::read_dir(directory).with_context(|| format!("listing `{}`", directory.display()))?;
    let mut paths: Vec<_> = list.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    paths.retain(|path| path.is_file());
    paths.sort();
    anyhow::ensure!(!paths.is_empty(), "there are no files in `{}`", directory.display());
    paths.iter().map(|path| fs::read(path).with_context(|| format!("reading `{}`", path.display()))).collect()
}

fn megabytes_a_second(files: &[Vec<u8>]) -> f64 {
    let sound = files.iter().filter(|text| parse((*text).clone()).errors().is_empty());
    let whole: Vec<u8> = sound.flat_map(|text| [text.as_slice(), b"\n"].concat()).collect();
    let text = whole.repeat(TEXT_BYTES / whole.len().max(1) + 1);
    let bytes = text.len() as f64;
    let watch = Stopwatch::start();
    let document = parse(text);
    let seconds = watch.wall_seconds();
    drop(document);
    bytes / 1e6 / seconds
}
