use plimsoll_dockerfile::lint::{LintOptions, lint};
use plimsoll_oci::{Descriptor, ImageConfig, Manifest, MediaType};
use plimsoll_sbom::merge;
use serde_json::json;

use super::*;
use crate::census::tests::{Member, layer, record};
use crate::{LayerFiles, LayerParts};

const LIST: &[u8] = b"/.\n/usr\n/usr/bin\n/usr/bin/gcc-12\n";
const BASE: &[Member<'_>] = &[Member::Program("usr/bin/sh", &[0; 700], 0o755)];
const INSTALLED: &[Member<'_>] = &[
    Member::Program("usr/bin/gcc-12", &[1; 9000], 0o755),
    Member::File("var/lib/dpkg/info/gcc-12.list", LIST),
    Member::File("var/lib/dpkg/status", b"Package: gcc-12\nStatus: install ok installed\nVersion: 12\n"),
    Member::File("var/lib/apt/lists/Packages", &[2; 5000]),
];
const COPIED: &[Member<'_>] = &[Member::File("src/a.c", &[3; 60])];
const BUILT: &[Member<'_>] = &[Member::Program("usr/local/bin/a", &[4; 400], 0o755)];

const DOCKERFILE: &str = "\
FROM debian:12
RUN apt-get update && \\
    apt-get install -y gcc
COPY a.c /src/
RUN gcc -o /usr/local/bin/a /src/a.c
CMD [\"/usr/local/bin/a\"]
";

/// As buildah writes it: blanks are kept, and a copy is named by its digest.
const HISTORY: [&str; 4] = [
    "/bin/sh -c #(nop) ADD file:1 in / ",
    "/bin/sh -c apt-get update &&     apt-get install -y gcc",
    "/bin/sh -c #(nop) COPY file:2 in /src/ ",
    "/bin/sh -c gcc -o /usr/local/bin/a /src/a.c",
];

fn rules_with_savings(dockerfile: &str) -> Vec<(&'static str, Savings)> {
    let stack = [BASE, INSTALLED, COPIED, BUILT];
    let files: Vec<LayerFiles> = stack.iter().map(|members| layer(members)).collect();
    let census = Census::of(&files);
    let mut records: Vec<_> = stack.iter().map(|members| record(members)).collect();
    let contents = merge(&mut records).unwrap();
    let history: Vec<_> = HISTORY.iter().map(|text| json!({ "created_by": text })).collect();
    let config = json!({ "architecture": "amd64", "os": "linux", "history": history,
        "rootfs": { "type": "layers", "diff_ids": contents.layers } });
    let config = ImageConfig::parse(config.to_string().as_bytes()).unwrap();
    let blob = Descriptor::of(MediaType::LAYER, b"");
    let manifest = json!({ "schemaVersion": 2, "mediaType": MediaType::IMAGE_MANIFEST,
        "config": Descriptor::of(MediaType::IMAGE_CONFIG, b"{}"), "layers": vec![&blob; 4] });
    let (Manifest::Image(manifest), _) = Manifest::parse(manifest.to_string().as_bytes(), None).unwrap()
    else {
        panic!("an image")
    };
    let model = PullModel { bandwidth_bytes: 1000 };
    let (digest, trials) = (blob.digest, [None; 4]);
    let parts =
        LayerParts { name: "a", digest, manifest: &manifest, config: &config, trials: &trials, model };
    let layers = ImageLayers::of(&parts, &census);
    let counts: Vec<u64> = contents.components.iter().map(|_| 2).collect();
    let image =
        BuiltImage { layers: &layers, census: &census, contents: &contents, findings: Some(&counts), model };
    let document = parse(dockerfile);
    let findings = lint(&document, LintOptions::default()).findings;
    let saved = savings(&document, &findings, &image);
    findings.iter().zip(saved).filter_map(|(finding, saved)| Some((finding.rule, saved?))).collect()
}

fn of<'s>(savings: &'s [(&'static str, Savings)], rule: &str) -> &'s Savings {
    &savings.iter().find(|(name, _)| *name == rule).unwrap_or_else(|| panic!("{rule}: {savings:?}")).1
}

#[test]
fn each_finding_is_told_with_the_bytes_of_the_layer_that_its_instruction_made() {
    let savings = rules_with_savings(DOCKERFILE);
    assert_eq!(of(&savings, "kept-package-lists").bytes, 5000);
    let tools = of(&savings, "build-tools-in-image");
    assert_eq!((tools.bytes, tools.packages, tools.findings), (9000, 1, Some(2)));
    assert_eq!(tools.basis, Basis::Estimated);
}

#[test]
fn a_new_stage_saves_all_that_it_does_not_copy() {
    let savings = rules_with_savings(DOCKERFILE);
    let staged = of(&savings, "compiling-where-it-ships");
    let added: usize = [INSTALLED, COPIED].iter().flat_map(|layer| layer.iter()).map(length).sum();
    assert_eq!(staged.bytes, added as u64);
    assert_eq!((staged.packages, staged.findings), (1, Some(2)));
    assert!(staged.seconds >= 14.0, "{staged:?}");
}

fn length(member: &Member<'_>) -> usize {
    match member {
        Member::File(_, content) | Member::Program(_, content, _) => content.len(),
        _ => 0,
    }
}

#[test]
fn an_image_of_another_dockerfile_says_nothing() {
    let other = "FROM debian:12\nRUN apt-get update && apt-get install -y make\nCMD [\"true\"]\n";
    assert_eq!(rules_with_savings(other), []);
}
