//! `plimsoll build` to a layout: its gates, what it attaches, and what it writes for CI.

use std::path::Path;

use crate::scanning::{REQUESTS, REQUESTS_PATH, ground};
use crate::{Outcome, run_in};

/// An image with a package of which a critical vulnerability is known, and a program.
const DOCKERFILE: &str = "FROM scratch\nCOPY . /\nUSER 1000\nENTRYPOINT [\"/bin/run\"]\n";

const PASSWORD: (&str, &str) = ("PLIMSOLL_KEY_PASSWORD", "rope and anchor");

/// A directory with advisories in `db`, a key `plimsoll.key`, and something to build in `source`.
fn yard() -> tempfile::TempDir {
    let ground = ground();
    let source = ground.path().join("source");
    for (path, content) in
        [(REQUESTS_PATH, REQUESTS), ("bin/run", b"#!/bin/sh\n"), ("Dockerfile", DOCKERFILE.as_bytes())]
    {
        std::fs::create_dir_all(source.join(path).parent().unwrap()).unwrap();
        std::fs::write(source.join(path), content).unwrap();
    }
    std::fs::write(source.join(".dockerignore"), "Dockerfile\n.dockerignore\n").unwrap();
    let made = run_in(ground.path(), &[PASSWORD], &["key", "generate"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    ground
}

fn build(yard: &Path, arguments: &[&str]) -> Outcome {
    let fixed = ["build", "--cache-dir", "cache", "--db", "db", "--db-age-max", "0", "-t", "oci:out:1"];
    run_in(yard, &[PASSWORD], &[&fixed[..], arguments, &["source"]].concat())
}

#[test]
fn a_verdict_is_attached_and_summed_up_and_can_stop_the_build() {
    let yard = yard();
    let summary = yard.path().join("summary.md");
    let of_github = [PASSWORD, ("GITHUB_STEP_SUMMARY", summary.to_str().unwrap())];
    let fixed =
        ["build", "--cache-dir", "cache", "--db", "db", "--db-age-max", "0", "-t", "oci:out:1", "source"];
    let refused = run_in(yard.path(), &of_github, &[&fixed[..], &["--fail-on", "critical"]].concat());
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    assert!(refused.last_line().contains("gate failed (exit code 1)"), "{}", refused.stderr);
    assert!(!yard.path().join("out").exists());
    let text = std::fs::read_to_string(&summary).unwrap();
    assert!(text.contains("**Failed:**") && text.contains("| CVE-2018-18074 | critical |"), "{text}");

    let built = build(yard.path(), &["--key", "plimsoll.key", "-o", "json"]);
    assert_eq!(built.code, 0, "{}", built.stderr);
    let report = built.json();
    assert_eq!(report["kind"], "Build");
    assert_eq!(report["image"]["isReproducible"], true);
    let steps = report["steps"].as_array().unwrap();
    let names: Vec<&str> = steps.iter().map(|step| step["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["lint", "build", "sbom", "scan", "provenance", "sign", "push"]);
    for name in ["lint", "sbom", "scan", "provenance", "sign"] {
        let step = steps.iter().find(|step| step["name"] == name).unwrap();
        assert!(step["evidence"].as_str().is_some(), "{step}");
    }
    let verified = run_in(yard.path(), &[], &["verify", "--key", "plimsoll.pub", "oci:out:1"]);
    assert_eq!(verified.code, 0, "{}", verified.stderr);
    let listed = run_in(yard.path(), &[], &["evidence", "ls", "oci:out:1"]);
    for kind in ["test-result", "cyclonedx", "vuln", "provenance", "signature"] {
        assert!(listed.stdout.contains(kind), "{kind}: {}", listed.stdout);
    }
    // What is attached to one build is not attached to the next.
    let again = build(yard.path(), &["--key", "plimsoll.key", "-t", "oci:other:1", "-o", "json"]);
    assert_eq!(again.json()["image"]["manifest"]["digest"], report["image"]["manifest"]["digest"]);
    let listed = run_in(yard.path(), &[], &["evidence", "ls", "oci:other:1", "-o", "json"]);
    assert_eq!(listed.stdout.matches("\"says\"").count(), 5, "{}", listed.stdout);
}

#[test]
fn a_budget_stops_what_became_too_large() {
    let yard = yard();
    std::fs::write(yard.path().join("plimsoll.yaml"), "budget: {max: {storedBytes: 10}}\n").unwrap();
    let refused = build(yard.path(), &[]);
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    assert!(refused.stderr.contains("the budget is exceeded"), "{}", refused.stderr);
    assert!(!yard.path().join("out").exists());
    let built = build(yard.path(), &["--skip", "budget"]);
    assert_eq!(built.code, 0, "{}", built.stderr);
}

#[test]
fn values_come_from_the_environment_and_the_time_from_source_date_epoch() {
    let yard = yard();
    let dockerfile = "FROM scratch\nARG COLOUR\nLABEL colour=$COLOUR\nCOPY bin /\n";
    std::fs::write(yard.path().join("source/Other"), dockerfile).unwrap();
    let variables = [("COLOUR", "blue"), ("SOURCE_DATE_EPOCH", "86400")];
    let arguments = [
        "build",
        "--cache-dir",
        "cache",
        "-t",
        "oci:out:1",
        "--build-arg",
        "COLOUR",
        "-f",
        "source/Other",
        "--compression",
        "zstd",
        "--skip",
        "scan",
        "source",
    ];
    let built = run_in(yard.path(), &variables, &arguments);
    assert_eq!(built.code, 0, "{}", built.stderr);
    let shown = run_in(yard.path(), &[], &["inspect", "oci:out:1", "-o", "json"]).stdout;
    assert!(
        shown.contains("blue") && shown.contains("1970-01-02T00:00:00Z") && shown.contains("zstd"),
        "{shown}"
    );
}
