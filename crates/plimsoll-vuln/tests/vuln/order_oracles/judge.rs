use std::cmp::Ordering;
use std::io::{Seek as _, Write as _};
use std::process::{Command, Stdio};

use plimsoll_peers::Peer;

use super::pairs::Pair;

/// What the tool says of a pair; `None` where it knows one of the two not as a version.
pub(super) type Verdict = Option<Ordering>;

/// A program that reads pairs, a line each with a tab between, and prints -1, 0, 1 or `!` for each.
pub(super) struct Judge<'a> {
    peer: &'a Peer,
    arguments: Vec<&'a str>,
}

impl<'a> Judge<'a> {
    pub(super) fn new<const N: usize>(peer: &'a Peer, arguments: [&'a str; N]) -> Self {
        Self { peer, arguments: arguments.to_vec() }
    }

    /// Whether the library is there that the program needs.
    pub(super) fn works(&self) -> bool {
        let mut command = self.command();
        command.stdin(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    /// Judges all pairs in one run of the program. It reads a file, so that it ends.
    pub(super) fn verdicts(&self, pairs: &[Pair]) -> Vec<Verdict> {
        let mut lines = tempfile::tempfile().unwrap();
        for (left, right) in pairs {
            writeln!(lines, "{left}\t{right}").unwrap();
        }
        lines.rewind().unwrap();
        let output = self.command().stdin(lines).stderr(Stdio::inherit()).output().unwrap();
        assert!(output.status.success(), "{:?}", self.peer);
        let printed = String::from_utf8(output.stdout).unwrap();
        let verdicts: Vec<_> = printed.lines().filter(|line| !line.is_empty()).map(verdict).collect();
        assert_eq!(verdicts.len(), pairs.len(), "{:?}", self.peer);
        verdicts
    }

    fn command(&self) -> Command {
        let mut command = self.peer.command();
        command.args(&self.arguments);
        command
    }
}

fn verdict(line: &str) -> Verdict {
    match line {
        "-1" => Some(Ordering::Less),
        "0" => Some(Ordering::Equal),
        "1" => Some(Ordering::Greater),
        "!" => None,
        other => panic!("no verdict: {other}"),
    }
}
