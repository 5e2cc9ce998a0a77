use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;
use plimsoll_oci::RegistryHost;
use plimsoll_tlog::{
    Edge, EntryBundle, Hash, Leaf, LogProof, LogVerifier, Opened, Resource, TILE_WIDTH, TileId, VerifyingKey,
    WrittenTile, leaf_hash,
};
use plimsoll_transport::WarningCollector;
use serde::Serialize;

use super::source::{Source, read_file, wrong};
use crate::context::Context;
use crate::failure::{Failure, Verdict};
use crate::places::RegistryArguments;
use crate::terminal::{Page, Report};

/// Check a whole log, or one proof, against the key of the log
///
/// Of a log every entry and every tile is read and held against the signed checkpoint. A proof is checked without the
/// log. Without --key the key that the server or directory names is believed.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// A server, a directory that --save wrote, or a file that `log proof` wrote
    #[arg(value_name = "SERVER|DIRECTORY|PROOF")]
    what: String,
    /// The key to trust, as `log verify` prints it
    #[arg(long, value_name = "KEY")]
    key: Option<VerifyingKey>,
    /// The key that states the time, for a proof
    #[arg(long, value_name = "KEY")]
    cosigner: Option<VerifyingKey>,
    /// Keep what was read in this directory, to be verified again offline
    #[arg(long, value_name = "DIRECTORY")]
    save: Option<PathBuf>,
    #[command(flatten)]
    registries: RegistryArguments,
}

impl Verify {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let path = Path::new(&self.what);
        if path.is_file() {
            let proved = self.prove(path)?;
            return context.terminal().print(&proved);
        }
        let source = if path.is_dir() {
            Source::Directory(path.to_owned())
        } else {
            let host: RegistryHost = self.what.parse().map_err(|error| {
                Failure::usage(format!("`{}` is neither a server nor a directory nor a proof", self.what))
                    .because(&error)
                    .help("plimsoll log verify localhost:5000")
            })?;
            let places = self.registries.places(context, Arc::new(WarningCollector::default()))?;
            Source::Server(Box::new(places.registries), host)
        };
        let step = context.terminal().step("reading the log");
        let verified = context.block_on(async {
            let verifier = source.verifier(self.key.as_ref()).await?;
            let note = source.need_text("checkpoint").await?;
            let opened = verifier
                .open(&note)
                .map_err(|error| wrong("the checkpoint is not believed", &error).at(source.name()))?;
            let saved = Saved(self.save.clone());
            let leaves = verify_tree(&source, &opened, &saved).await?;
            saved.keep("checkpoint", note.as_bytes())?;
            saved.keep("keys", &source.need("keys").await?)?;
            Ok(VerifiedLog::of(&source, &verifier, &opened, leaves))
        });
        let verified = verified?;
        step.done();
        context.terminal().print(&verified)
    }

    /// Checks a proof, which carries its entry.
    fn prove(&self, path: &Path) -> Result<ProvedEntry, Failure> {
        let place = path.display().to_string();
        let Some(log) = self.key.clone() else {
            return Err(Failure::usage("a proof needs the key to trust").at(place).help(
                "plimsoll log verify PROOF --key \"$(plimsoll log verify SERVER -o json | jq -r .key)\"",
            ));
        };
        let verifier = LogVerifier { log, cosigner: self.cosigner.clone() };
        let text = read_file(path)?.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        let proof: LogProof =
            text.parse().map_err(|error| wrong("the file holds no proof", &error).at(place.as_str()))?;
        let entry = proof.extra.clone().unwrap_or_default();
        let opened = proof
            .verify(&entry, &verifier)
            .map_err(|error| wrong("the proof does not hold", &error).at(place.as_str()))?;
        let leaf = Leaf::parse(&entry)
            .map_err(|error| wrong("the proof's entry is not understood", &error).at(place.as_str()))?;
        Ok(ProvedEntry {
            api_version: "plimsoll/v1",
            kind: "ProvedEntry",
            log: verifier.log.name().to_owned(),
            index: proof.index,
            size: opened.checkpoint.size,
            logged_by: logged_at(&opened),
            entry: told(&leaf),
        })
    }
}

/// Reads every entry and tile, and holds them against the root that was signed.
async fn verify_tree(source: &Source, opened: &Opened, saved: &Saved) -> Result<Kinds, Failure> {
    let size = opened.checkpoint.size;
    let (mut edge, mut kinds) = (Edge::default(), Kinds::default());
    let mut partial: BTreeMap<u8, WrittenTile> = BTreeMap::new();
    for index in 0..size.div_ceil(TILE_WIDTH) {
        let Some(id) = TileId::in_tree(0, index, size) else { break };
        let hashes = read_bundle(source, id, saved, &mut kinds).await?;
        let damaged = |error| wrong("the tree cannot be put together", &error).at(source.name());
        for tile in edge.append(&hashes).map_err(damaged)?.tiles {
            if tile.id.is_full() {
                partial.remove(&tile.id.level());
                compare(source, &tile, saved).await?;
            } else {
                partial.insert(tile.id.level(), tile);
            }
        }
    }
    for tile in partial.values() {
        compare(source, tile, saved).await?;
    }
    if edge.root() != opened.checkpoint.root {
        let what = format!("the entries lead to the root `{}`", edge.root());
        return Err(Failure::new(Verdict::GateFailed, what)
            .at(source.name())
            .help(format!("the log has signed `{}`: its entries were changed", opened.checkpoint.root)));
    }
    Ok(kinds)
}

async fn read_bundle(
    source: &Source,
    id: TileId,
    saved: &Saved,
    kinds: &mut Kinds,
) -> Result<Vec<Hash>, Failure> {
    let path = format!("tile/{}", Resource::Entries(id));
    let bytes = source.need(&path).await?;
    let bundle = EntryBundle::parse(&bytes, id.width())
        .map_err(|error| wrong(format!("`{path}` is damaged"), &error).at(source.name()))?;
    for entry in bundle.entries() {
        kinds.count(entry);
    }
    saved.keep(&path, &bytes)?;
    Ok(bundle.entries().iter().map(|entry| leaf_hash(entry)).collect())
}

/// Compares a tile with the one that follows from the entries.
async fn compare(source: &Source, expected: &WrittenTile, saved: &Saved) -> Result<(), Failure> {
    let path = format!("tile/{}", expected.id);
    let bytes = source.need(&path).await?;
    let found = expected
        .id
        .read(&bytes)
        .map_err(|error| wrong(format!("`{path}` is damaged"), &error).at(source.name()))?;
    if let Some(place) = found.iter().zip(&expected.hashes).position(|(found, expected)| found != expected) {
        let what = format!("hash {place} of `{path}` is not that of the entries below it");
        return Err(Failure::new(Verdict::GateFailed, what)
            .at(source.name())
            .help("the log shows something else than it has signed: keep what it shows as evidence"));
    }
    saved.keep(&path, &bytes)
}

/// Where what was read is kept, if anywhere.
struct Saved(Option<PathBuf>);

impl Saved {
    fn keep(&self, path: &str, bytes: &[u8]) -> Result<(), Failure> {
        let Some(directory) = &self.0 else { return Ok(()) };
        let file = directory.join(path);
        let written = file.parent().map_or(Ok(()), std::fs::create_dir_all);
        written.and_then(|()| std::fs::write(&file, bytes)).map_err(|error| {
            Failure::not_evaluated("cannot keep what was read").because(&error).at(file.display().to_string())
        })
    }
}

/// How many entries there are of each kind.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Kinds {
    facts: u64,
    signatures: u64,
    events: u64,
    unknown: u64,
}

impl Kinds {
    fn count(&mut self, entry: &[u8]) {
        match Leaf::parse(entry) {
            Ok(Leaf::Fact(_)) => self.facts += 1,
            Ok(Leaf::HashedRekord(_)) => self.signatures += 1,
            Ok(Leaf::Event(_)) => self.events += 1,
            Err(_) => self.unknown += 1,
        }
    }
}

fn told(leaf: &Leaf) -> String {
    match leaf {
        Leaf::Fact(fact) => match &fact.subject {
            Some(subject) => format!("signed statement {} about {subject}", fact.manifest),
            None => format!("signed statement {}", fact.manifest),
        },
        Leaf::HashedRekord(record) => {
            let digest: String = record.digest().iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{} signature of {digest}", record.key_details())
        }
        Leaf::Event(event) => format!("event {}, told by {}", event.kind, event.payload),
    }
}

/// When the checkpoint was the newest: the entry was logged no later.
fn logged_at(opened: &Opened) -> Option<Timestamp> {
    Timestamp::from_second(i64::try_from(opened.logged_at_unix_s?).ok()?).ok()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VerifiedLog {
    api_version: &'static str,
    kind: &'static str,
    log: String,
    source: String,
    size: u64,
    root: String,
    signed_at: Option<Timestamp>,
    entries: Kinds,
    key: String,
    cosigner: Option<String>,
}

impl VerifiedLog {
    fn of(source: &Source, verifier: &LogVerifier, opened: &Opened, entries: Kinds) -> Self {
        Self {
            api_version: "plimsoll/v1",
            kind: "VerifiedLog",
            log: verifier.log.name().to_owned(),
            source: source.name(),
            size: opened.checkpoint.size,
            root: opened.checkpoint.root.to_string(),
            signed_at: logged_at(opened),
            entries,
            key: verifier.log.to_string(),
            cosigner: verifier.cosigner.as_ref().map(VerifyingKey::to_string),
        }
    }
}

impl Report for VerifiedLog {
    fn draw(&self, page: &mut Page) {
        let Kinds { facts, signatures, events, unknown } = &self.entries;
        page.heading(&format!("the log {} is whole: {} entries", self.log, self.size));
        page.fact("root", &self.root);
        if let Some(signed_at) = self.signed_at {
            page.fact("signed at", &signed_at.to_string());
        }
        let counted = format!("{facts} facts, {signatures} signatures, {events} events, {unknown} others");
        page.fact("entries", &counted);
        page.fact("key", &self.key);
        if let Some(cosigner) = &self.cosigner {
            page.fact("time by", cosigner);
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProvedEntry {
    api_version: &'static str,
    kind: &'static str,
    log: String,
    index: u64,
    size: u64,
    logged_by: Option<Timestamp>,
    entry: String,
}

impl Report for ProvedEntry {
    fn draw(&self, page: &mut Page) {
        page.heading(&format!("entry {} of the log {} is proved", self.index, self.log));
        page.fact("entry", &self.entry);
        page.fact("in a tree of", &format!("{} entries", self.size));
        if let Some(logged_by) = self.logged_by {
            page.fact("logged by", &logged_by.to_string());
        }
    }
}
