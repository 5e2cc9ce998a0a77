//! Measurements that are made in a process of their own, whose memory is then theirs alone.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};

use crate::bench::usage::Usage;

use super::{advisories, image, inventory, layer};

/// What was measured, by the key of its row.
pub(super) type Figures = BTreeMap<String, f64>;

/// Has a process make a measurement.
pub(super) fn measure(part: &str, paths: &[&Path]) -> anyhow::Result<Figures> {
    let program = std::env::current_exe().context("finding this program")?;
    let mut command = Command::new(program);
    command.args(["bench", "scan-part", part]).args(paths).stderr(Stdio::inherit());
    let output = command.output().with_context(|| format!("measuring `{part}`"))?;
    ensure!(output.status.success(), "measuring `{part}` ended with {}", output.status);
    serde_json::from_slice(&output.stdout).with_context(|| format!("reading what `{part}` measured"))
}

/// Makes a measurement in this process, and adds its memory.
pub(super) fn run(words: &[&str]) -> anyhow::Result<String> {
    let (part, mut figures) = match words {
        [part @ "decode", layer] => (part, layer::measure_decoding(Path::new(layer))?),
        [part @ "advisories", directory] => (part, advisories::measure(Path::new(directory))?),
        [part @ "image", contents, directory] => {
            (part, image::measure(Path::new(contents), Path::new(directory))?)
        }
        [part @ "inventory", directory] => (part, inventory::measure(Path::new(directory))?),
        _ => bail!("`{}` is no measurement", words.join(" ")),
    };
    let peak = Usage::of(std::process::id())?.rss_peak_bytes;
    figures.insert(format!("{part}.rss"), peak as f64 / (1 << 20) as f64);
    Ok(serde_json::to_string(&figures)?)
}
