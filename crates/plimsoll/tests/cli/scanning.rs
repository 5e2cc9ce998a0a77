//! `plimsoll scan`: images, component lists and servers, judged by advisories that the tests make.

mod by_server;
mod excepted;
mod formats;
mod gates;
mod hostile;
mod real_advisories;

use std::path::Path;

use tempfile::TempDir;

use crate::image_layout::{self, Layer};
use crate::{Outcome, run_in};

pub(crate) const REQUESTS: &[u8] = b"Metadata-Version: 2.1\nName: requests\nVersion: 2.19.0\n";
const JINJA: &[u8] = b"Metadata-Version: 2.1\nName: Jinja2\nVersion: 2.10\n";
pub(crate) const REQUESTS_PATH: &str = "usr/lib/python3/dist-packages/requests-2.19.0.dist-info/METADATA";
const JINJA_PATH: &str = "usr/lib/python3/dist-packages/Jinja2-2.10.dist-info/METADATA";

/// Three vulnerabilities: one critical in requests, one high and one medium in jinja2, the latter without a fix. Each has
/// a time, which the tests take for new enough.
pub(crate) const ADVISORIES: &str = concat!(
    r#"{"id":"PYSEC-2018-28","modified":"2026-11-01T00:00:00Z","aliases":["CVE-2018-18074"],"summary":"Sends <credentials> | over plain HTTP","affected":[{"package":{"ecosystem":"PyPI","name":"requests"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"2.20.0"}]}],"severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]}]}"#,
    "\n",
    r#"{"id":"PYSEC-2019-217","modified":"2026-11-01T00:00:00Z","aliases":["CVE-2019-10906"],"affected":[{"package":{"ecosystem":"PyPI","name":"jinja2"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"2.10.1"}]}],"severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}]}]}"#,
    "\n",
    r#"{"id":"PYSEC-2020-1","modified":"2026-11-01T00:00:00Z","aliases":["CVE-2020-99999"],"affected":[{"package":{"ecosystem":"PyPI","name":"jinja2"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"}]}],"severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:L/I:N/A:N"}]}]}"#,
    "\n",
);

/// A directory with an index of the advisories in `db`, and the image layouts `base` and `app`; `app` adds requests.
pub(crate) fn ground() -> TempDir {
    let ground = tempfile::tempdir().unwrap();
    std::fs::write(ground.path().join("python.jsonl"), ADVISORIES).unwrap();
    let built = run_in(ground.path(), &[], &["db", "build", "--out", "db", "python.jsonl"]);
    assert_eq!(built.code, 0, "{}", built.stderr);
    let base = Layer { instruction: "RUN pip install jinja2", files: &[(JINJA_PATH, JINJA)] };
    let app = Layer { instruction: "RUN pip install requests", files: &[(REQUESTS_PATH, REQUESTS)] };
    let again = Layer { instruction: base.instruction, files: base.files };
    image_layout::write(&ground.path().join("base"), &[base], |_| {});
    image_layout::write(&ground.path().join("app"), &[again, app], |_| {});
    ground
}

/// An image of one layer of which its config names another digest.
fn write_mismatched(directory: &Path) {
    let layer = Layer { instruction: "COPY", files: &[(REQUESTS_PATH, REQUESTS)] };
    image_layout::write(directory, &[layer], |config| {
        config["rootfs"]["diff_ids"][0] = format!("sha256:{}", "0".repeat(64)).into();
    });
}

/// Scans with the advisories in `db`, however old they are.
pub(crate) fn scan(ground: &Path, arguments: &[&str]) -> Outcome {
    let fixed = ["scan", "--db", "db", "--db-age-max", "0", "--offline"];
    run_in(ground, &[], &[&fixed[..], arguments].concat())
}

/// The ids of the findings, in their order.
pub(crate) fn ids(outcome: &Outcome) -> Vec<String> {
    let json = outcome.json();
    let findings = json["verdict"]["findings"].as_array().unwrap();
    findings.iter().map(|found| found["finding"]["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_image_is_judged_by_the_advisories_on_this_machine() {
    let ground = ground();
    let shown = scan(ground.path(), &["oci:app:1"]);
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    assert!(shown.stdout.contains("3: 1 critical, 1 high, 1 medium; 2 fixable\n"), "{}", shown.stdout);
    let first = shown.stdout.lines().skip_while(|line| !line.starts_with("VULNERABILITY")).nth(1).unwrap();
    let words: Vec<&str> = first.split_whitespace().collect();
    assert_eq!(words, ["CVE-2018-18074", "critical", "2.20.0", "2.19.0", "requests"]);
    assert!(shown.stdout.trim_end().lines().last().unwrap().starts_with("verdict "), "{}", shown.stdout);

    let json = scan(ground.path(), &["oci:app:1", "-o", "json"]);
    assert_eq!(ids(&json), ["CVE-2018-18074", "CVE-2019-10906", "CVE-2020-99999"]);
    let json = json.json();
    assert_eq!((&json["kind"], &json["ruling"]["result"]), (&"ScanReport".into(), &"told".into()));
    let position = &json["verdict"]["findings"][0]["place"]["position"];
    let component = json.pointer(&format!("/components/{position}")).unwrap();
    assert_eq!((&component["purl"], &component["layer"]), (&"pkg:pypi/requests@2.19.0".into(), &1.into()));
    assert_eq!(json["layers"][1]["instruction"], "RUN pip install requests");
    let wide = scan(ground.path(), &["oci:app:1", "-o", "wide"]).stdout;
    assert!(wide.contains("  2 RUN pip install requests  severity critical  Sends <credentials>"), "{wide}");
}

#[test]
fn the_table_fits_25_lines_of_80_columns_and_the_wide_one_has_everything() {
    let ground = tempfile::tempdir().unwrap();
    // Thirty packages with two findings each.
    let mut records = String::new();
    let mut files: Vec<(String, String)> = Vec::new();
    for package in 0..30 {
        let name = format!("a-package-with-quite-a-long-name-{package}");
        for number in [10_000 + package, 20_000 + package] {
            let record = ADVISORIES.lines().next().unwrap();
            let record = record.replace("PYSEC-2018-28", &format!("PYSEC-2018-{number}"));
            let record = record.replace("CVE-2018-18074", &format!("CVE-2018-{number}"));
            records.push_str(&format!("{}\n", record.replace("\"requests\"", &format!("\"{name}\""))));
        }
        let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: 2.19.0\n");
        files.push((format!("usr/lib/python3/{name}-2.19.0.dist-info/METADATA"), metadata));
    }
    std::fs::write(ground.path().join("many.jsonl"), records).unwrap();
    let built = run_in(ground.path(), &[], &["db", "build", "--out", "db", "many.jsonl"]);
    assert_eq!(built.code, 0, "{}", built.stderr);
    let files: Vec<(&str, &[u8])> =
        files.iter().map(|(path, content)| (path.as_str(), content.as_bytes())).collect();
    let layers = [Layer { instruction: "ADD", files: &files }];
    image_layout::write(&ground.path().join("app"), &layers, |_| {});
    let shown = scan(ground.path(), &["oci:app:1", "--fail-on", "high"]);
    assert_eq!(shown.code, 1);
    assert!(shown.stdout.lines().count() <= 25, "{}", shown.stdout);
    assert!(shown.stdout.lines().all(|line| line.chars().count() <= 80), "{}", shown.stdout);
    // What one upgrade mends is one line.
    assert!(shown.stdout.contains("\nCVE-2018-10000 +1  critical  2.20.0"), "{}", shown.stdout);
    let rows = shown.stdout.lines().filter(|line| line.starts_with("CVE-")).count();
    assert!(shown.stdout.contains(&format!("and {} more: -o wide\n", 60 - 2 * rows)), "{}", shown.stdout);
    let wide = scan(ground.path(), &["oci:app:1", "-o", "wide"]).stdout;
    assert_eq!(wide.lines().filter(|line| line.starts_with("CVE-")).count(), 60);
}

#[test]
fn a_list_of_components_has_the_findings_of_its_image() {
    let ground = ground();
    let of_image = ids(&scan(ground.path(), &["oci:app:1", "-o", "json"]));
    for format in ["cyclonedx", "spdx"] {
        let sbom = run_in(ground.path(), &[], &["sbom", "oci:app:1", "-o", format]);
        let file = format!("app.{format}.json");
        std::fs::write(ground.path().join(&file), &sbom.stdout).unwrap();
        let scanned = scan(ground.path(), &[&file, "-o", "json"]);
        assert_eq!(ids(&scanned), of_image, "{format}: {}", scanned.stderr);
        // Which programs the image has, a list of components does not tell.
        assert!(scanned.json()["verdict"].get("coverage").is_none());
    }
    assert_eq!(scan(ground.path(), &["sbom:python.jsonl"]).code, 3);
}

#[test]
fn without_advisories_nothing_is_judged() {
    let ground = ground();
    let home = ground.path().join("home").display().to_string();
    let scanned = run_in(ground.path(), &[("HOME", &home)], &["scan", "oci:app:1"]);
    assert_eq!(scanned.code, 3);
    assert!(scanned.stderr.contains("plimsoll db update"), "{}", scanned.stderr);
}
