use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::image_layout::{self, Layer};
use crate::{Outcome, run_in};

const BEFORE: &[Layer<'_>] =
    &[Layer { instruction: "COPY app /usr/bin/app", files: &[("usr/bin/app", &[1; 4000])] }];
const NOW: &[Layer<'_>] = &[
    Layer { instruction: "COPY app /usr/bin/app", files: &[("usr/bin/app", &[1; 4000])] },
    Layer {
        instruction: "RUN install curl",
        files: &[("usr/bin/curl", &[2; 9000]), ("opt/data/set", &[3; 5000])],
    },
];

const BUDGET: &str = "\
budget:
  against: oci:before:1
  growthPercentMax: 10
  max: {shells: 0, setuid: 0}
trust:
  keys:
    - {name: ana, key: ana.pub, roles: [size-owner]}
    - {name: ben, key: ben.pub, roles: [tester]}
  roles: {size-owner: [approval], tester: [approval]}
  gates:
    - {name: budget, role: size-owner, approvals: 1}
";

const PASSWORD: (&str, &str) = ("PLIMSOLL_KEY_PASSWORD", "rope and anchor");

fn ground() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    image_layout::write(&directory.path().join("before"), BEFORE, |_| {});
    image_layout::write(&directory.path().join("now"), NOW, |_| {});
    for name in ["ana", "ben"] {
        plimsoll(directory.path(), &["key", "generate", "--name", name]);
    }
    fs::write(directory.path().join("plimsoll.yaml"), BUDGET).unwrap();
    directory
}

fn plimsoll(directory: &Path, arguments: &[&str]) -> Outcome {
    run_in(directory, &[PASSWORD, ("COLUMNS", "120")], arguments)
}

fn approve(directory: &Path, who: &str, role: &str, delta: &str) {
    let (gate, key) = (format!("budget:{delta}"), format!("{who}.key"));
    let said = plimsoll(directory, &["approve", "oci:now:1", "--gate", &gate, "--role", role, "--key", &key]);
    assert_eq!(said.code, 0, "{}", said.stderr);
}

#[test]
fn an_image_that_grew_is_stopped_with_causes_and_what_to_do() {
    let ground = ground();
    let judged = plimsoll(ground.path(), &["budget", "oci:now:1", "-q"]);
    assert_eq!(judged.code, 1, "{}{}", judged.stdout, judged.stderr);
    assert!(judged.stdout.contains("exceeded: the stored bytes grew by "), "{}", judged.stdout);
    assert!(
        judged.stdout.contains("exceeded: new among the executables: /usr/bin/curl\n"),
        "{}",
        judged.stdout
    );
    assert!(
        judged.stdout.contains("\nThe largest causes\n 9.00 kB  files in /usr/bin: "),
        "{}",
        judged.stdout
    );
    assert!(judged.stderr.contains("plimsoll approve --gate budget:growth --role ROLE"), "{}", judged.stderr);
    let same = plimsoll(ground.path(), &["budget", "oci:before:1", "-q"]);
    assert_eq!(same.code, 0, "{}", same.stderr);
    let json = plimsoll(ground.path(), &["budget", "oci:now:1", "-q", "-o", "json"]).json();
    assert_eq!((&json["kind"], &json["isKept"]), (&"BudgetReport".into(), &false.into()));
    assert_eq!(json["excesses"][1]["items"][0], "/usr/bin/curl");
}

#[test]
fn whoever_may_accepts_the_delta_for_this_image() {
    let ground = ground();
    let home = ground.path();
    approve(home, "ben", "tester", "growth");
    approve(home, "ana", "size-owner", "new:executables:/usr/bin/curl");
    let half = plimsoll(home, &["budget", "oci:now:1", "-q", "-o", "json"]);
    assert_eq!(half.code, 1, "a tester's word counted: {}", half.stdout);
    let excesses = &half.json()["excesses"];
    assert_eq!(excesses[0]["acceptedBy"], serde_json::Value::Null);
    assert_eq!(excesses[1]["acceptedBy"][0], "ana");
    approve(home, "ana", "size-owner", "growth");
    let whole = plimsoll(home, &["budget", "oci:now:1", "-q"]);
    assert_eq!(whole.code, 0, "{}{}", whole.stdout, whole.stderr);
    assert!(
        whole.stdout.contains("accepted: new among the executables: /usr/bin/curl (by ana)\n"),
        "{}",
        whole.stdout
    );
}

#[test]
fn a_budget_that_is_not_understood_is_wrong_usage() {
    let ground = ground();
    for (text, expected) in [
        ("listen: [x]\n", "there is no `budget` section"),
        ("budget: {max: {setuids: 0}}\n", "the budget is not understood"),
    ] {
        fs::write(ground.path().join("plimsoll.yaml"), text).unwrap();
        let refused = plimsoll(ground.path(), &["budget", "oci:now:1"]);
        assert_eq!(refused.code, 2, "{}", refused.stdout);
        assert!(refused.stderr.contains(expected), "{}", refused.stderr);
    }
    fs::write(ground.path().join("plimsoll.yaml"), "budget: {max: {storedBytes: 1}}\n").unwrap();
    let untrusting = plimsoll(ground.path(), &["budget", "oci:now:1", "-q"]);
    assert_eq!(untrusting.code, 1, "without a policy nobody accepts: {}", untrusting.stderr);
    let absent = plimsoll(ground.path(), &["budget", "oci:absent:1"]);
    assert_eq!(absent.code, 3, "{}", absent.stderr);
}
