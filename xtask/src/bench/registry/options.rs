use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::workload::{WORKLOADS, Workload};
use crate::bench::side::{self, Side};

pub(super) const USAGE: &str = "\
usage: cargo xtask bench registry [OPTIONS]

Starts Plimsoll and Debian's docker-registry in turn, puts the same load on each, and prints medians.

options:
  --side NAME       measure only this side; may be repeated (plimsoll, docker-registry, or a peer's name)
  --peer NAME=CMD   one more side: a command to start, with {data} and {port} where they belong
  --url NAME=URL    one more side: a registry that runs already (its CPU is not seen)
  --only TEXT       only workloads whose name contains this text; may be repeated
  --rounds N        rounds per side (default 5)
  --quick           one round, a tenth of the operations; rough, since the kernel counts CPU in 10 ms
  --tmpfs           keep the registries' data in /dev/shm instead of target/bench
  --out FILE        write the table into FILE, between its `bench:registry` marks
  --list            name the workloads";

/// What to measure, and how.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) sides: Vec<Side>,
    pub(super) workloads: Vec<&'static Workload>,
    pub(super) rounds: usize,
    /// Every workload's number of operations is divided by this.
    pub(super) shrink: usize,
    /// Where each server's data directory is made.
    pub(super) data_parent: PathBuf,
    pub(super) out: Option<PathBuf>,
}

impl Options {
    /// Reads the command line; nothing when it asks for help.
    pub(super) fn parse(root: &Path, words: &[&str]) -> anyhow::Result<Option<Self>> {
        let mut sides = vec![side::plimsoll(root), side::docker_registry()];
        let mut chosen = Vec::new();
        let mut only = Vec::new();
        let mut options = Self {
            sides: Vec::new(),
            workloads: Vec::new(),
            rounds: 5,
            shrink: 1,
            data_parent: root.join("target/bench"),
            out: None,
        };
        let mut words = words.iter().copied();
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("`{word}` needs a value"));
            match word {
                "--side" => chosen.push(value()?),
                "--peer" => sides.push(Side::of_command(value()?)?),
                "--url" => sides.push(Side::of_url(value()?)?),
                "--only" => only.push(value()?.to_lowercase()),
                "--rounds" => options.rounds = value()?.parse().context("`--rounds` takes a number")?,
                "--out" => options.out = Some(root.join(value()?)),
                "--quick" => (options.rounds, options.shrink) = (1, 10),
                "--tmpfs" => options.data_parent = PathBuf::from("/dev/shm"),
                "--list" | "--help" | "-h" => return Ok(None),
                _ => bail!("`{word}` is no option"),
            }
        }
        options.sides = choose_sides(sides, &chosen)?;
        options.workloads = choose_workloads(&only)?;
        Ok(Some(options))
    }
}

fn choose_sides(sides: Vec<Side>, chosen: &[&str]) -> anyhow::Result<Vec<Side>> {
    if let Some(unknown) = chosen.iter().find(|name| sides.iter().all(|side| side.name != **name)) {
        bail!("there is no side `{unknown}`");
    }
    let is_wanted = |side: &Side| chosen.is_empty() || chosen.contains(&side.name.as_str());
    Ok(sides.into_iter().filter(is_wanted).collect())
}

fn choose_workloads(only: &[String]) -> anyhow::Result<Vec<&'static Workload>> {
    let is_wanted = |workload: &&Workload| {
        only.is_empty() || only.iter().any(|text| workload.name.to_lowercase().contains(text))
    };
    let chosen: Vec<&Workload> = WORKLOADS.iter().filter(is_wanted).collect();
    if chosen.is_empty() {
        bail!("no workload's name contains {only:?}");
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> anyhow::Result<Option<Options>> {
        Options::parse(Path::new("/src"), words)
    }

    #[test]
    fn both_sides_and_all_workloads_are_the_default() {
        let options = parse(&[]).unwrap().unwrap();
        let names: Vec<&str> = options.sides.iter().map(|side| side.name.as_str()).collect();
        assert_eq!(names, ["plimsoll", "docker-registry"]);
        assert_eq!((options.rounds, options.workloads.len()), (5, WORKLOADS.len()));
    }

    #[test]
    fn sides_and_workloads_are_chosen_by_name() {
        let words = ["--peer", "other=serve {data} {port}", "--side", "other", "--only", "pull 1mb"];
        let options = parse(&words).unwrap().unwrap();
        assert_eq!(options.sides.len(), 1);
        assert_eq!(options.workloads[0].name, "Pull 1MB");
        assert!(parse(&["--side", "nobody"]).is_err());
        assert!(parse(&["--only", "nothing"]).is_err());
    }

    #[test]
    fn a_wrong_word_is_refused() {
        assert!(parse(&["--round", "3"]).is_err());
        assert!(parse(&["--rounds"]).is_err());
        assert!(parse(&["--rounds", "few"]).is_err());
        assert!(parse(&["--help"]).unwrap().is_none());
    }
}
