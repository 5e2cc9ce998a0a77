//! Checkpoints (c2sp.org/tlog-checkpoint): a tree, named.

use std::fmt;
use std::str::FromStr;

use crate::hash::Hash;
use crate::note::NAME_BYTES_MAX;
use crate::text;

/// Most extension lines.
const EXTENSIONS_MAX: usize = 32;

/// The state of a log: whose it is, how many leaves it has, and their root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name: its address without the scheme.
    pub origin: String,
    /// The leaves of its tree.
    pub size: u64,
    /// The root of its tree.
    pub root: Hash,
    /// Lines that only the log knows the meaning of.
    pub extensions: Vec<String>,
}

/// Why a text is not a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// There are fewer than three lines, or the last one does not end.
    #[error("the checkpoint has no lines of origin, size and root")]
    Lines,
    /// The origin can name no log.
    #[error("`{0}` is not the origin of a log")]
    Origin(String),
    /// The size is no number.
    #[error("`{0}` is not a number of leaves")]
    Size(String),
    /// The root is no hash.
    #[error("`{0}` is not a root hash")]
    Root(String),
    /// The extensions are too many, or one is empty.
    #[error("the checkpoint's extension lines are empty or more than {EXTENSIONS_MAX}")]
    Extensions,
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root)?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(checkpoint: &str) -> Result<Self, Self::Err> {
        let body = checkpoint.strip_suffix('\n').ok_or(CheckpointError::Lines)?;
        let mut lines = body.split('\n');
        let (origin, size, root) = (lines.next(), lines.next(), lines.next());
        let (Some(origin), Some(size), Some(root)) = (origin, size, root) else {
            return Err(CheckpointError::Lines);
        };
        if !is_origin(origin) {
            return Err(CheckpointError::Origin(text::shortened(origin)));
        }
        let size = text::decimal(size).ok_or_else(|| CheckpointError::Size(text::shortened(size)))?;
        let root = root.parse().map_err(|_| CheckpointError::Root(text::shortened(root)))?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if extensions.len() > EXTENSIONS_MAX || extensions.iter().any(String::is_empty) {
            return Err(CheckpointError::Extensions);
        }
        Ok(Self { origin: origin.to_owned(), size, root, extensions })
    }
}

/// Origins look like addresses, but the public ones of Rekor's first version have spaces in them: they are compared, and
/// nothing is read from them.
fn is_origin(line: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&line.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";

    #[test]
    fn a_checkpoint_reads_as_it_prints() {
        for extensions in ["", "one\ntwo\n"] {
            let text = format!("example.com/behind-the-sofa\n20852163\n{ROOT}\n{extensions}");
            let read: Checkpoint = text.parse().unwrap();
            assert_eq!((read.size, read.to_string()), (20_852_163, text));
        }
    }

    #[test]
    fn what_is_no_checkpoint_is_refused() {
        use CheckpointError as Error;
        let refused = |text: String| text.parse::<Checkpoint>().unwrap_err();
        assert_eq!(refused(String::new()), Error::Lines);
        assert_eq!(refused(format!("a\n1\n{ROOT}")), Error::Lines);
        assert_eq!(refused("a\n1\n".into()), Error::Lines);
        assert_eq!(refused(format!("\n1\n{ROOT}\n")), Error::Origin(String::new()));
        assert_eq!(refused(format!("a\n01\n{ROOT}\n")), Error::Size("01".into()));
        assert_eq!(refused("a\n1\nAA==\n".into()), Error::Root("AA==".into()));
        assert_eq!(refused(format!("a\n1\n{ROOT}\n\nx\n")), Error::Extensions);
    }
}
