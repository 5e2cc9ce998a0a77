//! Where the image is not what its config says, as results of a rule of their own.

use plimsoll_oci::Digest;
use plimsoll_sbom::Mismatch;
use serde_json::{Value, json};

use super::super::outcome::Outcome;
use super::shortened;

/// The rule's id.
const RULE: &str = "config-mismatch";
const SUMMARY: &str = "The image's config is wrong about its layers.";
const HELP: &str = "Runtimes refuse to unpack such an image: it is damaged, or somebody put another layer in. Build and \
                    push it again, or take it from its publisher.";

/// The results; their rule is added to `rules` if there are any.
pub(super) fn results(outcome: &Outcome, rules: &mut Vec<Value>) -> Vec<Value> {
    let mismatches = &outcome.report.verdict.mismatches;
    let position = rules.len();
    if !mismatches.is_empty() {
        rules.push(rule());
    }
    mismatches.iter().map(|mismatch| result(mismatch, outcome, position)).collect()
}

fn rule() -> Value {
    json!({
        "id": RULE,
        "name": RULE,
        "shortDescription": { "text": SUMMARY },
        "fullDescription": { "text": SUMMARY },
        "help": { "text": HELP },
        "defaultConfiguration": { "level": "error" },
        "properties": { "tags": ["security", "integrity"], "precision": "very-high", "security-severity": "9.5" },
    })
}

fn result(mismatch: &Mismatch, outcome: &Outcome, rule: usize) -> Value {
    let text = mismatch.to_string();
    let digest = Digest::sha256_of(format!("{RULE}\n{text}").as_bytes()).encoded().to_string();
    let short = digest.get(..16).unwrap_or(&digest);
    let place = mismatch
        .layer
        .map_or_else(|| "layers".to_owned(), |layer| format!("layers/{}", layer.saturating_add(1)));
    json!({
        "ruleId": RULE,
        "ruleIndex": rule,
        "level": "error",
        "message": { "text": shortened(&text) },
        "locations": [{
            "physicalLocation": {
                "artifactLocation": { "uri": place },
                "region": { "startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1 },
            },
            "logicalLocations": [{ "fullyQualifiedName": outcome.report.image, "kind": "module" }],
        }],
        "partialFingerprints": { "plimsoll/v1": digest, "primaryLocationLineHash": format!("{short}:1") },
        "properties": { "layer": mismatch.layer },
    })
}
