use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

pub(super) const USAGE: &str = "\
usage: cargo xtask bench scan [OPTIONS]

Makes a Debian image, analyses it, compiles advisories, judges the image, and matches a made-up registry of 100,000
images; then lets other programs find the components of the same image. Prints medians.

options:
  --only PART         only this part; may be repeated (layer, advisories, image, inventory, peers)
  --rounds N          rounds (default 5)
  --advisories DIR    the records: files `*.jsonl.zst` in OSV's form (default ../shared/data/advisories)
  --program FILE      the program to measure (default target/release/plimsoll)
  --out FILE          write the tables into FILE, between its `bench:scan` marks";

/// The parts of a run, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Layer,
    Advisories,
    /// One image judged again, here and by a server.
    Image,
    Inventory,
    Peers,
}

impl Part {
    const ALL: [(&'static str, Self); 5] = [
        ("layer", Self::Layer),
        ("advisories", Self::Advisories),
        ("image", Self::Image),
        ("inventory", Self::Inventory),
        ("peers", Self::Peers),
    ];
}

/// What to measure, and how.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) parts: Vec<Part>,
    pub(super) rounds: usize,
    pub(super) advisories: PathBuf,
    pub(super) program: PathBuf,
    /// Where the image, the peers and a server's data are kept.
    pub(super) directory: PathBuf,
    pub(super) out: Option<PathBuf>,
}

impl Options {
    /// Reads the command line; nothing when it asks for help.
    pub(super) fn parse(root: &Path, words: &[&str]) -> anyhow::Result<Option<Self>> {
        let mut options = Self {
            parts: Vec::new(),
            rounds: 5,
            advisories: root.join("../shared/data/advisories"),
            program: root.join("target/release/plimsoll"),
            directory: root.join("target/bench"),
            out: None,
        };
        let mut words = words.iter().copied();
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("`{word}` needs a value"));
            match word {
                "--only" => options.parts.push(part(value()?)?),
                "--rounds" => options.rounds = value()?.parse().context("`--rounds` takes a number")?,
                "--advisories" => options.advisories = root.join(value()?),
                "--program" => options.program = root.join(value()?),
                "--out" => options.out = Some(root.join(value()?)),
                "--help" | "-h" => return Ok(None),
                _ => bail!("`{word}` is no option"),
            }
        }
        if options.parts.is_empty() {
            options.parts = Part::ALL.map(|(_, part)| part).to_vec();
        }
        if !options.advisories.is_dir() {
            bail!(
                "there are no advisories in `{}`: name another place with `--advisories DIR`",
                options.advisories.display()
            );
        }
        Ok(Some(options))
    }

    pub(super) fn has(&self, part: Part) -> bool {
        self.parts.contains(&part)
    }
}

fn part(name: &str) -> anyhow::Result<Part> {
    let found = Part::ALL.into_iter().find(|(known, _)| *known == name);
    found.map(|(_, part)| part).with_context(|| format!("there is no part `{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> anyhow::Result<Option<Options>> {
        Options::parse(Path::new("/src"), &[&["--advisories", "/"], words].concat())
    }

    #[test]
    fn everything_is_the_default_and_parts_are_chosen_by_name() {
        let options = parse(&[]).unwrap().unwrap();
        assert_eq!((options.parts.len(), options.rounds), (5, 5));
        let options = parse(&["--only", "peers", "--only", "layer", "--rounds", "2"]).unwrap().unwrap();
        assert!(options.has(Part::Peers) && options.has(Part::Layer) && !options.has(Part::Image));
        assert_eq!(options.rounds, 2);
    }

    #[test]
    fn a_wrong_word_is_refused() {
        assert!(parse(&["--only", "nothing"]).is_err());
        assert!(parse(&["--rounds"]).is_err());
        assert!(parse(&["--advisories", "/no/such/place"]).is_err());
        assert!(parse(&["--help"]).unwrap().is_none());
    }
}
