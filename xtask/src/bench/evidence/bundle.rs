//! One bundle, from its bytes to the fact.

use anyhow::{Context as _, ensure};
use jiff::Timestamp;
use plimsoll_attest::{PredicateType, SigningKey, Statement, Trust, sign, verify_bundle};
use plimsoll_oci::Digest;
use serde_json::json;
use serde_json::value::to_raw_value;

use crate::bench::part::Figures;
use crate::bench::stopwatch::Stopwatch;

/// How often a bundle is verified.
const TIMES: u32 = 5000;

pub(super) fn measure() -> anyhow::Result<Figures> {
    let key = SigningKey::generate(&[7; 32]).context("making a key")?;
    let image = Digest::sha256_of(b"image");
    let trust = Trust::of_key("ci", key.public().clone());
    let provenance = Statement::about(&image, PredicateType::PROVENANCE, to_raw_value(&provenance())?);
    let mut figures = Figures::new();
    for (what, statement) in [("signature", Statement::signature(&image)), ("provenance", provenance)] {
        let bundle = sign(&statement, &key)?.to_json();
        let watch = Stopwatch::start();
        let mut proven = 0;
        for _ in 0..TIMES {
            proven +=
                u32::from(verify_bundle(bundle.as_bytes(), &image, &trust, Timestamp::UNIX_EPOCH).is_ok());
        }
        figures.insert(format!("bundle.{what}"), watch.cpu_seconds() * 1e6 / f64::from(TIMES));
        ensure!(proven == TIMES, "a bundle was refused");
        figures.insert(format!("bundle.{what}.bytes"), bundle.len() as f64);
    }
    Ok(figures)
}

/// As long as a builder's: a dozen dependencies.
fn provenance() -> serde_json::Value {
    let dependency = |number: u32| {
        let digest = Digest::sha256_of(&number.to_le_bytes()).encoded();
        json!({ "uri": format!("pkg:oci/base-{number}?repository_url=registry.example/base"), "digest": { "sha256": digest } })
    };
    let dependencies: Vec<serde_json::Value> = (0..12).map(dependency).collect();
    json!({
        "buildDefinition": { "buildType": "https://example.org/build/v1", "resolvedDependencies": dependencies },
        "runDetails": { "builder": { "id": "https://ci.example/runner" }, "metadata": { "invocationId": "run-7" } },
    })
}
