//! What is inside the image, and what is known against it.

use jiff::Timestamp;
use plimsoll_analyser::Analyser;
use plimsoll_oci::Digest;
use plimsoll_sbom::DocumentFormat;
use plimsoll_transport::{ImageName, Places};
use plimsoll_vuln::feed::Terms;
use plimsoll_vuln::report::Scan;
use plimsoll_vuln::vex::{Image, Statements};
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use super::Build;
use crate::analyser_role::analyser_config;
use crate::command::{budget, sbom, scan};
use crate::context::Context;
use crate::failure::{Failure, Verdict};
use crate::reading::{ImageReader, WholeImage};
use crate::signing::wall_clock;
use crate::terminal::Step;

/// Reads the image.
pub(super) fn look_inside(
    name: &ImageName,
    places: &Places,
    step: &Step,
    context: &Context,
) -> Result<WholeImage, Failure> {
    let analyser = Analyser::new(analyser_config(context.environment()));
    let reader = ImageReader { places, analyser: &analyser, platform: None, step };
    context.block_on(reader.read(name))
}

/// Judges its size and surface by the budget of this directory; nothing where there is none.
pub(super) fn judge_size(
    inside: &WholeImage,
    to: Option<&ImageName>,
    places: &Places,
    step: &Step,
    context: &Context,
) -> Result<Option<(String, Option<Failure>)>, Failure> {
    let analyser = Analyser::new(analyser_config(context.environment()));
    let reader = ImageReader { places, analyser: &analyser, platform: None, step };
    context.block_on(budget::judge_built(&reader, inside, to))
}

/// The list of components, in CycloneDX.
pub(super) fn bill(inside: &WholeImage, name: &str) -> Result<Box<RawValue>, Failure> {
    let document = sbom::document(name.to_owned(), &inside.found, &inside.contents);
    let mut text = Vec::new();
    let written = document.write(DocumentFormat::CycloneDx, &mut text);
    let unwritten =
        |error: &dyn std::error::Error| Failure::not_evaluated("cannot write the SBOM").because(error);
    written.map_err(|error| unwritten(&error))?;
    serde_json::from_slice(&text).map_err(|error| unwritten(&error))
}

/// A verdict, and whether it is in the way.
pub(super) struct Judged {
    pub(super) sentence: String,
    /// Whether anything was judged.
    pub(super) is_judged: bool,
    /// What an attestation says of it, as cosign writes it; nothing where nothing was judged.
    pub(super) predicate: Option<Box<RawValue>>,
    pub(super) markdown: Option<String>,
    pub(super) refused: Option<Failure>,
}

/// Judges what is inside by the advisories of this machine. Without a gate, that there are none is only told.
pub(super) fn judge(
    build: &Build,
    inside: &WholeImage,
    name: &str,
    digest: &Digest,
    context: &Context,
) -> Result<Judged, Failure> {
    let opened =
        build.chain.advisories.directory(context.environment()).and_then(|directory| directory.open());
    let advisories = match opened {
        Ok(advisories) => advisories,
        Err(failure) if build.chain.fail_on.is_some() || failure.verdict == Verdict::Usage => {
            return Err(failure);
        }
        Err(failure) => return Ok(not_judged(&failure)),
    };
    let (started, statements) = (wall_clock(), Statements::new());
    let digest_text = digest.to_string();
    let index_digest = advisories.digest.to_string();
    let report = Scan {
        image: name,
        identity: &Image { purls: Vec::new(), digests: vec![digest_text.clone()] },
        digest: Some(&digest_text),
        contents: &inside.contents,
        instructions: &inside.found.config.layer_instructions(),
        base: None,
        index: &advisories.index,
        index_digest: &index_digest,
        terms: &Terms { now: started, age_days_max: build.chain.age.days_max() },
        statements: &statements,
        ignores: &[],
    }
    .report();
    let predicate = predicate(&report, &index_digest, started);
    let outcome = scan::rule_on(report, build.chain.fail_on.as_ref(), build.chain.allow_gaps);
    let (sentence, markdown) = (outcome.sentence(), outcome.markdown());
    // That it failed is said by the step.
    let sentence = sentence.strip_prefix("fail: ").unwrap_or(&sentence).to_owned();
    let ended = outcome.into_result().err();
    let is_gate_set = build.chain.fail_on.is_some();
    let refused = ended.filter(|_| is_gate_set).map(|failure| failure.at(name));
    Ok(Judged { sentence, is_judged: true, predicate, markdown: Some(markdown), refused })
}

fn not_judged(failure: &Failure) -> Judged {
    let sentence = format!("not judged, and no gate was set: {}", failure.what);
    Judged { sentence, is_judged: false, predicate: None, markdown: None, refused: None }
}

/// The report in the form of cosign's predicate.
fn predicate(
    report: &plimsoll_vuln::report::ScanReport,
    database: &str,
    started: Timestamp,
) -> Option<Box<RawValue>> {
    let version = env!("CARGO_PKG_VERSION");
    to_raw_value(&json!({
        "invocation": {},
        "scanner": {
            "uri": "urn:plimsoll:scan",
            "version": version,
            "db": { "uri": "urn:plimsoll:advisories", "version": database },
            "result": report,
        },
        "metadata": { "scanStartedOn": started, "scanFinishedOn": wall_clock() },
    }))
    .ok()
}
