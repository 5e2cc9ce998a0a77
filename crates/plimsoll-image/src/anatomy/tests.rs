use plimsoll_oci::{Descriptor, DiffId, Manifest};

use super::*;
use crate::archives::{Raw, archive, gzip};
use crate::{LayerAlgorithms, Limits, Manner, read_layer};

/// An image in memory: the compressed layers with a config and a manifest that fit them.
struct Fixture {
    layers: Vec<Option<LayerListing>>,
    config: ImageConfig,
    manifest: ImageManifest,
}

impl Fixture {
    fn new(stack: &[&[Raw]], history: &str) -> Self {
        let archives: Vec<Vec<u8>> = stack.iter().map(|members| archive(members)).collect();
        let diff_ids: Vec<DiffId> = archives.iter().map(|tar| DiffId(Digest::sha256_of(tar))).collect();
        let config = format!(
            r#"{{"architecture":"amd64","os":"linux","config":{{"Env":["A=b=c","B"],"User":"","Cmd":["sh"]}},
                "rootfs":{{"type":"layers","diff_ids":{}}},"history":{history}}}"#,
            serde_json::to_string(&diff_ids).unwrap()
        );
        let stored: Vec<Vec<u8>> = archives.iter().map(|tar| gzip(tar)).collect();
        let descriptors: Vec<Descriptor> =
            stored.iter().map(|bytes| Descriptor::of(MediaType::LAYER_GZIP, bytes)).collect();
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "config": Descriptor::of(MediaType::IMAGE_CONFIG, config.as_bytes()),
            "layers": descriptors,
        });
        let bytes = manifest.to_string();
        let (Manifest::Image(manifest), _) = Manifest::parse(bytes.as_bytes(), None).unwrap() else {
            panic!()
        };
        let read = |bytes: &Vec<u8>| {
            read_layer(bytes.as_slice(), LayerAlgorithms::default(), &Limits::default()).ok()
        };
        Self {
            layers: stored.iter().map(read).collect(),
            config: ImageConfig::parse(config.as_bytes()).unwrap(),
            manifest,
        }
    }

    fn anatomy(&self) -> ImageAnatomy {
        ImageAnatomy::of(&ImageParts {
            name: "test",
            digest: Digest::sha256_of(b"manifest"),
            media_type: MediaType::IMAGE_MANIFEST,
            manifest: &self.manifest,
            config: &self.config,
            layers: &self.layers,
            largest_max: 2,
        })
    }
}

const HISTORY: &str = r#"[{"created_by":"/bin/sh -c #(nop) ADD file:1 in / "},
    {"created_by":"ENV A=b","empty_layer":true},{"created_by":"RUN /bin/sh -c rm b # buildkit"}]"#;

fn two_layers() -> Fixture {
    let base = [Raw::file("a", b"1"), Raw::file("b", b"22"), Raw::file("c", b"333")];
    let top = [Raw::file(".wh.b", b""), Raw::file("c", b"4444")];
    Fixture::new(&[&base, &top], HISTORY)
}

#[test]
fn each_layer_has_its_instruction_and_what_became_of_its_bytes() {
    let anatomy = two_layers().anatomy();
    assert_eq!(anatomy.findings, []);
    let layers = &anatomy.layers;
    assert_eq!(layers[0].instruction.as_deref(), Some("ADD file:1 in /"));
    assert_eq!(layers[1].instruction.as_deref(), Some("RUN rm b"));
    assert_eq!(anatomy.history[1], Step { instruction: "ENV A=b".into(), created: None, layer: None });
    let base = layers[0].contents.as_ref().unwrap();
    assert_eq!((base.added_bytes, base.deleted_bytes, base.overwritten_bytes), (6, 2, 3));
    let largest: Vec<_> = base.largest.iter().map(|file| (file.path.as_str(), file.taken)).collect();
    let by_top = |manner| Some(Taken { manner, layer: 2 });
    assert_eq!(largest, [("/c", by_top(Manner::Overwritten)), ("/b", by_top(Manner::Deleted))]);
    let totals = anatomy.totals.contents.unwrap();
    assert_eq!((totals.wasted_bytes, totals.visible_bytes, totals.visible_paths), (5, 5, 2));
}

#[test]
fn a_config_that_names_other_content_is_told() {
    let mut image = two_layers();
    image.config.rootfs.diff_ids[1] = DiffId(Digest::sha256_of(b"other"));
    image.manifest.layers[0].size += 1;
    image.manifest.layers[0].media_type = MediaType::LAYER_ZSTD;
    let codes: Vec<_> =
        image.anatomy().findings.iter().map(|finding| (finding.code, finding.layer)).collect();
    assert_eq!(
        codes,
        [
            (FindingCode::SizeMismatch, Some(1)),
            (FindingCode::CompressionMismatch, Some(1)),
            (FindingCode::DiffIdMismatch, Some(2)),
        ]
    );
}

#[test]
fn instructions_are_not_guessed_when_the_history_does_not_fit() {
    let mut image = two_layers();
    image.config.history.truncate(1);
    image.config.rootfs.diff_ids.push(DiffId(Digest::sha256_of(b"third")));
    let anatomy = image.anatomy();
    assert!(anatomy.layers.iter().all(|layer| layer.instruction.is_none()));
    let codes: Vec<_> = anatomy.findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, [FindingCode::LayerCountMismatch, FindingCode::HistoryMismatch]);
}

#[test]
fn without_a_layer_nothing_is_said_about_the_whole() {
    let mut image = two_layers();
    image.layers[1] = None;
    let anatomy = image.anatomy();
    assert_eq!(anatomy.totals.contents, None);
    assert_eq!(anatomy.layers[0].contents.as_ref().unwrap().deleted_bytes, 0);
    assert_eq!(anatomy.findings[0].code, FindingCode::LayerNotRead);
}

#[test]
fn the_json_form_is_stable() {
    let json = serde_json::to_value(two_layers().anatomy()).unwrap();
    assert_eq!((&json["apiVersion"], &json["kind"]), (&"plimsoll/v1".into(), &"ImageAnatomy".into()));
    assert_eq!(json["run"]["env"], serde_json::json!([{"name":"A","value":"b=c"},{"name":"B","value":""}]));
    assert_eq!(json["run"]["user"], serde_json::Value::Null);
    let taken = serde_json::json!([
        {"layer":2,"manner":"deleted","files":1,"bytes":2,"largestPath":"/b"},
        {"layer":2,"manner":"overwritten","files":1,"bytes":3,"largestPath":"/c"},
    ]);
    assert_eq!(json["layers"][0]["contents"]["taken"], taken);
    assert_eq!(json["layers"][0]["contents"]["compression"], "gzip");
    assert_eq!(json["layers"][0]["contents"]["entries"], serde_json::json!({"files":3}));
}
