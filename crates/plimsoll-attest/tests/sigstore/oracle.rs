//! The same verdict as sigstore-go's, the library behind cosign, on real bundles and on bundles of which any part was
//! changed. Nothing may be taken that it refuses.

use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plimsoll_oci::Digest;
use plimsoll_peers::{Peer, find_peer};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::public_bundles::{SAMPLES, Sample, judge};

pub(crate) struct Oracle {
    program: Peer,
    folder: TempDir,
}

/// A bundle and a trusted root that somebody may have meddled with.
struct Case {
    what: String,
    bundle: Value,
    root: Value,
}

impl Oracle {
    pub(crate) fn find() -> Option<Self> {
        let program = find_peer("sigstore-go-verification")?;
        Some(Self { program, folder: tempfile::tempdir().unwrap() })
    }

    /// Whether it takes a bundle for what a sample is.
    fn accepts(&self, case: &Case, sample: &Sample) -> bool {
        let identity = [sample.issuer, sample.subject];
        self.verifies(&case.bundle.to_string(), &case.root, identity, sample.artifact, &[])
    }

    /// The same under a root that names no log of signatures, which it has to be told.
    pub(crate) fn accepts_without_log(
        &self,
        bundle: &str,
        root: &Value,
        identity: [&str; 2],
        artifact: &Digest,
    ) -> bool {
        self.verifies(bundle, root, identity, &artifact.to_string(), &["-requireTlog=false"])
    }

    fn verifies(
        &self,
        bundle: &str,
        root: &Value,
        [issuer, subject]: [&str; 2],
        artifact: &str,
        more: &[&str],
    ) -> bool {
        let write = |name: &str, text: &str| {
            let path = self.folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let (bundle, root) = (write("bundle.json", bundle), write("root.json", &root.to_string()));
        let (algorithm, digest) = artifact.split_once(':').unwrap();
        let mut command = self.program.command();
        command.args(more).arg("-trustedrootJSONpath").arg(root);
        command.args(["-expectedIssuer", issuer, "-expectedSAN", subject]);
        command.args(["-artifact-digest-algorithm", algorithm, "-artifact-digest", digest]).arg(bundle);
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
    }
}

impl Case {
    fn of(sample: &Sample, what: &str) -> Self {
        let parsed = |text: &str| serde_json::from_str(text).unwrap();
        Self { what: what.to_owned(), bundle: parsed(sample.bundle), root: parsed(sample.root) }
    }

    fn is_accepted(&self, sample: &Sample) -> Result<(), String> {
        let judged =
            judge(&self.bundle.to_string(), &self.root.to_string(), sample.identity(), sample.artifact);
        judged.map(|_| ()).map_err(|refusal| refusal.to_string())
    }
}

/// What sigstore-go does not look at: it knows a record's kind by itself, and of a record of the second version only the
/// hash, which it makes of the bundle. A proof repeats the entry's number, and root and size of the checkpoint.
const STRICTER: [&str; 5] =
    ["/kindVersion/", "/canonicalizedBody", "/rootHash", "/treeSize", "/inclusionProof/logIndex"];

/// Says where two verdicts differ, but for what only we refuse with good reason.
fn compare(oracle: &Oracle, sample: &Sample, cases: &[Case]) -> Vec<String> {
    let differs = |case: &Case| {
        let (theirs, ours) = (oracle.accepts(case, sample), case.is_accepted(sample));
        let is_stricter = theirs && STRICTER.iter().any(|part| case.what.contains(part));
        let verdict = if theirs { "accepts" } else { "refuses" };
        let is_same = theirs == ours.is_ok() || is_stricter;
        (!is_same).then(|| format!("{}: sigstore-go {verdict} it, we {ours:?}", case.what))
    };
    cases.iter().filter_map(differs).collect()
}

#[test]
fn a_bundle_with_one_bit_changed_is_judged_as_by_sigstore_go() {
    let Some(oracle) = Oracle::find() else { return };
    for sample in &SAMPLES {
        let good = Case::of(sample, "as it was made");
        let mut cases = Vec::new();
        for pointer in leaves(&good.bundle) {
            cases.extend(changed(sample, &pointer));
        }
        assert!(cases.len() > 30, "{} cases", cases.len());
        assert_eq!(compare(&oracle, sample, &[good]), Vec::<String>::new());
        assert_eq!(compare(&oracle, sample, &cases), Vec::<String>::new(), "{}", sample.subject);
    }
}

/// Where all texts and numbers of a document are.
fn leaves(document: &Value) -> Vec<String> {
    let under = |(name, value): (String, &Value)| {
        leaves(value).into_iter().map(move |rest| format!("/{name}{rest}")).collect::<Vec<_>>()
    };
    match document {
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), value)).flat_map(under).collect()
        }
        Value::Array(items) => {
            items.iter().enumerate().map(|(at, value)| (at.to_string(), value)).flat_map(under).collect()
        }
        _ => vec![String::new()],
    }
}

/// The bundle with this text changed in every way in which one of its kind is.
fn changed(sample: &Sample, pointer: &str) -> Vec<Case> {
    let text = sample.part(pointer).as_str().unwrap_or_default().to_owned();
    let case = |what: String, text: String| {
        let mut case = Case::of(sample, &format!("{pointer} {what}"));
        *case.bundle.pointer_mut(pointer).unwrap() = json!(text);
        case
    };
    if let Ok(number) = text.parse::<u64>() {
        return vec![case("is one more".to_owned(), (number + 1).to_string())];
    }
    if pointer.ends_with("/envelope") {
        let at = [1, text.len() / 2, text.len() - 8];
        return at.map(|at| case(format!("differs at {at}"), with_letter_changed(&text, at))).into();
    }
    let Ok(bytes) = STANDARD.decode(&text) else { return Vec::new() };
    let last = bytes.len().saturating_sub(1);
    let places = if pointer.contains("/hashes/") { vec![last] } else { vec![0, 5, last / 3, last / 2, last] };
    let flipped = |at: usize| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        case(format!("has another bit at {at}"), STANDARD.encode(bytes))
    };
    places.into_iter().filter(|at| *at < bytes.len()).map(flipped).collect()
}

fn with_letter_changed(text: &str, at: usize) -> String {
    let change =
        |(position, letter): (usize, char)| if position == at && letter != 'x' { 'x' } else { letter };
    text.char_indices().map(change).collect()
}

#[test]
fn a_bundle_without_a_part_or_with_anothers_is_judged_as_by_sigstore_go() {
    let Some(oracle) = Oracle::find() else { return };
    const PARTS: [&str; 9] = [
        "/dsseEnvelope",
        "/dsseEnvelope/payload",
        "/dsseEnvelope/signatures",
        "/verificationMaterial/certificate",
        "/verificationMaterial/tlogEntries",
        "/verificationMaterial/tlogEntries/0/inclusionPromise",
        "/verificationMaterial/tlogEntries/0/inclusionProof",
        "/verificationMaterial/tlogEntries/0/canonicalizedBody",
        "/verificationMaterial/timestampVerificationData",
    ];
    for sample in &SAMPLES {
        let mut cases = Vec::new();
        for part in PARTS {
            let has = |sample: &Sample| Case::of(sample, "").bundle.pointer(part).is_some();
            if !has(sample) {
                continue;
            }
            let with = |what: &str, value: Value| {
                let mut case = Case::of(sample, &format!("{part} {what}"));
                *case.bundle.pointer_mut(part).unwrap() = value;
                case
            };
            cases.push(with("is missing", Value::Null));
            let others = SAMPLES.iter().filter(|other| other.subject != sample.subject && has(other));
            cases
                .extend(others.map(|other| with(&format!("is that of {}", other.subject), other.part(part))));
        }
        assert_eq!(compare(&oracle, sample, &cases), Vec::<String>::new(), "{}", sample.subject);
    }
}

#[test]
fn a_root_that_trusts_others_or_at_other_times_is_heeded_as_by_sigstore_go() {
    let Some(oracle) = Oracle::find() else { return };
    const KINDS: [&str; 4] = ["tlogs", "certificateAuthorities", "ctlogs", "timestampAuthorities"];
    for sample in &SAMPLES {
        let mut cases = Vec::new();
        for other in &SAMPLES {
            let root = Case::of(other, "").root;
            for kind in KINDS {
                let mut case = Case::of(sample, &format!("{kind} are those of {}", other.subject));
                case.root[kind] = root[kind].clone();
                cases.push(case);
            }
        }
        for (kind, start, end) in KINDS.iter().flat_map(|kind| {
            [
                (kind, "2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"),
                (kind, "2036-01-01T00:00:00Z", "2037-01-01T00:00:00Z"),
            ]
        }) {
            let mut case = Case::of(sample, &format!("{kind} count from {start} to {end}"));
            for instance in case.root[*kind].as_array_mut().unwrap() {
                let times = json!({"start": start, "end": end});
                if instance.get("publicKey").is_some() {
                    instance["publicKey"]["validFor"] = times;
                } else {
                    instance["validFor"] = times;
                }
            }
            cases.push(case);
        }
        assert_eq!(compare(&oracle, sample, &cases), Vec::<String>::new(), "{}", sample.subject);
    }
}
