//! What others have signed, with the proof that a log held it.

use std::fs;

use plimsoll_testkit::{Image, body_of, client, find_peer};
use serde_json::Value;

use super::cosign::Cosign;
use super::{done, plimsoll, push, workshop};
use crate::peers::{DebianRegistry, Server};

#[test]
fn what_cosign_signed_without_a_log_outlives_its_key_wherever_it_is_copied_to() {
    let home = workshop();
    let (Some(oras), Some(cosign)) = (find_peer("oras"), Cosign::find(home.path())) else { return };
    let Some(other) = DebianRegistry::start() else { return };
    let server = Server::start();
    let image = push(server.host(), &Image::small(71, 1, 100));
    cosign.sign("ci.key", &image);
    cosign.attest("ci.key", "custom", &image);
    let keys = keys_of(server.host());
    let proved = done(home.path(), &["evidence", "prove", &image, "-o", "json"]).json();
    assert_eq!(proved["facts"].as_array().unwrap().len(), 2, "{proved}");
    let again = done(home.path(), &["evidence", "prove", &image]);
    assert_eq!(again.stdout, "nothing new to prove\n");

    let there = format!("{}/copied/app:1", other.host());
    let mut copy = oras.command();
    copy.args(["cp", "-r", "--no-tty", "--from-plain-http", "--to-plain-http", &image, &there]);
    let copied = copy.output().unwrap();
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    done(home.path(), &["cp", "-r", &there, "oci:copy:1"]);
    drop(server);

    let policy = |logs: &str| {
        let key = "{name: ci, key: ci.pub, roles: [signer], validUntil: 2090-01-01T00:00:00Z}";
        let text = format!("trust:\n  keys: [{key}]\n  require: [signature]\n{logs}");
        fs::write(home.path().join("plimsoll.yaml"), text).unwrap();
    };
    let late = |image: &str| {
        let arguments = ["verify", image, "--at", "2099-01-01T00:00:00Z", "-o", "json"];
        let outcome = plimsoll(home.path(), &arguments);
        (outcome.code, outcome.json())
    };
    policy("");
    let (code, unproved) = late(&there);
    assert_eq!(code, 1, "a key that is not good any more signs nothing: {unproved}");
    let [log, time] = ["log", "cosigner"].map(|name| keys[name].as_str().unwrap());
    policy(&format!("  logs: [{{key: '{log}', time: '{time}'}}]\n"));
    for place in [there.as_str(), "oci:copy:1"] {
        let (code, proven) = late(place);
        assert_eq!(code, 0, "{place}: {proven}");
        assert!(proven["facts"][0]["loggedAt"].as_str().unwrap().starts_with("20"), "{proven}");
    }
    let foreign = Server::start();
    let keys = keys_of(foreign.host());
    let [log, time] = ["log", "cosigner"].map(|name| keys[name].as_str().unwrap());
    policy(&format!("  logs: [{{key: '{log}', time: '{time}'}}]\n"));
    assert_eq!(late(&there).0, 1, "the word of another log was taken");
}

pub(super) fn keys_of(host: &str) -> Value {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let body = runtime.block_on(async {
        let answer = client().get(format!("http://{host}/log/keys")).send().await.unwrap();
        body_of(answer).await.unwrap()
    });
    serde_json::from_slice(&body).unwrap()
}
