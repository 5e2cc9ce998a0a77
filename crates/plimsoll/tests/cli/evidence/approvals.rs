use std::fs;
use std::path::Path;

use plimsoll_testkit::Image;
use serde_json::Value;
use tempfile::TempDir;

use super::{done, plimsoll, push, workshop};
use crate::peers::Server;
use crate::signed_image::SignedImage;

const POLICY: &str = "\
trust:
  keys:
    - {name: ana, key: ana.pub, roles: [release-manager]}
    - {name: ben, key: ben.pub, roles: [release-manager]}
    - {name: cem, key: cem.pub, roles: [release-manager]}
    - {name: scanner, key: scanner.pub, roles: [scanner]}
  roles: {release-manager: [approval], scanner: [vulns]}
  gates:
    - {name: prod, role: release-manager, approvals: 2, excluded: [cem]}
";

/// A workshop with a policy, the keys of three people and of a scanner, and the image `oci:image:1`.
fn office() -> TempDir {
    let directory = workshop();
    for name in ["ana", "ben", "cem", "scanner"] {
        done(directory.path(), &["key", "generate", "--name", name]);
    }
    fs::write(directory.path().join("plimsoll.yaml"), POLICY).unwrap();
    SignedImage::new(43, 1, 100).write(&directory.path().join("image"));
    directory
}

/// A scan that is another one each time.
fn scan(office: &Path, image: &str, number: u32) {
    fs::write(office.join("scan.json"), format!("{{\"scan\":{number}}}")).unwrap();
    done(office, &["attest", image, "--type", "vulns", "--predicate", "scan.json", "--key", "scanner.key"]);
}

/// Approves an image, and returns what is said meanwhile and the digest of the evidence.
fn approve(office: &Path, who: &str, image: &str, more: &[&str]) -> (String, String) {
    let key = format!("{who}.key");
    let words =
        ["approve", image, "--gate", "prod", "--role", "release-manager", "--key", &key, "-o", "json"];
    let said = done(office, &[&words[..], more].concat());
    (said.stderr.clone(), said.json()["evidence"].as_str().unwrap().to_owned())
}

/// The people whose approvals are listed.
fn listed(office: &Path, image: &str, more: &[&str]) -> Vec<String> {
    let listed = done(office, &[&["approvals", image, "-o", "json"], more].concat()).json();
    assert_eq!((&listed["apiVersion"], &listed["kind"]), (&"plimsoll/v1".into(), &"Approvals".into()));
    let images = listed["images"].as_array().unwrap();
    let approvals = images.iter().flat_map(|image| image["approvals"].as_array().unwrap());
    approvals.map(|row| row["person"].as_str().unwrap().to_owned()).collect()
}

fn row(office: &Path, image: &str, person: &str) -> Value {
    let listed = done(office, &["approvals", image, "--by", person, "-o", "json"]).json();
    listed["images"][0]["approvals"][0].clone()
}

#[test]
fn an_approval_tells_what_its_maker_had_seen_and_what_came_after() {
    let office = office();
    let (home, image) = (office.path(), "oci:image:1");
    scan(home, image, 1);
    let (said, _) =
        approve(home, "ana", image, &["--expires", "7d", "--ticket", "https://tracker.example/7"]);
    assert!(said.contains("before you: 1 × vulns"), "{said}");
    let of_ana = row(home, image, "ana");
    assert_eq!(of_ana["seen"][0]["predicateType"], "https://in-toto.io/attestation/vulns/v0.2");
    assert_eq!(of_ana["tickets"][0], "https://tracker.example/7");
    assert!(of_ana["unseen"].as_array().unwrap().is_empty() && of_ana["notCounted"].is_null(), "{of_ana}");
    assert!(listed(home, image, &["--superseded"]).is_empty());

    scan(home, image, 2);
    assert_eq!(listed(home, image, &["--superseded"]), ["ana"]);
    let (said, _) = approve(home, "ben", image, &[]);
    assert!(said.contains("before you: 2 × vulns"), "{said}");
    assert_eq!(listed(home, image, &["--superseded"]), ["ana"], "ben has seen both");
    let (said, _) = approve(home, "cem", image, &["--blind"]);
    assert!(!said.contains("before you"), "{said}");
    let shown = done(home, &["approvals", image, "-o", "wide"]).stdout;
    assert!(shown.contains("counts; superseded"), "{shown}");
    assert!(shown.contains("does not count: `cem` wrote or built it"), "{shown}");
}

#[test]
fn approvals_are_chosen_by_person_time_and_end() {
    let office = office();
    let (home, image) = (office.path(), "oci:image:1");
    approve(home, "ana", image, &["--expires", "7d"]);
    let (_, of_ben) = approve(home, "ben", image, &[]);
    assert_eq!(listed(home, image, &[]), ["ana", "ben"]);
    assert_eq!(listed(home, image, &["--expiring", "14d"]), ["ana"]);
    assert!(listed(home, image, &["--expiring", "1d"]).is_empty());
    assert_eq!(listed(home, image, &["--by", "ben"]), ["ben"]);
    assert!(listed(home, image, &["--since", "2999-01-01T00:00:00Z"]).is_empty());
    assert_eq!(listed(home, image, &["--until", "2999-01-01T00:00:00Z", "--gate", "prod"]).len(), 2);
    assert!(listed(home, image, &["--gate", "staging"]).is_empty());
    let open = done(home, &["approvals", image, "--lacking", "prod"]);
    assert_eq!(open.stdout, "every image passes prod\n");
    let later = done(home, &["approvals", image, "--lacking", "prod", "--at", "2999-01-01T00:00:00Z"]);
    assert!(later.stdout.contains("1 of 2"), "{}", later.stdout);

    done(home, &["revoke", image, &of_ben, "--reason", "a flaw was found", "--key", "ben.key"]);
    let shut = done(home, &["approvals", image, "--lacking", "prod"]);
    assert!(shut.stdout.contains("1 of 2"), "{}", shut.stdout);
    let of_ben = row(home, image, "ben");
    assert_eq!(of_ben["notCounted"], "it was revoked by `ben`");
    let unknown = plimsoll(home, &["approvals", image, "--lacking", "moon"]);
    assert_eq!(
        (unknown.code, unknown.stderr.contains("there is no gate `moon`")),
        (2, true),
        "{}",
        unknown.stderr
    );
}

#[test]
fn the_images_of_a_repository_that_lack_an_approval_are_listed() {
    let office = office();
    let home = office.path();
    let server = Server::start();
    let image = push(server.host(), &Image::small(44, 1, 100));
    let repository = image.rsplit_once(':').unwrap().0.to_owned();
    let other = format!("{repository}:other");
    done(home, &["cp", &image, &other]);
    let bare = push(server.host(), &Image::small(45, 1, 100));
    assert_eq!(bare, image, "the tag moved on, and the other stays");
    for who in ["ana", "ben"] {
        approve(home, who, &other, &["--only-here"]);
    }
    let lacking = done(home, &["approvals", &repository, "--lacking", "prod", "-o", "json"]).json();
    let names: Vec<&str> = lacking["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| image["names"][0].as_str().unwrap())
        .collect();
    assert_eq!(names, [image.split_once('/').unwrap().1]);
    assert_eq!(listed(home, &repository, &[]), ["ana", "ben"]);
    assert_eq!(listed(home, server.host(), &[]), ["ana", "ben"]);
    let nowhere = plimsoll(home, &["approvals", "127.0.0.1:1"]);
    assert_eq!(nowhere.code, 3, "{}", nowhere.stderr);
}

#[test]
fn a_server_knows_which_images_of_its_projects_lack_an_approval() {
    let office = office();
    let home = office.path();
    let server = Server::start();
    let pushed = Image::small(46, 1, 100);
    let image = push(server.host(), &pushed);
    done(home, &["cp", &image, &format!("{}/other/app:1", server.host())]);
    // The policy lies elsewhere, so that the server's own counts.
    fs::rename(home.join("plimsoll.yaml"), home.join("rules.yaml")).unwrap();
    done(home, &["project", "set", "team", server.host(), "--file", "rules.yaml"]);
    let lacking = || {
        let told = done(home, &["approvals", server.host(), "--lacking", "prod", "-o", "json"]).json();
        assert_eq!(told["kind"], "LackingImages");
        let images = told["images"].as_array().unwrap();
        images.iter().map(|image| format!("{}:{}", image["repository"], image["tag"])).collect::<Vec<_>>()
    };
    assert_eq!(lacking(), [r#""team/app":"1""#], "the other repository has no gate");
    let config = pushed.config.digest();
    let by_config = format!("{}/team/app@{config}", server.host());
    for (known_as, place) in [(&image, "prod/web/shop"), (&by_config, "prod/web/node-7")] {
        done(home, &["observe", known_as, "--where", place, "--from", "2026-11-20T08:00:00Z"]);
    }
    let over = ["--from", "2026-11-20T08:00:00Z", "--to", "2026-11-21T08:00:00Z"];
    done(home, &[&["observe", &image, "--where", "prod/web/over"], &over[..]].concat());
    let running = || {
        let told = ["approvals", server.host(), "--lacking", "prod", "--running", "-o", "json"];
        let told = done(home, &told).json();
        let runs = told["runs"].as_array().unwrap();
        let mut places: Vec<_> = runs.iter().map(|run| run["place"].as_str().unwrap().to_owned()).collect();
        places.sort();
        places
    };
    assert_eq!(running(), ["prod/web/node-7", "prod/web/shop"]);
    for who in ["ana", "ben"] {
        approve(home, who, &image, &[]);
    }
    let started = std::time::Instant::now();
    while !lacking().is_empty() {
        assert!(started.elapsed() < std::time::Duration::from_secs(30), "{:?}", lacking());
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let told = done(home, &["approvals", server.host(), "--lacking", "prod"]).stdout;
    assert_eq!(told, "every image that has to passes prod\n");
    assert!(running().is_empty(), "known by its config it is the same image: {:?}", running());
    let one = plimsoll(home, &["approvals", &image, "--lacking", "prod", "--running"]);
    assert_eq!(one.code, 2, "{}", one.stderr);
}
