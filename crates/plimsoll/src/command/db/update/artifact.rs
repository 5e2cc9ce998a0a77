//! A server's compiled index: only the shards that are wanted and not there are fetched.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use plimsoll_oci::{Descriptor, Digest, Manifest, MediaType};
use plimsoll_transport::{BlobVerifier, ImageName, Places, Source};
use plimsoll_vuln::artifact::{ARTIFACT_TYPE, SHARD_BYTES_MAX, SHARD_TYPE};
use plimsoll_vuln::index::{CATALOGUE_BYTES_MAX, Catalogue, ListedShard, ShardKind};

use super::super::tally::BuiltIndex;
use super::super::verify::open;
use crate::advisories::{AdvisoryDirectory, AdvisoryWriter};
use crate::context::Context;
use crate::failure::Failure;
use crate::terminal::Step;

/// Takes a server's index, or the named ecosystems of it.
pub(super) fn update(
    places: &Places,
    name: &ImageName,
    directory: &AdvisoryDirectory,
    ecosystems: &[String],
    context: &mut Context,
) -> Result<(), Failure> {
    let writer = directory.write()?;
    let step = context.terminal().step("downloading advisories");
    let (catalogue, fetched) = context.block_on(async {
        let from = places.open_source(name).await?;
        let manifest = from.source.manifest(&from.source.resolve(&from.target).await?.digest).await?;
        let Manifest::Image(manifest) = manifest.parse()? else { return Err(no_advisories(name)) };
        if manifest.artifact_type.as_deref() != Some(ARTIFACT_TYPE) {
            return Err(no_advisories(name));
        }
        let json = read(from.source.as_ref(), &manifest.config, CATALOGUE_BYTES_MAX as u64).await?;
        let mut catalogue = Catalogue::parse(&json).map_err(|error| {
            Failure::not_evaluated("the index cannot be used").because(&error).at(name.to_string())
        })?;
        let there: BTreeSet<Digest> = manifest.layers.iter().map(|layer| layer.digest).collect();
        catalogue.shards.retain(|shard| there.contains(&shard.digest) && is_wanted(shard, ecosystems));
        let fetched = fetch(from.source.as_ref(), &catalogue, directory, &writer, &step).await?;
        Ok((catalogue, fetched))
    })?;
    step.done();
    writer.commit(&catalogue)?;
    let count = catalogue.shards.len();
    context.terminal().note(&format!("{fetched} of {count} shards were fetched, the others were there"));
    context.terminal().print(&BuiltIndex::of(&catalogue, directory.path()))
}

/// What belongs to no ecosystem, such as KEV, is always wanted.
fn is_wanted(shard: &ListedShard, ecosystems: &[String]) -> bool {
    let name = shard.name.split(':').next().unwrap_or_default();
    let is_named = ecosystems.iter().any(|wanted| *wanted == shard.name || wanted == name);
    ecosystems.is_empty() || shard.kind == ShardKind::Enrichment || is_named
}

async fn fetch(
    source: &dyn Source,
    catalogue: &Catalogue,
    directory: &AdvisoryDirectory,
    writer: &AdvisoryWriter<'_>,
    step: &Step,
) -> Result<usize, Failure> {
    let is_there = |shard: &&ListedShard| {
        directory.read_shard(&shard.digest).is_ok_and(|bytes| Digest::sha256_of(&bytes) == shard.digest)
    };
    let missing: Vec<&ListedShard> = catalogue.shards.iter().filter(|shard| !is_there(shard)).collect();
    step.expect(missing.iter().map(|shard| shard.bytes).sum());
    for shard in &missing {
        let media_type: MediaType = SHARD_TYPE
            .parse()
            .map_err(|error| Failure::not_evaluated("cannot ask for a shard").because(&error))?;
        let bytes =
            read(source, &Descriptor::new(media_type, shard.digest, shard.bytes), SHARD_BYTES_MAX).await?;
        step.advance(shard.bytes);
        writer.put_shard(&shard.digest, &bytes)?;
        open(bytes, shard.kind).map_err(|error| {
            Failure::not_evaluated(format!("the shard `{}` cannot be used", shard.name)).because(&error)
        })?;
    }
    Ok(missing.len())
}

async fn read(source: &dyn Source, blob: &Descriptor, bytes_max: u64) -> Result<Vec<u8>, Failure> {
    if blob.size > bytes_max {
        let what = format!("`{}` has {} bytes, more than the limit of {bytes_max}", blob.digest, blob.size);
        return Err(Failure::not_evaluated(what).at(source.place()));
    }
    let stream = source.blob(BlobVerifier::start(blob)).await?;
    let append = |mut whole: Vec<u8>, part: Bytes| async move {
        whole.extend_from_slice(&part);
        Ok(whole)
    };
    Ok(stream.try_fold(Vec::new(), append).await?)
}

fn no_advisories(name: &ImageName) -> Failure {
    Failure::not_evaluated(format!("`{name}` is no compiled index of advisories"))
        .help("plimsoll db push REGISTRY puts one there")
}
