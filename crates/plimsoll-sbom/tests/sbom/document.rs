use plimsoll_sbom::{Document, DocumentFormat, Ignored, ReadDocumentError};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::sample;

const FORMATS: [DocumentFormat; 2] = [DocumentFormat::CycloneDx, DocumentFormat::Spdx];

pub(crate) fn written(document: &Document, format: DocumentFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    document.write(format, &mut bytes).unwrap();
    bytes
}

fn json_of(document: &Document, format: DocumentFormat) -> Value {
    serde_json::from_slice(&written(document, format)).unwrap()
}

#[test]
fn a_document_reads_back_as_it_was() {
    let document = sample::document();
    for format in FORMATS {
        let read = Document::read(&written(&document, format)).unwrap();
        assert_eq!(read.document, document, "{format:?}");
        assert_eq!(read.ignored, Ignored::default());
        assert_eq!(read.format, format);
    }
}

#[test]
fn the_same_content_is_the_same_bytes_and_another_has_another_serial_number() {
    let document = sample::document();
    let mut later = document.clone();
    later.components.pop();
    for (format, name) in [(FORMATS[0], "serialNumber"), (FORMATS[1], "documentNamespace")] {
        assert_eq!(written(&document, format), written(&document.clone(), format));
        let serial_number = json_of(&document, format)[name].clone();
        assert!(serial_number.as_str().unwrap().starts_with("urn:uuid:"));
        assert_ne!(serial_number, json_of(&later, format)[name]);
    }
}

#[test]
fn cyclonedx_shows_where_a_component_is_and_whose() {
    let bom = json_of(&sample::document(), DocumentFormat::CycloneDx);
    assert_eq!(bom["metadata"]["timestamp"], "2026-09-21T14:13:20Z");
    assert_eq!(bom["metadata"]["component"]["type"], "container");
    assert_eq!(bom["components"][0]["type"], "operating-system");
    assert_eq!(bom["components"][0]["version"], "12");
    let deb = &bom["components"][1];
    assert_eq!(
        deb["purl"],
        "pkg:deb/debian/libgcc-s1@1:12.2.0-14%2Bb1?arch=amd64&distro=debian-12&upstream=gcc-12%4012.2.0-14"
    );
    assert_eq!(deb["evidence"]["occurrences"], json!([{ "location": "var/lib/dpkg/status" }]));
    let names: Vec<_> =
        deb["properties"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["plimsoll:component:vendor", "plimsoll:found-by", "plimsoll:layer", "plimsoll:path"]);
    assert_eq!(
        deb["licenses"],
        json!([
            { "license": { "id": "GPL-3.0-or-later" } },
            { "license": { "name": "MIT OR Apache-2.0" } },
            { "license": { "name": "a house licence" } },
        ])
    );
    let owned = bom["components"].as_array().unwrap().last().unwrap()["bom-ref"].as_str().unwrap();
    let brings = |dependency: &Value| dependency["dependsOn"].as_array().unwrap().contains(&json!(owned));
    let bringing: Vec<_> = bom["dependencies"].as_array().unwrap().iter().filter(|d| brings(d)).collect();
    assert_eq!(bringing.len(), 1);
    assert_eq!(bringing[0]["ref"], deb["bom-ref"]);
}

#[test]
fn spdx_relates_the_image_to_what_it_contains() {
    let spdx = json_of(&sample::document(), DocumentFormat::Spdx);
    let relationship = |left: &str, kind: &str, right: &str| json!({ "spdxElementId": left, "relationshipType": kind, "relatedSpdxElement": right });
    let relationships = spdx["relationships"].as_array().unwrap();
    assert_eq!(relationships[0], relationship("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Subject"));
    let deb = spdx["packages"][2]["SPDXID"].as_str().unwrap();
    let owned = spdx["packages"].as_array().unwrap().last().unwrap()["SPDXID"].as_str().unwrap();
    assert!(relationships.contains(&relationship("SPDXRef-Subject", "CONTAINS", deb)));
    assert!(relationships.contains(&relationship(deb, "CONTAINS", owned)));
    assert_eq!(spdx["packages"][2]["supplier"], "Organization: A Team (team@example.org)");
    let declared = spdx["packages"][2]["licenseDeclared"].as_str().unwrap();
    assert!(declared.starts_with("GPL-3.0-or-later AND (MIT OR Apache-2.0) AND LicenseRef-a-house-licence-"));
    assert_eq!(spdx["packages"][0]["checksums"][0]["algorithm"], "SHA256");
}

#[test]
fn elements_have_names_of_their_own() {
    for (format, elements, id) in [(FORMATS[0], "components", "bom-ref"), (FORMATS[1], "packages", "SPDXID")]
    {
        let json = json_of(&sample::document(), format);
        let mut ids: Vec<_> = json[elements].as_array().unwrap().iter().map(|e| e[id].to_string()).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }
}

#[test]
fn limits_are_named() {
    let nested =
        (0..=Document::DEPTH_MAX).fold(json!([]), |inner, _| json!([{ "name": "x", "components": inner }]));
    let bom = |components: Value| {
        json!({ "bomFormat": "CycloneDX", "specVersion": "1.5", "components": components }).to_string()
    };
    assert!(matches!(Document::read(bom(nested).as_bytes()), Err(ReadDocumentError::Depth)));
    let many = Value::Array(vec![json!(0); Document::COMPONENTS_MAX + 1]);
    assert!(matches!(Document::read(bom(many.clone()).as_bytes()), Err(ReadDocumentError::Components)));
    let below = json!([{ "components": many }]);
    assert!(matches!(Document::read(bom(below).as_bytes()), Err(ReadDocumentError::Components)));
    let halves = json!([{ "components": vec![0; 150_000] }, { "components": vec![0; 150_000] }]);
    assert!(matches!(Document::read(bom(halves).as_bytes()), Err(ReadDocumentError::Components)));
    let spdx =
        json!({ "spdxVersion": "SPDX-2.3", "packages": vec![0; Document::COMPONENTS_MAX + 1] }).to_string();
    assert!(matches!(Document::read(spdx.as_bytes()), Err(ReadDocumentError::Components)));
    let large = vec![0; Document::BYTES_MAX + 1];
    assert!(matches!(Document::read(&large), Err(ReadDocumentError::Bytes)));
}

#[test]
fn what_is_no_sbom_is_refused_with_the_way_out() {
    let message = |text: &str| Document::read(text.as_bytes()).unwrap_err().to_string();
    assert!(message("<bom/>").contains("convert it"));
    assert!(message("{}").contains("neither `bomFormat` nor `spdxVersion`"));
    assert!(message(r#"{"bomFormat":"CycloneDX","specVersion":"2.0"}"#).contains("use CycloneDX 1.2 to 1.7"));
    assert!(message(r#"{"@context":"https://spdx.org/rdf/3.0.1/","@graph":[]}"#).contains("`SPDX-3`"));
    assert!(message(r#"{"spdxVersion":"SPDX-2.3","packages":7}"#).contains("malformed"));
    let deep = "[".repeat(1 << 20);
    assert!(
        message(&format!(r#"{{"bomFormat":"CycloneDX","specVersion":"1.6","x":{deep}"#))
            .contains("malformed")
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_document_reads_back_as_it_was(document in sample::any_document()) {
        for format in FORMATS {
            let read = Document::read(&written(&document, format)).unwrap();
            prop_assert_eq!(&read.document, &document, "{:?}", format);
            prop_assert_eq!(read.ignored, Ignored::default());
        }
    }

    #[test]
    fn any_damage_is_survived(at in any::<prop::sample::Index>(), byte in any::<u8>(), is_spdx in any::<bool>()) {
        let mut bytes = written(&sample::document(), FORMATS[usize::from(is_spdx)]);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = Document::read(&bytes);
    }
}
