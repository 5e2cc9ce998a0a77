use std::fs;

use plimsoll_testkit::Postgres;

use crate::data_dir::{DataDir, LAYERS, basic};
use crate::image_layout;

#[test]
fn a_flipped_byte_is_found_and_a_push_heals_it() {
    let here = DataDir::with_image();
    assert_eq!(here.run(&["fsck"]).code, 0);
    let object = here.largest_object();
    let whole = fs::read(&object).unwrap();
    let mut flipped = whole.clone();
    flipped[100_000] ^= 1;
    fs::write(&object, &flipped).unwrap();

    let found = here.run(&["fsck", "-o", "json"]);
    assert_eq!(found.code, 1, "{}", found.stderr);
    let damages = found.json()["damages"].clone();
    assert_eq!(damages[0]["code"], "blob-damaged");
    let digest = damages[0]["digest"].as_str().unwrap();
    let incomplete = |damage: &serde_json::Value| damage["code"] == "manifest-incomplete";
    assert!(damages.as_array().unwrap().iter().any(incomplete), "{damages}");

    let server = here.serve();
    assert_eq!(server.get(&format!("/v2/team/app/blobs/{digest}"), "").status, 404);
    assert_eq!(here.run(&["fsck"]).code, 1, "what was set aside is still missing");
    let pushed = server.send("POST", &format!("/v2/team/app/blobs/uploads/?digest={digest}"), "", &whole);
    assert_eq!(pushed.status, 201);
    assert_eq!(server.get(&format!("/v2/team/app/blobs/{digest}"), "").body, whole);
    let healed = here.run(&["fsck"]);
    assert_eq!(healed.code, 0, "{}{}", healed.stdout, healed.stderr);
}

#[test]
fn an_import_heals_as_a_push_does() {
    let here = DataDir::with_image();
    fs::remove_file(here.largest_object()).unwrap();
    assert_eq!(here.run(&["fsck"]).code, 1);
    let healed = here.run(&["import", "oci:image:1", "team/app:1", "-o", "json"]);
    assert_eq!(healed.json()["blobsCopied"], 1, "{}", healed.stderr);
    assert_eq!(here.run(&["fsck"]).code, 0);
}

#[test]
fn a_lost_catalogue_is_rebuilt_from_the_objects() {
    let here = DataDir::with_image();
    here.run(&["import", "oci:image:1", "team/app:stable"]);
    here.run(&["import", "oci:image:1", "other/app:1"]);
    here.add_admin();
    let refused = here.run(&["fsck", "--rebuild"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);

    for file in ["catalogue.sqlite", "catalogue.sqlite-wal", "catalogue.sqlite-shm"] {
        let _ = fs::remove_file(here.path("data").join(file));
    }
    assert_eq!(here.run(&["fsck"]).code, 3);
    let rebuilt = here.run(&["fsck", "--rebuild", "-o", "json"]);
    assert_eq!(rebuilt.code, 0, "{}", rebuilt.stderr);
    assert_eq!((&rebuilt.json()["blobs"], &rebuilt.json()["skipped"]), (&3.into(), &serde_json::json!([])));
    assert!(rebuilt.stderr.contains("users and robots are not in the objects"), "{}", rebuilt.stderr);

    assert_eq!(here.run(&["fsck"]).code, 0);
    let admin = basic("admin", &here.add_admin());
    let server = here.serve();
    let tags = server.get("/v2/team/app/tags/list", &admin).json();
    assert_eq!(tags["tags"], serde_json::json!(["1", "stable"]));
    assert_eq!(server.get("/v2/other/app/manifests/1", &admin).status, 200);
}

#[test]
fn what_cannot_be_rebuilt_is_named() {
    let here = DataDir::with_image();
    fs::remove_file(here.largest_object()).unwrap();
    for file in ["catalogue.sqlite", "catalogue.sqlite-wal", "catalogue.sqlite-shm"] {
        let _ = fs::remove_file(here.path("data").join(file));
    }
    let rebuilt = here.run(&["fsck", "--rebuild", "-o", "json"]);
    assert_eq!(rebuilt.code, 1, "{}", rebuilt.stderr);
    let reason = rebuilt.json()["skipped"][0]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("1 of its blobs are missing"), "{reason}");
}

#[test]
fn garbage_is_told_and_then_taken() {
    let here = DataDir::with_image();
    let server = here.serve_with(&["gc.grace=0s", "gc.hold=0s"]);
    let digest =
        server.get("/v2/team/app/manifests/1", "").header("docker-content-digest").unwrap().to_owned();
    assert_eq!(server.send("DELETE", &format!("/v2/team/app/manifests/{digest}"), "", b"").status, 202);
    server.send("POST", "/v2/team/app/blobs/uploads/", "", b"");

    let told = here.run(&["gc", "--dry-run", "-o", "json"]).json();
    assert_eq!((&told["dryRun"], &told["freed"]["blobs"]), (&true.into(), &3.into()));
    assert_eq!(told["uploadsKept"]["count"], 1);
    let taken = here.run(&["gc", "-o", "json"]).json();
    assert_eq!(taken["freed"], told["freed"]);
    let nothing = here.run(&["gc", "-o", "json"]).json();
    assert_eq!((&nothing["freed"]["blobs"], &nothing["objectsToDelete"]), (&0.into(), &0.into()));
    assert!(
        fs::read_dir(here.path("data/objects/blobs"))
            .unwrap()
            .all(|shard| { fs::read_dir(shard.unwrap().path()).unwrap().next().is_none() })
    );
}

#[test]
fn what_was_deleted_a_moment_ago_waits() {
    let here = DataDir::with_image();
    let server = here.serve();
    let digest =
        server.get("/v2/team/app/manifests/1", "").header("docker-content-digest").unwrap().to_owned();
    server.send("DELETE", &format!("/v2/team/app/manifests/{digest}"), "", b"");
    let taken = here.run(&["gc", "-o", "json"]).json();
    assert_eq!((&taken["freed"]["blobs"], &taken["blobsKept"]["count"]), (&0.into(), &3.into()));
    assert!(taken["blobsKept"]["firstDueAt"].as_str().unwrap().ends_with('Z'));
    assert!(here.run(&["gc"]).stdout.contains("\nblobs kept     3, "));
}

#[test]
fn a_catalogue_in_postgresql_is_looked_after_as_well() {
    let Some(postgres) = Postgres::start() else { return };
    let here = DataDir::none();
    let setting = format!("database.url={}", postgres.url());
    let run = |arguments: &[&str]| here.run(&[arguments, &["--set", &setting]].concat());
    image_layout::write(&here.path("image"), LAYERS, |_| {});
    for arguments in [
        &["import", "oci:image:1", "team/app:1"][..],
        &["user", "add", "admin", "--admin"],
        &["robot", "add", "ci-1", "--grant", "team/*:pull"],
        &["gc", "--dry-run"],
        &["gc"],
        &["fsck"],
        &["backup", "--out", "backup.tar"],
    ] {
        let done = run(arguments);
        assert_eq!(done.code, 0, "{arguments:?}: {}", done.stderr);
    }
    assert!(!here.path("data/catalogue.sqlite").exists());

    let there = DataDir::none();
    let restored = there.run(&["restore", &here.path("backup.tar").display().to_string()]);
    assert_eq!(restored.code, 0, "{}", restored.stderr);
    assert_eq!(there.run(&["fsck", "-o", "json"]).json()["blobs"], 3);
    assert_eq!(there.run(&["robot", "ls", "-o", "json"]).json()["robots"][0]["name"], "ci-1");
}
