use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use plimsoll_testkit::{RegistryClient, find_peer};

use crate::image_layout::{self, Layer};
use crate::peers::{DebianRegistry, Server};
use crate::signed_image::{SignedImage, blobs_of};
use crate::{Outcome, run_in, start};

const LAYERS: &[Layer<'_>] = &[Layer { instruction: "ADD motd", files: &[("etc/motd", b"welcome")] }];

/// A directory with the signed image in the layout `from`.
fn with_signed_image() -> (tempfile::TempDir, SignedImage) {
    let directory = tempfile::tempdir().unwrap();
    let signed = SignedImage::new(7, 2, 100_000);
    signed.write(&directory.path().join("from"));
    (directory, signed)
}

/// Runs a command that must succeed.
fn done(directory: &Path, arguments: &[&str]) -> Outcome {
    let outcome = run_in(directory, &[], arguments);
    assert_eq!(outcome.code, 0, "{arguments:?}: {}", outcome.stderr);
    outcome
}

#[test]
fn an_image_with_its_evidence_goes_to_a_registry_and_back_byte_for_byte() {
    let (directory, signed) = with_signed_image();
    let server = Server::start();
    let remote = format!("{}/team/app:1", server.host());
    let pushed = done(directory.path(), &["push", "-r", "oci:from:1", &remote]);
    let lines: Vec<&str> = pushed.stdout.lines().collect();
    assert_eq!(lines[0], format!("{remote} is {}", signed.image.manifest.digest().short()));
    assert!(lines[1].starts_with("201 kB moved, 2 manifests of evidence, "), "{}", lines[1]);
    done(directory.path(), &["pull", "-r", &remote, "oci:back:1"]);
    assert_eq!(blobs_of(&directory.path().join("from")), blobs_of(&directory.path().join("back")));
}

#[test]
fn skopeo_reads_what_was_pulled() {
    let (directory, signed) = with_signed_image();
    let Some(skopeo) = find_peer("skopeo") else { return };
    let server = Server::start();
    let remote = format!("{}/app:1", server.host());
    done(directory.path(), &["push", "oci:from:1", &remote]);
    done(directory.path(), &["pull", &remote]);
    let inspected =
        skopeo.command().current_dir(&directory).args(["inspect", "oci:app-1:1"]).output().unwrap();
    assert!(inspected.status.success(), "{}", String::from_utf8_lossy(&inspected.stderr));
    let document: serde_json::Value = serde_json::from_slice(&inspected.stdout).unwrap();
    assert_eq!(document["Digest"], signed.image.manifest.digest().to_string());
    assert_eq!(document["Layers"].as_array().unwrap().len(), 2);
}

#[test]
fn what_is_left_behind_is_said_with_the_command_that_takes_it() {
    let (directory, _) = with_signed_image();
    let server = Server::start();
    let remote = format!("{}/app:1", server.host());
    let alone = done(directory.path(), &["cp", "oci:from:1", &remote]);
    let said =
        format!("note: 2 referrers were left behind; take along with: plimsoll cp -r oci:from:1 {remote}");
    assert!(alone.stderr.lines().any(|line| line == said), "{}", alone.stderr);
    let whole = done(directory.path(), &["cp", "-r", "oci:from:1", &remote, "-o", "json"]);
    assert!(!whole.stderr.contains("left behind"), "{}", whole.stderr);
    let report = whole.json();
    assert_eq!((&report["kind"], &report["evidenceManifests"]), (&"Copy".into(), &2.into()));
}

#[test]
fn evidence_travels_between_registries_also_to_one_without_a_list_of_referrers() {
    let (directory, signed) = with_signed_image();
    let (first, second) = (Server::start(), Server::start());
    let at = |host: &str| format!("{host}/team/app:1");
    let other = DebianRegistry::start();
    let foreign = other.as_ref().map(DebianRegistry::host);
    done(directory.path(), &["push", "-r", "oci:from:1", &at(first.host())]);
    let mut last = at(first.host());
    for host in [Some(second.host()), foreign].into_iter().flatten() {
        done(directory.path(), &["cp", "-r", &last, &at(host)]);
        last = at(host);
    }
    done(directory.path(), &["pull", "-r", &last, "oci:back:1"]);
    let (from, back) = (blobs_of(&directory.path().join("from")), blobs_of(&directory.path().join("back")));
    assert!(from.iter().all(|(digest, bytes)| back.get(digest) == Some(bytes)));
    if let Some(host) = foreign {
        let tags = done(directory.path(), &["tags", &format!("{host}/team/app"), "-o", "json"]).json();
        let fallback = signed.signature_tag().replace(".sig", "");
        assert_eq!(tags["evidenceTags"], serde_json::json!([fallback, signed.signature_tag()]));
    }
}

#[tokio::test]
async fn a_copy_that_was_killed_is_resumed_by_running_it_again() {
    const LAYERS: usize = 12;
    const LAYER_BYTES: usize = 4_000_000;
    let directory = tempfile::tempdir().unwrap();
    let signed = SignedImage::new(3, LAYERS, LAYER_BYTES);
    signed.write(&directory.path().join("from"));
    let server = Server::start();
    let remote = format!("{}/app:1", server.host());
    let arguments = ["cp", "oci:from:1", &remote, "--parallel", "1", "-o", "json"];
    let mut first = start(directory.path(), &[], &arguments);
    let client = RegistryClient::new([format!("http://{}", server.host())]);
    let began = Instant::now();
    while !client.has_blob("app", signed.image.layers[1].digest()).await.unwrap() {
        assert!(began.elapsed() < Duration::from_secs(60), "nothing arrives");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    first.kill().unwrap();
    assert!(!first.wait().unwrap().success(), "it was done before it was killed");
    let nothing = run_in(directory.path(), &[], &["inspect", "--no-layers", &remote]);
    assert_eq!(nothing.code, 3, "half an image is visible: {}", nothing.stdout);

    let second = done(directory.path(), &arguments).json();
    let amount = |report: &serde_json::Value, key: &str| report[key].as_u64().unwrap();
    assert!(amount(&second, "bytesPresent") >= 2 * LAYER_BYTES as u64, "{second}");
    assert!(amount(&second, "bytesMoved") <= ((LAYERS - 2) * LAYER_BYTES) as u64, "{second}");
    client.pull_image("app", "1", &signed.image).await.unwrap();
    let third = done(directory.path(), &arguments).json();
    assert_eq!((amount(&third, "bytesMoved"), amount(&third, "manifestsMoved")), (0, 0));
}

#[test]
fn of_an_index_one_platform_or_some_are_taken() {
    let directory = tempfile::tempdir().unwrap();
    let from = directory.path().join("from");
    image_layout::write_multi_platform(&from, LAYERS, &["amd64", "s390x", "riscv64"]);
    let copy = |to: &str, more: &[&str]| {
        done(directory.path(), &[&["cp", "oci:from:1", to, "-o", "json"], more].concat()).json()
    };
    let one = copy("oci:one:1", &["--platform", "linux/s390x"]);
    assert_eq!(one["mediaType"], "application/vnd.oci.image.manifest.v1+json");
    let shown = done(directory.path(), &["inspect", "oci:one:1", "-o", "json"]).json();
    assert_eq!(shown["platform"]["architecture"], "s390x");

    let two = copy("oci:two:1", &["--platform", "linux/riscv64", "--platform", "linux/amd64"]);
    assert_eq!(two["mediaType"], "application/vnd.oci.image.index.v1+json");
    let server = Server::start();
    let remote = format!("{}/app", server.host());
    done(directory.path(), &["push", "oci:two:1", &format!("{remote}:1")]);
    let tags = done(directory.path(), &["tags", &remote, "-o", "json"]).json();
    let platforms = tags["tags"][0]["platforms"].as_array().unwrap().iter();
    let architectures: Vec<&str> = platforms.map(|one| one["architecture"].as_str().unwrap()).collect();
    assert_eq!(architectures, ["amd64", "riscv64"]);
}

#[test]
fn an_image_for_another_platform_is_not_taken_in_its_place() {
    let directory = tempfile::tempdir().unwrap();
    image_layout::write(&directory.path().join("from"), LAYERS, |_| {});
    let refused =
        run_in(directory.path(), &[], &["cp", "oci:from:1", "oci:to:1", "--platform", "linux/arm64"]);
    assert_eq!(refused.code, 2);
    let first = "error: the image is made for `linux/amd64`, and not for `linux/arm64`\n";
    assert!(refused.stderr.starts_with(first), "{}", refused.stderr);
    assert!(!directory.path().join("to").exists());
}

#[test]
fn a_pull_says_where_and_overwrites_nothing_else() {
    let (directory, _) = with_signed_image();
    let server = Server::start();
    let remote = format!("{}/team/app:1", server.host());
    done(directory.path(), &["push", "oci:from:1", &remote]);
    let pulled = done(directory.path(), &["pull", &remote]);
    assert!(pulled.stderr.contains("note: pulling to oci:app-1:1\n"), "{}", pulled.stderr);
    assert!(directory.path().join("app-1/index.json").exists());

    let elsewhere = tempfile::tempdir().unwrap();
    fs::create_dir(elsewhere.path().join("app-1")).unwrap();
    fs::write(elsewhere.path().join("app-1/thesis.txt"), "mine").unwrap();
    let refused = run_in(elsewhere.path(), &[], &["pull", &remote]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert_eq!(fs::read_dir(elsewhere.path().join("app-1")).unwrap().count(), 1);
}

#[test]
fn a_short_name_is_read_as_docker_does_and_said_aloud() {
    let directory = tempfile::tempdir().unwrap();
    let refused = run_in(directory.path(), &[], &["push", "debian", "oci:x"]);
    assert_eq!(refused.code, 2);
    let first = "note: `debian` is read as `docker.io/library/debian`\n";
    assert!(refused.stderr.starts_with(first), "{}", refused.stderr);
    assert!(refused.stderr.contains("  help: plimsoll cp debian oci:x\n"), "{}", refused.stderr);
}

#[test]
fn wrong_names_are_code_2_with_what_to_write_instead() {
    let directory = tempfile::tempdir().unwrap();
    let wrong: &[(&[&str], &str)] = &[
        (&["cp", "./image", "oci:x"], "  help: a layout is written oci:./image\n"),
        (&["cp", "docker://debian", "oci:x"], "  help: write debian\n"),
        (&["pull", "localhost:1/a:1", "out"], "  help: plimsoll pull localhost:1/a:1 oci:out\n"),
        (&["pull", "oci:a"], "  help: plimsoll cp oci:a DESTINATION\n"),
    ];
    for (arguments, help) in wrong {
        let refused = run_in(directory.path(), &[], arguments);
        assert_eq!(refused.code, 2, "{arguments:?}");
        assert!(refused.stderr.contains(help), "{arguments:?}: {}", refused.stderr);
    }
}

#[test]
fn a_digest_can_be_stored_as_itself_only() {
    let (directory, signed) = with_signed_image();
    let server = Server::start();
    let other = format!("{}/app@sha256:{}", server.host(), "ab".repeat(32));
    let refused = run_in(directory.path(), &[], &["cp", "oci:from:1", &other]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    let itself = format!("{}/app@{}", server.host(), signed.image.manifest.digest());
    done(directory.path(), &["cp", "oci:from:1", &itself]);
    done(directory.path(), &["inspect", "--no-layers", &itself]);
}

#[test]
fn a_registry_warns_once_however_often_it_says_so() {
    let (directory, _) = with_signed_image();
    let server = Server::start();
    let remote = format!("{}/app:1", server.host());
    let pushed = done(directory.path(), &["push", "oci:from:1", &remote]);
    let warning = format!("warning: {}: anybody on this machine may push here", server.host());
    assert_eq!(pushed.stderr.matches(&warning).count(), 1, "{}", pushed.stderr);
}
