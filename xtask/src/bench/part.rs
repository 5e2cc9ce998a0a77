//! Measurements that are made in a process of their own, whose memory is then theirs alone.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

use super::usage::Usage;

/// What was measured, by the key of its row.
pub(super) type Figures = BTreeMap<String, f64>;

/// Has a process make a measurement: `cargo xtask bench COMMAND PART PATHS`.
pub(super) fn measure(command: &str, part: &str, paths: &[&Path]) -> anyhow::Result<Figures> {
    let program = std::env::current_exe().context("finding this program")?;
    let mut process = Command::new(program);
    process.args(["bench", command, part]).args(paths).stderr(Stdio::inherit());
    let output = process.output().with_context(|| format!("measuring `{part}`"))?;
    ensure!(output.status.success(), "measuring `{part}` ended with {}", output.status);
    serde_json::from_slice(&output.stdout).with_context(|| format!("reading what `{part}` measured"))
}

/// What this process measured, with its memory, as the process that asked for it reads it.
pub(super) fn told(part: &str, mut figures: Figures) -> anyhow::Result<String> {
    let peak = Usage::of(std::process::id())?.rss_peak_bytes;
    figures.insert(format!("{part}.rss"), peak as f64 / (1 << 20) as f64);
    Ok(serde_json::to_string(&figures)?)
}
