use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// How many ids a tally remembers for each reason.
const EXAMPLES_MAX: usize = 3;

/// Why a record, or a part of it, is not in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// Its publisher took it back.
    Withdrawn,
    /// It is not of the form that its format asks for.
    Malformed,
    /// No order of versions is known for its ecosystem.
    UnknownEcosystem,
    /// Its ecosystem's order refuses a version.
    UnparsableVersion,
    /// It names no package, no version, or only commits.
    NothingToMatch,
    /// Another record of the same id says the same, or is newer.
    Superseded,
    /// Its publisher has not looked at it yet.
    Undetermined,
    /// Larger than a record may be.
    TooLarge,
}

impl Refusal {
    /// The reason in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Withdrawn => "withdrawn",
            Self::Malformed => "malformed",
            Self::UnknownEcosystem => "of an unknown ecosystem",
            Self::UnparsableVersion => "with a version that is none",
            Self::NothingToMatch => "without a package and version",
            Self::Superseded => "superseded by another record of the same id",
            Self::Undetermined => "not yet judged by the publisher",
            Self::TooLarge => "larger than the limit for a record",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What became of the records of a source: every record read is kept, or refused for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    /// Records read.
    pub read: u64,
    /// Records of which at least one package is in the index.
    pub kept: u64,
    /// Records of which nothing is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refused: BTreeMap<Refusal, Refused>,
    /// Parts of records that are kept otherwise.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<Refusal, Refused>,
    /// Records that say they were changed after the index was built. They count, but make no data newer.
    #[serde(default, skip_serializing_if = "Refused::is_never")]
    pub dated_ahead: Refused,
}

/// How often something was met, and where for example.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// How often.
    pub count: u64,
    /// The first ids in the order of text, so that they do not depend on the order of reading.
    pub examples: Vec<String>,
}

impl Tally {
    /// The records that are refused for `reason`.
    pub fn refused_for(&self, reason: Refusal) -> u64 {
        self.refused.get(&reason).map_or(0, |refused| refused.count)
    }

    pub(crate) fn refuse(&mut self, reason: Refusal, id: &str) {
        self.refused.entry(reason).or_default().add(id);
    }

    pub(crate) fn leave_out(&mut self, reason: Refusal, id: &str) {
        self.left_out.entry(reason).or_default().add(id);
    }
}

impl Refused {
    fn is_never(&self) -> bool {
        self.count == 0
    }

    pub(super) fn add(&mut self, id: &str) {
        self.count += 1;
        let place = self.examples.partition_point(|example| example.as_str() < id);
        if place < EXAMPLES_MAX && self.examples.get(place).is_none_or(|example| example != id) {
            self.examples.insert(place, id.chars().take(100).collect());
            self.examples.truncate(EXAMPLES_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_do_not_depend_on_the_order_of_reading() {
        let tally = |ids: &[&str]| {
            let mut tally = Tally::default();
            ids.iter().for_each(|id| tally.refuse(Refusal::Malformed, id));
            tally
        };
        let there = tally(&["d", "b", "b", "a", "c"]);
        assert_eq!(there, tally(&["a", "c", "d", "b", "b"]));
        assert_eq!(there.refused[&Refusal::Malformed].examples, ["a", "b", "c"]);
        assert_eq!(there.refused_for(Refusal::Malformed), 5);
    }
}
