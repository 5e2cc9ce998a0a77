//! What a container was seen to do, as a value.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// What was seen while the tests ran.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// Each path that a program asked for, absolute and as it was asked, with how.
    pub touched: BTreeMap<Vec<u8>, BTreeSet<Touch>>,
    /// The numbers of the system calls that were made, where they were recorded.
    pub calls: BTreeSet<i64>,
}

/// How a path was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Touch {
    /// It was opened.
    Open,
    /// It was run.
    Run,
    /// It was asked whether it is there, or what it is; a link at its end is followed.
    Look,
    /// The same, of the link itself.
    LookAtLink,
    /// It was made the working directory.
    Enter,
    /// It was to be made, changed or taken away.
    Change,
    /// A socket was to be reached.
    Connect,
}

impl Touch {
    /// As it stands in a lock.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Run => "run",
            Self::Look => "look",
            Self::LookAtLink => "look-at-link",
            Self::Enter => "enter",
            Self::Change => "change",
            Self::Connect => "connect",
        }
    }
}
