use std::fs;

use super::{ground, ids, scan};
use crate::image_layout::{self, Layer};

const BOOKWORM: &[u8] = b"ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n";
const STATUS: &[u8] = b"Package: libc6\nStatus: install ok installed\nArchitecture: amd64\n\
    Maintainer: GNU Libc Maintainers <debian-glibc@lists.debian.org>\nSource: glibc\nVersion: 2.36-9\n\n";

#[test]
fn a_gate_decides_the_exit_code() {
    let ground = ground();
    for (words, code) in [
        ("critical", 1),
        ("high,fixable", 1),
        ("kev", 0),
        ("unknown", 0),
        ("any", 1),
        ("not-evaluated", 0),
        ("terrible", 2),
    ] {
        let scanned = scan(ground.path(), &["oci:app:1", "--fail-on", words]);
        assert_eq!(scanned.code, code, "{words}: {}", scanned.stderr);
    }
    let shut = scan(ground.path(), &["oci:app:1", "--fail-on", "high"]);
    assert_eq!(shut.last_line(), "plimsoll: gate failed (exit code 1): 2 findings are not allowed");
    let json = scan(ground.path(), &["oci:app:1", "--fail-on", "high", "-o", "json"]).json();
    assert_eq!(
        json["ruling"],
        serde_json::json!({
            "result": "fail", "reasons": ["2 findings are not allowed"], "findings": [0, 1],
        })
    );
}

#[test]
fn what_has_no_feed_passes_no_gate_unless_that_is_allowed() {
    let ground = ground();
    let layers = [Layer {
        instruction: "ADD rootfs",
        files: &[
            ("usr/lib/os-release", BOOKWORM),
            ("var/lib/dpkg/status", STATUS),
            (super::REQUESTS_PATH, super::REQUESTS),
        ],
    }];
    image_layout::write(&ground.path().join("debian"), &layers, |_| {});
    let told = scan(ground.path(), &["oci:debian:1"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert!(told.stdout.contains("not evaluated  no feed for Debian:12 (libc6 2.36-9)\n"), "{}", told.stdout);
    let gated = scan(ground.path(), &["oci:debian:1", "--fail-on", "kev"]);
    assert_eq!(gated.code, 3, "{}", gated.stdout);
    assert!(
        gated.last_line().contains("could not evaluate (exit code 3): no feed for Debian:12 (libc6 2.36-9)"),
        "{}",
        gated.stderr
    );
    assert_eq!(scan(ground.path(), &["oci:debian:1", "--fail-on", "kev", "--allow-gaps"]).code, 0);
    assert_eq!(
        scan(ground.path(), &["oci:debian:1", "--fail-on", "kev,not-evaluated", "--allow-gaps"]).code,
        3
    );
    // What was found counts all the same.
    assert_eq!(scan(ground.path(), &["oci:debian:1", "--fail-on", "critical"]).code, 1);
}

#[test]
fn an_image_of_which_nothing_could_be_judged_is_no_pass_even_without_a_gate() {
    let ground = ground();
    let layers = [Layer {
        instruction: "ADD rootfs",
        files: &[("usr/lib/os-release", BOOKWORM), ("var/lib/dpkg/status", STATUS)],
    }];
    image_layout::write(&ground.path().join("debian"), &layers, |_| {});
    let told = scan(ground.path(), &["oci:debian:1"]);
    assert_eq!(told.code, 3, "{}", told.stdout);
    assert!(told.stdout.contains("not evaluated  no feed for Debian:12 (libc6 2.36-9)\n"), "{}", told.stdout);
}

#[test]
fn a_package_database_that_cannot_be_read_in_full_passes_no_gate() {
    let ground = ground();
    let layers = [Layer {
        instruction: "ADD rootfs",
        files: &[("var/lib/rpm/rpmdb.sqlite-wal", b"changes"), (super::REQUESTS_PATH, super::REQUESTS)],
    }];
    image_layout::write(&ground.path().join("rpm"), &layers, |_| {});
    let gated = scan(ground.path(), &["oci:rpm:1", "--fail-on", "kev"]);
    assert_eq!(gated.code, 3, "{}", gated.stdout);
    let reason = "plimsoll: could not evaluate (exit code 3): var/lib/rpm/rpmdb.sqlite-wal: rpm's database was not closed";
    assert!(gated.last_line().contains(reason), "{}", gated.stderr);
}

#[test]
fn an_image_whose_config_is_wrong_about_its_layers_passes_no_gate() {
    let ground = ground();
    super::write_mismatched(&ground.path().join("wrong"));
    let told = scan(ground.path(), &["oci:wrong:1"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert!(told.stdout.contains("mismatch       layer 1: the layer unpacks to sha256:"), "{}", told.stdout);
    assert!(told.stdout.contains("the image is not what its config says"), "{}", told.stdout);
    for words in ["mismatch", "kev", "coverage<1"] {
        let gated = scan(ground.path(), &["oci:wrong:1", "--fail-on", words, "--allow-gaps"]);
        assert_eq!(gated.code, 1, "{words}: {}", gated.stderr);
        assert!(gated.last_line().contains("the config is wrong about its layers"), "{}", gated.stderr);
    }
    assert_eq!(scan(ground.path(), &["oci:app:1", "--fail-on", "mismatch"]).code, 0);
    let new = scan(ground.path(), &["oci:wrong:1", "--new-since", "oci:wrong:1", "--fail-on", "kev"]);
    assert_eq!(new.code, 1, "what it is compared with makes it no better");

    let output = |format| scan(ground.path(), &["oci:wrong:1", "-o", format]);
    let sarif = output("sarif").json();
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!((&result["ruleId"], &result["level"]), (&"config-mismatch".into(), &"error".into()));
    let rule = sarif.pointer(&format!("/runs/0/tool/driver/rules/{}/id", result["ruleIndex"])).unwrap();
    assert_eq!(rule, "config-mismatch");
    assert_eq!(output("json").json()["verdict"]["mismatches"][0]["layer"], 0);
    assert!(output("junit").stdout.contains("<failure type=\"mismatch\" message=\"layer 1: "));
    assert!(output("markdown").stdout.contains("### Not what the config says\n\n- layer 1: "));
}

#[test]
fn old_advisories_prove_nothing() {
    let ground = ground();
    let old = super::ADVISORIES.replace("2026-11-01", "2020-01-01");
    fs::write(ground.path().join("python.jsonl"), old).unwrap();
    crate::run_in(ground.path(), &[], &["db", "build", "--out", "db", "python.jsonl"]);
    let gated = ["scan", "oci:app:1", "--db", "db", "--fail-on", "kev"];
    let stale = crate::run_in(ground.path(), &[], &gated);
    assert_eq!(stale.code, 3);
    assert!(stale.stderr.contains("older than the limit of 30 days"), "{}", stale.stderr);
    let unlimited = crate::run_in(ground.path(), &[], &[&gated[..], &["--db-age-max", "0"]].concat());
    assert_eq!(unlimited.code, 0, "{}", unlimited.stderr);
}

#[test]
fn only_what_is_new_since_the_base_counts() {
    let ground = ground();
    let new = scan(ground.path(), &["oci:app:1", "--new-since", "oci:base:1", "-o", "json"]);
    assert_eq!(ids(&new), ["CVE-2018-18074"]);
    assert_eq!(new.json()["newSince"]["image"], "oci:base:1");
    let scanned =
        |fail_on, base| scan(ground.path(), &["oci:app:1", "--fail-on", fail_on, "--new-since", base]).code;
    assert_eq!((scanned("any", "oci:base:1"), scanned("any", "oci:app:1")), (1, 0));
}

#[test]
fn an_entry_counts_until_its_last_day_and_is_missed_aloud_after_it() {
    let ground = ground();
    let entries = "\
- {id: CVE-2018-18074, reason: no redirects are followed, owner: ana@example.org, expires: 2999-12-31}
- {id: PYSEC-2019-217, purl: 'pkg:pypi/jinja2', reason: no templates of strangers, owner: ben@example.org, expires: 2020-01-31}
";
    fs::write(ground.path().join("ignore.yaml"), entries).unwrap();
    let scanned = scan(ground.path(), &["oci:app:1", "--ignore-file", "ignore.yaml", "-o", "json"]);
    assert_eq!(ids(&scanned), ["CVE-2019-10906", "CVE-2020-99999"]);
    assert_eq!(scanned.json()["verdict"]["suppressed"][0]["because"]["ignored"]["owner"], "ana@example.org");
    assert!(scanned.stderr.contains("expired on 2020-01-31; ask ben@example.org"), "{}", scanned.stderr);
    fs::write(ground.path().join("ignore.yaml"), entries.replace("reason", "because")).unwrap();
    let wrong = scan(ground.path(), &["oci:app:1", "--ignore-file", "ignore.yaml"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("because"), "{}", wrong.stderr);
}

#[test]
fn a_vex_statement_takes_a_finding_out_with_its_reason() {
    let ground = ground();
    let vex = serde_json::json!({
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": "https://example.org/vex-1",
        "author": "ana@example.org",
        "timestamp": "2026-11-02T00:00:00Z",
        "version": 1,
        "statements": [{
            "vulnerability": { "name": "CVE-2018-18074" },
            "products": [{ "@id": "pkg:pypi/requests@2.19.0" }],
            "status": "not_affected",
            "justification": "vulnerable_code_not_in_execute_path",
        }],
    });
    fs::write(ground.path().join("app.vex.json"), vex.to_string()).unwrap();
    let scanned = scan(ground.path(), &["oci:app:1", "--vex", "app.vex.json", "-o", "json"]);
    assert_eq!(ids(&scanned), ["CVE-2019-10906", "CVE-2020-99999"], "{}", scanned.stderr);
    assert_eq!(scanned.json()["verdict"]["suppressed"][0]["because"]["vex"]["author"], "ana@example.org");
}
