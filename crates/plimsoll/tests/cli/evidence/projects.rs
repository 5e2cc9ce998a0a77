use std::fs;
use std::path::Path;

use plimsoll_testkit::Image;

use super::{done, plimsoll, push, workshop};
use crate::peers::Server;

const POLICY: &str = "\
trust:
  keys:
    - {name: ci, key: ci.pub, roles: [signer]}
  require: [signature]
  gates: [{name: prod, role: approver, maxAge: 10m}]
";

fn write_policy(home: &Path, text: &str) {
    fs::write(home.join("rules.yaml"), text).unwrap();
}

#[test]
fn a_project_makes_verify_need_no_keys() {
    let workshop = workshop();
    let (home, server) = (workshop.path(), Server::start());
    let image = push(server.host(), &Image::small(51, 1, 100));
    let nobody = plimsoll(home, &["verify", &image]);
    assert_eq!(nobody.code, 2, "{}", nobody.stderr);
    assert!(nobody.stderr.contains("nobody is trusted"), "{}", nobody.stderr);

    write_policy(home, POLICY);
    let set = ["project", "set", "team", server.host(), "--file", "rules.yaml", "-o", "json"];
    let set = done(home, &set).json();
    assert_eq!(set["repositories"], serde_json::json!(["team/*"]), "{set}");
    let unsigned = plimsoll(home, &["verify", &image]);
    assert_eq!(unsigned.code, 1, "{}{}", unsigned.stdout, unsigned.stderr);
    done(home, &["sign", &image, "--key", "ci.key"]);
    let verified = done(home, &["verify", &image]);
    let origin =
        format!("judged by project team of {}, {}", server.host(), set["policyDigest"].as_str().unwrap());
    assert!(verified.stdout.contains(&origin), "{}", verified.stdout);
    assert!(verified.stderr.contains("the word of the registry that is asked"), "{}", verified.stderr);

    let shown = done(home, &["project", "show", "team", server.host()]).stdout;
    assert!(shown.contains("project team: team/*") && shown.contains("gate prod: 1 × approval"), "{shown}");
    let listed = done(home, &["project", "ls", server.host()]).stdout;
    assert!(listed.contains("team/*"), "{listed}");
    done(home, &["project", "rm", "team", server.host()]);
    assert_eq!(plimsoll(home, &["verify", &image]).code, 2);
    assert_eq!(plimsoll(home, &["project", "rm", "team", server.host()]).code, 2);
}

#[test]
fn a_project_with_an_unusable_policy_is_refused_before_it_is_sent() {
    let workshop = workshop();
    let home = workshop.path();
    for (policy, reason) in [
        ("trust: {keys: [{name: ci, key: ci.pub, roles: [signer, approver]}]}", "shared: true"),
        ("trust: {keys: [{name: ci, key: no.pub, roles: [signer]}]}", "no.pub"),
        ("listen: [x]", "no `trust` section"),
    ] {
        write_policy(home, policy);
        let refused = plimsoll(home, &["project", "set", "team", "127.0.0.1:9", "--file", "rules.yaml"]);
        assert_eq!(refused.code, 2, "{}", refused.stderr);
        assert!(refused.stderr.contains(reason), "{}", refused.stderr);
    }
}
