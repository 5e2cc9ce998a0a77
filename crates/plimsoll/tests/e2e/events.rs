//! Flags that move by themselves: what other advisories mean is told once, over restarts and by all replicas together.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use plimsoll_oci::MediaType;
use plimsoll_testkit::{Image, RegistryClient, ServerCommand, ServerProcess, TestBlob, body_of};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tempfile::TempDir;

use crate::PLIMSOLL;

/// How long a change may take to be told before a test gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long nothing more must be told for it to be certain that nothing is.
const SILENCE: Duration = Duration::from_secs(1);

/// One advisory: its id, the package that it is about, the version in which it is fixed.
pub(crate) type Advisory<'a> = (&'a str, &'a str, &'a str);

/// An image with one old Python package; `seed` tells it from others with the same.
pub(crate) fn image_with_requests(seed: u64) -> Image {
    let mut archive = tar::Builder::new(Vec::new());
    let metadata = b"Metadata-Version: 2.1\nName: requests\nVersion: 2.19.0\n\n";
    let mut header = tar::Header::new_gnu();
    header.set_size(metadata.len() as u64);
    header.set_mode(0o644);
    let path = "opt/venv/lib/python3.11/site-packages/requests-2.19.0.dist-info/METADATA";
    archive.append_data(&mut header, path, &metadata[..]).unwrap();
    Image::of_layers(seed, vec![TestBlob::new(MediaType::LAYER, archive.into_inner().unwrap())])
}

/// Puts these advisories, and no others, in force.
pub(crate) fn advise(server: &ServerProcess, advisories: &[Advisory<'_>]) {
    let directory = tempfile::tempdir().unwrap();
    let records = directory.path().join("records.jsonl");
    let lines: Vec<String> = advisories.iter().map(record).collect();
    std::fs::write(&records, lines.join("\n")).unwrap();
    let db = directory.path().join("db");
    let (db, records) = (db.to_str().unwrap(), records.to_str().unwrap());
    plimsoll(directory.path(), &["db", "build", "--out", db, records]);
    plimsoll(directory.path(), &["db", "push", "--db", db, server.host()]);
}

fn record((id, package, fixed): &Advisory<'_>) -> String {
    serde_json::json!({
        "id": id,
        "modified": "2026-11-01T00:00:00Z",
        "severity": [{ "type": "CVSS_V3", "score": "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N" }],
        "affected": [{
            "package": { "ecosystem": "PyPI", "name": package },
            "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }, { "fixed": fixed }] }],
        }],
    })
    .to_string()
}

#[expect(clippy::disallowed_methods, reason = "the program under test")]
fn plimsoll(home: &Path, words: &[&str]) -> String {
    let ended = Command::new(PLIMSOLL).args(words).env("HOME", home).output().unwrap();
    assert!(ended.status.success(), "{words:?}: {}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8(ended.stdout).unwrap()
}

/// All events that a server tells, a page at a time.
pub(crate) async fn events(server: &ServerProcess) -> Vec<Value> {
    let client = RegistryClient::new([server.url()]);
    let mut path = "/v2/_plimsoll/events?n=2".to_owned();
    let mut events = Vec::new();
    loop {
        let answer = client.request(Method::GET, &path).send().await.unwrap();
        let next = answer.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
        if answer.status() == StatusCode::ACCEPTED {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        }
        assert_eq!(answer.status(), StatusCode::OK);
        let page: Value = serde_json::from_slice(&body_of(answer).await.unwrap()).unwrap();
        assert_eq!(
            (&page["apiVersion"], &page["kind"]),
            (&"plimsoll/v1".into(), &"VulnerabilityEvents".into())
        );
        events.extend(page["events"].as_array().unwrap().iter().cloned());
        match next {
            Some(link) => {
                path = link.strip_prefix('<').and_then(|link| link.split_once('>')).unwrap().0.to_owned();
            }
            None => return events,
        }
    }
}

/// Waits until there are so many events, and makes sure that there are no more.
pub(crate) async fn wait_for_events(server: &ServerProcess, count: usize) -> Vec<Value> {
    let started = Instant::now();
    while events(server).await.len() < count {
        assert!(started.elapsed() < PATIENCE, "{:#?}\n{}", events(server).await, server.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(SILENCE).await;
    let told = events(server).await;
    assert_eq!(told.len(), count, "{told:#?}");
    told
}

/// Waits until the inventory knows of an image with the package, so that a change is a change for it.
async fn wait_until_judged(client: &RegistryClient, repository: &str, tag: &str) {
    let started = Instant::now();
    loop {
        let path = format!("/v2/{repository}/_plimsoll/scan/{tag}");
        let answer = client.request(Method::GET, &path).send().await.unwrap();
        if answer.status() == StatusCode::OK {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{}", answer.status());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Kind and vulnerability of each event.
fn told(events: &[Value]) -> Vec<(&str, &str)> {
    events
        .iter()
        .map(|event| (event["kind"].as_str().unwrap(), event["vulnerability"].as_str().unwrap_or("-")))
        .collect()
}

/// Where servers that follow one another keep what they have.
struct Place {
    data: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { data: tempfile::tempdir().unwrap() }
    }

    fn command(&self) -> ServerCommand {
        ServerCommand::new(PLIMSOLL, self.data.path())
    }

    fn serve(&self) -> ServerProcess {
        self.command().start()
    }

    /// A server that looks into no image and puts nothing in force.
    fn serve_blindly(&self) -> ServerProcess {
        self.command().set("scan.enabled=false").start()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_advisories_are_told_with_the_images_that_they_are_about() {
    let place = Place::new();
    let server = place.serve();
    let client = RegistryClient::new([server.url()]);
    client.push_image("team/app", "1", &image_with_requests(1)).await.unwrap();
    client.push_image("team/app", "stable", &image_with_requests(1)).await.unwrap();
    client.push_image("other/app", "2", &image_with_requests(2)).await.unwrap();
    wait_until_judged(&client, "team/app", "1").await;
    wait_until_judged(&client, "other/app", "2").await;

    advise(&server, &[("PYSEC-1", "requests", "2.20.0"), ("PYSEC-2", "flask", "9")]);
    let first = wait_for_events(&server, 1).await;
    assert_eq!(told(&first), [("appeared", "PYSEC-1")]);
    assert_eq!(first[0]["purl"], "pkg:pypi/requests@2.19.0");
    assert_eq!((&first[0]["before"], &first[0]["after"]["fixed"]), (&Value::Null, &"2.20.0".into()));
    assert_eq!((&first[0]["after"]["severity"], &first[0]["places"]), (&"high".into(), &2.into()));
    let mut places: Vec<(&str, usize)> = first[0]["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| (image["repository"].as_str().unwrap(), image["tags"].as_array().unwrap().len()))
        .collect();
    places.sort_unstable();
    assert_eq!(places, [("other/app", 1), ("team/app", 2)]);

    advise(&server, &[("PYSEC-1", "requests", "2.21.0"), ("PYSEC-3", "requests", "2.30.0")]);
    let second = wait_for_events(&server, 3).await;
    let mut news = told(&second[1..]);
    news.sort_unstable();
    assert_eq!(news, [("appeared", "PYSEC-3"), ("changed", "PYSEC-1")]);
    assert_eq!(second[0], first[0]);
    assert_eq!(second[1]["advisories"]["before"], first[0]["advisories"]["after"]);

    advise(&server, &[("PYSEC-3", "requests", "2.30.0")]);
    let third = wait_for_events(&server, 4).await;
    assert_eq!(told(&third[3..]), [("resolved", "PYSEC-1")]);
    let metrics = client.request(Method::GET, "/metrics").send().await.unwrap();
    let metrics = String::from_utf8(body_of(metrics).await.unwrap()).unwrap();
    assert!(metrics.contains("plimsoll_events_total{kind=\"appeared\"} 2"), "{metrics}");
    assert!(metrics.contains("plimsoll_events_total{kind=\"resolved\"} 1"), "{metrics}");

    the_program_lists_them(&place, &server);
    the_program_goes_on_with_what_is_new(&place, &server);
    what_may_not_be_seen_is_left_out(&place, &server).await;
}

fn the_program_lists_them(place: &Place, server: &ServerProcess) {
    let run = |words: &[&str]| plimsoll(place.data.path(), words);
    let table = run(&["events", server.host()]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 1 + 4 + 2, "a title, a line for each, the sum: {table}");
    assert!(lines[1].contains("appeared  high      PYSEC-1"), "{table}");
    assert!(lines[4].contains("resolved  high      PYSEC-1"), "the newest is last: {table}");
    assert!(lines[1].contains("(+2)  pkg:pypi/requests@2.19.0"), "{table}");
    assert_eq!(lines[6], "appeared: 2 high; changed: 1 high; resolved: 1 high");
    let json: Value = serde_json::from_str(&run(&["events", server.host(), "-o", "json"])).unwrap();
    assert_eq!((&json["kind"], json["events"].as_array().unwrap().len()), (&"VulnerabilityEvents".into(), 4));
    let later = run(&["events", server.host(), "--since", "2999-01-01"]);
    assert_eq!(later, "no advisory has changed anything for these images\n");
}

#[expect(clippy::disallowed_methods, reason = "the program under test")]
fn the_program_goes_on_with_what_is_new(place: &Place, server: &ServerProcess) {
    let mut command = Command::new(PLIMSOLL);
    command.args(["events", server.host(), "--follow"]).env("HOME", place.data.path());
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let (sender, lines) = mpsc::channel();
    let out = BufReader::new(child.stdout.take().unwrap());
    std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let next = || lines.recv_timeout(PATIENCE).unwrap();
    let mut first: Vec<String> = (0..7).map(|_| next()).collect();
    assert!(first.pop().unwrap().starts_with("appeared: 2 high"), "{first:?}");
    advise(server, &[("PYSEC-3", "requests", "2.31.0")]);
    let news = next();
    let words: Vec<&str> = news.split_whitespace().skip(2).collect();
    assert_eq!(words[..5], ["changed", "high", "PYSEC-3", "2.31.0", "team/app:1"], "{news}");
    child.kill().unwrap();
    child.wait().unwrap();
}

async fn what_may_not_be_seen_is_left_out(place: &Place, server: &ServerProcess) {
    let data = place.data.path().display().to_string();
    let add = |name: &str, grant: &str| {
        let words = ["user", "add", name, "--grant", grant, "--data-dir", &data];
        plimsoll(place.data.path(), &words).trim_end().to_owned()
    };
    let ask = async |name: &str, password: &str| -> Vec<Value> {
        let client = RegistryClient::new([server.url()]);
        let request = client.request(Method::GET, "/v2/_plimsoll/events").basic_auth(name, Some(password));
        let answer = request.send().await.unwrap();
        let page: Value = serde_json::from_slice(&body_of(answer).await.unwrap()).unwrap();
        page["events"].as_array().unwrap().clone()
    };
    let admin = ["user", "add", "ana", "--admin", "--data-dir", &data];
    let password = plimsoll(place.data.path(), &admin).trim_end().to_owned();
    assert_eq!(ask("ana", &password).await.len(), 5);
    let ben = add("ben", "other/*:pull");
    let seen = ask("ben", &ben).await;
    assert_eq!(seen.len(), 5);
    for event in &seen {
        assert_eq!((&event["places"], &event["images"][0]["repository"]), (&1.into(), &"other/app".into()));
        assert!(event["images"][1].is_null(), "{event}");
    }
    let eve = add("eve", "nothing/*:pull");
    assert!(ask("eve", &eve).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_while_no_server_looked_is_told_once() {
    let place = Place::new();
    let server = place.serve();
    let client = RegistryClient::new([server.url()]);
    client.push_image("team/app", "1", &image_with_requests(1)).await.unwrap();
    wait_until_judged(&client, "team/app", "1").await;
    advise(&server, &[("PYSEC-1", "requests", "2.20.0")]);
    assert_eq!(told(&wait_for_events(&server, 1).await), [("appeared", "PYSEC-1")]);
    server.kill();

    let server = place.serve();
    assert_eq!(wait_for_events(&server, 1).await.len(), 1, "a restart changes nothing");
    server.kill();

    let blind = place.serve_blindly();
    advise(&blind, &[("PYSEC-2", "requests", "2.20.0")]);
    blind.kill();
    for _ in 0..2 {
        let server = place.serve();
        let mut events = wait_for_events(&server, 3).await;
        events.sort_by_key(|event| event["kind"].to_string());
        assert_eq!(
            told(&events),
            [("appeared", "PYSEC-1"), ("appeared", "PYSEC-2"), ("resolved", "PYSEC-1")]
        );
        assert_eq!(events[2]["images"][0]["tags"][0], "1");
        server.kill();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_said_when_what_changed_cannot_be_known_any_more() {
    let place = Place::new();
    let server = place.serve();
    let client = RegistryClient::new([server.url()]);
    client.push_image("team/app", "1", &image_with_requests(1)).await.unwrap();
    wait_until_judged(&client, "team/app", "1").await;
    advise(&server, &[("PYSEC-1", "requests", "2.20.0")]);
    let first = wait_for_events(&server, 1).await;
    server.kill();

    let blind = place.serve_blindly();
    let former = first[0]["advisories"]["after"].as_str().unwrap().parse().unwrap();
    let client = RegistryClient::new([blind.url()]);
    client.delete_manifest("plimsoll/advisories", former).await.unwrap();
    advise(&blind, &[("PYSEC-2", "requests", "2.20.0")]);
    blind.kill();

    let server = place.serve();
    let events = wait_for_events(&server, 2).await;
    assert_eq!(told(&events[1..]), [("gap", "-")]);
    let reason = events[1]["reason"].as_str().unwrap();
    assert!(reason.contains("does not hold the advisories before them"), "{reason}");
    assert!(server.log().contains("what these advisories change is not known"), "{}", server.log());
    let table = plimsoll(place.data.path(), &["events", server.host()]);
    assert!(table.contains("what changed is not known: the registry does not hold"), "{table}");

    // From there on it is known again.
    advise(&server, &[("PYSEC-3", "requests", "2.20.0")]);
    let events = wait_for_events(&server, 4).await;
    let mut news = told(&events[2..]);
    news.sort_unstable();
    assert_eq!(news, [("appeared", "PYSEC-3"), ("resolved", "PYSEC-2")]);
}
