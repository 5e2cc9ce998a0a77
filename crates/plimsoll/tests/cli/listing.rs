use std::net::TcpListener;

use crate::image_layout::{self, Layer};
use crate::peers::{DebianRegistry, Server};
use crate::{Outcome, run, run_in};

/// Pushes two different images to one tag, and another repository beside it.
fn fill(host: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (number, content) in [b"one", b"two"].iter().enumerate() {
        let layers = [Layer { instruction: "ADD motd", files: &[("etc/motd", *content)] }];
        let layout = format!("from-{number}");
        image_layout::write(&directory.path().join(&layout), &layers, |_| {});
        push(&directory, &layout, &format!("{host}/team/app:1"));
    }
    push(&directory, "from-0", &format!("{host}/team/app:2"));
    push(&directory, "from-0", &format!("{host}/other:1"));
    directory
}

fn push(directory: &tempfile::TempDir, layout: &str, to: &str) {
    let pushed = run_in(directory.path(), &[], &["push", &format!("oci:{layout}:1"), to]);
    assert_eq!(pushed.code, 0, "{}", pushed.stderr);
}

fn tags(host: &str, more: &[&str]) -> Outcome {
    run(&[&["tags", &format!("{host}/team/app")], more].concat())
}

#[test]
fn repositories_are_listed_as_they_are_named_in_references() {
    let server = Server::start();
    fill(server.host());
    let host = server.host();
    let all = run(&["ls", host]);
    assert_eq!(all.stdout, format!("REPOSITORY\n{host}/other\n{host}/team/app\n"), "{}", all.stderr);
    assert_eq!(run(&["ls", &format!("{host}/team")]).stdout, format!("REPOSITORY\n{host}/team/app\n"));
    assert_eq!(run(&["ls", &format!("{host}/nothing")]).stdout, "no repositories\n");
    let json = run(&["ls", host, "-o", "json"]).json();
    assert_eq!(json["repositories"], serde_json::json!(["other", "team/app"]));
}

#[test]
fn tags_are_listed_with_digest_size_and_platform() {
    let server = Server::start();
    fill(server.host());
    let shown = tags(server.host(), &[]);
    let lines: Vec<&str> = shown.stdout.lines().collect();
    assert_eq!(lines[0], "TAG  DIGEST                  SIZE  PLATFORM", "{}", shown.stderr);
    assert!(lines[1].starts_with("1    sha256:") && lines[1].ends_with("kB  linux/amd64"), "{}", lines[1]);
    assert_eq!(lines.len(), 3);
    assert_eq!(tags(server.host(), &["--names-only"]).stdout, "TAG\n1\n2\n");
    let json = tags(server.host(), &["-o", "json"]).json();
    assert_ne!(json["tags"][0]["digest"], json["tags"][1]["digest"]);
}

#[test]
fn the_history_of_a_tag_tells_both_moves() {
    let server = Server::start();
    fill(server.host());
    let json = tags(server.host(), &["--history", "1", "-o", "json"]).json();
    let moves = json["moves"].as_array().unwrap();
    assert_eq!(moves.len(), 2, "{json}");
    assert_eq!(
        (&moves[1]["previous"], &moves[0]["previous"]),
        (&serde_json::Value::Null, &moves[1]["digest"])
    );
    assert_ne!(moves[0]["digest"], moves[1]["digest"]);
    assert_eq!(tags(server.host(), &["--history"]).stdout.lines().count(), 1 + 3);
}

#[test]
fn a_repository_that_is_not_there_has_neither_tags_nor_history() {
    let server = Server::start();
    fill(server.host());
    for more in [&[][..], &["--history"], &["--history", "1"]] {
        let repository = format!("{}/unknown", server.host());
        let refused = run(&[&["tags", &repository][..], more].concat());
        assert_eq!((refused.code, refused.stdout.as_str()), (3, ""), "{}", refused.stderr);
        assert!(refused.stderr.contains("NAME_UNKNOWN"), "{}", refused.stderr);
    }
    assert_eq!(tags(server.host(), &["--history", "9"]).stdout, "no moves\n");
}

#[test]
fn a_registry_alone_has_repositories_and_no_tags() {
    for host in ["localhost", "localhost:5000", "127.0.0.1:5000", "registry.example.org/", "[::1]:5000"] {
        let refused = run(&["tags", host]);
        let expected = format!("error: `{host}` names a registry, and not a repository\n");
        assert!(refused.stderr.starts_with(&expected), "{}", refused.stderr);
        let help = format!("  help: plimsoll ls {}\n", host.trim_end_matches('/'));
        assert!(refused.code == 2 && refused.stderr.contains(&help), "{}", refused.stderr);
    }
}

#[test]
fn a_foreign_registry_has_no_history_and_that_is_said() {
    let Some(registry) = DebianRegistry::start() else { return };
    fill(registry.host());
    let refused = tags(registry.host(), &["--history"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (3, ""));
    assert!(
        refused.stderr.starts_with("error: this registry keeps no history of tags\n"),
        "{}",
        refused.stderr
    );
    let missing = run(&["tags", &format!("{}/nothing", registry.host()), "--history"]);
    assert!(missing.stderr.contains("NAME_UNKNOWN"), "{}", missing.stderr);
}

#[test]
fn a_registry_that_is_down_is_code_3_and_a_wrong_name_code_2() {
    // A port that was free a moment ago; nobody answers there.
    let host = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let image = format!("{host}/a:1");
    let repository = format!("{host}/a");
    for arguments in [&["ls", &host][..], &["tags", &repository], &["pull", &image, "oci:a"]] {
        let down = run(arguments);
        assert_eq!((down.code, down.stdout.as_str()), (3, ""), "{arguments:?}: {}", down.stderr);
    }
    for arguments in [&["ls", "not a host"][..], &["tags", "A"], &["tags", &image], &["logout", "-"]] {
        let wrong = run(arguments);
        assert_eq!((wrong.code, wrong.stdout.as_str()), (2, ""), "{arguments:?}: {}", wrong.stderr);
    }
}
