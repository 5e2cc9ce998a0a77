use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use plimsoll_oci::{Digest, RegistryHost};
use plimsoll_tlog::{
    EntryBundle, FactLeaf, LogProof, LogVerifier, ProofPlan, Resource, TILE_WIDTH, TileId, Tiles,
};
use plimsoll_transport::WarningCollector;
use serde::Deserialize;

use super::source::{Source, wrong};
use crate::context::Context;
use crate::failure::{Failure, Verdict};
use crate::places::RegistryArguments;

/// Write the proof that an entry is in a server's log
///
/// The proof is one text file with the entry, its path to the root and the signed checkpoint (c2sp.org/tlog-proof).
/// `plimsoll log verify` checks it where the server cannot be reached.
#[derive(Debug, Args)]
pub(crate) struct Proof {
    /// The server
    #[arg(value_name = "SERVER")]
    server: RegistryHost,
    /// The entry by its number
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["fact", "subject"], required_unless_present = "fact")]
    entry: Option<u64>,
    /// The entry of a signed statement, by the digest of the manifest that carries it
    #[arg(long, value_name = "DIGEST")]
    fact: Option<Digest>,
    /// What the statement is about, if its manifest names a subject
    #[arg(long, value_name = "DIGEST", requires = "fact")]
    subject: Option<Digest>,
    /// The file to write; standard output by default
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    registries: RegistryArguments,
}

#[derive(Deserialize)]
struct Found {
    index: u64,
}

impl Proof {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let places = self.registries.places(context, Arc::new(WarningCollector::default()))?;
        let source = Source::Server(Box::new(places.registries), self.server.clone());
        let proof = context.block_on(async {
            let verifier = source.verifier(None).await?;
            let index = self.index(&source).await?;
            Prover::new(&source, &verifier).newest(index).await
        })?;
        match &self.out {
            None => context.terminal().print_raw(proof.to_string().as_bytes()),
            Some(file) => std::fs::write(file, proof.to_string()).map_err(|error| {
                Failure::not_evaluated("cannot write the proof")
                    .because(&error)
                    .at(file.display().to_string())
            }),
        }
    }

    async fn index(&self, source: &Source) -> Result<u64, Failure> {
        let fact = match (self.entry, self.fact) {
            (Some(entry), _) => return Ok(entry),
            (None, Some(fact)) => fact,
            (None, None) => return Err(Failure::usage("an entry is named by --entry or --fact")),
        };
        let subject = self.subject.map(|subject| subject.to_string());
        let found = entry_of(source, &FactLeaf { manifest: fact.to_string(), subject }).await?;
        found.ok_or_else(|| {
            Failure::new(Verdict::GateFailed, format!("the log holds no entry of `{fact}`"))
                .at(source.name())
                .help("name its subject too: --subject sha256:…")
        })
    }
}

/// The number of an entry, if the log holds it.
pub(in crate::command) async fn entry_of(source: &Source, leaf: &FactLeaf) -> Result<Option<u64>, Failure> {
    let hash: String = leaf.hash().as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let Some(found) = source.read(&format!("leaf/{hash}")).await? else { return Ok(None) };
    let found: Found = serde_json::from_slice(&found)
        .map_err(|error| wrong("the server's answer is not understood", &error).at(source.name()))?;
    Ok(Some(found.index))
}

/// Makes proofs out of a log's tiles, and checks each before it gives it away.
pub(in crate::command) struct Prover<'s> {
    source: &'s Source,
    verifier: &'s LogVerifier,
    /// Tiles that were read, by their paths. One path is one content: a tile that grows has another.
    tiles: BTreeMap<String, Vec<u8>>,
}

/// Tiles that are kept for the next proof.
const TILES_KEPT_MAX: usize = 256;

impl<'s> Prover<'s> {
    pub(in crate::command) fn new(source: &'s Source, verifier: &'s LogVerifier) -> Self {
        Self { source, verifier, tiles: BTreeMap::new() }
    }

    /// Proves an entry in the newest tree.
    async fn newest(&mut self, index: u64) -> Result<LogProof, Failure> {
        let checkpoint = self.source.need_text("checkpoint").await?;
        self.in_tree(index, checkpoint).await
    }

    /// Proves an entry in the first tree that held it, whose checkpoint tells earliest when it was there. A log that has
    /// other keys since then, or does not keep its checkpoints, proves it in the newest.
    pub(in crate::command) async fn first(&mut self, index: u64) -> Result<LogProof, Failure> {
        let first = self.source.read(&format!("checkpoint/{index}")).await?;
        let first = first.and_then(|bytes| String::from_utf8(bytes).ok());
        match first.filter(|note| self.verifier.open(note).is_ok()) {
            Some(checkpoint) => self.in_tree(index, checkpoint).await,
            None => self.newest(index).await,
        }
    }

    /// Proves an entry in the tree of a checkpoint.
    async fn in_tree(&mut self, index: u64, checkpoint: String) -> Result<LogProof, Failure> {
        let (source, verifier) = (self.source, self.verifier);
        let opened = verifier
            .open(&checkpoint)
            .map_err(|error| wrong("the checkpoint is not believed", &error).at(source.name()))?;
        let size = opened.checkpoint.size;
        let damaged =
            |error: &dyn std::error::Error| wrong("the entry cannot be proved", error).at(source.name());
        let plan = ProofPlan::inclusion(index, size).map_err(|error| damaged(&error))?;
        let mut tiles = Tiles::default();
        for id in plan.tiles() {
            let bytes = self.tile(format!("tile/{id}")).await?;
            tiles.insert(id, id.read(bytes).map_err(|error| damaged(&error))?);
        }
        let hashes = plan.prove(&tiles).map_err(|error| damaged(&error))?.hashes;
        let entry = self.entry(index, size).await?;
        let proof = LogProof { extra: Some(entry.clone()), index, hashes, checkpoint };
        proof.verify(&entry, verifier).map_err(|error| damaged(&error))?;
        Ok(proof)
    }

    async fn entry(&mut self, index: u64, size: u64) -> Result<Vec<u8>, Failure> {
        let source = self.source;
        let missing = || Failure::not_evaluated(format!("the log holds no entry {index}")).at(source.name());
        let id = TileId::in_tree(0, index / TILE_WIDTH, size).ok_or_else(missing)?;
        let path = format!("tile/{}", Resource::Entries(id));
        let bytes = self.tile(path.clone()).await?;
        let bundle = EntryBundle::parse(bytes, id.width())
            .map_err(|error| wrong(format!("`{path}` is damaged"), &error).at(source.name()))?;
        let place = usize::try_from(index % TILE_WIDTH).unwrap_or(usize::MAX);
        bundle.entries().get(place).cloned().ok_or_else(missing)
    }

    async fn tile(&mut self, path: String) -> Result<&[u8], Failure> {
        if !self.tiles.contains_key(&path) {
            if self.tiles.len() >= TILES_KEPT_MAX {
                self.tiles.clear();
            }
            let bytes = self.source.need(&path).await?;
            self.tiles.insert(path.clone(), bytes);
        }
        Ok(self.tiles.get(&path).map_or(&[], Vec::as_slice))
    }
}
