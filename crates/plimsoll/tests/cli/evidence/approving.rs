use std::fs;
use std::path::Path;

use plimsoll_testkit::find_peer;
use tempfile::TempDir;

use super::cosign::Cosign;
use super::source::SourceRepository;
use super::{PASSWORD, done, plimsoll, push, workshop};
use crate::peers::{DebianRegistry, Server};
use crate::signed_image::SignedImage;
use crate::{Outcome, run_in};

const POLICY: &str = "\
trust:
  keys:
    - {name: ana-laptop, person: ana, key: ana.pub, roles: [release-manager]}
    - {name: ana-phone, person: ana, key: phone.pub, roles: [release-manager]}
    - {name: ben, key: ben.pub, roles: [release-manager]}
    - {name: cem, key: cem.pub, roles: [release-manager]}
    - {name: eve, key: eve.pub, roles: [on-call]}
  roles: {release-manager: [approval], on-call: [approval]}
  gates:
    - {name: prod, role: release-manager, approvals: 2, excluded: [cem], breakGlass: on-call}
";

/// A workshop with a policy, a key for each person, and the image `oci:image:1`.
pub(super) fn office() -> TempDir {
    let directory = workshop();
    for name in ["ana", "phone", "ben", "cem", "eve"] {
        done(directory.path(), &["key", "generate", "--name", name]);
    }
    fs::write(directory.path().join("plimsoll.yaml"), POLICY).unwrap();
    SignedImage::new(41, 1, 100).write(&directory.path().join("image"));
    directory
}

/// Approves the image, and returns the digest of the evidence.
pub(super) fn approve(office: &Path, who: &str, image: &str, more: &[&str]) -> String {
    let key = format!("{who}.key");
    let role = if who == "eve" { "on-call" } else { "release-manager" };
    let arguments = ["approve", image, "--gate", "prod", "--role", role, "--key", &key, "-o", "json"];
    let said = done(office, &[&arguments[..], more].concat()).json();
    said["evidence"].as_str().unwrap().to_owned()
}

fn at_the_gate(office: &Path, image: &str) -> Outcome {
    plimsoll(office, &["verify", image, "--gate", "prod"])
}

#[test]
fn two_people_open_the_gate_and_one_who_revokes_shuts_it() {
    let office = office();
    let (home, image) = (office.path(), "oci:image:1");
    let shut = at_the_gate(home, image);
    assert_eq!(shut.code, 1, "{}", shut.stderr);
    assert!(shut.stdout.contains("✗ approval for prod: 0 of 2: nobody\n"), "{}", shut.stdout);
    assert!(shut.stderr.contains("help: plimsoll approve oci:image:1 --gate prod"), "{}", shut.stderr);

    approve(home, "ana", image, &["--reason", "all tests passed"]);
    approve(home, "phone", image, &[]);
    approve(home, "cem", image, &[]);
    let own_work = at_the_gate(home, image);
    assert_eq!(own_work.code, 1);
    assert!(own_work.stdout.contains("1 of 2: ana\n"), "{}", own_work.stdout);
    assert!(own_work.stdout.contains("`cem` wrote or built it"), "{}", own_work.stdout);

    let of_ben = approve(home, "ben", image, &["--expires", "30d", "--ticket", "https://tracker.example/7"]);
    let open = at_the_gate(home, image);
    assert_eq!(open.code, 0, "{}{}", open.stdout, open.stderr);
    assert!(open.stdout.contains("✓ approval for prod: 2 of 2: ana, ben\n"), "{}", open.stdout);
    let later = plimsoll(home, &["verify", image, "--gate", "prod", "--at", "2099-01-01T00:00:00Z"]);
    assert_eq!(later.code, 1, "an approval that ends was taken for one without end");

    done(home, &["revoke", image, &of_ben, "--reason", "a flaw was found", "--key", "ben.key"]);
    let revoked = at_the_gate(home, image);
    assert_eq!(revoked.code, 1);
    assert!(revoked.stdout.contains("it was revoked by `ben`"), "{}", revoked.stdout);
}

#[test]
fn a_rejection_and_an_emergency_are_said_aloud() {
    let office = office();
    let (home, image) = (office.path(), "oci:image:1");
    approve(home, "ana", image, &[]);
    approve(home, "ben", image, &[]);
    let reject = ["reject", image, "--gate", "prod", "--role", "release-manager", "--key", "cem.key"];
    done(home, &reject);
    let rejected = at_the_gate(home, image);
    assert_eq!(rejected.code, 1);
    assert!(rejected.stdout.contains("rejected by cem\n"), "{}", rejected.stdout);
    approve(home, "eve", image, &["--reason", "the shop is down", "--expires", "12h"]);
    let emergency = at_the_gate(home, image);
    assert_eq!(emergency.code, 0, "{}{}", emergency.stdout, emergency.stderr);
    assert!(emergency.stdout.contains("opened in an emergency by eve\n"), "{}", emergency.stdout);
}

#[test]
fn approvals_travel_with_oras_and_are_made_with_cosign_too() {
    let office = office();
    let home = office.path();
    let (Some(oras), Some(cosign)) = (find_peer("oras"), Cosign::find(home)) else { return };
    let Some(other) = DebianRegistry::start() else { return };
    let server = Server::start();
    let image = push(server.host(), &plimsoll_testkit::Image::small(42, 1, 100));
    approve(home, "ana", &image, &[]);
    let predicate =
        r#"{"decision":"approved","role":"release-manager","gate":"prod","issuedAt":"2026-11-22T12:00:00Z"}"#;
    fs::write(home.join("predicate.json"), predicate).unwrap();
    cosign.attest("ben.key", "urn:plimsoll:attestation:approval:v1", &image);
    let there = format!("{}/copied/app:1", other.host());
    let copied = oras
        .command()
        .args(["cp", "-r", "--no-tty", "--from-plain-http", "--to-plain-http", &image, &there])
        .output()
        .unwrap();
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    drop(server);
    let open = at_the_gate(home, &there);
    assert_eq!(open.code, 0, "{}{}", open.stdout, open.stderr);
}

/// Who builds, and who is who in git.
const PEOPLE: &str = "    - {name: ci, key: ci.pub, roles: [builder]}
  people:
    - {name: ana, git: [ana@example.org]}
";

#[test]
fn who_wrote_an_image_does_not_approve_it_and_that_holds_where_it_is_copied_to() {
    let office = office();
    let home = office.path();
    let Some(oras) = find_peer("oras") else { return };
    let Some(other) = DebianRegistry::start() else { return };
    let Some(source) = SourceRepository::new(home, "https://git.example/team/app.git", "FROM scratch\n")
    else {
        return;
    };
    let policy =
        POLICY.replace("excluded: [cem], ", "").replace("  roles: {", &format!("{PEOPLE}  roles: {{"));
    fs::write(home.join("plimsoll.yaml"), policy).unwrap();
    let server = Server::start();
    let image = push(server.host(), &plimsoll_testkit::Image::small(43, 1, 100));
    let variables = [PASSWORD, &[("PATH", source.search_path())]].concat();
    let attested =
        run_in(home, &variables, &["attest", "provenance", &image, "--key", "ci.key", "--source", "app"]);
    assert_eq!(attested.code, 0, "{}", attested.stderr);
    approve(home, "ana", &image, &[]);
    approve(home, "ben", &image, &[]);
    let shut = at_the_gate(home, &image);
    assert_eq!(shut.code, 1);
    assert!(shut.stdout.contains("`ana` wrote or built it"), "{}", shut.stdout);
    assert!(shut.stdout.contains("✗ approve for prod by ben only, and 2 must\n"), "{}", shut.stdout);
    assert!(shut.stdout.contains("✓ push    by anonymous, 20"), "{}", shut.stdout);
    approve(home, "cem", &image, &[]);
    assert_eq!(at_the_gate(home, &image).code, 0);

    let there = format!("{}/copied/app:1", other.host());
    let mut copy = oras.command();
    copy.args(["cp", "-r", "--no-tty", "--from-plain-http", "--to-plain-http", &image, &there]);
    let copied = copy.output().unwrap();
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    drop(server);
    let open = at_the_gate(home, &there);
    assert_eq!(open.code, 0, "{}{}", open.stdout, open.stderr);
    let commit =
        format!("✓ commit  {} of git+https://git.example/team/app.git@refs/heads/main", source.head());
    let whole = plimsoll(home, &["verify", &there, "--gate", "prod", "-o", "wide"]);
    assert!(
        whole.stdout.contains(&format!("{commit}, by ana@example.org (claimed, says ci)\n")),
        "{}",
        whole.stdout
    );
    assert!(whole.stdout.contains("✓ approve for prod by ben, cem (signed)\n"), "{}", whole.stdout);
    assert!(whole.stdout.contains("– push    not known here\n"), "{}", whole.stdout);
    assert!(whole.stdout.contains("✗ sign    no signature that counts\n"), "{}", whole.stdout);
    assert!(
        whole.stdout.contains(&format!("  next: plimsoll sign {there} --key FILE\n")),
        "{}",
        whole.stdout
    );
    let json = plimsoll(home, &["verify", &there, "--gate", "prod", "-o", "json"]).json();
    let hops: Vec<(&str, &str)> = json["chain"]["hops"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hop| (hop["hop"].as_str().unwrap(), hop["standing"].as_str().unwrap()))
        .collect();
    let expected = [
        ("commit", "known"),
        ("build", "known"),
        ("push", "not-known-here"),
        ("sign", "missing"),
        ("approve", "known"),
    ];
    assert_eq!(hops, expected);
}
