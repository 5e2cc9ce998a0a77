//! The public archives: one zip of OSV records for each ecosystem.

use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use plimsoll_transport::{Download, Downloaded, Progress, RegistryClient};

use super::super::about::{About, Abouts};
use super::super::gather::SourceFile;
use super::super::import::add;
use super::super::tally::BuiltIndex;
use super::ECOSYSTEMS;
use crate::advisories::{AdvisoryDirectory, AdvisoryWriter, cannot};
use crate::command::moment;
use crate::context::Context;
use crate::failure::{Failure, Verdict};
use crate::terminal::{Step, bytes};

/// The largest archive that is taken: that of npm has about 150 MB, with its hundred thousands of malicious packages.
const ARCHIVE_BYTES_MAX: u64 = 4 << 30;
/// How archives are called where they are kept.
const ENDING: &str = ".zip";

/// Downloads what changed, and puts an index of everything in force.
pub(super) fn update(
    client: &RegistryClient,
    mirrors: &[String],
    directory: &AdvisoryDirectory,
    named: &[String],
    context: &mut Context,
) -> Result<(), Failure> {
    let writer = directory.write()?;
    let downloads = Downloads { client, mirrors, directory };
    fs::create_dir_all(downloads.path()).map_err(|error| cannot("create", &downloads.path(), &error))?;
    let outcome = downloads.fetch_all(&ecosystems(directory, named)?, context);
    let Outcome { new, unchanged, failure } = outcome;
    let is_confirmed_anew = downloads.confirm(&unchanged)?;
    if !new.is_empty() || is_confirmed_anew {
        let step = context.terminal().step("compiling advisories");
        let report = downloads.put_in_force(writer, &new)?;
        step.done();
        context.terminal().print(&report)?;
    } else if failure.is_none() {
        let catalogue = directory.expect_catalogue()?;
        context.terminal().print(&BuiltIndex::of(&catalogue, directory.path()))?;
    }
    failure.map_or(Ok(()), Err)
}

/// What was named, else what was downloaded the last time, else the usual.
fn ecosystems(directory: &AdvisoryDirectory, named: &[String]) -> Result<Vec<String>, Failure> {
    if let Some(wrong) = named.iter().find(|name| !is_ecosystem(name)) {
        return Err(Failure::usage(format!("`{wrong}` is no ecosystem")).help("--ecosystem PyPI"));
    }
    if !named.is_empty() {
        return Ok(named.to_vec());
    }
    let entries = fs::read_dir(directory.sources()).into_iter().flatten().flatten();
    let names =
        entries.filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(ENDING)?.to_owned()));
    let mut kept: Vec<String> = names.filter(|name| is_ecosystem(name)).collect();
    kept.sort();
    Ok(if kept.is_empty() { ECOSYSTEMS.iter().map(|name| (*name).to_owned()).collect() } else { kept })
}

/// A name becomes a file's and a part of a URL.
fn is_ecosystem(name: &str) -> bool {
    let is_known = plimsoll_vuln::Ecosystem::parse(name).is_some();
    is_known && name.chars().all(|c| c.is_ascii_alphanumeric() || " .:-".contains(c))
}

/// What became of the ecosystems that were asked for.
#[derive(Default)]
struct Outcome {
    new: Vec<Fetched>,
    unchanged: Vec<String>,
    failure: Option<Failure>,
}

struct Downloads<'d> {
    client: &'d RegistryClient,
    mirrors: &'d [String],
    directory: &'d AdvisoryDirectory,
}

/// An archive that was fetched.
struct Fetched {
    ecosystem: String,
    tag: Option<String>,
    bytes: u64,
    resumed_from: u64,
}

impl Fetched {
    fn told(&self) -> String {
        match self.resumed_from {
            0 => bytes(self.bytes),
            before => format!("{}, of which {} were there before", bytes(self.bytes), bytes(before)),
        }
    }
}

impl Downloads<'_> {
    /// Where archives are until they are in force, and their entity tags afterwards.
    fn path(&self) -> PathBuf {
        self.directory.path().join("downloads")
    }

    fn archive(&self, ecosystem: &str) -> PathBuf {
        self.path().join(format!("{ecosystem}{ENDING}"))
    }

    fn tag(&self, ecosystem: &str) -> PathBuf {
        self.path().join(format!("{ecosystem}{ENDING}.tag"))
    }

    /// Fetches what changed of each ecosystem. One that cannot be had keeps no other from being updated; the first such
    /// failure is what the command ends with.
    fn fetch_all(&self, ecosystems: &[String], context: &mut Context) -> Outcome {
        let mut outcome = Outcome::default();
        for ecosystem in ecosystems {
            let step = context.terminal().step(&format!("downloading {ecosystem}"));
            match context.block_on(self.fetch(ecosystem, &step)) {
                Ok(Some(fetched)) => {
                    step.done();
                    context.terminal().note(&format!("{ecosystem}: {}", fetched.told()));
                    outcome.new.push(fetched);
                }
                Ok(None) => {
                    context.terminal().note(&format!("{ecosystem}: unchanged"));
                    outcome.unchanged.push(ecosystem.clone());
                }
                Err(failure) if failure.verdict == Verdict::Interrupted => {
                    return Outcome { failure: Some(failure), ..outcome };
                }
                Err(failure) => {
                    let what = format!("the advisories of {ecosystem} are not updated: {}", failure.what);
                    context.terminal().warn(&what);
                    outcome.failure.get_or_insert(Failure { what, ..failure });
                }
            }
        }
        outcome
    }

    /// Notes that archives are the newest there are, and tells whether an index of before today says otherwise.
    fn confirm(&self, ecosystems: &[String]) -> Result<bool, Failure> {
        let mut abouts = Abouts::read(self.directory)?;
        let about = about();
        let is_older = |name: &String| abouts.of(name) != about;
        let names = ecosystems.iter().map(|ecosystem| format!("{ecosystem}{ENDING}"));
        let older: Vec<String> = names.filter(is_older).collect();
        if older.is_empty() {
            return Ok(false);
        }
        older.iter().for_each(|name| abouts.insert(name, about.clone()));
        abouts.write(self.directory)?;
        Ok(true)
    }

    /// Fetches an archive from the first mirror that has it; nothing where it has not changed.
    async fn fetch(&self, ecosystem: &str, step: &Step) -> Result<Option<Fetched>, Failure> {
        let is_kept = self.directory.sources().join(format!("{ecosystem}{ENDING}")).is_file();
        let known = fs::read_to_string(self.tag(ecosystem)).ok().filter(|_| is_kept);
        let mut failure = Failure::usage("no mirror is named").help("--mirror URL");
        for mirror in self.mirrors {
            let url = format!("{}/{}/all.zip", mirror.trim_end_matches('/'), ecosystem.replace(' ', "%20"));
            let to = self.archive(ecosystem);
            let download =
                Download { url: &url, to: &to, known: known.as_deref(), bytes_max: ARCHIVE_BYTES_MAX };
            match self.client.download(&download, &Shown::of(step)).await {
                Ok(Downloaded::Unchanged) => return Ok(None),
                Ok(Downloaded::Complete { tag, bytes, resumed_from }) => {
                    return Ok(Some(Fetched { ecosystem: ecosystem.to_owned(), tag, bytes, resumed_from }));
                }
                Err(error) => failure = Failure::from(error).at(url),
            }
        }
        Err(failure)
    }

    /// Compiles an index with the new archives. One that cannot be read is dropped, so that it is fetched anew.
    fn put_in_force(&self, writer: AdvisoryWriter<'_>, new: &[Fetched]) -> Result<BuiltIndex, Failure> {
        let mut sources = Vec::new();
        for fetched in new {
            let path = self.archive(&fetched.ecosystem);
            let file = File::open(&path).map_err(|error| cannot("read", &path, &error))?;
            let about = about();
            sources.push(SourceFile { name: format!("{}{ENDING}", fetched.ecosystem), file, about });
        }
        let added = add(self.directory, writer, sources);
        for fetched in new {
            let (archive, tag) = (self.archive(&fetched.ecosystem), self.tag(&fetched.ecosystem));
            let _ = fs::remove_file(archive);
            // Without a tag the archive is fetched again the next time, which harms nobody.
            let _ = match fetched.tag.as_ref().filter(|_| added.is_ok()) {
                Some(text) => fs::write(tag, text),
                None => fs::remove_file(tag),
            };
        }
        added
    }
}

/// What is known of what is fetched now. It is fresh to the day, so that a shard in which nothing changed stays the
/// same bytes until tomorrow, and is not downloaded again by everybody.
fn about() -> About {
    const DAY_SECONDS: i64 = 24 * 60 * 60;
    let midnight = moment::now().as_second() / DAY_SECONDS * DAY_SECONDS;
    About { licence: None, time: Timestamp::from_second(midnight).ok() }
}

/// Shows how far a download is.
struct Shown<'s> {
    step: &'s Step,
    total: AtomicU64,
}

impl<'s> Shown<'s> {
    fn of(step: &'s Step) -> Self {
        Self { step, total: AtomicU64::new(0) }
    }
}

impl Progress for Shown<'_> {
    fn started(&self, total_bytes: u64) {
        if self.total.swap(total_bytes, Ordering::Relaxed) != total_bytes {
            self.step.expect(total_bytes);
        }
    }

    fn advanced(&self, bytes: u64) {
        self.step.advance(bytes);
    }

    fn finished(&self) {}
}
