use std::collections::HashMap;

use plimsoll_dockerfile::Document;
use plimsoll_dockerfile::graph::{BuildChoice, Graph};
use plimsoll_dockerfile::instruction::{Instruction, Keyword};

use crate::ImageLayers;

/// Which layer of an image each instruction of its Dockerfile made.
///
/// A `RUN` is known by its text. Builders write other words for `COPY` and `ADD`, so these are counted from the last one
/// back. An image that was built from another text has no layers for what was changed.
#[derive(Debug)]
pub(super) struct LayerOf {
    layers: HashMap<usize, usize>,
    /// Below this layer lies the base.
    first: usize,
}

impl LayerOf {
    pub(super) fn of(document: &Document, image: &ImageLayers) -> Self {
        let graph = Graph::of(document, BuildChoice::default());
        let mut stages = graph.shipping();
        stages.reverse();
        let shipped: Vec<(usize, &Instruction)> = stages
            .iter()
            .filter_map(|stage| graph.stages.get(*stage))
            .flat_map(|stage| stage.instructions.clone())
            .filter_map(|index| Some((index, document.instructions().get(index)?)))
            .collect();
        let mut layers = HashMap::new();
        pair_runs(&shipped, image, &mut layers);
        pair_copies(&shipped, image, &mut layers);
        let first = layers.values().copied().min().unwrap_or(usize::MAX);
        Self { layers, first }
    }

    /// The layer that an instruction made, counted from 1 at the base.
    pub(super) fn get(&self, instruction: usize) -> Option<usize> {
        self.layers.get(&instruction).copied()
    }

    /// Whether a layer lies below all that the Dockerfile made.
    pub(super) fn is_base(&self, layer: usize) -> bool {
        layer < self.first
    }

    /// Whether the Dockerfile made a layer.
    pub(super) fn is_built(&self, layer: usize) -> bool {
        self.layers.values().any(|own| *own == layer)
    }
}

fn pair_runs(shipped: &[(usize, &Instruction)], image: &ImageLayers, layers: &mut HashMap<usize, usize>) {
    let mut above = 0;
    for (index, instruction) in shipped.iter().filter(|(_, instruction)| instruction.is(Keyword::Run)) {
        let Some(text) = instruction.shell_text() else { continue };
        let text = format!("RUN {}", plain(&text.text));
        let is_same = |layer: &&crate::LayerSummary| {
            layer.number > above && layer.instruction.as_deref().map(plain).as_deref() == Some(&*text)
        };
        if let Some(layer) = image.layers.iter().find(is_same) {
            above = layer.number;
            layers.insert(*index, layer.number);
        }
    }
}

/// A command without what builders change: blanks, and continuations.
fn plain(text: &str) -> String {
    text.split_whitespace().filter(|word| *word != "\\").collect::<Vec<_>>().join(" ")
}

fn pair_copies(shipped: &[(usize, &Instruction)], image: &ImageLayers, layers: &mut HashMap<usize, usize>) {
    let is_copy = |instruction: &Instruction| instruction.is(Keyword::Copy) || instruction.is(Keyword::Add);
    let written = shipped.iter().rev().filter(|(_, instruction)| is_copy(instruction));
    let is_made_so = |instruction: &str| instruction.starts_with("COPY ") || instruction.starts_with("ADD ");
    let made = image.layers.iter().rev().filter(|layer| layer.instruction.as_deref().is_some_and(is_made_so));
    for ((index, _), layer) in written.zip(made) {
        layers.insert(*index, layer.number);
    }
}
