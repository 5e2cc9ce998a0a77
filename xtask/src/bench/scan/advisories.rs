//! The advisories: reading OSV records, compiling them, opening what was compiled.

use std::fs::File;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use plimsoll_vuln::import::{Source, import};
use plimsoll_vuln::index::{Builder, Built, Index, ShardKind};

use crate::bench::part::Figures;
use crate::bench::stopwatch::Stopwatch;

/// How often the index is opened; once is too short to measure.
const OPENINGS: usize = 100;

/// What ingesting costs, how large the index is, and what opening it costs.
pub(super) fn measure(directory: &Path) -> anyhow::Result<Figures> {
    let watch = Stopwatch::start();
    let built = compile(directory, |_| true)?;
    let ingested = watch.cpu_seconds();

    let mut copies: Vec<Vec<Vec<u8>>> = (0..OPENINGS).map(|_| built.shards.clone()).collect();
    let watch = Stopwatch::start();
    let opened: Vec<Index> = copies.drain(..).map(Index::open).collect::<Result<_, _>>()?;
    let opening = watch.cpu_seconds() / opened.len() as f64;

    let of_kind = |kind| built.catalogue.shards.iter().filter(move |shard| shard.kind == kind);
    let records: u64 = of_kind(ShardKind::Advisories).map(|shard| shard.records).sum();
    let bytes: usize = built.shards.iter().map(Vec::len).sum();
    let read: u64 = built.catalogue.sources.iter().map(|source| source.tally.read).sum();
    let figures = [
        ("advisories.ingest", ingested),
        ("advisories.read", read as f64),
        ("advisories.records", records as f64),
        ("advisories.bytes", bytes as f64 / 1e6),
        ("advisories.open", opening * 1e3),
    ];
    Ok(figures.map(|(key, value)| (key.to_owned(), value)).into())
}

/// Compiles the records of a directory of `.jsonl.zst` files of which `is_wanted`.
pub(super) fn compile(directory: &Path, is_wanted: impl Fn(&str) -> bool) -> anyhow::Result<Built> {
    let mut builder = Builder::new();
    for path in files(directory)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if is_wanted(&name) {
            let file = File::open(&path).with_context(|| format!("opening `{}`", path.display()))?;
            import(&mut builder, &Source { name: &name, licence: None, time: None }, file)?;
        }
    }
    Ok(builder.finish()?)
}

/// Compiles records that are at hand, each source under its name.
pub(super) fn compile_lines<'l>(
    sources: impl IntoIterator<Item = (&'l str, Vec<&'l str>)>,
) -> anyhow::Result<Built> {
    let mut builder = Builder::new();
    for (name, lines) in sources {
        let text = lines.join("\n");
        import(&mut builder, &Source { name, licence: None, time: None }, Cursor::new(text.into_bytes()))?;
    }
    Ok(builder.finish()?)
}

/// The text of each file, by the file's name.
pub(super) fn read_all(directory: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let mut texts = Vec::new();
    for path in files(directory)? {
        let file = File::open(&path).with_context(|| format!("opening `{}`", path.display()))?;
        let text = zstd::decode_all(file).with_context(|| format!("unpacking `{}`", path.display()))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        texts.push((name, String::from_utf8(text).with_context(|| format!("reading `{}`", path.display()))?));
    }
    Ok(texts)
}

fn files(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let listing = directory.read_dir().with_context(|| format!("listing `{}`", directory.display()))?;
    let mut files = Vec::new();
    for entry in listing {
        let path = entry.with_context(|| format!("listing `{}`", directory.display()))?.path();
        files.extend(Some(path).filter(|path| path.extension().is_some_and(|it| it == "zst")));
    }
    ensure!(!files.is_empty(), "`{}` has no file `*.jsonl.zst`", directory.display());
    files.sort();
    Ok(files)
}
