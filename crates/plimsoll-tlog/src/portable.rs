//! A proof in one text file (c2sp.org/tlog-proof).

use std::fmt;
use std::str::FromStr;

use crate::hash::{Hash, leaf_hash};
use crate::note::NOTE_BYTES_MAX;
use crate::proof::{InclusionProof, ProofError};
use crate::sign::{LogVerifier, OpenError, Opened};
use crate::text;

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Most hashes: a tree has no more levels.
const HASHES_MAX: usize = 64;

/// Most bytes of a proof's text.
const TEXT_BYTES_MAX: usize = 2 * NOTE_BYTES_MAX;

/// That a log holds an entry, to be checked where no log can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogProof {
    /// What whoever made it wanted to add; nothing vouches for it.
    pub extra: Option<Vec<u8>>,
    /// The number of the entry.
    pub index: u64,
    /// From the leaf's neighbour up to the root's child.
    pub hashes: Vec<Hash>,
    /// The signed checkpoint.
    pub checkpoint: String,
}

/// Why a text is no proof, or the proof does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogProofError {
    /// The text is too long.
    #[error("the proof has {0} bytes, more than {TEXT_BYTES_MAX}")]
    TooLong(usize),
    /// The first line is another.
    #[error("the proof does not begin with `{HEADER}`")]
    Header,
    /// A line is not what it should be.
    #[error("line {line} of the proof is not {expected}")]
    Line {
        /// The number of the line, from one.
        line: usize,
        /// What should be there.
        expected: &'static str,
    },
    /// There is no empty line before the checkpoint.
    #[error("the proof has no checkpoint behind an empty line")]
    NoCheckpoint,
    /// The checkpoint is not believed.
    #[error(transparent)]
    Checkpoint(#[from] OpenError),
    /// The entry is not in the checkpoint's tree.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

impl LogProof {
    /// Checks that the log holds `entry`, and returns the checkpoint whose tree it is in.
    pub fn verify(&self, entry: &[u8], log: &LogVerifier) -> Result<Opened, LogProofError> {
        let opened = log.open(&self.checkpoint)?;
        let (size, hashes) = (opened.checkpoint.size, self.hashes.clone());
        let proof = InclusionProof { index: self.index, size, hashes };
        proof.verify(leaf_hash(entry), opened.checkpoint.root)?;
        Ok(opened)
    }
}

impl fmt::Display for LogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", text::to_base64(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for LogProof {
    type Err = LogProofError;

    fn from_str(proof: &str) -> Result<Self, Self::Err> {
        if proof.len() > TEXT_BYTES_MAX {
            return Err(LogProofError::TooLong(proof.len()));
        }
        let (head, checkpoint) = proof.split_once("\n\n").ok_or(LogProofError::NoCheckpoint)?;
        let mut lines = head.split('\n').zip(1..).peekable();
        if lines.next().is_none_or(|(line, _)| line != HEADER) {
            return Err(LogProofError::Header);
        }
        let extra = lines.next_if(|(line, _)| line.starts_with("extra "));
        let extra = extra.map(|(line, at)| {
            let bytes = line.strip_prefix("extra ").and_then(text::from_base64);
            bytes.ok_or(LogProofError::Line { line: at, expected: "`extra` and base64" })
        });
        let (line, at) = lines.next().unwrap_or_default();
        let index = line.strip_prefix("index ").and_then(text::decimal);
        let index = index.ok_or(LogProofError::Line { line: at, expected: "`index` and a number" })?;
        let mut hashes = Vec::new();
        for (line, at) in lines {
            let hash = line.parse().ok().filter(|_| hashes.len() < HASHES_MAX);
            hashes.push(hash.ok_or(LogProofError::Line { line: at, expected: "one of at most 64 hashes" })?);
        }
        Ok(Self { extra: extra.transpose()?, index, hashes, checkpoint: checkpoint.to_owned() })
    }
}
