use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use plimsoll_testkit::Image;
use tempfile::TempDir;

use super::cosign::Cosign;
use super::{done, plimsoll, push, workshop};
use crate::Outcome;
use crate::peers::Server;

const SUMMARY: &str = "https://slsa.dev/verification_summary/v1";

const RULES: &str = "\
trust:
  keys:
    - {name: ana, key: ana.pub, roles: [approver]}
    - {name: ben, key: ben.pub, roles: [approver]}
    - {name: cem, key: cem.pub, roles: [approver]}
  gates: [{name: prod, role: approver, approvals: 2, excluded: [cem]}]
";

/// How long the server may take to bring the summary beside the image up to date.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(30);

/// A workshop with the keys of three people, and a server with the rules and an image.
fn office() -> (TempDir, Server, String) {
    let (directory, server) = (workshop(), Server::start());
    let home = directory.path();
    for name in ["ana", "ben", "cem"] {
        done(home, &["key", "generate", "--name", name]);
    }
    fs::write(home.join("rules.yaml"), RULES).unwrap();
    done(home, &["project", "set", "team", server.host(), "--file", "rules.yaml"]);
    done(home, &["trust", "export", server.host()]);
    let image = push(server.host(), &Image::small(61, 1, 100));
    (directory, server, image)
}

fn approve(home: &Path, who: &str, image: &str) -> String {
    let key = format!("{who}.key");
    let arguments = ["approve", image, "--gate", "prod", "--role", "approver", "--key", &key, "-o", "json"];
    done(home, &arguments).json()["evidence"].as_str().unwrap().to_owned()
}

fn verdict(home: &Path, image: &str, more: &[&str]) -> Outcome {
    plimsoll(home, &[&["verdict", image, "--key", "verdict.pub", "--gate", "prod"], more].concat())
}

fn becomes(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < FOLLOWED_WITHIN, "{what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_met_quorum_is_one_signature_for_cosign_until_it_is_met_no_more() {
    let (office, _server, image) = office();
    let home = office.path();
    let Some(cosign) = Cosign::find(home) else { return };
    let shut = verdict(home, &image, &[]);
    assert_eq!(shut.code, 1, "{}{}", shut.stdout, shut.stderr);
    assert!(shut.stderr.contains("approval for prod: 0 of 2: nobody"), "{}", shut.stderr);
    assert!(!cosign.verifies_attestation("verdict.pub", SUMMARY, &image));

    approve(home, "ana", &image);
    approve(home, "cem", &image);
    let own_work = verdict(home, &image, &[]);
    assert_eq!(own_work.code, 1);
    assert!(own_work.stdout.contains("`cem` wrote or built it"), "{}", own_work.stdout);
    let of_ben = approve(home, "ben", &image);
    let open = verdict(home, &image, &[]);
    assert_eq!(open.code, 0, "{}{}", open.stdout, open.stderr);
    assert!(open.stdout.contains("says that it passes at the gate prod"), "{}", open.stdout);
    becomes("cosign verifies one signature", || cosign.verifies_attestation("verdict.pub", SUMMARY, &image));
    assert!(!cosign.verifies_attestation("builder.pub", SUMMARY, &image));
    done(home, &["verify", &image, "--type", "vsa", "--key", "verdict.pub"]);

    done(home, &["revoke", &image, &of_ben, "--reason", "a flaw was found", "--key", "ben.key"]);
    let revoked = verdict(home, &image, &["-o", "json"]);
    assert_eq!(revoked.code, 1);
    assert_eq!(revoked.json()["summary"]["verificationResult"], "FAILED");
    becomes("the summary is withdrawn", || !cosign.verifies_attestation("verdict.pub", SUMMARY, &image));
}

#[test]
fn approvals_that_cosign_2_keeps_under_a_tag_wake_the_verdict() {
    let (office, _server, image) = office();
    let home = office.path();
    let Some(cosign) = Cosign::find(home) else { return };
    let predicate =
        r#"{"decision":"approved","role":"approver","gate":"prod","issuedAt":"2026-11-22T12:00:00Z"}"#;
    fs::write(home.join("predicate.json"), predicate).unwrap();
    for who in ["ana", "ben"] {
        let key = format!("{who}.key");
        cosign.attest_with_a_tag(&key, "urn:plimsoll:attestation:approval:v1", &image);
    }
    becomes("the summary is attached", || cosign.verifies_attestation("verdict.pub", SUMMARY, &image));
    let digest = verdict(home, &image, &["-o", "json"]).json()["digest"].as_str().unwrap().to_owned();
    let (host, _) = image.split_once('/').unwrap();
    let tag = format!("http://{host}/v2/team/app/manifests/{}.att", digest.replace(':', "-"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let deleted = runtime.block_on(async { plimsoll_testkit::client().delete(tag).send().await.unwrap() });
    assert_eq!(deleted.status().as_u16(), 202);
    becomes("the summary is withdrawn", || !cosign.verifies_attestation("verdict.pub", SUMMARY, &image));
}

#[test]
fn a_verdict_that_is_old_or_of_something_else_is_refused() {
    let (office, server, image) = office();
    let home = office.path();
    approve(home, "ana", &image);
    approve(home, "ben", &image);
    let made = verdict(home, &image, &["--save", "old.json", "-o", "json"]);
    assert_eq!(made.code, 0, "{}{}", made.stdout, made.stderr);
    let digest = made.json()["digest"].as_str().unwrap().to_owned();
    let kept = |image: &str, more: &[&str]| verdict(home, image, &[&["--bundle", "old.json"], more].concat());
    assert_eq!(kept(&image, &["--max-age", "1h"]).code, 0);
    let refused = |outcome: &Outcome, reason: &str| {
        assert_eq!(outcome.code, 1, "{}{}", outcome.stdout, outcome.stderr);
        assert!(outcome.stderr.contains(reason), "{reason}: {}", outcome.stderr);
    };
    std::thread::sleep(Duration::from_millis(2100));
    refused(&kept(&image, &["--max-age", "1s"]), "it is stale");
    let elsewhere = image.replace("team/app", "team/other");
    refused(&kept(&elsewhere, &[]), "/team/app");
    let other = format!("{}/team/app@sha256:{}", server.host(), "0".repeat(64));
    refused(&kept(&other, &[]), &digest);
    let of_all = plimsoll(home, &["verdict", &image, "--key", "builder.pub", "--bundle", "old.json"]);
    refused(&of_all, "key");
    let bytes = fs::read_to_string(home.join("old.json")).unwrap();
    fs::write(home.join("old.json"), "[".repeat(10_000)).unwrap();
    refused(&kept(&image, &[]), "deep");
    fs::write(home.join("old.json"), bytes.replace("payloadType", "payloadtype")).unwrap();
    assert_eq!(kept(&image, &[]).code, 1);
    assert_eq!(verdict(home, &image, &["--gate", "moon"]).code, 2, "the option is given twice");
    assert_eq!(
        plimsoll(home, &["verdict", &elsewhere, "--key", "verdict.pub"]).code,
        3,
        "it has no such image"
    );
}
