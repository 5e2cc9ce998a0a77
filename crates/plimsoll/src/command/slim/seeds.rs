//! The commands that will be run in containers of the image.

use std::path::PathBuf;

use plimsoll_dockerfile::shell::Script;
use plimsoll_oci::ImageConfig;
use plimsoll_slim::Cause;
use plimsoll_slim::closure::Seed;
use serde_json::Value;

use super::manifests;
use crate::failure::Failure;

/// The commands that the user named.
pub(super) struct Seeds {
    probes: Vec<Vec<String>>,
    others: Vec<Vec<String>>,
}

impl Seeds {
    pub(super) fn read(probes: &[String], files: &[PathBuf]) -> Result<Self, Failure> {
        let mut seeds = Self {
            probes: probes.iter().map(|line| words(line)).collect::<Result<_, _>>()?,
            others: Vec::new(),
        };
        for file in files {
            let commands = manifests::read(file)?;
            seeds.probes.extend(commands.probes);
            seeds.others.extend(commands.others);
        }
        Ok(seeds)
    }

    /// The commands that are run beside the first, with that of the image's health check.
    pub(super) fn probes(&self, raw_config: &Value) -> Vec<Vec<String>> {
        self.probes.iter().cloned().chain(health_check(raw_config)).collect()
    }

    /// Every command that somebody will run, `started` among them.
    pub(super) fn all(&self, config: &ImageConfig, raw_config: &Value, started: &[String]) -> Vec<Seed> {
        let seed = |cause: Cause, words: Vec<String>| Seed { cause, words };
        let config = &config.config;
        let of_config = [config.entrypoint.iter().chain(&config.cmd).cloned().collect(), config.cmd.clone()];
        let entries = of_config.into_iter().take(if config.entrypoint.is_empty() { 2 } else { 1 });
        entries
            .chain([started.to_vec()])
            .map(|words| seed(Cause::Entrypoint, words))
            .chain(self.probes(raw_config).into_iter().map(|words| seed(Cause::Probe, words)))
            .chain(self.others.iter().cloned().map(|words| seed(Cause::Probe, words)))
            .collect()
    }
}

/// The command that a container of the image starts with.
pub(super) fn command_of(config: &ImageConfig) -> Result<Vec<String>, Failure> {
    let words: Vec<String> = config.config.entrypoint.iter().chain(&config.config.cmd).cloned().collect();
    if words.is_empty() {
        return Err(Failure::usage("the image names no command to start").help("--command CMD"));
    }
    Ok(words)
}

/// The words of a line. One that is more than a command with its words is run by the image's shell.
pub(super) fn words(line: &str) -> Result<Vec<String>, Failure> {
    let script = Script::parse(line);
    if let (None, [command]) = (script.lost_at, script.commands.as_slice()) {
        let texts: Option<Vec<String>> = command.words.iter().map(|word| word.text.clone()).collect();
        let is_plain = !line.contains(['<', '>', '&', '=', '$', '`']);
        if let Some(texts) = texts.filter(|texts| is_plain && !texts.is_empty()) {
            return Ok(texts);
        }
    }
    if line.trim().is_empty() {
        return Err(Failure::usage("a command is empty"));
    }
    Ok(vec!["/bin/sh".to_owned(), "-c".to_owned(), line.to_owned()])
}

/// The health check of a config, which image-spec has no word for and every engine writes (Docker's `HealthConfig`).
fn health_check(raw_config: &Value) -> Option<Vec<String>> {
    let test = raw_config["config"]["Healthcheck"]["Test"].as_array()?;
    let words: Vec<String> = test.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect();
    match words.split_first() {
        Some((first, rest)) if first == "CMD" => Some(rest.to_vec()).filter(|words| !words.is_empty()),
        Some((first, rest)) if first == "CMD-SHELL" => {
            Some(vec!["/bin/sh".to_owned(), "-c".to_owned(), rest.join(" ")])
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_command_where_it_can_be() {
        assert_eq!(words("redis-cli -p 6379 'a b'").unwrap(), ["redis-cli", "-p", "6379", "a b"]);
        assert_eq!(words("redis-cli ping | grep PONG").unwrap()[..2], ["/bin/sh", "-c"]);
        assert_eq!(words("echo $HOME").unwrap()[2], "echo $HOME");
        assert!(words(" ").is_err());
    }

    #[test]
    fn health_checks_are_read_in_both_forms() {
        let config = |test: Value| serde_json::json!({ "config": { "Healthcheck": { "Test": test } } });
        assert_eq!(health_check(&config(serde_json::json!(["CMD", "a", "b"]))).unwrap(), ["a", "b"]);
        assert_eq!(health_check(&config(serde_json::json!(["CMD-SHELL", "a b"]))).unwrap()[2], "a b");
        assert_eq!(health_check(&config(serde_json::json!(["NONE"]))), None);
    }
}
