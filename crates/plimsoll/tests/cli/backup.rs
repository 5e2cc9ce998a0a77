use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::data_dir::{DataDir, Served, basic};

/// The image's manifest as a server hands it out, by its digest.
fn pull(server: &Served, digest: &str, authorization: &str) -> Vec<u8> {
    let pulled = server.get(&format!("/v2/team/app/manifests/{digest}"), authorization);
    assert_eq!(pulled.status, 200, "{}", pulled.head);
    pulled.body
}

#[test]
fn a_backup_of_a_server_that_runs_is_put_back_elsewhere() {
    let here = DataDir::with_image();
    let admin = basic("admin", &here.add_admin());
    let server = here.serve();
    let tagged = server.get("/v2/team/app/manifests/1", &admin);
    let digest = tagged.header("docker-content-digest").unwrap();
    let backed_up = here.run(&["backup", "--out", "backup.tar", "-o", "json"]);
    assert_eq!(backed_up.code, 0, "{}", backed_up.stderr);
    let missing = &backed_up.json()["missingObjects"];
    assert_eq!(missing, &0);
    let mode = fs::metadata(here.path("backup.tar")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it holds the hashes of passwords");
    drop(server);

    let there = DataDir::none();
    let file = here.path("backup.tar").display().to_string();
    let restored = there.run(&["restore", &file]);
    assert_eq!(restored.code, 0, "{}", restored.stderr);
    let server = there.serve();
    assert_eq!(server.get("/v2/", "").status, 401, "the users came along");
    assert_eq!(pull(&server, digest, &admin), tagged.body);
    assert_eq!(server.get("/v2/team/app/tags/list", &admin).json()["tags"], serde_json::json!(["1"]));
    assert_eq!(there.run(&["fsck"]).code, 0);
}

#[test]
fn a_backup_may_go_through_a_pipe() {
    let here = DataDir::with_image();
    let backed_up = here.run_with_input(&["backup", "--out", "-"], b"");
    assert_eq!(backed_up.status.code(), Some(0), "{backed_up:?}");
    let there = DataDir::none();
    let restored = there.run_with_input(&["restore", "-"], &backed_up.stdout);
    assert_eq!(restored.status.code(), Some(0), "{restored:?}");
    assert_eq!(there.run(&["fsck", "-o", "json"]).json()["blobs"], 3);
}

#[test]
fn a_backup_is_put_into_an_empty_storage_only() {
    let here = DataDir::with_image();
    here.run(&["backup", "--out", "backup.tar"]);
    let refused = here.run(&["restore", "backup.tar"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("the storage is not empty"), "{}", refused.stderr);

    let there = DataDir::none();
    there.add_admin();
    let file = here.path("backup.tar").display().to_string();
    assert_eq!(there.run(&["restore", &file]).code, 2, "whose users should count?");
}

#[test]
fn half_a_backup_is_no_pass_and_leaves_no_file() {
    let here = DataDir::with_image();
    here.run(&["backup", "--out", "backup.tar"]);
    let whole = fs::read(here.path("backup.tar")).unwrap();
    let there = DataDir::none();
    let half = there.run_with_input(&["restore", "-"], &whole[..whole.len() / 2]);
    assert_ne!(half.status.code(), Some(0), "{half:?}");
    let nothing = DataDir::none().run_with_input(&["restore", "-"], b"");
    assert_eq!(nothing.status.code(), Some(3), "{nothing:?}");
    let damaged: Vec<u8> = whole.iter().map(|byte| if *byte == 7 { 8 } else { *byte }).collect();
    let damaged = DataDir::none().run_with_input(&["restore", "-"], &damaged);
    assert_ne!(damaged.status.code(), Some(0), "{damaged:?}");

    fs::remove_file(here.path("backup.tar")).unwrap();
    fs::create_dir(here.path("backup.tar")).unwrap();
    assert_eq!(here.run(&["backup", "--out", "backup.tar"]).code, 2);
    assert_eq!(here.run(&["backup", "--out", "nowhere/backup.tar"]).code, 3);
    let left = fs::read_dir(here.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().starts_with(".plimsoll")));
}

#[test]
fn a_backup_that_lacks_bytes_says_so() {
    let here = DataDir::with_image();
    fs::remove_file(here.largest_object()).unwrap();
    let backed_up = here.run(&["backup", "--out", "backup.tar"]);
    assert_eq!(backed_up.code, 1, "{}", backed_up.stderr);
    assert!(backed_up.stderr.contains("  help: plimsoll fsck --data-dir data\n"), "{}", backed_up.stderr);
    assert!(here.path("backup.tar").exists());
}

/// Where each entry of a tar begins.
fn entries_of(tar: &[u8]) -> Vec<usize> {
    let mut begins = Vec::new();
    let mut at = 0;
    while tar.get(at).is_some_and(|first| *first != 0) {
        begins.push(at);
        let digits = std::str::from_utf8(&tar[at + 124..at + 135]).unwrap();
        at += 512 + usize::from_str_radix(digits, 8).unwrap().next_multiple_of(512);
    }
    begins
}

#[test]
fn a_backup_that_ends_early_is_not_put_back_in_silence() {
    let here = DataDir::with_image();
    here.run(&["backup", "--out", "backup.tar"]);
    let whole = fs::read(here.path("backup.tar")).unwrap();
    let entries = entries_of(&whole);
    assert!(entries.len() > 5);
    for begin in entries {
        let cut = DataDir::none().run_with_input(&["restore", "-"], &whole[..begin]);
        assert_eq!(cut.status.code(), Some(3), "cut at {begin}: {cut:?}");
    }
}

#[test]
fn what_a_server_keeps_is_for_its_owner_alone() {
    let here = DataDir::none();
    here.add_admin();
    let served = here.serve();
    let root = here.path("data");
    for name in ["catalogue.sqlite", "catalogue.sqlite-wal", "catalogue.sqlite-shm"] {
        let mode = fs::metadata(root.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name} holds hashes of passwords");
    }
    drop(served);
}
