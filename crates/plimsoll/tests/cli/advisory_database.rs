//! `plimsoll db`: advisories imported, checked, downloaded and shared.

mod archives;

use std::fs;

use crate::peers::Server;
use crate::run_in;
use crate::scanning::{ADVISORIES, REQUESTS, REQUESTS_PATH, ids};

#[test]
fn imported_files_are_kept_and_replace_those_of_the_same_name() {
    let scratch = tempfile::tempdir().unwrap();
    fs::create_dir(scratch.path().join("osv")).unwrap();
    for (number, record) in ADVISORIES.lines().enumerate() {
        fs::write(scratch.path().join(format!("osv/{number}.json")), record).unwrap();
    }
    let withdrawn =
        r#"{"id":"PYSEC-1","modified":"2026-01-01T00:00:00Z","withdrawn":"2026-01-02T00:00:00Z"}"#;
    fs::write(scratch.path().join("more.jsonl"), format!("{withdrawn}\nno json\n")).unwrap();
    let import =
        |file: &str| run_in(scratch.path(), &[], &["db", "import", "--db", "db", "-o", "json", file]);
    let first = import("osv");
    assert_eq!(first.json()["sources"][0]["tally"]["kept"], 3, "{}", first.stderr);
    let both = import("more.jsonl").json();
    let tallies: Vec<&serde_json::Value> =
        both["sources"].as_array().unwrap().iter().map(|source| &source["tally"]).collect();
    assert_eq!(tallies[0]["refused"]["withdrawn"]["count"], 1);
    assert_eq!(tallies[0]["refused"]["malformed"]["count"], 1);
    assert_eq!(tallies[1]["kept"], 3);

    fs::remove_file(scratch.path().join("osv/0.json")).unwrap();
    assert_eq!(import("osv").json()["records"], 2);
    fs::write(scratch.path().join("notes.json"), r#"{"hello":"world"}"#).unwrap();
    let refused = import("notes.json");
    assert_eq!(refused.code, 3);
    assert!(refused.stderr.contains("notes.json"), "{}", refused.stderr);
    let status = run_in(scratch.path(), &[], &["db", "status", "--db", "db", "-o", "json"]).json();
    assert_eq!(status["records"], 2, "what cannot be read changes nothing");
}

#[test]
fn the_index_tells_its_age_and_its_damage() {
    let scratch = tempfile::tempdir().unwrap();
    fs::write(scratch.path().join("a.jsonl"), ADVISORIES.replace("2026-11-01", "2020-01-01")).unwrap();
    run_in(scratch.path(), &[], &["db", "build", "--out", "db", "a.jsonl"]);
    let status = run_in(scratch.path(), &[], &["db", "status", "--db", "db"]);
    assert!(status.stdout.contains("older than 30 days, and prove nothing"), "{}", status.stdout);
    assert!(status.stdout.lines().any(|line| line.ends_with("PyPI") && line.contains("(old)")));

    let verify = || run_in(scratch.path(), &[], &["db", "verify", "--db", "db"]);
    assert_eq!(verify().code, 0);
    let shard = fs::read_dir(scratch.path().join("db/sha256")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&shard).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&shard, bytes).unwrap();
    let damaged = verify();
    assert_eq!(damaged.code, 1, "{}", damaged.stdout);
    assert!(damaged.stdout.contains("its bytes hash to sha256:"), "{}", damaged.stdout);
    assert_eq!(run_in(scratch.path(), &[], &["db", "status", "--db", "nothing"]).code, 3);
}

#[test]
fn dates_that_are_to_come_make_no_index_look_fresh() {
    let scratch = tempfile::tempdir().unwrap();
    let old = ADVISORIES.replace("2026-11-01", "2020-01-01");
    let ahead = old.replacen("2020-01-01", "9000-01-01", 1);
    fs::write(scratch.path().join("a.jsonl"), ahead).unwrap();
    let built = run_in(scratch.path(), &[], &["db", "build", "--out", "db", "a.jsonl"]);
    assert!(built.stdout.contains("dated ahead"), "{}", built.stdout);
    let status = run_in(scratch.path(), &[], &["db", "status", "--db", "db"]);
    assert!(status.stdout.lines().any(|line| line.ends_with("PyPI") && line.contains("(old)")));
    assert!(status.stdout.contains("1 such as PYSEC-"), "{}", status.stdout);
    let json = run_in(scratch.path(), &[], &["db", "status", "--db", "db", "-o", "json"]).json();
    assert_eq!(json["sources"][0]["tally"]["datedAhead"]["count"], 1);
}

#[test]
fn what_is_said_of_a_source_is_kept_with_it() {
    let scratch = tempfile::tempdir().unwrap();
    fs::write(scratch.path().join("a.jsonl"), ADVISORIES.replace("2026-11-01", "2020-01-01")).unwrap();
    fs::write(scratch.path().join("b.jsonl"), ADVISORIES.replace("PYSEC", "OTHER")).unwrap();
    let import =
        |more: &[&str]| run_in(scratch.path(), &[], &[&["db", "import", "--db", "db"], more].concat());
    let said = import(&["a.jsonl", "--licence", "CC-BY-4.0", "--as-of", "2026-11-20"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(import(&["b.jsonl"]).code, 0);
    let status = run_in(scratch.path(), &[], &["db", "status", "--db", "db", "-o", "json"]).json();
    let source = &status["sources"][0];
    assert_eq!((&source["name"], &source["licence"]), (&"a.jsonl".into(), &"CC-BY-4.0".into()));
    assert_eq!(source["dataTime"], "2026-11-20T00:00:00Z");
    let to_come = import(&["b.jsonl", "--as-of", "9000-01-01"]);
    assert_eq!(to_come.code, 2, "{}", to_come.stderr);
    assert!(to_come.stderr.contains("is to come"), "{}", to_come.stderr);
}

#[test]
fn a_registry_hands_the_index_on_and_only_what_is_missing_is_fetched() {
    let scratch = crate::scanning::ground();
    let server = Server::start();
    let push = || run_in(scratch.path(), &[], &["db", "push", server.host(), "--db", "db", "-o", "json"]);
    let first = push();
    assert_eq!(first.code, 0, "{}", first.stderr);
    let again = push().json();
    assert_eq!((&again["blobsSent"], &again["digest"]), (&0.into(), &first.json()["digest"]));

    let update = |more: &[&str]| {
        let fixed = ["db", "update", "--from", server.host(), "--db", "copy"];
        run_in(scratch.path(), &[], &[&fixed[..], more].concat())
    };
    let fetched = update(&[]);
    assert_eq!(fetched.code, 0, "{}", fetched.stderr);
    let catalogue = |db: &str| fs::read(scratch.path().join(db).join("catalogue.json")).unwrap();
    assert_eq!(catalogue("copy"), catalogue("db"));
    assert!(update(&[]).stderr.contains("0 of "), "nothing is fetched twice");
    let without = update(&["--ecosystem", "npm", "-o", "json"]);
    assert_eq!((without.code, &without.json()["shards"]), (0, &0.into()), "{}", without.stderr);
    assert_eq!(update(&["--ecosystem", "PyPI"]).code, 0);
    let layers = [crate::image_layout::Layer { instruction: "ADD", files: &[(REQUESTS_PATH, REQUESTS)] }];
    crate::image_layout::write(&scratch.path().join("own"), &layers, |_| {});
    let scanned = run_in(scratch.path(), &[], &["scan", "oci:own:1", "--db", "copy", "-o", "json"]);
    assert_eq!(ids(&scanned), ["CVE-2018-18074"]);
}
