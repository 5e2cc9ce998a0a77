//! All evidence of a repository in one directory, which verifies with no server running.

use std::fs;
use std::path::{Path, PathBuf};

use plimsoll_testkit::{Image, client, find_peer};
use serde_json::Value;

use super::approving::{approve, office};
use super::cosign::Cosign;
use super::{done, plimsoll, push};
use crate::peers::Server;

/// What an auditor was handed, and the server that it comes from is gone.
struct Handed {
    home: tempfile::TempDir,
    said: Value,
    image: String,
    /// The manifest of the statement that was deleted before the export.
    deleted: String,
}

impl Handed {
    /// An image that is signed, attested to, approved by two people and runs; one statement was deleted again.
    fn new() -> Self {
        let home = office();
        let directory = home.path();
        let server = Server::start();
        done(directory, &["project", "set", "team", server.host(), "--file", "plimsoll.yaml"]);
        let image = push(server.host(), &Image::small(91, 1, 100));
        done(directory, &["sign", &image, "--key", "ci.key"]);
        fs::write(directory.join("provenance.json"), PROVENANCE).unwrap();
        let attest = ["attest", &image, "--key", "ci.key", "-o", "json", "--type"];
        let attest = |more: &[&str]| done(directory, &[&attest[..], more].concat()).json();
        attest(&["provenance", "--predicate", "provenance.json"]);
        let deleted = attest(&["custom", "--predicate", "predicate.json"]);
        let deleted = deleted["evidence"].as_str().unwrap().to_owned();
        approve(directory, "ana", &image, &["--ticket", "https://tracker.example/7"]);
        approve(directory, "ben", &image, &["--reason", "=HYPERLINK(\"https://evil.example\")"]);
        if let Some(cosign) = Cosign::find(directory) {
            cosign.attest_with_a_tag("ci.key", "custom", &image);
        }
        done(directory, &["observe", &image, "--where", "prod/web/shop"]);
        delete(server.host(), &deleted);
        let repository = format!("{}/team/app", server.host());
        let said = done(directory, &["audit", "export", &repository, "--out", "handed", "-o", "json"]).json();
        Self { home, said, image, deleted }
    }

    fn directory(&self) -> PathBuf {
        self.home.path().join("handed")
    }

    /// Runs a command beside what was handed over.
    fn run(&self, arguments: &[&str]) -> crate::Outcome {
        plimsoll(self.home.path(), arguments)
    }

    fn table(&self, name: &str) -> Vec<Value> {
        let json = fs::read(self.directory().join(format!("tables/{name}.json"))).unwrap();
        serde_json::from_slice(&json).unwrap()
    }

    fn verify(&self) -> crate::Outcome {
        let what = ["verify", "oci:handed:1", "--policy", "handed/policy.yaml", "--gate", "prod"];
        self.run(&what)
    }

    fn prove(&self, proof: &str) -> crate::Outcome {
        let key = self.said["logKey"].as_str().unwrap();
        self.run(&["log", "verify", &format!("handed/proofs/{proof}"), "--key", key])
    }
}

const PROVENANCE: &str = r#"{
  "buildDefinition": {"resolvedDependencies": [
    {"uri": "git+https://git.example/team/app@refs/heads/main", "digest": {"gitCommit": "c0ffee"}}]},
  "runDetails": {"builder": {"id": "https://ci.example/runner"}}}"#;

fn delete(host: &str, manifest: &str) {
    let url = format!("http://{host}/v2/team/app/manifests/{manifest}");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let status = runtime.block_on(async { client().delete(url).send().await.unwrap().status() });
    assert_eq!(status.as_u16(), 202);
}

fn hex(digest: &str) -> &str {
    digest.strip_prefix("sha256:").unwrap()
}

/// Changes one bit in the middle of a file.
fn change(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(file, bytes).unwrap();
}

#[test]
fn an_auditor_verifies_what_was_exported_without_any_server() {
    let handed = Handed::new();
    let passed = handed.verify();
    assert_eq!(passed.code, 0, "{}{}", passed.stdout, passed.stderr);
    assert!(passed.stdout.contains("✓ approval for prod: 2 of 2: ana, ben\n"), "{}", passed.stdout);
    let signed = handed.run(&["verify", "oci:handed:1", "--key", "ci.pub", "--type", "provenance"]);
    assert_eq!(signed.code, 0, "{}{}", signed.stdout, signed.stderr);
    let listed = handed.run(&["evidence", "ls", "oci:handed:1", "-o", "json"]).json();
    let listed = listed["evidence"].as_array().unwrap();

    let statements = handed.table("statements");
    let logged: Vec<&Value> = statements.iter().filter(|row| row["logIndex"].is_u64()).collect();
    assert!(logged.len() >= 5, "{statements:#?}");
    for row in &logged {
        let manifest = row["manifest"].as_str().unwrap();
        let proved = handed.prove(&format!("{}.tlog-proof", hex(manifest)));
        assert_eq!(proved.code, 0, "{}", proved.stderr);
        assert!(proved.stdout.contains(manifest), "{}", proved.stdout);
        let is_listed = listed.iter().any(|one| one["digest"] == manifest);
        assert_eq!(is_listed, manifest != handed.deleted, "{manifest} in {listed:#?}");
    }
    let deletion = handed.prove(&format!("{}.deleted.tlog-proof", hex(&handed.deleted)));
    assert_eq!(deletion.code, 0, "{}", deletion.stderr);
    assert_eq!(handed.said["missing"][0], handed.deleted, "{:#}", handed.said);

    let approvals = handed.table("approvals");
    assert_eq!(approvals.len(), 2);
    assert!(approvals.iter().any(|row| row["summary"]["tickets"][0] == "https://tracker.example/7"));
    let csv = fs::read_to_string(handed.directory().join("tables/approvals.csv")).unwrap();
    assert!(csv.contains(r#""'=HYPERLINK(""https://evil.example"")""#), "a spreadsheet would run it: {csv}");
    assert!(handed.table("tags").iter().any(|row| row["tag"] == "1" && row["movedBy"] == "anonymous"));
    assert_eq!(handed.table("runs")[0]["place"], "prod/web/shop");
}

#[test]
fn one_changed_byte_of_what_was_exported_is_found() {
    let handed = Handed::new();
    let row = &handed.table("approvals")[0];
    let proof = format!("{}.tlog-proof", hex(row["manifest"].as_str().unwrap()));
    change(&handed.directory().join("proofs").join(&proof));
    assert_ne!(handed.prove(&proof).code, 0, "a changed proof still proves");

    let blob = |digest: &Value| handed.directory().join("blobs/sha256").join(hex(digest.as_str().unwrap()));
    change(&blob(&row["layer"]));
    let shut = handed.verify();
    assert_eq!(shut.code, 1, "{}{}", shut.stdout, shut.stderr);
    assert!(shut.stdout.contains(&format!("the bytes of `{}` hash to ", row["layer"].as_str().unwrap())));
    change(&blob(&row["layer"]));
    assert_eq!(handed.verify().code, 0);
    change(&blob(&row["subject"]));
    let changed = handed.verify();
    assert_eq!(changed.code, 1, "{}{}", changed.stdout, changed.stderr);
}

#[test]
fn other_tools_read_the_export_and_take_the_tables_out_of_it() {
    let (Some(oras), Some(skopeo)) = (find_peer("oras"), find_peer("skopeo")) else { return };
    let handed = Handed::new();
    let run = |command: &mut std::process::Command| {
        let output = command.current_dir(handed.home.path()).output().unwrap();
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let inspected = run(skopeo.command().args(["inspect", "--raw", "oci:handed:1"]));
    assert!(String::from_utf8_lossy(&inspected).contains("schemaVersion"));
    let discover = ["discover", "--oci-layout", "handed:1", "--format", "json"];
    let found: Value = serde_json::from_slice(&run(oras.command().args(discover))).unwrap();
    let listed = found["referrers"].as_array().or_else(|| found["manifests"].as_array());
    assert!(listed.unwrap_or_else(|| panic!("{found:#}")).len() >= 5, "{found:#}");
    run(oras.command().args(["pull", "--no-tty", "--oci-layout", "handed:_audit", "-o", "taken"]));
    for name in
        ["tables/approvals.csv", "tables/statements.json", "log/checkpoint", "log/keys", "policy.yaml"]
    {
        let [taken, own] =
            ["taken", "handed"].map(|folder| fs::read(handed.home.path().join(folder).join(name)));
        assert_eq!(taken.unwrap(), own.unwrap(), "{name}");
    }
}

#[test]
fn an_export_is_of_one_image_or_of_a_time_and_overwrites_nothing() {
    let handed = Handed::new();
    let home = handed.home.path();
    let again = handed.run(&["audit", "export", &handed.image, "--out", "handed"]);
    assert_eq!(again.code, 2, "{}", again.stderr);
    assert!(again.stderr.contains("the directory is not empty"), "{}", again.stderr);

    let server = Server::start();
    let [first, _second] = [1_u64, 2].map(|seed| {
        let image = Image::small(seed, 1, 50);
        let name = push(server.host(), &image);
        done(home, &["sign", &name, "--key", "ci.key"]);
        image.manifest.digest().to_string()
    });
    let export = |what: &str, out: &str, more: &[&str]| {
        let arguments = [&["audit", "export", what, "--out", out, "-o", "json"], more].concat();
        done(home, &arguments).json()
    };
    let repository = format!("{}/team/app", server.host());
    assert_eq!(export(&repository, "all", &[])["facts"], 2);
    assert_eq!(export(&format!("{repository}@{first}"), "one", &[])["facts"], 1);
    let before = export(&repository, "before", &["--until", "2020-01-01T00:00:00Z"]);
    assert_eq!((&before["facts"], &before["images"], &before["moves"]), (&0.into(), &0.into(), &0.into()));
}
