//! What it would save to do what a finding of the linter says, read off an image that was built from the Dockerfile.

mod layer_of;
mod measured;

use std::collections::BTreeSet;
use std::time::Duration;

use plimsoll_dockerfile::instruction::Keyword;
use plimsoll_dockerfile::lint::{Finding, Fix};
use plimsoll_dockerfile::{Document, parse};
use plimsoll_image::{PullModel, PulledLayer};
use plimsoll_oci::DiffId;
use plimsoll_sbom::ImageContents;
use serde::Serialize;

use crate::waste::{Cause, WasteKind};
use crate::{Census, ImageLayers};

use layer_of::LayerOf;
pub use measured::Weighed;

/// What a finding costs in an image.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Savings {
    /// How the numbers came about.
    pub basis: Basis,
    /// Bytes of files.
    pub bytes: u64,
    /// Bytes as stored and pulled.
    pub stored_bytes: u64,
    /// Packages of the distribution that go with them.
    pub packages: u64,
    /// What is known against the packages and programs that go; absent where no advisories were at hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub findings: Option<u64>,
    /// Seconds of a cold pull.
    pub seconds: f64,
}

/// How numbers came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// From the layers of the image as it is: a file is taken to compress as its layer does.
    Estimated,
    /// From the image that was built with the change.
    Measured,
}

/// An image that was built from a Dockerfile.
#[derive(Clone, Copy, Debug)]
pub struct BuiltImage<'i> {
    /// Its layers, and what of them could go.
    pub layers: &'i ImageLayers,
    /// Its files.
    pub census: &'i Census<'i>,
    /// Its components.
    pub contents: &'i ImageContents,
    /// How much is known against each component, in their order; none without advisories.
    pub findings: Option<&'i [u64]>,
    /// How long machines wait.
    pub model: PullModel,
}

/// What each finding costs; nothing for those that cost no bytes, or whose bytes cannot be told.
pub fn savings(document: &Document, findings: &[Finding], image: &BuiltImage<'_>) -> Vec<Option<Savings>> {
    let layer_of = LayerOf::of(document, image.layers);
    findings.iter().map(|finding| of_finding(document, finding, image, &layer_of)).collect()
}

fn of_finding(
    document: &Document,
    finding: &Finding,
    image: &BuiltImage<'_>,
    layer_of: &LayerOf,
) -> Option<Savings> {
    let index = document.instructions().iter().position(|one| one.span.overlaps(finding.span))?;
    if let Some(fix) = finding.fix.as_ref().filter(|fix| parts_in_two(fix)) {
        return of_new_stage(fix, image, layer_of);
    }
    let layer = layer_of.get(index);
    let is_meant = |cause: &&Cause| match (finding.rule, cause.kind) {
        ("kept-package-lists", WasteKind::AptLists) => Some(cause.layer) == layer,
        ("kept-package-cache", kind) => kind.is_package_cache() && Some(cause.layer) == layer,
        ("build-tools-in-image" | "compiling-where-it-ships", kind) => {
            kind.is_for_building() && Some(cause.layer) == layer
        }
        ("fat-base", kind) => kind.is_for_building() && layer_of.is_base(cause.layer),
        ("removal-in-later-layer", WasteKind::Deleted { by }) => Some(by) == layer,
        _ => false,
    };
    let causes: Vec<&Cause> = image.layers.waste.causes.iter().filter(is_meant).collect();
    of_causes(&causes, image)
}

/// Whether a change begins a stage: what its layers hold does not ship then.
fn parts_in_two(fix: &Fix) -> bool {
    fix.edits.iter().any(|edit| edit.replacement.trim_start().starts_with("FROM "))
}

/// All that the layers above the base hold, without what the new stage copies from them.
fn of_new_stage(fix: &Fix, image: &BuiltImage<'_>, layer_of: &LayerOf) -> Option<Savings> {
    let gone: Vec<&crate::LayerSummary> =
        image.layers.layers.iter().filter(|layer| layer_of.is_built(layer.number)).collect();
    let kept = copied_bytes(fix, image.census);
    let sum =
        |of: fn(&crate::LayerSummary) -> u64| gone.iter().map(|layer| of(layer)).fold(0, u64::saturating_add);
    let (bytes, stored) = (sum(|layer| layer.added_bytes), sum(|layer| layer.stored_bytes));
    let numbers: BTreeSet<usize> = gone.iter().map(|layer| layer.number).collect();
    let seconds: Duration = image.model.time(gone.iter().map(|layer| PulledLayer {
        stored_bytes: layer.stored_bytes,
        unpacked_bytes: layer.unpacked_bytes,
        compression: layer.compression,
    }));
    let brought = |layer: Option<DiffId>| {
        let place = image.contents.layers.iter().position(|own| Some(*own) == layer);
        place.is_some_and(|place| numbers.contains(&(place + 1)))
    };
    let components = &image.contents.components;
    let packages =
        components.iter().filter(|one| one.component.package_type.is_system() && brought(one.layer));
    let known = image.findings.map(|counts| {
        counts.iter().zip(components).filter(|(_, one)| brought(one.layer)).map(|(count, _)| count).sum()
    });
    (bytes > kept).then(|| Savings {
        basis: Basis::Estimated,
        bytes: bytes - kept,
        stored_bytes: scaled(stored, bytes - kept, bytes),
        packages: packages.count() as u64,
        findings: known,
        seconds: rounded(seconds),
    })
}

/// Bytes of the files that the new stage takes from the old one.
fn copied_bytes(fix: &Fix, census: &Census<'_>) -> u64 {
    let mut bytes: u64 = 0;
    for edit in &fix.edits {
        let stage = parse(edit.replacement.clone());
        for copy in
            stage.instructions().iter().filter(|one| one.is(Keyword::Copy) && one.flag("from").is_some())
        {
            let Some(path) = copy.words().first().map(|word| word.text.trim_matches('/').to_owned()) else {
                continue;
            };
            bytes = bytes.saturating_add(bytes_at(census, path.as_bytes()));
        }
    }
    bytes
}

fn bytes_at(census: &Census<'_>, path: &[u8]) -> u64 {
    let is_within =
        |other: &[u8]| other.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"));
    let nodes = census.tree.nodes().filter(|node| is_within(node.path));
    nodes.map(|node| node.size_bytes).fold(0, u64::saturating_add)
}

fn of_causes(causes: &[&Cause], image: &BuiltImage<'_>) -> Option<Savings> {
    let sum = |of: fn(&Cause) -> u64| causes.iter().map(|cause| of(cause)).fold(0, u64::saturating_add);
    let (bytes, stored_bytes) = (sum(|cause| cause.bytes), sum(|cause| cause.stored_bytes));
    let pulled = causes.iter().filter_map(|cause| {
        let layer = image.layers.layers.iter().find(|layer| layer.number == cause.layer)?;
        Some(PulledLayer {
            stored_bytes: cause.stored_bytes,
            unpacked_bytes: cause.bytes,
            compression: layer.compression,
        })
    });
    let seconds = rounded(image.model.time(pulled));
    let building = causes.iter().filter(|cause| cause.kind.is_for_building());
    let names: BTreeSet<&str> =
        building.flat_map(|cause| &cause.packages).map(|share| share.name.as_str()).collect();
    let is_named = |name: &str| names.contains(name);
    let findings = image.findings.map(|counts| {
        let components = image.contents.components.iter().zip(counts);
        components.filter(|(one, _)| is_named(&one.component.name)).map(|(_, count)| count).sum()
    });
    (bytes > 0).then_some(Savings {
        basis: Basis::Estimated,
        bytes,
        stored_bytes,
        packages: names.len() as u64,
        findings,
        seconds,
    })
}

fn scaled(of: u64, part: u64, whole: u64) -> u64 {
    let scaled = (u128::from(of) * u128::from(part)).checked_div(whole.into()).unwrap_or_default();
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

/// Seconds to the hundredth: the model knows no better.
fn rounded(time: Duration) -> f64 {
    (time.as_secs_f64() * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests;
