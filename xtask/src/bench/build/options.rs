use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

pub(super) const USAGE: &str = "\
usage: cargo xtask bench build [OPTIONS]

Builds an image that copies 50 MB, with buildah beside it; follows what a program of a Debian system needs; tells what
of such a system could go; judges 400 Dockerfiles. Prints medians.

options:
  --only PART         only this part; may be repeated (assembler, closure, layers, lint)
  --rounds N          rounds (default 5)
  --program FILE      the program to measure (default target/release/plimsoll)
  --dockerfiles DIR   files to judge (default crates/plimsoll-dockerfile/tests/fixtures)
  --buildah FILE      buildah (default /usr/bin/buildah)
  --out FILE          write the tables into FILE, between its `bench:build` marks";

/// The parts of a run, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// An image that only copies.
    Assembler,
    /// What a program needs.
    Closure,
    /// What of an image could go.
    Layers,
    /// Dockerfiles that are judged.
    Lint,
}

impl Part {
    const ALL: [(&'static str, Self); 4] = [
        ("assembler", Self::Assembler),
        ("closure", Self::Closure),
        ("layers", Self::Layers),
        ("lint", Self::Lint),
    ];
}

/// What to measure, and how.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) parts: Vec<Part>,
    pub(super) rounds: usize,
    pub(super) program: PathBuf,
    pub(super) buildah: PathBuf,
    pub(super) dockerfiles: PathBuf,
    /// Where the Debian system is kept.
    pub(super) directory: PathBuf,
    pub(super) out: Option<PathBuf>,
}

impl Options {
    /// Reads the command line; nothing when it asks for help.
    pub(super) fn parse(root: &Path, words: &[&str]) -> anyhow::Result<Option<Self>> {
        let mut options = Self {
            parts: Vec::new(),
            rounds: 5,
            program: root.join("target/release/plimsoll"),
            buildah: "/usr/bin/buildah".into(),
            dockerfiles: root.join("crates/plimsoll-dockerfile/tests/fixtures"),
            directory: root.join("target/bench"),
            out: None,
        };
        let mut words = words.iter().copied();
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("`{word}` needs a value"));
            match word {
                "--only" => options.parts.push(part(value()?)?),
                "--rounds" => options.rounds = value()?.parse().context("`--rounds` takes a number")?,
                "--program" => options.program = root.join(value()?),
                "--dockerfiles" => options.dockerfiles = root.join(value()?),
                "--buildah" => options.buildah = root.join(value()?),
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
