use std::collections::BTreeMap;

use plimsoll_dockerfile::expand::{self, expand};

use crate::BuildError;
use crate::config::Config;

/// The variables of a stage: its environment, which comes first, and its arguments.
#[derive(Clone, Debug)]
pub(super) struct Variables {
    escape: char,
    environment: BTreeMap<String, String>,
    arguments: BTreeMap<String, String>,
}

impl Variables {
    /// Those that the base sets.
    pub(super) fn of(config: &Config, escape: char) -> Self {
        let lines = config.list("Env");
        let pairs = lines.iter().filter_map(|line| line.split_once('='));
        let environment = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { escape, environment, arguments: BTreeMap::new() }
    }

    /// Replaces the variables of a word, and takes its quotes away.
    pub(super) fn expand(&self, word: &str) -> Result<String, BuildError> {
        let expanded = expand(word, self.escape, self);
        expanded.map(|expanded| expanded.text).map_err(|error| BuildError::wrong(error.to_string()))
    }

    /// Replaces the variables of a text in which quotes mean nothing.
    pub(super) fn expand_text(&self, text: &str) -> Result<String, BuildError> {
        let expanded = expand::expand_raw(text, self);
        expanded.map(|expanded| expanded.text).map_err(|error| BuildError::wrong(error.to_string()))
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.environment.insert(name.to_owned(), value.to_owned());
    }

    pub(super) fn declare(&mut self, name: &str, value: &str) {
        self.arguments.insert(name.to_owned(), value.to_owned());
    }
}

impl expand::Variables for Variables {
    fn value(&self, name: &str) -> Option<&str> {
        self.environment.get(name).or_else(|| self.arguments.get(name)).map(String::as_str)
    }
}
