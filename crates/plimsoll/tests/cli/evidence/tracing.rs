//! The way of an image back to where it comes from, as a server tells it.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use plimsoll_testkit::{ServerCommand, ServerProcess};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{done, plimsoll, workshop};
use crate::image_layout::{self, Layer};
use crate::run_in;

/// How long a server may take to look into an image.
const LOOK_MAX: Duration = Duration::from_secs(30);

const BASE: Layer<'_> = Layer { instruction: "ADD rootfs.tar /", files: &[("etc/motd", b"welcome")] };
const APP: Layer<'_> = Layer { instruction: "COPY app /app # buildkit", files: &[("app", b"#!/bin/sh\n")] };

/// A server with the image `team/app:1`, which is built on `library/base:1`.
pub(super) struct Harbour {
    directory: TempDir,
    pub(super) server: ServerProcess,
    pub(super) base: String,
}

impl Harbour {
    pub(super) fn new() -> Self {
        let directory = workshop();
        let home = directory.path();
        let server = ServerCommand::new(env!("CARGO_BIN_EXE_plimsoll"), &home.join("data")).start();
        image_layout::write(&home.join("base"), &[BASE], |_| {});
        image_layout::write(&home.join("app"), &[BASE, APP], |_| {});
        let copied = |layout: &str, to: &str| {
            let to = format!("{}/{to}", server.host());
            done(home, &["cp", &format!("oci:{layout}:1"), &to, "-o", "json"]).json()
        };
        let base = copied("base", "library/base:1")["digest"].as_str().unwrap().to_owned();
        copied("app", "team/app:1");
        Self { directory, server, base }
    }

    pub(super) fn home(&self) -> &Path {
        self.directory.path()
    }

    pub(super) fn app(&self) -> String {
        format!("{}/team/app:1", self.server.host())
    }

    /// Signs the image, and says that it was built on `base`.
    fn vouch(&self) {
        let hash = self.base.strip_prefix("sha256:").unwrap();
        let predicate = json!({
            "buildDefinition": {
                "externalParameters": { "dockerfile": "deploy/Dockerfile" },
                "resolvedDependencies": [
                    { "uri": "git+https://git.example/team/app@refs/heads/main", "digest": { "gitCommit": "c0ffee" } },
                    { "uri": "pkg:docker/library/base@1", "digest": { "sha256": hash } },
                ],
            },
            "runDetails": {
                "builder": { "id": "https://ci.example/runner" },
                "metadata": { "invocationId": "run-7", "finishedOn": "2026-11-22T12:00:00Z" },
            },
        });
        fs::write(self.home().join("build.json"), predicate.to_string()).unwrap();
        let app = self.app();
        done(self.home(), &["sign", &app, "--key", "ci.key"]);
        let attest = ["attest", &app, "--type", "provenance", "--predicate", "build.json", "--key", "ci.key"];
        done(self.home(), &attest);
    }

    pub(super) fn trace(&self, what: &str, more: &[&str]) -> Value {
        done(self.home(), &[&["trace", what, "-o", "json"], more].concat()).json()
    }

    /// The trace of the image, once the deletion of a statement is a leaf: that is within a second.
    fn trace_with_deletion(&self, what: &str) -> Value {
        let started = Instant::now();
        loop {
            let trace = self.trace(what, &[]);
            if hop(&trace, "deleted")["said"]["retractedAtIndex"].is_u64() {
                return trace;
            }
            assert!(started.elapsed() < LOOK_MAX, "{trace:#}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The trace of the image, once the server has looked into it and its base.
    pub(super) fn settled_trace(&self, what: &str) -> Value {
        let started = Instant::now();
        loop {
            let trace = self.trace(what, &[]);
            if hop(&trace, "base")["knownBy"].as_array().is_some_and(|by| by.contains(&json!("layers"))) {
                return trace;
            }
            assert!(started.elapsed() < LOOK_MAX, "{trace:#}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// The first hop of a kind.
pub(super) fn hop<'t>(trace: &'t Value, kind: &str) -> &'t Value {
    let hops = trace["hops"].as_array().unwrap();
    hops.iter().find(|hop| hop["hop"] == kind).unwrap_or_else(|| panic!("no {kind}: {trace:#}"))
}

#[test]
fn an_image_leads_back_to_its_signature_build_commit_dockerfile_and_base() {
    let harbour = Harbour::new();
    let bare = harbour.settled_trace(&harbour.app());
    for kind in ["signature", "build", "source", "run"] {
        assert_eq!(hop(&bare, kind)["grade"], "missing", "{bare:#}");
    }
    let next = hop(&bare, "signature")["next"].as_str().unwrap();
    assert_eq!(next, format!("plimsoll sign {} --key FILE", harbour.app()));
    assert_eq!(hop(&bare, "base")["grade"], "measured");
    assert_eq!(hop(&bare, "base")["names"], json!(["library/base:1"]));

    harbour.vouch();
    let told = harbour.settled_trace(&harbour.app());
    // The server was not told to trust the key.
    let signature = hop(&told, "signature");
    assert_eq!(signature["grade"], "claimed", "{told:#}");
    assert!(signature["said"]["reason"].as_str().unwrap().contains("not signed by a trusted key"));
    assert!(signature["said"]["logIndex"].is_u64(), "{told:#}");
    assert!(signature["next"].as_str().unwrap().starts_with("plimsoll project set NAME "), "{told:#}");
    let build = hop(&told, "build");
    assert_eq!(
        (&build["builder"], &build["invocation"]),
        (&json!("https://ci.example/runner"), &json!("run-7"))
    );
    assert_eq!(build["said"]["statedAtUnixMs"], 1_795_348_800_000_i64);
    assert_eq!(hop(&told, "source")["commit"], "c0ffee");
    let dockerfile = hop(&told, "dockerfile");
    assert_eq!(dockerfile["path"], "deploy/Dockerfile");
    assert_eq!(dockerfile["instructions"], json!(["COPY app /app"]), "those of the base are its own");
    let base = hop(&told, "base");
    assert_eq!(base["base"]["digest"], harbour.base);
    assert_eq!(base["knownBy"], json!(["layers", "provenance"]));
    let checkpoint = &told["checkpoint"];
    assert!(checkpoint["size"].as_u64().unwrap() > signature["said"]["logIndex"].as_u64().unwrap());
    let last = told["hops"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["depth"], &last["image"]), (&json!(1), &json!(harbour.base)), "{told:#}");

    let policy = "trust: {keys: [{name: ci, key: ci.pub, roles: [signer, builder], shared: true}]}";
    fs::write(harbour.home().join("rules.yaml"), policy).unwrap();
    done(harbour.home(), &["project", "set", "team", harbour.server.host(), "--file", "rules.yaml"]);
    let trusted = harbour.settled_trace(&harbour.app());
    for kind in ["signature", "build", "source", "dockerfile", "base"] {
        assert_eq!(hop(&trusted, kind)["grade"], "signed", "{trusted:#}");
        assert_eq!(hop(&trusted, kind)["said"]["by"], "ci");
    }
    let drawn = done(harbour.home(), &["trace", &harbour.app()]).stdout;
    assert!(drawn.contains("✓ signed    signature   by ci (signer), "), "{drawn}");
    assert!(
        drawn.contains("git+https://git.example/team/app@refs/heads/main@c0ffee, by ci (builder)"),
        "{drawn}"
    );
    assert!(drawn.contains("✓ signed    base        library/base:1 sha256:"), "{drawn}");
    assert!(drawn.contains("✗ missing   run\n"), "{drawn}");
    assert!(drawn.lines().last().unwrap().starts_with("as of the log "), "{drawn}");
}

#[test]
fn a_run_is_told_and_found_by_any_digest_of_its_image() {
    let harbour = Harbour::new();
    let app = harbour.app();
    let observe = |image: &str, more: &[&str]| {
        let told = ["observe", image, "--where", "prod/web/shop", "--from", "2026-11-20T08:00:00Z"];
        plimsoll(harbour.home(), &[&told[..], more].concat())
    };
    assert_eq!(observe(&app, &[]).code, 0);
    let trace = harbour.trace(&app, &[]);
    let run = hop(&trace, "run");
    assert_eq!((&run["place"], &run["endedAtUnixMs"]), (&json!("prod/web/shop"), &Value::Null), "{trace:#}");
    assert_eq!(run["said"]["by"], "anonymous");

    // A cluster knows the config as the image's id; the run ends, and is still the same one.
    let manifest = done(harbour.home(), &["inspect", &app, "-o", "json"]).json();
    let config = manifest["imageId"].as_str().unwrap();
    let by_config = format!("{}/team/app@{config}", harbour.server.host());
    let ended = observe(&by_config, &["--to", "2026-11-21T08:00:00Z"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let found = harbour.trace(config, &[harbour.server.host()]);
    assert_eq!(found["images"], 1, "{found:#}");
    let runs = found["traces"][0]["hops"].as_array().unwrap().iter().filter(|hop| hop["hop"] == "run");
    let ends: Vec<&Value> = runs.map(|run| &run["endedAtUnixMs"]).collect();
    assert_eq!(
        ends,
        [&Value::Null, &json!(1_795_248_000_000_i64)],
        "told of another digest it is another run"
    );

    let unknown = format!("{}/team/app@sha256:{}", harbour.server.host(), "0".repeat(64));
    let refused = observe(&unknown, &[]);
    assert_ne!(refused.code, 0);
    assert!(refused.stderr.contains("holds no image with this digest"), "{}", refused.stderr);
    let backwards = observe(&app, &["--to", "2026-11-19T08:00:00Z"]);
    assert!(backwards.stderr.contains("ends before it begins"), "{}", backwards.stderr);
}

#[test]
fn what_an_index_is_told_counts_nothing_for_its_images() {
    let harbour = Harbour::new();
    let layout = harbour.home().join("many");
    image_layout::write_multi_platform(&layout, &[BASE, APP], &["amd64", "arm64"]);
    let index = format!("{}/team/many:1", harbour.server.host());
    done(harbour.home(), &["cp", "oci:many:1", &index]);
    done(harbour.home(), &["sign", &index, "--key", "ci.key"]);
    let whole = harbour.trace(&index, &[]);
    assert_eq!(hop(&whole, "signature")["grade"], "claimed", "{whole:#}");
    let child = harbour.trace(&index, &["--platform", "linux/arm64"]);
    let signature = hop(&child, "signature");
    assert_eq!(signature["grade"], "inherited-ignored", "{child:#}");
    assert!(signature["next"].as_str().unwrap().starts_with("plimsoll sign "), "{child:#}");
}

#[test]
fn evidence_outlives_its_subject() {
    let harbour = Harbour::new();
    harbour.vouch();
    let before = harbour.settled_trace(&harbour.app());
    let digest = before["digest"].as_str().unwrap().to_owned();
    let address = format!("/v2/team/app/manifests/{digest}");
    assert_eq!(delete(&harbour.server, &address), 202);
    let at_once = [("PLIMSOLL_GC_GRACE", "0s"), ("PLIMSOLL_GC_HOLD", "0s")];
    let collected = run_in(harbour.home(), &at_once, &["gc", "--data-dir", "data"]);
    assert_eq!(collected.code, 0, "{}", collected.stderr);

    let by_digest = format!("{}/team/app@{digest}", harbour.server.host());
    let after = harbour.trace(&by_digest, &[]);
    assert_eq!(hop(&after, "image")["grade"], "missing", "the image itself is gone: {after:#}");
    for kind in ["signature", "build", "source"] {
        assert_eq!(hop(&after, kind)["said"], hop(&before, kind)["said"], "{after:#}");
        assert_eq!(hop(&after, kind)["commit"], hop(&before, kind)["commit"]);
    }

    // What is said can be deleted too, and the log remembers that it was said.
    let evidence = hop(&before, "signature")["said"]["evidence"].as_str().unwrap();
    assert_eq!(delete(&harbour.server, &format!("/v2/team/app/manifests/{evidence}")), 202);
    let trace = harbour.trace_with_deletion(&by_digest);
    assert_eq!(hop(&trace, "signature")["grade"], "missing", "{trace:#}");
    let deleted = hop(&trace, "deleted");
    assert_eq!(deleted["said"]["evidence"], evidence);
    assert_eq!(deleted["said"]["logIndex"], hop(&before, "signature")["said"]["logIndex"]);
}

#[test]
fn the_graph_is_made_anew_from_registry_and_log_alone() {
    let harbour = Harbour::new();
    harbour.vouch();
    let app = harbour.app();
    let observe = ["observe", &app, "--where", "prod/web/shop", "--from", "2026-11-20T08:00:00Z"];
    done(harbour.home(), &observe);
    image_layout::write_multi_platform(&harbour.home().join("many"), &[BASE, APP], &["amd64", "arm64"]);
    done(harbour.home(), &["cp", "oci:many:1", &format!("{}/team/many:1", harbour.server.host())]);
    done(harbour.home(), &["sign", &app, "--key", "ci.key"]);
    let before = harbour.settled_trace(&app);
    let evidence = hop(&before, "signature")["said"]["evidence"].as_str().unwrap();
    assert_eq!(delete(&harbour.server, &format!("/v2/team/app/manifests/{evidence}")), 202);
    let before = harbour.trace_with_deletion(&app);

    // Beside the server.
    let reindex =
        |home: &Path| done(home, &["evidence", "reindex", "--data-dir", "data", "-o", "json"]).json();
    let first = reindex(harbour.home());
    assert_eq!(first["hasChanged"], false, "{first:#}");
    assert_eq!(first["runs"], 1, "{first:#}");
    assert_eq!(harbour.settled_trace(&app)["hops"], before["hops"]);

    // With the whole catalogue lost.
    let Harbour { directory, mut server, .. } = harbour;
    server.ask_to_stop();
    assert!(server.wait(LOOK_MAX).success());
    for file in ["catalogue.sqlite", "catalogue.sqlite-wal", "catalogue.sqlite-shm"] {
        let _ = fs::remove_file(directory.path().join("data").join(file));
    }
    done(directory.path(), &["fsck", "--rebuild", "--data-dir", "data"]);
    let rebuilt = reindex(directory.path());
    assert_eq!(rebuilt["hasChanged"], true, "there was none: {rebuilt:#}");
    assert_eq!(rebuilt["fingerprint"], first["fingerprint"]);
}

fn delete(server: &ServerProcess, path: &str) -> u16 {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let url = format!("{}{path}", server.url());
    runtime.block_on(async { plimsoll_testkit::client().delete(url).send().await.unwrap().status().as_u16() })
}
