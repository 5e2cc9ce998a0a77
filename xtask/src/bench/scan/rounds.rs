use std::collections::BTreeMap;

use anyhow::Context as _;

use super::layer::Layer;
use super::options::{Options, Part};
use super::part::COMMAND;
use super::peers::{self, Finder, Found};
use super::serving;
use crate::bench::part::{Figures, measure};

/// What all rounds showed.
pub(super) struct Outcome {
    /// For each key, the figure of each round.
    pub(super) figures: BTreeMap<String, Vec<f64>>,
    /// The programs that found components, with what each round showed.
    pub(super) finders: Vec<(Finder, Vec<Found>)>,
    /// What could not be measured, and why.
    pub(super) remarks: Vec<String>,
    pub(super) layer: Layer,
}

/// Measures everything that is asked for, as many times as asked for.
pub(super) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let layer = Layer::kept_in(&options.directory.join("scan"))?;
    let (finders, remarks) = match options.has(Part::Peers) {
        true => peers::finders(&options.program, &options.directory),
        false => (Vec::new(), Vec::new()),
    };
    let finders = finders.into_iter().map(|finder| (finder, Vec::new())).collect();
    let mut outcome = Outcome { figures: BTreeMap::new(), finders, remarks, layer };
    for round in 1..=options.rounds {
        for part in &options.parts {
            eprintln!("round {round} of {}: {part:?}", options.rounds);
            outcome.add(*part, options).with_context(|| format!("measuring {part:?}"))?;
        }
    }
    Ok(outcome)
}

impl Outcome {
    fn add(&mut self, part: Part, options: &Options) -> anyhow::Result<()> {
        let advisories = options.advisories.as_path();
        match part {
            Part::Layer => {
                let spool = options.directory.join("scan");
                self.note(self.layer.measure_analyser(&options.program, &spool)?);
                self.note(measure(COMMAND, "decode", &[&self.layer.packed])?);
            }
            Part::Advisories => self.note(measure(COMMAND, "advisories", &[advisories])?),
            Part::Image => {
                self.note(serving::measure(options, &self.layer)?);
                self.note(measure(COMMAND, "image", &[&serving::contents_file(options), advisories])?);
            }
            Part::Inventory => self.note(measure(COMMAND, "inventory", &[advisories])?),
            Part::Peers => {
                for (finder, found) in &mut self.finders {
                    let layout = &self.layer.layout;
                    let this = finder.find(layout, &options.directory.join("scan"));
                    found.push(this.with_context(|| format!("measuring `{}`", finder.name))?);
                }
            }
        }
        Ok(())
    }

    fn note(&mut self, figures: Figures) {
        for (key, value) in figures {
            self.figures.entry(key).or_default().push(value);
        }
    }
}
