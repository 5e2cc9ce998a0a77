use std::path::PathBuf;

use clap::Args;
use plimsoll_vuln::index::Built;

use super::about::AboutArguments;
use super::gather::{compile, gather};
use super::tally::BuiltIndex;
use crate::advisories::{AdvisoryDirectory, AdvisoryWriter};
use crate::command::moment;
use crate::context::Context;
use crate::failure::Failure;

/// Compile an index straight from files
///
/// A record that cannot be used is counted with the reason, and is no failure.
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// The directory that the index is written to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// OSV (JSON, JSON lines, zip, or a directory of them), Alpine secdb, Debian's tracker, KEV or EPSS; plain, .gz
    /// or .zst
    #[arg(required = true, value_name = "FILE|DIR")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    about: AboutArguments,
}

impl Build {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let now = moment::now();
        let about = self.about.about(now)?;
        let directory = AdvisoryDirectory::at(&self.out);
        let step = context.terminal().step("compiling advisories");
        let built = compile(&mut gather(&self.files, &about)?, now)?;
        put(directory.write()?, &built)?;
        step.done();
        context.terminal().print(&BuiltIndex::of(&built.catalogue, directory.path()))
    }
}

/// Puts an index in force.
pub(super) fn put(writer: AdvisoryWriter<'_>, built: &Built) -> Result<(), Failure> {
    for (listed, bytes) in built.catalogue.shards.iter().zip(&built.shards) {
        writer.put_shard(&listed.digest, bytes)?;
    }
    writer.commit(&built.catalogue)
}
