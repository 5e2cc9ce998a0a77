//! What the caller and the supervisor say to each other: lines of JSON on the supervisor's standard input and output.

use std::io::{self, BufRead, Write};
use std::path::PathBuf;

use plimsoll_slim::trace::Touch;
use serde::{Deserialize, Serialize};

use crate::user::User;

/// Longest line that is read.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// What is to be run, and in what.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    /// The image's files.
    pub(crate) rootfs: PathBuf,
    /// An empty directory on a disk, where what the container writes goes.
    pub(crate) scratch: PathBuf,
    /// The command.
    pub(crate) program: Inside,
    /// Ports in the container that are to be reached.
    pub(crate) ports: Vec<u16>,
    /// Whether every system call is recorded, and not the paths alone.
    pub(crate) records_calls: bool,
    /// A process of the container whose view of the files is to be shared.
    pub(crate) beside: Option<i32>,
}

/// A command in the container.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Inside {
    /// Its words.
    pub(crate) words: Vec<String>,
    /// The environment, each `NAME=value`.
    pub(crate) environment: Vec<String>,
    /// The working directory.
    pub(crate) directory: String,
    /// Whom it runs as.
    pub(crate) user: User,
    /// Whether other groups can be taken: not where there is but one user.
    pub(crate) takes_groups: bool,
}

/// From the caller to the supervisor.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Request {
    /// Begin.
    Start(Box<Order>),
    /// The maps of users and groups are written.
    Mapped,
    /// Run this too, beside the first.
    Run {
        /// Its words.
        words: Vec<String>,
    },
    /// Ask the container to end with this signal, and end it after this time.
    Stop {
        /// The signal's number.
        signal: i32,
        /// How long it may take.
        grace_ms: u64,
    },
}

/// From the supervisor to the caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Report {
    /// The user namespace is there, and waits for its maps.
    Unshared,
    /// The container runs, and this port of the machine leads to its first port.
    Started {
        /// A port of the machine for each that was asked for.
        ports: Vec<u16>,
    },
    /// Something listens on every port.
    Ready,
    /// A command that was run beside the first has ended.
    Ran {
        /// Its exit code, 128 and more after a signal.
        code: i32,
    },
    /// Paths that were asked for since the last report.
    Touched(Vec<(Vec<u8>, Touch)>),
    /// System calls that were made.
    Calls(Vec<i64>),
    /// Something that happened could not be read: the trace is not whole.
    Lost(String),
    /// The container has ended; nothing follows.
    Ended {
        /// Its exit code, 128 and more after a signal.
        code: i32,
    },
    /// It could not be started.
    Failed(String),
}

/// Writes one message.
pub(crate) fn send(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    to.write_all(&line)?;
    to.flush()
}

/// Reads one message; nothing at the end.
pub(crate) fn receive<T: for<'de> Deserialize<'de>>(from: &mut impl BufRead) -> io::Result<Option<T>> {
    let mut line = Vec::new();
    let count = io::Read::take(from, LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
    if count == 0 {
        return Ok(None);
    }
    if line.last() != Some(&b'\n') {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a message is too long or was cut off"));
    }
    Ok(Some(serde_json::from_slice(&line)?))
}
