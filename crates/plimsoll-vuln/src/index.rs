//! The compiled index of advisories: immutable shards, one for each ecosystem and release, and a catalogue of them.
//!
//! Each shard is one string of bytes that needs nothing else, so that a node takes only those that its images ask for.
//! Versions are kept as keys that compare as bytes, see [`order`](crate::order). Nothing is unpacked when a shard is
//! opened; the same records give the same bytes, in whatever order they came.
//!
//! Package names are sorted rows rather than a finite state transducer: the `fst` crate reads without checks, and a
//! damaged file must not end the process.

use std::collections::BTreeMap;

mod advisory;
mod affected;
mod builder;
mod catalogue;
mod container;
mod details;
mod difference;
mod draft;
mod enrichment;
mod head;
mod identifier;
mod intervals;
mod refusal;
mod selection;
mod shard;
mod table;
mod versions;
mod wire;
mod write;

pub use advisory::Advisory;
pub use affected::{Affected, Hit};
pub use builder::{Builder, Built, ShardTooLarge, SourceId};
pub use catalogue::{CATALOGUE_BYTES_MAX, Catalogue, ListedShard, ListedSource, ReadCatalogueError};
pub use container::{OpenShardError, ShardKind};
pub use details::Details;
pub(crate) use details::Unpacked;
pub(crate) use enrichment::Epss;
pub use enrichment::{Enrichment, Enrichments};
pub use head::Information;
pub(crate) use head::timestamp;
pub use identifier::Identifier;
pub use refusal::{Refusal, Refused, Tally};
pub use shard::Shard;

/// The shards that are at hand.
#[derive(Clone, Debug, Default)]
pub struct Index {
    shards: BTreeMap<String, Shard>,
    enrichments: Option<Enrichments>,
}

/// Where an id is spoken of.
#[derive(Clone, Debug)]
pub struct Mention<'i> {
    /// In which ecosystem's release.
    pub shard: &'i Shard,
    /// By which advisory.
    pub advisory: Advisory<'i>,
    /// Of which packages, in the order of their names.
    pub packages: Vec<&'i str>,
}

impl Index {
    /// Opens shards of any kind, in any order, without a look at the digests: that is for whoever brought them here.
    pub fn open(files: impl IntoIterator<Item = Vec<u8>>) -> Result<Self, OpenShardError> {
        let mut index = Self::default();
        let mut details = Vec::new();
        for bytes in files {
            match container::kind_of(&bytes)? {
                ShardKind::Advisories => index.insert(Shard::open(bytes)?),
                ShardKind::Details => details.push(Details::open(bytes)?),
                ShardKind::Enrichment => index.enrichments = Some(Enrichments::open(bytes)?),
            }
        }
        for details in details {
            if let Some(shard) = index.shards.get_mut(details.name()) {
                shard.attach(details);
            }
        }
        Ok(index)
    }

    /// Adds a shard, in place of one of the same name.
    pub fn insert(&mut self, shard: Shard) {
        self.shards.insert(shard.name().to_owned(), shard);
    }

    /// The shard of an ecosystem with its release: `Debian:12`, `PyPI`.
    pub fn shard(&self, ecosystem: &str) -> Option<&Shard> {
        self.shards.get(ecosystem)
    }

    /// All shards of an ecosystem, whatever its release: Packagist has one for each repository besides its own.
    pub fn shards_of(&self, name: &str) -> impl Iterator<Item = &Shard> {
        self.shards.values().filter(move |shard| shard.name().split(':').next() == Some(name))
    }

    /// All shards, in the order of their names.
    pub fn shards(&self) -> impl Iterator<Item = &Shard> {
        self.shards.values()
    }

    /// What is known of a CVE whatever package it touches.
    pub fn enrichment(&self, cve: &str) -> Option<Enrichment> {
        self.enrichments.as_ref()?.get(cve)
    }

    /// The shard of enrichments.
    pub fn enrichments(&self) -> Option<&Enrichments> {
        self.enrichments.as_ref()
    }

    /// Where an id is spoken of, be it an advisory's own, an alias or what it stands for. It reads every shard.
    pub fn mentions(&self, id: &str) -> Vec<Mention<'_>> {
        let id = Identifier::parse(id);
        self.shards
            .values()
            .flat_map(|shard| {
                let found = shard.mentions(id).into_iter();
                found.map(move |(advisory, packages)| Mention { shard, advisory, packages })
            })
            .collect()
    }

    /// The packages of which findings may differ between two states, each with its shard's name.
    pub fn changed<'i>(old: &'i Self, new: &'i Self) -> Vec<(&'i str, &'i str)> {
        let gone = old.shards.values().filter(|shard| !new.shards.contains_key(shard.name()));
        let mut changed: Vec<(&str, &str)> =
            gone.flat_map(|shard| shard.packages().map(|package| (shard.name(), package))).collect();
        for shard in new.shards.values() {
            match old.shards.get(shard.name()) {
                Some(before) => {
                    changed.extend(Shard::changed(before, shard).into_iter().map(|it| (shard.name(), it)));
                }
                None => changed.extend(shard.packages().map(|package| (shard.name(), package))),
            }
        }
        changed
    }
}
