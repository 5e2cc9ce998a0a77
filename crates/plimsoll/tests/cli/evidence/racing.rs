use std::fs;
use std::process::Child;

use plimsoll_testkit::Image;

use super::cosign::Cosign;
use super::{PASSWORD, done, finish, push, start, workshop};
use crate::peers::{DebianRegistry, Server};

const WRITERS: usize = 12;

fn kept(directory: &std::path::Path, image: &str) -> usize {
    let listed = done(directory, &["evidence", "ls", image, "-o", "json"]).json();
    let says = |row: &&serde_json::Value| row["says"] == "custom";
    listed["evidence"].as_array().unwrap().iter().filter(says).count()
}

/// A predicate for each writer: equal ones would be one attestation.
fn predicate(directory: &std::path::Path, number: usize) -> String {
    let name = format!("predicate-{number}.json");
    fs::write(directory.join(&name), format!(r#"{{"writer":{number}}}"#)).unwrap();
    name
}

#[test]
fn twelve_who_attest_with_cosign_at_once_are_all_heard() {
    let directory = workshop();
    let Some(cosign) = Cosign::find(directory.path()) else { return };
    let server = Server::start();
    let image = push(server.host(), &Image::small(10, 1, 100));
    let begin = |number| {
        let predicate = predicate(directory.path(), number);
        let what = ["attest", "--key", "ci.key", "--type", "custom", "--predicate", &predicate];
        cosign.command(&[&what[..], Cosign::OFFLINE, &[image.as_str()]].concat()).spawn().unwrap()
    };
    let writers: Vec<Child> = (0..WRITERS).map(begin).collect();
    for mut writer in writers {
        assert!(writer.wait().unwrap().success());
    }
    assert_eq!(kept(directory.path(), &image), WRITERS);
}

#[test]
fn twelve_who_attest_at_once_are_all_heard_by_a_registry_without_a_list_of_referrers() {
    let directory = workshop();
    let Some(registry) = DebianRegistry::start() else { return };
    let image = push(registry.host(), &Image::small(11, 1, 100));
    let begin = |number| {
        let predicate = predicate(directory.path(), number);
        let arguments = ["attest", &image, "--type", "custom", "--predicate", &predicate, "--key", "ci.key"];
        start(directory.path(), PASSWORD, &arguments)
    };
    let writers: Vec<Child> = (0..WRITERS).map(begin).collect();
    for writer in writers {
        let outcome = finish(writer);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    }
    assert_eq!(kept(directory.path(), &image), WRITERS);
}
