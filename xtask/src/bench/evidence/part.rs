use std::path::Path;

use anyhow::bail;

use crate::bench::part;

use super::{bundle, log, tree};

/// What this benchmark's measurements in processes of their own are asked for with.
pub(super) const COMMAND: &str = "evidence-part";

/// Makes a measurement in this process, and adds its memory.
pub(super) fn run(words: &[&str]) -> anyhow::Result<String> {
    let (part, figures) = match words {
        [part @ "bundle"] => (part, bundle::measure()?),
        [part @ "log", directory] => (part, log::measure(Path::new(directory))?),
        [part @ "tree"] => (part, tree::measure()?),
        _ => bail!("`{}` is no measurement", words.join(" ")),
    };
    part::told(part, figures)
}
