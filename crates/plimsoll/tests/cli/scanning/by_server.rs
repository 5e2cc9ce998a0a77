use super::{ground, ids};
use crate::peers::Server;
use crate::{Outcome, run_in};

/// A server that holds the two images and the advisories, and a directory without any.
pub(super) fn served() -> (Server, tempfile::TempDir) {
    let server = Server::start();
    let ground = ground();
    let host = server.host();
    for arguments in [
        &["db", "push", host, "--db", "db"][..],
        &["push", "oci:base:1", &format!("{host}/team/base:1")],
        &["push", "oci:app:1", &format!("{host}/team/app:1")],
    ] {
        let pushed = run_in(ground.path(), &[], arguments);
        assert_eq!(pushed.code, 0, "{arguments:?}: {}", pushed.stderr);
    }
    (server, ground)
}

/// Asks until the server has taken the advisories into force, which it does on its own.
pub(super) fn until<T>(mut ask: impl FnMut() -> Result<T, Outcome>) -> T {
    for _ in 0..100 {
        if let Ok(answer) = ask() {
            return answer;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("the server does not answer as it should: {}", ask().err().unwrap().stderr);
}

pub(super) fn scan_server(server: &Server, arguments: &[&str]) -> Outcome {
    let image = format!("{}/team/app:1", server.host());
    let nowhere = tempfile::tempdir().unwrap();
    run_in(nowhere.path(), &[], &[&["scan", &image, "--server", "--db", "none"][..], arguments].concat())
}

#[test]
fn a_servers_verdict_needs_no_advisories_here() {
    let (server, ground) = served();
    let host = server.host();
    let scanned = until(|| {
        let scanned = scan_server(&server, &["-o", "json"]);
        if ids_or_none(&scanned).is_empty() { Err(scanned) } else { Ok(scanned) }
    });
    let local = super::scan(ground.path(), &["oci:app:1", "-o", "json"]);
    assert_eq!(ids(&scanned), ids(&local));
    assert_eq!(scanned.json()["verdict"]["counts"], local.json()["verdict"]["counts"]);
    assert_eq!(scanned.json()["image"], format!("{host}/team/app:1"));
    assert_eq!(scan_server(&server, &["--fail-on", "critical"]).code, 1);

    let base = format!("{host}/team/base:1");
    assert_eq!(ids(&scan_server(&server, &["--new-since", &base, "-o", "json"])), ["CVE-2018-18074"]);

    let entry =
        "- {id: CVE-2018-18074, purl: 'pkg:pypi/requests', reason: a, owner: b, expires: 2999-12-31}\n";
    let file = ground.path().join("ignore.yaml");
    std::fs::write(&file, entry).unwrap();
    let ignored = scan_server(&server, &["--ignore-file", &file.display().to_string(), "-o", "json"]);
    assert_eq!(ids(&ignored), ["CVE-2019-10906", "CVE-2020-99999"], "{}", ignored.stderr);
    let counts = &ignored.json()["verdict"]["counts"];
    assert_eq!((&counts["bySeverity"]["critical"], &counts["fixable"]), (&0.into(), &1.into()));
}

#[test]
fn a_server_lets_no_config_pass_that_is_wrong_about_its_layers() {
    let (server, ground) = served();
    super::write_mismatched(&ground.path().join("wrong"));
    let image = format!("{}/team/wrong:1", server.host());
    let pushed = run_in(ground.path(), &[], &["push", "oci:wrong:1", &image]);
    assert_eq!(pushed.code, 0, "{}", pushed.stderr);
    let gated = until(|| {
        let gated =
            run_in(ground.path(), &[], &["scan", &image, "--server", "--fail-on", "mismatch", "-o", "json"]);
        if gated.code == 1 { Ok(gated) } else { Err(gated) }
    });
    assert_eq!(gated.json()["verdict"]["mismatches"][0]["layer"], 0);
    assert!(gated.stderr.contains("the config is wrong about its layers: layer 1: "), "{}", gated.stderr);
}

fn ids_or_none(outcome: &Outcome) -> Vec<String> {
    if outcome.stdout.is_empty() { Vec::new() } else { ids(outcome) }
}

#[test]
fn a_server_tells_where_a_vulnerability_is() {
    let (server, _ground) = served();
    let located = until(|| {
        let located = crate::run(&["where", "CVE-2019-10906", server.host(), "-o", "json"]);
        if located.code == 0 && located.json()["images"] == 2 { Ok(located) } else { Err(located) }
    });
    let json = located.json();
    assert_eq!(json["kind"], "VulnerabilityLocations");
    assert_eq!(json["components"][0]["purl"], "pkg:pypi/jinja2@2.10");
    let table = crate::run(&["where", "CVE-2019-10906", server.host()]).stdout;
    assert!(table.starts_with("CVE-2019-10906 is in 2 images\n"), "{table}");
    assert!(table.contains("team/app:1"), "{table}");
    let nowhere = crate::run(&["where", "CVE-1999-0001", server.host()]);
    assert_eq!((nowhere.code, nowhere.stdout.as_str()), (0, "CVE-1999-0001 is in no image\n"));
    assert_eq!(crate::run(&["where", "CVE-1999-0001/..", server.host()]).code, 2);
    assert_eq!(crate::run(&["where", "CVE-1999-0001", "127.0.0.1:1"]).code, 3);
    let events = crate::run(&["events", server.host(), "-o", "json"]);
    assert_eq!(
        (events.code, &events.json()["kind"]),
        (0, &"VulnerabilityEvents".into()),
        "{}",
        events.stderr
    );
    assert_eq!(crate::run(&["events", server.host(), "--since", "yesterday"]).code, 2);
    assert_eq!(crate::run(&["events", "127.0.0.1:1"]).code, 3);
}

#[test]
fn an_image_elsewhere_has_no_servers_verdict() {
    let ground = ground();
    let scanned = run_in(ground.path(), &[], &["scan", "oci:app:1", "--server"]);
    assert_eq!(scanned.code, 3, "{}", scanned.stderr);
    assert!(scanned.stderr.contains("leave out --server"), "{}", scanned.stderr);
}
