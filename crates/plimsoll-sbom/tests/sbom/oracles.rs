//! What other people's validators and parsers say.
//!
//! They are Python packages (`cyclonedx-python-lib[json-validation]`, which brings the schemas of CycloneDX and
//! `packageurl-python`, and `spdx-tools`) in a virtual environment `sbom-oracles` in `PLIMSOLL_PEERS_DIR`. The tests of
//! `packageurl-python` belong beside them, as `sbom-oracles/purl-test-suite.json`.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use plimsoll_sbom::{Document, DocumentFormat, Purl};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use serde_json::Value;

use crate::document::written;
use crate::sample;

const CYCLONEDX: &str = r#"
import json, sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
validator = JsonStrictValidator(SchemaVersion.V1_6)
for document in json.load(sys.stdin):
    error = validator.validate_str(document)
    if error:
        print(error.data if hasattr(error, "data") else error, document)
"#;

const SPDX: &str = r#"
import json, sys
from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document
for document in json.load(sys.stdin):
    for fault in validate_full_spdx_document(JsonLikeDictParser().parse(json.loads(document)), "SPDX-2.3"):
        print(fault.validation_message, fault.context.spdx_id, document)
"#;

const PURL: &str = r#"
import json, sys
from packageurl import PackageURL
def canonical(text):
    try:
        return PackageURL.from_string(text).to_string()
    except ValueError:
        return None
json.dump([canonical(text) for text in json.load(sys.stdin)], sys.stdout)
"#;

/// The sample document and a hundred that are different in every run of the generator but the same in every test.
fn documents(format: DocumentFormat) -> Value {
    let mut runner = TestRunner::deterministic();
    let any = (0..100).map(|_| sample::any_document().new_tree(&mut runner).unwrap().current());
    let text = |document: &Document| String::from_utf8(written(document, format)).unwrap();
    std::iter::once(sample::document()).chain(any).map(|document| text(&document)).collect()
}

#[test]
fn cyclonedx_documents_are_valid_by_their_schema() {
    if let Some(faults) = asked(CYCLONEDX, &documents(DocumentFormat::CycloneDx)) {
        assert_eq!(faults, "");
    }
}

#[test]
fn the_validator_of_cyclonedx_sees_a_fault() {
    let fault = Value::from(vec![r#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{}]}"#]);
    assert!(asked(CYCLONEDX, &fault).is_none_or(|faults| !faults.is_empty()));
}

#[test]
fn spdx_documents_are_valid() {
    if let Some(faults) = asked(SPDX, &documents(DocumentFormat::Spdx)) {
        assert_eq!(faults, "");
    }
}

#[test]
fn the_validator_of_spdx_sees_a_fault() {
    let document = String::from_utf8(written(&sample::document(), DocumentFormat::Spdx)).unwrap();
    let fault = Value::from(vec![document.replace("SPDXRef-Subject", "SPDXRef-Sub_ject")]);
    assert!(asked(SPDX, &fault).is_none_or(|faults| !faults.is_empty()));
}

#[test]
fn package_urls_print_as_the_python_library_prints_them() {
    let part = "[a-z0-9][a-z0-9._~+@:!é -]{0,8}[a-z0-9]";
    let pattern = (
        proptest::sample::select(vec![
            "deb", "apk", "rpm", "golang", "maven", "npm", "generic", "cargo", "pypi", "nuget",
        ]),
        part,
        part,
        part,
        proptest::option::of(part),
    );
    let mut runner = TestRunner::deterministic();
    let purls: Vec<Purl> = (0..500)
        .filter_map(|_| {
            let (package_type, namespace, name, version, arch) =
                pattern.new_tree(&mut runner).unwrap().current();
            let namespace =
                Some(namespace.as_str()).filter(|_| !["cargo", "pypi", "nuget"].contains(&package_type));
            let purl = Purl::new(package_type, namespace, &name, Some(&version)).ok()?;
            purl.with_qualifier("arch", &arch.unwrap_or_default()).ok()
        })
        .collect();
    assert!(purls.len() > 400, "{}", purls.len());
    let texts: Value = purls.iter().map(Purl::to_string).collect();
    if let Some(answer) = asked(PURL, &texts) {
        let answer: Vec<Option<String>> = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer.len(), purls.len());
        for (theirs, ours) in answer.iter().zip(&purls) {
            // The library folds the digits of escapes along with the names of types that fold case.
            let theirs = theirs.as_deref().unwrap_or("refused");
            assert_eq!(theirs.to_uppercase(), ours.to_string().to_uppercase());
        }
    }
}

/// The suite of an older edition of the specification: there a slash in a qualifier's value stood for itself.
#[test]
fn the_test_suite_of_package_urls_passes() {
    let Some(folder) = oracles() else { return };
    let suite = std::fs::read(folder.join("purl-test-suite.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_slice(&suite).unwrap();
    assert!(cases.len() > 20);
    for case in &cases {
        let text = |name: &str| case[name].as_str().unwrap_or_default();
        let parsed = text("purl").parse::<Purl>();
        if case["is_invalid"] == true {
            assert!(parsed.is_err(), "{case}");
            continue;
        }
        let purl = parsed.unwrap_or_else(|error| panic!("{error}: {case}"));
        assert_eq!(purl.to_string().replace("%2F", "/"), text("canonical_purl"), "{case}");
        assert_eq!(text("canonical_purl").parse(), Ok(purl.clone()), "{case}");
        assert_eq!(purl.package_type(), text("type"), "{case}");
        assert_eq!(purl.namespace().unwrap_or_default(), text("namespace").trim_end_matches('/'), "{case}");
        assert_eq!(purl.name(), text("name"), "{case}");
        assert_eq!(purl.version().unwrap_or_default(), text("version"), "{case}");
        assert_eq!(purl.subpath().unwrap_or_default(), text("subpath"), "{case}");
    }
}

/// What a script says of some JSON, or nothing where Python or its packages are missing.
#[expect(clippy::disallowed_methods, reason = "the oracles are programs; they read all their input and end")]
fn asked(script: &str, input: &Value) -> Option<String> {
    let python = oracles()?.join("bin/python");
    let command =
        Command::new(python).args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = command.unwrap();
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    Some(String::from_utf8(output.stdout).unwrap())
}

/// The virtual environment; without it a test is passed over, aloud, unless everything must be there.
#[expect(clippy::disallowed_methods, reason = "tests find out here what the machine has")]
#[expect(clippy::print_stderr, reason = "a test that is passed over says so")]
fn oracles() -> Option<PathBuf> {
    let folder =
        std::env::var_os("PLIMSOLL_PEERS_DIR").map(|peers| PathBuf::from(peers).join("sbom-oracles"));
    let found = folder.filter(|folder| folder.join("bin/python").exists());
    if found.is_none() {
        let is_required = std::env::var_os("PLIMSOLL_PEERS").is_some_and(|wanted| wanted == "required");
        assert!(!is_required, "there is no `sbom-oracles` in PLIMSOLL_PEERS_DIR");
        eprintln!("passed over: there is no `sbom-oracles` in PLIMSOLL_PEERS_DIR");
    }
    found
}
