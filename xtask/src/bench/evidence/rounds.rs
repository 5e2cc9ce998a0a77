use std::collections::BTreeMap;

use anyhow::Context as _;

use crate::bench::part::{Figures, measure};

use super::graph::Graph;
use super::image::SignedImage;
use super::options::{Options, Part};
use super::part::COMMAND;

/// What all rounds showed.
#[derive(Default)]
pub(super) struct Outcome {
    /// For each key, the figure of each round.
    pub(super) figures: BTreeMap<String, Vec<f64>>,
    /// What could not be measured, and why.
    pub(super) remarks: Vec<String>,
}

/// Measures everything that is asked for, as many times as asked for.
pub(super) fn run(options: &Options) -> anyhow::Result<Outcome> {
    std::fs::create_dir_all(&options.directory)
        .with_context(|| format!("making `{}`", options.directory.display()))?;
    let mut outcome = Outcome::default();
    let image = match options.parts.contains(&Part::Image) {
        true => Some(SignedImage::serve(options)?),
        false => None,
    };
    let graph = match options.parts.contains(&Part::Graph) {
        true => Some(Graph::serve(options)?),
        false => None,
    };
    outcome.remarks.extend(image.as_ref().and_then(SignedImage::remark));
    for round in 1..=options.rounds {
        for part in &options.parts {
            eprintln!("round {round} of {}: {part:?}", options.rounds);
            let nothing = || Ok(Figures::new());
            let figures = match part {
                Part::Bundle => measure(COMMAND, "bundle", &[]),
                Part::Log => measure(COMMAND, "log", &[&options.directory]),
                Part::Tree => measure(COMMAND, "tree", &[]),
                Part::Image => image.as_ref().map_or_else(nothing, SignedImage::measure),
                Part::Graph => graph.as_ref().map_or_else(nothing, Graph::measure),
            };
            outcome.note(figures.with_context(|| format!("measuring {part:?}"))?);
        }
    }
    Ok(outcome)
}

impl Outcome {
    fn note(&mut self, figures: Figures) {
        for (key, value) in figures {
            self.figures.entry(key).or_default().push(value);
        }
    }
}
