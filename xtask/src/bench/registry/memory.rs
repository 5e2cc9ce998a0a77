//! Memory that the kernel has at hand.
//!
//! A virtual machine whose balloon reports free pages gives them back to its host within seconds. The first to
//! touch such a page again pays for a fault in the host, some 3 s for each GB, and in a guest that looks like
//! CPU time of its own: of whoever happens to write next, not of the registry under test.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;

use super::content::MIB;

/// What a load takes beside the bytes that it moves.
const SLACK_BYTES: u64 = 64 << 20;

/// Brings pages for `bytes` of page cache into this machine and leaves them free.
pub(super) fn warm(directory: &Path, bytes: u64) -> anyhow::Result<()> {
    let mut file = tempfile::tempfile_in(directory).context("making a file to warm memory with")?;
    fill(&mut file, bytes + SLACK_BYTES).context("warming memory")
}

fn fill(file: &mut File, bytes: u64) -> std::io::Result<()> {
    let chunk = vec![0; MIB];
    let mut left = bytes;
    while left > 0 {
        let length = left.min(MIB as u64);
        file.write_all(&chunk[..usize::try_from(length).unwrap_or(MIB)])?;
        left -= length;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_that_warms_is_as_long_as_asked_for() {
        let mut file = tempfile::tempfile().unwrap();
        fill(&mut file, 3 * MIB as u64 + 5).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 3 * MIB as u64 + 5);
    }

    #[test]
    fn nothing_is_left_behind() {
        let directory = tempfile::tempdir().unwrap();
        warm(directory.path(), 0).unwrap();
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
