use std::time::Duration;

use plimsoll_image::{Compression, CompressionTrial, PullModel, PulledLayer, layer_instructions};
use plimsoll_oci::{Digest, ImageConfig, ImageManifest};
use serde::Serialize;

use crate::shape::{Branch, branches};
use crate::waste::Waste;
use crate::{Census, LayerFiles};

/// A layer is told to be better off as Zstandard when it saves at least this part of the waiting, in per cent.
const ZSTD_GAIN_MIN_PERCENT: u64 = 10;

/// What an image's layers hold, what of it could go, and what it costs to pull.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageLayers {
    /// The version of this document's form.
    pub api_version: &'static str,
    /// What this document is.
    pub kind: &'static str,
    /// The image as the user named it.
    pub name: String,
    /// The manifest's digest.
    pub digest: Digest,
    /// Sums over the layers.
    pub totals: LayerTotals,
    /// The layers from the base up.
    pub layers: Vec<LayerSummary>,
    /// What could go.
    pub waste: Waste,
    /// How long a machine waits that has none of the layers.
    pub pull: Pull,
}

/// Sums over the layers of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerTotals {
    /// Bytes as stored.
    pub stored_bytes: u64,
    /// Bytes of the uncompressed archives.
    pub unpacked_bytes: u64,
    /// Bytes of the files that layers add.
    pub added_bytes: u64,
    /// Bytes of the files that a container sees.
    pub visible_bytes: u64,
}

/// One layer.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerSummary {
    /// Its place, counted from 1 at the base.
    pub number: usize,
    /// The digest of its bytes as stored, as the manifest says.
    pub digest: Digest,
    /// The instruction that made it, in the words of a Dockerfile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instruction: Option<String>,
    /// How it is compressed, as found.
    pub compression: Compression,
    /// Bytes as stored.
    pub stored_bytes: u64,
    /// Bytes of the uncompressed archive.
    pub unpacked_bytes: u64,
    /// Bytes of the files that it adds.
    pub added_bytes: u64,
    /// Of these, bytes that could go.
    pub wasted_bytes: u64,
    /// The directories that its bytes lie in.
    pub tree: Vec<Branch>,
    /// What Zstandard would make of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zstd: Option<ZstdProposal>,
}

/// A layer as Zstandard.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ZstdProposal {
    /// Bytes as stored of the beginning of the layer that was compressed again, at level 3.
    pub tried_bytes: u64,
    /// What they became.
    pub became_bytes: u64,
    /// The layer's bytes then, if the rest compresses as its beginning.
    pub stored_bytes: u64,
    /// Seconds of a pull that this saves.
    pub seconds_saved: f64,
}

/// What a pull of the whole image takes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pull {
    /// How the seconds come about.
    pub model: &'static str,
    /// Bytes that arrive in a second.
    pub bandwidth_bytes: u64,
    /// Seconds as the image is.
    pub seconds: f64,
    /// Seconds without the waste.
    pub seconds_without_waste: f64,
    /// Seconds with the layers as Zstandard that are better off so.
    pub seconds_as_zstd: f64,
}

/// What a report on layers is made from.
#[derive(Debug)]
pub struct LayerParts<'a> {
    /// The image as the user named it.
    pub name: &'a str,
    /// The digest of the manifest's bytes.
    pub digest: Digest,
    /// The manifest.
    pub manifest: &'a ImageManifest,
    /// The config.
    pub config: &'a ImageConfig,
    /// What was tried of each layer, in the manifest's order.
    pub trials: &'a [Option<CompressionTrial>],
    /// How long machines wait.
    pub model: PullModel,
}

impl ImageLayers {
    /// Tells of the image whose files `census` knows.
    pub fn of(parts: &LayerParts<'_>, census: &Census<'_>) -> Self {
        Self::with_waste(parts, census, Waste::of(census))
    }

    /// The same, where what could go was found out before.
    pub fn with_waste(parts: &LayerParts<'_>, census: &Census<'_>, waste: Waste) -> Self {
        let layers: Vec<LayerSummary> = summaries(parts, census, &waste);
        let pull = pull(&layers, &waste, parts.model);
        let sum = |of: fn(&LayerSummary) -> u64| layers.iter().map(of).fold(0, u64::saturating_add);
        let totals = LayerTotals {
            stored_bytes: sum(|layer| layer.stored_bytes),
            unpacked_bytes: sum(|layer| layer.unpacked_bytes),
            added_bytes: sum(|layer| layer.added_bytes),
            visible_bytes: census.tree.size_bytes(),
        };
        Self {
            api_version: "plimsoll/v1",
            kind: "ImageLayers",
            name: parts.name.to_owned(),
            digest: parts.digest,
            totals,
            layers,
            waste,
            pull,
        }
    }
}

fn summaries(parts: &LayerParts<'_>, census: &Census<'_>, waste: &Waste) -> Vec<LayerSummary> {
    let instructions = layer_instructions(parts.config, parts.manifest.layers.len());
    let of = |(index, files): (usize, &LayerFiles)| {
        let number = index + 1;
        let wasted = waste.causes.iter().filter(|cause| cause.layer == number).map(|cause| cause.bytes);
        let measures = &files.listing.measures;
        let trial = parts.trials.get(index).copied().flatten();
        LayerSummary {
            number,
            digest: measures.digest,
            instruction: instructions.get(index).cloned().flatten(),
            compression: measures.compression,
            stored_bytes: measures.stored_bytes,
            unpacked_bytes: measures.unpacked_bytes,
            added_bytes: files.listing.entries().map(|entry| entry.size_bytes).fold(0, u64::saturating_add),
            wasted_bytes: wasted.fold(0, u64::saturating_add),
            tree: branches(&files.listing),
            zstd: trial.and_then(|trial| proposal(files, trial, parts.model)),
        }
    };
    census.layers().iter().enumerate().map(of).collect()
}

/// Zstandard for a layer, where it saves enough of the waiting.
fn proposal(files: &LayerFiles, trial: CompressionTrial, model: PullModel) -> Option<ZstdProposal> {
    let measures = &files.listing.measures;
    let now = PulledLayer {
        stored_bytes: measures.stored_bytes,
        unpacked_bytes: measures.unpacked_bytes,
        compression: measures.compression,
    };
    let stored_bytes = trial.projected(measures.stored_bytes);
    let then = PulledLayer { stored_bytes, compression: Compression::Zstd, ..now };
    let (before, after) = (model.time([now]), model.time([then]));
    let saved = before.checked_sub(after)?;
    let percent = saved.as_nanos().saturating_mul(100).checked_div(before.as_nanos())?;
    (percent >= ZSTD_GAIN_MIN_PERCENT.into()).then(|| ZstdProposal {
        tried_bytes: trial.stored_bytes,
        became_bytes: trial.zstd_bytes,
        stored_bytes,
        seconds_saved: rounded(saved),
    })
}

fn pull(layers: &[LayerSummary], waste: &Waste, model: PullModel) -> Pull {
    let now = |layer: &LayerSummary| PulledLayer {
        stored_bytes: layer.stored_bytes,
        unpacked_bytes: layer.unpacked_bytes,
        compression: layer.compression,
    };
    let without_waste = |layer: &LayerSummary| {
        let of_layer = waste.causes.iter().filter(|cause| cause.layer == layer.number);
        let stored = of_layer.map(|cause| cause.stored_bytes).fold(0, u64::saturating_add);
        PulledLayer {
            stored_bytes: layer.stored_bytes.saturating_sub(stored),
            unpacked_bytes: layer.unpacked_bytes.saturating_sub(layer.wasted_bytes),
            ..now(layer)
        }
    };
    let as_zstd = |layer: &LayerSummary| match &layer.zstd {
        Some(zstd) => {
            PulledLayer { stored_bytes: zstd.stored_bytes, compression: Compression::Zstd, ..now(layer) }
        }
        None => now(layer),
    };
    Pull {
        model: PullModel::STATEMENT,
        bandwidth_bytes: model.bandwidth_bytes,
        seconds: rounded(model.time(layers.iter().map(now))),
        seconds_without_waste: rounded(model.time(layers.iter().map(without_waste))),
        seconds_as_zstd: rounded(model.time(layers.iter().map(as_zstd))),
    }
}

/// Seconds to the hundredth: the model knows no better.
fn rounded(time: Duration) -> f64 {
    (time.as_secs_f64() * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use plimsoll_oci::{Descriptor, Manifest, MediaType};

    use super::*;
    use crate::census::tests::{Member, layer};

    const CONFIG: &str = r#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]},
        "history":[{"created_by":"COPY . /app # buildkit"},{"created_by":"ENV A=b","empty_layer":true},
        {"created_by":"RUN rm -r /app"}]}"#;

    #[test]
    fn a_report_tells_each_layers_instruction_waste_and_waiting() {
        let layers = [
            layer(&[Member::File("app/a", &[1; 5000]), Member::File("app/b/c", &[2; 200])]),
            layer(&[Member::File(".wh.app", b"")]),
        ];
        let config = ImageConfig::parse(CONFIG.as_bytes()).unwrap();
        let blob = Descriptor::of(MediaType::LAYER, b"");
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","config":{},"layers":[{},{}]}}"#,
            MediaType::IMAGE_MANIFEST,
            serde_json::to_string(&Descriptor::of(MediaType::IMAGE_CONFIG, CONFIG.as_bytes())).unwrap(),
            serde_json::to_string(&blob).unwrap(),
            serde_json::to_string(&blob).unwrap(),
        );
        let (Manifest::Image(manifest), _) = Manifest::parse(manifest.as_bytes(), None).unwrap() else {
            panic!("an image")
        };
        let trial = CompressionTrial { stored_bytes: 1000, zstd_bytes: 100 };
        let parts = LayerParts {
            name: "app",
            digest: blob.digest,
            manifest: &manifest,
            config: &config,
            trials: &[Some(trial), None],
            model: PullModel { bandwidth_bytes: 1000 },
        };
        let report = ImageLayers::of(&parts, &Census::of(&layers));
        assert_eq!(report.layers[0].instruction.as_deref(), Some("COPY . /app"));
        assert_eq!(report.layers[1].instruction.as_deref(), Some("RUN rm -r /app"));
        assert_eq!((report.layers[0].wasted_bytes, report.totals.visible_bytes), (5200, 0));
        assert_eq!(report.layers[0].tree[0], Branch { path: "/app".into(), depth: 0, bytes: 5200, files: 2 });
        let zstd = report.layers[0].zstd.as_ref().unwrap();
        assert_eq!(zstd.stored_bytes, report.layers[0].stored_bytes / 10);
        assert!(report.pull.seconds_without_waste < report.pull.seconds, "{:?}", report.pull);
        assert!(report.pull.seconds_as_zstd < report.pull.seconds, "{:?}", report.pull);
    }
}
