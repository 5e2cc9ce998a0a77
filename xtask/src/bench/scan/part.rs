use std::path::Path;

use anyhow::bail;

use crate::bench::part;

use super::{advisories, image, inventory, layer};

/// What this benchmark's measurements in processes of their own are asked for with.
pub(super) const COMMAND: &str = "scan-part";

/// Makes a measurement in this process, and adds its memory.
pub(super) fn run(words: &[&str]) -> anyhow::Result<String> {
    let (part, figures) = match words {
        [part @ "decode", layer] => (part, layer::measure_decoding(Path::new(layer))?),
        [part @ "advisories", directory] => (part, advisories::measure(Path::new(directory))?),
        [part @ "image", contents, directory] => {
            (part, image::measure(Path::new(contents), Path::new(directory))?)
        }
        [part @ "inventory", directory] => (part, inventory::measure(Path::new(directory))?),
        _ => bail!("`{}` is no measurement", words.join(" ")),
    };
    part::told(part, figures)
}
