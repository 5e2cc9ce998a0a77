use std::fs;

use serde_json::Value;

use super::by_server::{scan_server, served, until};
use super::{REQUESTS, REQUESTS_PATH, ids};
use crate::image_layout::{self, Layer};
use crate::peers::Server;
use crate::{Outcome, run_in};

/// The password of the keys.
const PASSWORD: &[(&str, &str)] = &[("PLIMSOLL_KEY_PASSWORD", "rope and anchor")];

const RULES: &str = "\
trust:
  keys:
    - {name: ana, key: ana.pub, roles: [approver]}
    - {name: ben, key: ben.pub, roles: [signer]}
";

/// A server with two images of one repository line, advisories and rules, and the keys of two people.
struct Ground {
    server: Server,
    home: tempfile::TempDir,
}

impl Ground {
    fn open() -> Self {
        let (server, home) = served();
        let ground = Self { server, home };
        for name in ["ana", "ben"] {
            ground.done(&["key", "generate", "--name", name]);
        }
        fs::write(ground.home.path().join("rules.yaml"), RULES).unwrap();
        ground.done(&["project", "set", "team", ground.server.host(), "--file", "rules.yaml"]);
        until(|| {
            let scanned = scan_server(&ground.server, &["-o", "json"]);
            if scanned.stdout.contains("CVE-2018-18074") { Ok(()) } else { Err(scanned) }
        });
        ground
    }

    fn image(&self) -> String {
        format!("{}/team/app:1", self.server.host())
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        run_in(self.home.path(), PASSWORD, arguments)
    }

    fn done(&self, arguments: &[&str]) -> Outcome {
        let outcome = self.run(arguments);
        assert_eq!(outcome.code, 0, "{arguments:?}: {}{}", outcome.stdout, outcome.stderr);
        outcome
    }

    /// Accepts the vulnerability in requests, with somebody's key.
    fn except(&self, key: &str) -> String {
        let image = self.image();
        let what = ["except", &image, "CVE-2018-18074", "--package", "pkg:pypi/requests"];
        let why = ["--reason", "no redirects are followed", "--owner", "ops@example.org", "--expires", "30d"];
        let said = self.done(&[&what[..], &why, &["--key", key, "-o", "json"]].concat());
        said.json()["evidence"].as_str().unwrap().to_owned()
    }

    fn scanned(&self) -> Value {
        scan_server(&self.server, &["-o", "json"]).json()
    }
}

fn has(scanned: &Value) -> bool {
    let findings = scanned["verdict"]["findings"].as_array().unwrap();
    findings.iter().any(|found| found["finding"]["id"] == "CVE-2018-18074")
}

#[test]
fn an_exception_holds_for_the_line_and_is_shown_with_its_reason() {
    let ground = Ground::open();
    let image = ground.image();
    assert!(has(&ground.scanned()));
    ground.except("ben.key");
    assert!(has(&ground.scanned()), "who may not approve accepts nothing");

    let evidence = ground.except("ana.key");
    let scanned = ground.scanned();
    assert!(!has(&scanned), "{scanned}");
    let suppressed = &scanned["verdict"]["suppressed"][0]["because"]["accepted"];
    assert_eq!(
        (&suppressed["reason"], &suppressed["owner"], &suppressed["grantedBy"]),
        (&"no redirects are followed".into(), &"ops@example.org".into(), &"ana".into()),
        "{scanned}"
    );
    let listed = ground.done(&["exceptions", "ls", &image]).stdout;
    assert!(listed.contains("CVE-2018-18074") && listed.contains("accepted"), "{listed}");

    // A rebuild in the same repository is another image with the same component.
    let rebuilt = format!("{}/team/app:2", ground.server.host());
    let files = [(REQUESTS_PATH, REQUESTS), ("usr/share/changed", &b"a new line"[..])];
    let layer = Layer { instruction: "RUN pip install requests", files: &files };
    image_layout::write(&ground.home.path().join("rebuilt"), &[layer], |_| {});
    ground.done(&["push", "oci:rebuilt:1", &rebuilt]);
    let of_rebuilt = until(|| {
        let scanned = ground.run(&["scan", &rebuilt, "--server", "--db", "none", "-o", "json"]);
        if scanned.code == 0 { Ok(scanned.json()) } else { Err(scanned) }
    });
    assert!(
        !has(&of_rebuilt) && !of_rebuilt["verdict"]["exceptions"].as_array().unwrap().is_empty(),
        "{of_rebuilt}"
    );

    let shown = ground.done(&["exceptions", "export", &image, "--key", "ana.key", "-o", "json"]);
    assert_eq!(shown.json()["predicateType"], "https://openvex.dev/ns");
    let document = ground.done(&["evidence", "get", &image, "--type", "openvex", "--predicate"]).json();
    let statement = &document["statements"][0];
    assert_eq!(
        (&statement["status"], &statement["vulnerability"]["name"]),
        (&"affected".into(), &"CVE-2018-18074".into())
    );
    assert_eq!(statement["products"][0]["subcomponents"][0]["@id"], "pkg:pypi/requests");

    ground.done(&["revoke", &image, &evidence, "--reason", "they are followed", "--key", "ana.key"]);
    assert!(has(&ground.scanned()), "what is taken back holds no more");
}

#[test]
fn an_exception_needs_a_finding_and_is_open_again_when_the_risk_is_another() {
    let ground = Ground::open();
    let image = ground.image();
    let except = |id: &str| {
        let why = ["--reason", "a", "--owner", "b", "--expires", "30d", "--key", "ana.key"];
        ground.run(&[&["except", &image, id][..], &why].concat())
    };
    let unknown = except("CVE-1999-0001");
    assert_eq!(unknown.code, 2, "{}", unknown.stderr);
    assert!(unknown.stderr.contains("nothing in the image has `CVE-1999-0001`"), "{}", unknown.stderr);
    // What was seen when it was granted was less than what is known now.
    let predicate = serde_json::json!({
        "vulnerabilities": ["CVE-2018-18074"], "reason": "a", "owner": "b",
        "issuedAt": "2026-01-01T00:00:00Z", "expiresAt": "2999-01-01T00:00:00Z",
        "saw": {"severity": "negligible"},
    });
    fs::write(ground.home.path().join("exception.json"), predicate.to_string()).unwrap();
    let attest =
        ["attest", &image, "--type", "exception", "--predicate", "exception.json", "--key", "ana.key"];
    ground.done(&attest);
    let scanned = ground.scanned();
    assert!(has(&scanned), "{scanned}");
    let state = scanned["verdict"]["exceptions"][0]["state"]["reopened"].as_str().unwrap_or_default();
    assert!(state.contains("and was negligible"), "{scanned}");
    let listed = ground.done(&["exceptions", "ls", &image]).stdout;
    assert!(listed.contains("open again: its severity is"), "{listed}");
    assert!(ids(&scan_server(&ground.server, &["-o", "json"])).contains(&"CVE-2018-18074".to_owned()));
}
