use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use plimsoll_image::{LayerAlgorithms, LayerWalk};
use plimsoll_sbom::{AnalyseError, analyse_layer, analysis_limits};

use crate::ahead::Unpacker;
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
    let (mut files, unpacker) = match prepare(spool) {
        Ok(prepared) => prepared,
        Err(error) => return ChildOutcome::Failed(error),
    };
    let mut out = BufWriter::with_capacity(WRITE_BYTES, io::stdout().lock());
    let limits = analysis_limits();
    let LayerAlgorithms { stored, unpacked } = LayerAlgorithms::default();
    let walk = LayerWalk::of_decoded(unpacker.decode(io::stdin(), stored, &limits), unpacked, &limits);
    match analyse_layer(walk, &mut files, &mut out) {
        Ok(_) => out.flush().map_or_else(ChildOutcome::Failed, |()| ChildOutcome::Analysed),
        Err(AnalyseError::Write(error)) => ChildOutcome::Failed(error),
        Err(error) => ChildOutcome::Refused(error),
    }
}

/// What is needed, and then nothing more: the thread is there before the right to start one is gone.
fn prepare(spool: &Path) -> io::Result<(spool::UnnamedFiles, Unpacker)> {
    let files = spool::UnnamedFiles::in_directory(spool)?;
    let unpacker = Unpacker::start()?;
    sandbox::enter()?;
    Ok((files, unpacker))
}
