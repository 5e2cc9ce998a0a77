use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use plimsoll_sbom::{AnalyseError, analyse_layer, analysis_limits};

use crate::{sandbox, spool};

/// How the child's work ended.
#[derive(Debug)]
pub enum ChildOutcome {
    /// The record is on standard output.
    Analysed,
    /// The layer is at fault: trying again would end in the same way.
    Refused(AnalyseError),
    /// Something else is: the disk, or a kernel without what the sandbox needs.
    Failed(io::Error),
}

/// Bytes of the record that are written at a time.
const WRITE_BYTES: usize = 256 << 10;

/// Reads a layer from standard input and writes its record to standard output, with files in `spool` and nothing else of
/// the machine.
pub fn analyse_stdin(spool: &Path) -> ChildOutcome {
    let prepared =
        spool::UnnamedFiles::in_directory(spool).and_then(|files| sandbox::enter().map(|()| files));
    let mut files = match prepared {
        Ok(files) => files,
        Err(error) => return ChildOutcome::Failed(error),
    };
    let mut out = BufWriter::with_capacity(WRITE_BYTES, io::stdout().lock());
    match analyse_layer(io::stdin().lock(), &analysis_limits(), &mut files, &mut out) {
        Ok(_) => out.flush().map_or_else(ChildOutcome::Failed, |()| ChildOutcome::Analysed),
        Err(AnalyseError::Write(error)) => ChildOutcome::Failed(error),
        Err(error) => ChildOutcome::Refused(error),
    }
}
