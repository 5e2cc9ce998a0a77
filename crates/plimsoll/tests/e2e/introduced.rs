//! When a vulnerability entered a line of images, left and returned, and why: told from the images themselves.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use plimsoll_oci::MediaType;
use plimsoll_testkit::{Image, RegistryClient, ServerCommand, ServerProcess, TestBlob, body_of, find_peer};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::PLIMSOLL;

/// How long the images of both lines may take to be analysed.
const PATIENCE: Duration = Duration::from_secs(120);

/// The builds of each line.
const BUILDS: u64 = 30;

/// A flaw in Debian's openssl from 3.0.13 up to 3.0.15, and one in left-pad from 1.3.0 up to 1.3.1.
const OPENSSL: &str = "CVE-2026-1001";
const LEFT_PAD: &str = "CVE-2026-1002";

/// From which build on which version of openssl is in the base, whose tag stays the same.
const BASES: [(u64, &str); 5] =
    [(1, "3.0.11-1"), (8, "3.0.13-1"), (15, "3.0.15-1"), (22, "3.0.14-1"), (27, "3.0.16-1")];

/// From which build on which version of left-pad is in the lock file.
const LOCKS: [(u64, &str); 5] = [(1, "1.2.0"), (5, "1.3.0"), (12, "1.3.1"), (20, "1.3.0"), (26, "1.3.2")];

/// The build of the second line that nobody can read.
const BROKEN: u64 = 19;

fn at(build: u64, versions: &[(u64, &'static str)]) -> &'static str {
    versions.iter().rev().find(|(from, _)| *from <= build).unwrap().1
}

fn layer(files: &[(&str, String)]) -> TestBlob {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    TestBlob::new(MediaType::LAYER, archive.into_inner().unwrap())
}

/// Debian as its image brings it: what it is, and what dpkg has installed.
fn debian(openssl: &str) -> TestBlob {
    let status = format!(
        "Package: openssl\nStatus: install ok installed\nMaintainer: Debian OpenSSL Team <openssl@packages.debian.org>\n\
         Architecture: amd64\nVersion: {openssl}\nDescription: toolkit\n\n"
    );
    layer(&[("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n".to_owned()), ("var/lib/dpkg/status", status)])
}

/// The form of npm's lock file (`package-lock.json`, `lockfileVersion` 3).
fn lock_file(left_pad: &str) -> TestBlob {
    let lock = json!({
        "name": "app", "lockfileVersion": 3,
        "packages": { "": { "name": "app" }, "node_modules/left-pad": { "version": left_pad } },
    });
    layer(&[("app/package-lock.json", lock.to_string())])
}

fn base(openssl: &str) -> Vec<(&'static str, TestBlob)> {
    vec![("ADD rootfs.tar.xz /", debian(openssl))]
}

fn application(build: u64) -> (&'static str, TestBlob) {
    ("COPY . /srv", layer(&[("srv/main.js", format!("build {build}"))]))
}

fn record(id: &str, ecosystem: &str, package: &str, introduced: &str, fixed: &str) -> String {
    json!({
        "id": id, "modified": "2026-11-01T00:00:00Z", "published": "2026-10-01T00:00:00Z",
        "severity": [{ "type": "CVSS_V3", "score": "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N" }],
        "affected": [{
            "package": { "ecosystem": ecosystem, "name": package },
            "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": introduced }, { "fixed": fixed }] }],
        }],
    })
    .to_string()
}

fn advise(server: &ServerProcess, records: &[String]) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("records.jsonl");
    std::fs::write(&file, records.join("\n")).unwrap();
    let db = directory.path().join("db");
    let (db, file) = (db.to_str().unwrap(), file.to_str().unwrap());
    plimsoll(directory.path(), &["db", "build", "--out", db, file]);
    plimsoll(directory.path(), &["db", "push", "--db", db, server.host()]);
}

#[expect(clippy::disallowed_methods, reason = "the program under test")]
fn plimsoll(home: &Path, words: &[&str]) -> String {
    let ended = Command::new(PLIMSOLL).args(words).env("HOME", home).output().unwrap();
    assert!(ended.status.success(), "{words:?}: {}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8(ended.stdout).unwrap()
}

fn introduced(what: &str, image: &str) -> Value {
    let home = tempfile::tempdir().unwrap();
    serde_json::from_str(&plimsoll(home.path(), &["introduced", what, image, "-o", "json"])).unwrap()
}

async fn push_drifting_line(client: &RegistryClient) {
    for build in 1..=BUILDS {
        let openssl = at(build, &BASES);
        if BASES.iter().any(|(from, _)| *from == build) {
            let image = Image::of_steps(1000 + build, base(openssl));
            client.push_image("base/debian", "12", &image).await.unwrap();
        }
        let steps = base(openssl).into_iter().chain([application(build)]).collect();
        let image = Image::of_steps(build, steps);
        client.push_image("team/drift", &build.to_string(), &image).await.unwrap();
    }
}

async fn push_locked_line(client: &RegistryClient) {
    for build in 1..=BUILDS {
        let mut steps = base("3.0.16-1");
        steps.push(("COPY package-lock.json /app/", lock_file(at(build, &LOCKS))));
        steps.push(if build == BROKEN {
            ("COPY . /srv", TestBlob::new(MediaType::LAYER, &b"this is no archive, whatever it claims"[..]))
        } else {
            application(100 + build)
        });
        let image = Image::of_steps(2000 + build, steps);
        client.push_image("team/locked", &build.to_string(), &image).await.unwrap();
    }
}

/// Waits until nothing more is to be found out about any image.
async fn wait_until_analysed(client: &RegistryClient, repository: &str) {
    let started = Instant::now();
    for build in 1..=BUILDS {
        let path = format!("/v2/{repository}/_plimsoll/scan/{build}");
        while client.request(Method::GET, &path).send().await.unwrap().status() != StatusCode::OK {
            assert!(started.elapsed() < PATIENCE, "{path}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The numbers of an interval's first and last build, as people count.
fn span(interval: &Value) -> (u64, u64) {
    (interval["first"].as_u64().unwrap() + 1, interval["last"].as_u64().unwrap() + 1)
}

fn spans(report: &Value) -> Vec<(u64, u64)> {
    report["intervals"].as_array().unwrap().iter().map(span).collect()
}

fn only_change(edge: &Value) -> &Value {
    let changes = edge["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "{edge:#}");
    &changes[0]
}

fn versions(change: &Value) -> (&str, &str) {
    let moved = &change["components"][0];
    (moved["before"]["version"].as_str().unwrap(), moved["now"]["version"].as_str().unwrap())
}

struct Place {
    data: TempDir,
    server: ServerProcess,
}

impl Place {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let server = ServerCommand::new(PLIMSOLL, data.path()).start();
        Self { data, server }
    }

    fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.server.host())
    }

    /// A file of the workshop's.
    fn file(&self, name: &str) -> String {
        self.data.path().join(name).display().to_string()
    }

    /// Runs a command that signs with the workshop's key.
    fn sign(&self, words: &[&str]) {
        let (key, password) = (self.file("ci.key"), self.file("password"));
        plimsoll(self.data.path(), &[words, &["--key", &key, "--password-file", &password]].concat());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_interval_of_thirty_builds_is_told_with_its_cause() {
    let place = Place::new();
    let client = RegistryClient::new([place.server.url()]);
    let left_pad = record(LEFT_PAD, "npm", "left-pad", "1.3.0", "1.3.1");
    let unrelated = record("CVE-2026-1", "Debian:12", "bash", "0", "9");
    advise(&place.server, &[left_pad.clone(), unrelated.clone()]);
    push_drifting_line(&client).await;
    push_locked_line(&client).await;
    wait_until_analysed(&client, "team/drift").await;
    wait_until_analysed(&client, "team/locked").await;
    let openssl = record(OPENSSL, "Debian:12", "openssl", "3.0.13-1", "3.0.15-1");
    advise(&place.server, &[left_pad, unrelated, openssl]);

    let drift = wait_until_told(&place, OPENSSL, "team/drift:30").await;
    the_drifting_base_is_told(&drift);
    the_clocks_tell_what_came_first(&drift);
    what_is_said_of_the_builds_is_taken_in(&place, &drift);
    let locked = introduced(LEFT_PAD, &place.image("team/locked:30"));
    the_lock_file_is_told(&locked);
    the_source_tells_the_commits(&place, &locked);
    a_component_has_a_history_too(&place);
    what_is_drawn_names_builds_and_causes(&place);
    what_is_not_known_is_said(&place);
    only_names_that_the_asker_may_see_are_told(&place, &client).await;
}

/// Waits until advisories that were just pushed are in force, and told of.
async fn wait_until_told(place: &Place, vulnerability: &str, image: &str) -> Value {
    let client = RegistryClient::new([place.server.url()]);
    let started = Instant::now();
    loop {
        let (repository, tag) = image.split_once(':').unwrap();
        let path = format!("/v2/{repository}/_plimsoll/introduced/{tag}?vulnerability={vulnerability}");
        let answer = client.request(Method::GET, &path).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
        let report: Value = serde_json::from_slice(&body_of(answer).await.unwrap()).unwrap();
        if !report["intervals"][0]["clocks"]["detected"].is_null() {
            return introduced(vulnerability, &place.image(image));
        }
        assert!(started.elapsed() < PATIENCE, "{report:#}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn the_drifting_base_is_told(report: &Value) {
    assert_eq!((&report["apiVersion"], &report["kind"]), (&"plimsoll/v1".into(), &"ImageLine".into()));
    assert_eq!(report["builds"].as_array().unwrap().len(), 30);
    let tags: Vec<&str> =
        report["builds"].as_array().unwrap().iter().map(|build| build["tags"][0].as_str().unwrap()).collect();
    assert_eq!(tags[..3], ["1", "2", "3"], "the oldest is first");
    assert_eq!(spans(report), [(8, 14), (22, 26)], "{report:#}");
    for (interval, moved) in [(0, ("3.0.11-1", "3.0.13-1")), (1, ("3.0.15-1", "3.0.14-1"))] {
        let change = only_change(&report["intervals"][interval]["entry"]);
        assert_eq!(change["cause"]["kind"], "base-drift", "{change:#}");
        assert_eq!(change["cause"]["name"], "base/debian:12");
        assert_ne!(change["cause"]["from"]["digest"], change["cause"]["to"]["digest"]);
        assert_eq!(versions(change), moved);
    }
    for (interval, moved) in [(0, ("3.0.13-1", "3.0.15-1")), (1, ("3.0.14-1", "3.0.16-1"))] {
        let change = only_change(&report["intervals"][interval]["exit"]);
        assert_eq!((&change["cause"]["kind"], versions(change)), (&"base-drift".into(), moved));
    }
    let confidence = &report["intervals"][0]["entry"]["confidence"];
    assert_eq!(confidence, "no-provenance", "nobody says what these builds were made from");
}

fn the_clocks_tell_what_came_first(report: &Value) {
    let clocks = &report["intervals"][0]["clocks"];
    let at =
        |name: &str| clocks[name]["at"].as_str().unwrap_or_else(|| panic!("{name}: {clocks:#}")).to_owned();
    assert!(
        at("base") <= at("push") && at("push") <= at("fixed") && at("fixed") <= at("knownHere"),
        "{clocks:#}"
    );
    assert!(at("knownHere") <= at("detected"));
    assert_eq!(at("disclosed"), "2026-10-01T00:00:00Z");
    assert_eq!(clocks["detected"]["source"]["kind"], "event");
    assert_eq!(clocks["knownHere"]["source"]["digest"], report["advisories"]);
    assert_eq!(clocks["fixable"]["at"], clocks["knownHere"]["at"]);
    assert!(clocks.get("run").is_none() && clocks.get("approval").is_none());
    assert_eq!(report["log"]["size"].as_u64().map(|size| size > 0), Some(true));
}

/// Signs provenance that says from which commit an image was built, and that it was when it was pushed.
fn vouch(place: &Place, image: &str, build: &Value, commit: &str) {
    let predicate = json!({
        "buildDefinition": { "resolvedDependencies": [
            { "uri": "git+https://example.org/app", "digest": { "gitCommit": commit } },
        ] },
        "runDetails": { "metadata": { "finishedOn": build["pushed"] } },
    });
    let file = place.file("provenance.json");
    std::fs::write(&file, predicate.to_string()).unwrap();
    let words = ["attest", image, "--type", "provenance", "--predicate", &file];
    place.sign(&words);
}

/// The two builds at the first edge get provenance of one commit, and one of the interval is approved.
fn what_is_said_of_the_builds_is_taken_in(place: &Place, drift: &Value) {
    let run = |words: &[&str]| plimsoll(place.data.path(), words);
    std::fs::write(place.file("password"), "a long password").unwrap();
    run(&["key", "generate", "--name", &place.file("ci"), "--password-file", &place.file("password")]);
    let commit = "c0ffee00".repeat(5);
    for build in [7, 8] {
        let image = place.image(&format!("team/drift:{build}"));
        vouch(place, &image, &drift["builds"][build - 1], &commit);
    }
    let image = place.image("team/drift:9");
    place.sign(&["approve", "--gate", "prod", "--role", "approver", &image]);

    let report = introduced(OPENSSL, &place.image("team/drift:30"));
    assert_eq!(spans(&report), [(8, 14), (22, 26)]);
    let entry = &report["intervals"][0]["entry"];
    assert_eq!(entry["confidence"], "exact");
    assert_eq!(only_change(entry)["cause"]["ground"], "same-commit");
    assert_eq!(report["builds"][7]["origin"]["commit"], commit);
    let clocks = &report["intervals"][0]["clocks"];
    assert_eq!(clocks["build"]["source"]["isVerified"], false, "nobody here says whom to trust");
    assert_eq!(clocks["approval"]["source"]["kind"], "evidence");
    assert!(clocks["approval"]["at"].as_str() > clocks["push"]["at"].as_str());
    it_is_told_how_long_the_vulnerability_ran(place);
    assert!(report["intervals"][1]["clocks"].get("approval").is_none());
    let drawn = run(&["introduced", OPENSSL, &place.image("team/drift:30"), "-o", "wide"]);
    assert!(drawn.contains("no commit at all"), "{drawn}");

    let policy = format!(
        "trust:\n  keys:\n    - {{name: ci, key: {}, roles: [builder]}}\n  roles: {{builder: [provenance]}}\n",
        place.file("ci.pub")
    );
    std::fs::write(place.file("rules.yaml"), policy).unwrap();
    run(&["project", "set", "team", place.server.host(), "--file", &place.file("rules.yaml")]);
    let clocks = &introduced(OPENSSL, &place.image("team/drift:30"))["intervals"][0]["clocks"];
    assert_eq!(clocks["build"]["source"]["isVerified"], true, "the project trusts that builder");
    assert_eq!(clocks["approval"]["source"]["isVerified"], false, "and nobody who approves");
}

/// One run of an image of the first interval has ended, and then another has not.
fn it_is_told_how_long_the_vulnerability_ran(place: &Place) {
    let observe = |workload: &str, more: &[&str]| {
        let image = place.image("team/drift:9");
        let words = ["observe", &image, "--where", workload, "--from", "2026-11-01T00:00:00Z"];
        plimsoll(place.data.path(), &[&words[..], more].concat());
        introduced(OPENSSL, &place.image("team/drift:30"))["intervals"][0].clone()
    };
    let ended = observe("prod/web/shop", &["--to", "2026-11-03T00:00:00Z"]);
    assert_eq!(ended["clocks"]["run"]["at"], "2026-11-01T00:00:00Z");
    assert_eq!(ended["clocks"]["gone"]["at"], "2026-11-03T00:00:00Z");
    assert_eq!(ended["clocks"]["gone"]["source"]["place"], "prod/web/shop");
    let seconds = |interval: &Value, name: &str| interval["exposure"][name].as_i64().unwrap();
    assert_eq!(seconds(&ended, "exposedSeconds"), 2 * 86_400);
    assert_eq!(seconds(&ended, "knowinglyExposedSeconds"), 0, "it was not known here by then");
    let running = observe("prod/web/stock", &[]);
    assert!(running["clocks"].get("gone").is_none(), "{running:#}");
    assert!(seconds(&running, "exposedSeconds") > 2 * 86_400);
}

/// A source repository in which the lock file changed twice before build 5, and once before build 20.
fn the_source_tells_the_commits(place: &Place, locked: &Value) {
    let Some(git) = find_peer("git") else { return };
    let source = tempfile::tempdir().unwrap();
    let run = |words: &[&str]| {
        let identity =
            ["-c", "user.name=ana", "-c", "user.email=ana@example.org", "-c", "init.defaultBranch=main"];
        let ended = git.command().arg("-C").arg(source.path()).args(identity).args(words).output().unwrap();
        assert!(ended.status.success(), "{words:?}: {}", String::from_utf8_lossy(&ended.stderr));
        String::from_utf8(ended.stdout).unwrap().trim().to_owned()
    };
    run(&["init", "--quiet"]);
    let commits: Vec<String> = [("package-lock.json", 5), ("README.md", 1), ("package-lock.json", 2)]
        .iter()
        .flat_map(|(file, count)| std::iter::repeat_n(file, *count))
        .enumerate()
        .map(|(number, file)| {
            std::fs::write(source.path().join(file), format!("version {number}")).unwrap();
            run(&["add", "--all"]);
            run(&["commit", "--quiet", "--message", "change"]);
            run(&["rev-parse", "HEAD"])
        })
        .collect();
    for (build, commit) in [(4, 0), (5, 2), (18, 5), (20, 6)] {
        let image = place.image(&format!("team/locked:{build}"));
        vouch(place, &image, &locked["builds"][build - 1], &commits[commit]);
    }
    let image = place.image("team/locked:30");
    let directory = source.path().to_str().unwrap();
    let words = ["introduced", LEFT_PAD, &image, "--source", directory];
    let report: Value =
        serde_json::from_str(&plimsoll(place.data.path(), &[&words[..], &["-o", "json"]].concat())).unwrap();
    let [first, second] = [0, 1].map(|interval| &report["intervals"][interval]);
    assert_eq!(first["entry"]["confidence"], "exact");
    assert_eq!(first["source"]["commits"], json!([commits[1], commits[2]]));
    assert_eq!(first["clocks"]["code"]["source"]["commit"], commits[1], "the earliest that it may have been");
    let bisect =
        format!("git bisect start {} {} -- ':(top,glob)**/package-lock.json'", commits[2], commits[0]);
    assert_eq!(first["source"]["next"], bisect);
    assert_eq!(second["source"]["commits"], json!([commits[6]]));
    assert!(second["source"].get("next").is_none(), "there is only one");
    let drawn = plimsoll(place.data.path(), &[&words[..], &["-o", "wide"]].concat());
    assert!(drawn.contains("one of 2 commits; to find out which:") && drawn.contains(&bisect), "{drawn}");
}

fn the_lock_file_is_told(report: &Value) {
    assert_eq!(spans(report), [(5, 11), (20, 25)], "{report:#}");
    let causes = [
        ("entry", 0, ("1.2.0", "1.3.0")),
        ("exit", 0, ("1.3.0", "1.3.1")),
        ("entry", 1, ("1.3.1", "1.3.0")),
        ("exit", 1, ("1.3.0", "1.3.2")),
    ];
    for (edge, interval, moved) in causes {
        let change = only_change(&report["intervals"][interval][edge]);
        let cause = json!({ "kind": "lock-file", "path": "app/package-lock.json" });
        assert_eq!((&change["cause"], versions(change)), (&cause, moved));
    }
    let broken = &report["builds"][18];
    assert_eq!(broken["holding"], "unknown");
    assert!(
        broken["reason"].as_str().unwrap().starts_with("what is inside is not known: layer"),
        "{broken:#}"
    );
    let returned = &report["intervals"][1]["entry"];
    assert_eq!((&returned["confidence"], &returned["after"]), (&"range".into(), &17.into()));
    let clocks = &report["intervals"][0]["clocks"];
    assert_eq!(clocks["detected"]["source"]["kind"], "contents", "it was known before the image was there");
    assert!(clocks["knownHere"]["at"].as_str() < clocks["push"]["at"].as_str());
    assert_ne!(clocks["knownHere"]["source"]["digest"], report["advisories"], "earlier ones knew of it");
}

fn a_component_has_a_history_too(place: &Place) {
    let exactly = introduced("pkg:npm/left-pad@1.3.1", &place.image("team/locked:30"));
    assert_eq!(spans(&exactly), [(12, 18)], "build 19 cannot be read, and 20 has another version");
    assert_eq!(exactly["intervals"][0]["exit"]["confidence"], "range");
    let any = introduced("pkg:deb/debian/openssl", &place.image("team/drift:3"));
    assert_eq!(spans(&any), [(1, 30)]);
    assert_eq!(any["intervals"][0]["entry"]["changes"][0]["cause"]["kind"], "first-build");
}

fn what_is_drawn_names_builds_and_causes(place: &Place) {
    let drawn =
        plimsoll(place.data.path(), &["introduced", OPENSSL, &place.image("team/drift:30"), "-o", "wide"]);
    assert!(drawn.contains("○○○○○○○●●●●●●●○○○○○○○●●●●●○○○○"), "{drawn}");
    assert!(drawn.contains("1. builds 8 to 14\n"), "{drawn}");
    assert!(drawn.contains("base drift: base/debian:12 moved from"), "{drawn}");
    assert!(drawn.contains("openssl 3.0.11-1 → 3.0.13-1 in var/lib/dpkg/status"), "{drawn}");
    let drawn =
        plimsoll(place.data.path(), &["introduced", LEFT_PAD, &place.image("team/locked:30"), "-o", "wide"]);
    assert!(drawn.contains("○○○○●●●●●●●○○○○○○○?●●●●●●○○○○○"), "{drawn}");
    assert!(drawn.contains("? build 19 19 ("), "{drawn}");
    assert!(drawn.contains("lock file app/package-lock.json"), "{drawn}");
}

#[expect(clippy::disallowed_methods, reason = "the program under test")]
fn what_is_not_known_is_said(place: &Place) {
    let image = place.image("team/locked:30");
    for (what, code, text) in [
        ("CVE-2026-9999", 3, "the advisories in force say nothing of `CVE-2026-9999`"),
        ("pkg:npm/right-pad", 3, "1 of 30 builds could not be evaluated"),
        ("pkg:", 2, "pkg:"),
    ] {
        let words = ["introduced", what, &image];
        let ended = Command::new(PLIMSOLL).args(words).env("HOME", place.data.path()).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(code), "{what}: {said}");
        assert!(said.contains(text), "{what}: {said}");
    }
}

async fn only_names_that_the_asker_may_see_are_told(place: &Place, client: &RegistryClient) {
    let data = place.data.path().display().to_string();
    let add = |name: &str, rest: &[&str]| {
        let words = [&["user", "add", name, "--data-dir", &data], rest].concat();
        plimsoll(place.data.path(), &words).trim_end().to_owned()
    };
    add("ana", &["--admin"]);
    let password = add("ben", &["--grant", "team/*:pull"]);
    let path = format!("/v2/team/drift/_plimsoll/introduced/30?vulnerability={OPENSSL}");
    let ask =
        async || client.request(Method::GET, &path).basic_auth("ben", Some(&password)).send().await.unwrap();
    let report: Value = serde_json::from_slice(&body_of(ask().await).await.unwrap()).unwrap();
    assert_eq!(spans(&report), [(8, 14), (22, 26)]);
    let cause = &only_change(&report["intervals"][1]["entry"])["cause"];
    assert_eq!(cause["kind"], "base-changed", "whose tags it are is not for ben to know");
    assert!(!report.to_string().contains("base/debian"), "{cause:#}");
}
