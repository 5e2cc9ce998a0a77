use std::path::PathBuf;

use super::{REQUESTS, REQUESTS_PATH};
use crate::image_layout::{self, Layer};
use crate::run_in;

/// The archives of real advisories, where they are at hand.
#[expect(clippy::print_stderr, reason = "whoever reads the tests' output should know what was passed over")]
fn archive(name: &str) -> Option<String> {
    let path =
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/advisories")).join(name);
    if path.is_file() {
        return Some(path.display().to_string());
    }
    eprintln!("passed over: there is no {}", path.display());
    None
}

#[test]
fn real_advisories_find_what_is_known_against_an_old_requests() {
    let (Some(pypi), Some(kev)) = (archive("pypi.jsonl.zst"), archive("kev.jsonl.zst")) else { return };
    let ground = tempfile::tempdir().unwrap();
    let built = run_in(ground.path(), &[], &["db", "build", "--out", "db", "-o", "json", &pypi, &kev]);
    assert_eq!(built.code, 0, "{}", built.stderr);
    let tally = &built.json()["sources"][1]["tally"];
    assert_eq!((&tally["read"], &tally["refused"]["withdrawn"]["count"]), (&7080.into(), &269.into()));
    let layers = [Layer { instruction: "ADD", files: &[(REQUESTS_PATH, REQUESTS)] }];
    image_layout::write(&ground.path().join("app"), &layers, |_| {});
    let scanned = run_in(ground.path(), &[], &["scan", "oci:app:1", "--db", "db", "-o", "json"]);
    let ids = super::ids(&scanned);
    for known in ["CVE-2018-18074", "CVE-2023-32681", "CVE-2024-35195"] {
        assert!(ids.contains(&known.to_owned()), "{known} in {ids:?}");
    }
}
