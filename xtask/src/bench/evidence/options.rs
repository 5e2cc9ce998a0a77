use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

pub(super) const USAGE: &str = "\
usage: cargo xtask bench evidence [OPTIONS]

Verifies bundles, and an image with forty of them, with cosign beside it; appends to the log; proves leaves of a tree of
ten million; asks a server that holds much evidence. Prints medians.

options:
  --only PART         only this part; may be repeated (bundle, image, log, tree,
                      graph)
  --rounds N          rounds (default 5)
  --images N          images of the graph, each with ten statements (default 100000)
  --program FILE      the program to measure (default target/release/plimsoll)
  --cosign FILE       cosign (default target/peers/bin/cosign)
  --directory DIR     where data is kept meanwhile (default target/bench); the graph takes 10 GB there
  --out FILE          write the tables into FILE, between its `bench:evidence` marks";

/// The parts of a run, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Bundle,
    /// An image with many bundles, verified by the programs.
    Image,
    Log,
    Tree,
    /// A server with many images and statements.
    Graph,
}

impl Part {
    const ALL: [(&'static str, Self); 5] = [
        ("bundle", Self::Bundle),
        ("image", Self::Image),
        ("log", Self::Log),
        ("tree", Self::Tree),
        ("graph", Self::Graph),
    ];
}

/// What to measure, and how.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) parts: Vec<Part>,
    pub(super) rounds: usize,
    pub(super) images: u64,
    pub(super) program: PathBuf,
    pub(super) cosign: PathBuf,
    /// Where what is measured is kept.
    pub(super) directory: PathBuf,
    pub(super) out: Option<PathBuf>,
}

impl Options {
    /// Reads the command line; nothing when it asks for help.
    pub(super) fn parse(root: &Path, words: &[&str]) -> anyhow::Result<Option<Self>> {
        let mut options = Self {
            parts: Vec::new(),
            rounds: 5,
            images: 100_000,
            program: root.join("target/release/plimsoll"),
            cosign: root.join("target/peers/bin/cosign"),
            directory: root.join("target/bench"),
            out: None,
        };
        let mut words = words.iter().copied();
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("`{word}` needs a value"));
            match word {
                "--only" => options.parts.push(part(value()?)?),
                "--rounds" => options.rounds = value()?.parse().context("`--rounds` takes a number")?,
                "--images" => options.images = value()?.parse().context("`--images` takes a number")?,
                "--program" => options.program = root.join(value()?),
                "--cosign" => options.cosign = root.join(value()?),
                "--directory" => options.directory = root.join(value()?),
                "--out" => options.out = Some(root.join(value()?)),
                "--help" | "-h" => return Ok(None),
                _ => bail!("`{word}` is no option"),
            }
        }
        if options.parts.is_empty() {
            options.parts = Part::ALL.map(|(_, part)| part).to_vec();
        }
        Ok(Some(options))
    }
}

fn part(name: &str) -> anyhow::Result<Part> {
    let found = Part::ALL.into_iter().find(|(known, _)| *known == name);
    found.map(|(_, part)| part).with_context(|| format!("there is no part `{name}`"))
}
