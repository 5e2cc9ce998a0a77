use std::fs;
use std::io::{self, Seek as _};
use std::path::{Path, PathBuf};

use clap::Args;
use tempfile::NamedTempFile;

use super::about::{About, AboutArguments, Abouts};
use super::build::put;
use super::gather::{SourceFile, compile, gather};
use super::tally::BuiltIndex;
use crate::advisories::{
    AdvisoryArguments, AdvisoryDirectory, AdvisoryWriter, cannot, is_partial, partial_beside, persist,
};
use crate::command::moment;
use crate::context::Context;
use crate::failure::Failure;

/// Add files of advisories, and compile the index again
///
/// The files are kept with the index; one that is imported again under the same name takes the place of the old one.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// OSV (JSON, JSON lines, zip, or a directory of them), Alpine secdb, Debian's tracker, KEV or EPSS; plain, .gz
    /// or .zst
    #[arg(required = true, value_name = "FILE|DIR")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    about: AboutArguments,
    #[command(flatten)]
    advisories: AdvisoryArguments,
}

impl Import {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let directory = self.advisories.directory(context.environment())?;
        let new = gather(&self.files, &self.about.about(moment::now())?)?;
        let step = context.terminal().step("compiling advisories");
        let report = add(&directory, directory.write()?, new)?;
        step.done();
        context.terminal().print(&report)
    }
}

/// Adds sources to those that are kept, and puts an index of all in force. Nothing changes if one cannot be read.
pub(super) fn add(
    directory: &AdvisoryDirectory,
    writer: AdvisoryWriter<'_>,
    mut new: Vec<SourceFile>,
) -> Result<BuiltIndex, Failure> {
    let mut copies: Vec<(NamedTempFile, PathBuf)> = Vec::new();
    let mut abouts = Abouts::read(directory)?;
    for source in &mut new {
        copies.push(copy(source, &directory.sources())?);
        abouts.insert(&source.name, source.about.clone());
    }
    let mut sources = gather_kept(directory, &abouts, &new)?;
    sources.append(&mut new);
    sources.sort_by(|left, right| left.name.cmp(&right.name));
    let built = compile(&mut sources, moment::now())?;
    for (partial, path) in copies {
        persist(partial, &path)?;
    }
    abouts.write(directory)?;
    put(writer, &built)?;
    Ok(BuiltIndex::of(&built.catalogue, directory.path()))
}

/// The sources that are there and stay.
fn gather_kept(
    directory: &AdvisoryDirectory,
    abouts: &Abouts,
    new: &[SourceFile],
) -> Result<Vec<SourceFile>, Failure> {
    let path = directory.sources();
    let entries = fs::read_dir(&path).map_err(|error| cannot("list", &path, &error))?;
    let files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|file| {
            let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            !is_partial(&name) && !new.iter().any(|source| source.name == name)
        })
        .collect();
    let mut kept = gather(&files, &About::default())?;
    kept.iter_mut().for_each(|source| source.about = abouts.of(&source.name));
    Ok(kept)
}

fn copy(source: &mut SourceFile, directory: &Path) -> Result<(NamedTempFile, PathBuf), Failure> {
    let path = directory.join(&source.name);
    let mut partial = partial_beside(&path)?;
    let copied = source.file.rewind().and_then(|()| io::copy(&mut source.file, partial.as_file_mut()));
    copied.map_err(|error| cannot("write", &path, &error))?;
    Ok((partial, path))
}
