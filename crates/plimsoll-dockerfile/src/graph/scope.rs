use std::collections::BTreeMap;

use super::BuildChoice;
use crate::document::Document;
use crate::expand::{ExpandError, Expanded, Variables, expand};
use crate::instruction::{Instruction, Keyword};

/// Most bytes that the variables of a scope hold together. What comes after is not known.
const SCOPE_BYTES_MAX: usize = 8 << 20;

/// The arguments that `BuildKit` sets by itself, with what they hold on a usual machine.
const PREDEFINED: &[(&str, &str)] = &[
    ("BUILDPLATFORM", "linux/amd64"),
    ("BUILDOS", "linux"),
    ("BUILDOSVERSION", ""),
    ("BUILDARCH", "amd64"),
    ("BUILDVARIANT", ""),
    ("TARGETPLATFORM", "linux/amd64"),
    ("TARGETOS", "linux"),
    ("TARGETOSVERSION", ""),
    ("TARGETARCH", "amd64"),
    ("TARGETVARIANT", ""),
    ("TARGETSTAGE", "default"),
];

/// Whether `BuildKit` sets an argument by itself.
pub(super) fn is_automatic(name: &str) -> bool {
    PREDEFINED.iter().any(|(its, _)| *its == name)
}

/// The variables that are known at a place of a Dockerfile.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    values: BTreeMap<String, String>,
    bytes: usize,
}

impl Scope {
    /// What is known before the first stage: what `BuildKit` sets, and the `ARG`s there.
    pub fn global(document: &Document, choice: BuildChoice<'_>) -> Self {
        let mut scope = Self::default();
        let given = choice.arguments;
        for (name, usual) in PREDEFINED {
            let usual = (!choice.is_platform_unknown).then(|| (*usual).to_owned());
            if let Some(value) = given.and_then(|given| given.get(*name)).cloned().or(usual) {
                scope.set(name, value);
            }
        }
        let before = document.instructions().iter().take_while(|instruction| !instruction.is(Keyword::From));
        for (name, default, _) in before.flat_map(Instruction::declared) {
            let given = given.and_then(|given| given.get(name)).cloned();
            let default = || scope.expand(default?, document.escape()).ok().map(|expanded| expanded.text);
            if let Some(value) = given.or_else(default) {
                scope.set(name, value);
            }
        }
        scope
    }

    /// Replaces the variables of a word.
    pub fn expand(&self, word: &str, escape: char) -> Result<Expanded, ExpandError> {
        expand(word, escape, self)
    }

    /// Sets a variable.
    pub fn set(&mut self, name: &str, value: String) {
        self.bytes += name.len() + value.len();
        if self.bytes <= SCOPE_BYTES_MAX {
            self.values.insert(name.to_owned(), value);
        }
    }

    /// The names of the variables that are known.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }
}

impl Variables for Scope {
    fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }
}
