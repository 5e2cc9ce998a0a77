use std::fs;
use std::os::unix::fs::chown;

use crate::data_dir::{DataDir, basic, bearer};

#[test]
fn the_first_user_shuts_a_registry_that_runs() {
    let here = DataDir::with_image();
    let open = here.serve();
    open.wait_for_log("warning: there are no users yet");
    assert_eq!(open.get("/v2/", "").status, 200);

    let added = here.run(&["user", "add", "admin", "--admin"]);
    assert_eq!(added.code, 0, "{}", added.stderr);
    assert!(added.stderr.contains("the registry is no longer open"), "{}", added.stderr);
    assert!(added.stderr.contains("  plimsoll login localhost:5000 -u admin\n"), "{}", added.stderr);
    let password = added.stdout.trim_end();
    assert_eq!((password.len(), added.stdout.lines().count()), (27, 1));

    assert_eq!(open.get("/v2/", "").status, 401);
    assert_eq!(open.get("/v2/", &basic("admin", "something else")).status, 401);
    assert_eq!(open.get("/v2/", &basic("admin", password)).status, 200);
    assert_eq!(open.get("/v2/team/app/manifests/1", &basic("admin", password)).status, 200);
    drop(open);
    assert_eq!(here.serve().get("/v2/", "").status, 401);
}

#[test]
fn a_user_may_do_what_was_granted_and_nothing_else() {
    let here = DataDir::with_image();
    here.add_admin();
    let added = here.run_with_input(
        &["user", "add", "bob", "--grant", "other/*:pull", "--grant", "team/*:push", "--password-stdin"],
        b"correct horse\r\n",
    );
    assert_eq!(added.status.code(), Some(0), "{added:?}");
    assert!(added.stdout.is_empty(), "a password that was given is not printed");
    let server = here.serve();
    let bob = basic("bob", "correct horse");
    assert_eq!(server.get("/v2/team/app/manifests/1", &bob).status, 403);
    assert_eq!(server.send("POST", "/v2/team/app/blobs/uploads/", &bob, b"").status, 202);

    let changed = here.run(&["user", "grant", "bob", "--grant", "team/app:pull"]);
    assert_eq!(changed.code, 0, "{}", changed.stderr);
    let passed = here.run_with_input(&["user", "passwd", "bob", "--password-stdin"], b"wrong horse");
    assert_eq!(passed.status.code(), Some(0), "{passed:?}");
    let bob = basic("bob", "wrong horse");
    assert_eq!(server.get("/v2/team/app/manifests/1", &bob).status, 200);
    assert_eq!(server.send("POST", "/v2/team/app/blobs/uploads/", &bob, b"").status, 403);
}

#[test]
fn the_last_user_who_may_do_everything_stays() {
    let here = DataDir::none();
    here.add_admin();
    here.run(&["user", "add", "bob", "--grant", "*:pull,push"]);
    for refused in [&["user", "rm", "admin"][..], &["user", "grant", "admin", "--grant", "a:pull"]] {
        let refused = here.run(refused);
        assert_eq!(refused.code, 1, "{}", refused.stderr);
        assert!(refused.stderr.contains("`admin` is the last user who may do everything"));
    }
    assert_eq!(here.run(&["user", "rm", "bob"]).code, 0);
    let forced = here.run(&["user", "rm", "admin", "--force"]);
    assert_eq!(forced.code, 0, "{}", forced.stderr);
    assert!(forced.stderr.contains("warning: there are no users any more"), "{}", forced.stderr);
}

#[test]
fn users_are_listed_without_their_passwords() {
    let here = DataDir::none();
    here.add_admin();
    here.run(&["user", "add", "bob", "--grant", "team/*:push,pull"]);
    let listed = here.run(&["user", "ls", "-o", "json"]);
    assert_eq!(listed.json()["kind"], "UserList");
    assert_eq!(listed.json()["users"][1]["grants"][0], "team/*:pull,push");
    assert!(!listed.stdout.contains("argon2"), "{}", listed.stdout);
    let table = here.run(&["user", "ls"]).stdout;
    assert!(table.lines().nth(1).unwrap().ends_with("the right to everything"), "{table}");
}

#[test]
fn names_passwords_and_rights_that_make_no_sense_are_refused() {
    let here = DataDir::none();
    here.add_admin();
    let wrong: [&[&str]; 6] = [
        &["user", "add", "Bob", "--admin"],
        &["user", "add", "bob"],
        &["user", "add", "bob", "--admin", "--grant", "a:pull"],
        &["user", "add", "bob", "--grant", "a:fly"],
        &["user", "add", "admin", "--admin"],
        &["robot", "add", "ci", "--grant", "a:pull", "--expires", "-1d"],
    ];
    for arguments in wrong {
        assert_eq!(here.run(arguments).code, 2, "{arguments:?}");
    }
    for password in ["short", "plm_looks_like_a_token"] {
        let refused =
            here.run_with_input(&["user", "add", "bob", "--admin", "--password-stdin"], password.as_bytes());
        assert_eq!(refused.status.code(), Some(2), "{password}");
    }
    assert_eq!(here.run(&["user", "ls", "-o", "json"]).json()["users"].as_array().unwrap().len(), 1);
}

#[test]
fn a_robot_pulls_what_it_may_until_it_is_removed() {
    let here = DataDir::with_image();
    here.run(&["import", "oci:image:1", "other/app:1"]);
    here.add_admin();
    let made = here.run(&["robot", "add", "ci-1", "--grant", "team/*:pull", "--expires", "90d"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    let token = bearer(made.stdout.trim_end());
    assert!(!made.stderr.contains(made.stdout.trim_end()));

    let server = here.serve();
    assert_eq!(server.get("/v2/team/app/manifests/1", &token).status, 200);
    assert_eq!(server.get("/v2/other/app/manifests/1", &token).status, 403);
    assert_eq!(server.send("POST", "/v2/team/app/blobs/uploads/", &token, b"").status, 403);
    // Clients that know names and passwords only sign in with any name and the token.
    assert_eq!(server.get("/v2/team/app/manifests/1", &basic("ci-1", made.stdout.trim_end())).status, 200);

    let robots = here.run(&["robot", "ls", "-o", "json"]).json();
    assert_eq!(robots["robots"][0]["createdBy"], "local:tester");
    assert_eq!(robots["robots"][0]["isExpired"], false);
    assert_eq!(here.run(&["robot", "add", "ci-1", "--grant", "a:pull"]).code, 2);
    assert_eq!(here.run(&["robot", "rm", "ci-1"]).code, 0);
    assert_eq!(here.run(&["robot", "rm", "ci-1"]).code, 2);
    assert_eq!(server.get("/v2/team/app/manifests/1", &token).status, 401);
}

#[test]
fn an_expired_robot_is_nobody() {
    let here = DataDir::with_image();
    here.add_admin();
    let made = here.run(&["robot", "add", "ci-1", "--grant", "*:pull", "--expires", "1ms", "-o", "json"]);
    let token = bearer(made.json()["token"].as_str().unwrap());
    assert_eq!(here.serve().get("/v2/team/app/manifests/1", &token).status, 401);
    assert_eq!(here.run(&["robot", "ls", "-o", "json"]).json()["robots"][0]["isExpired"], true);
}

#[test]
fn a_registry_that_is_not_there_is_not_made_by_looking_at_it() {
    let here = DataDir::none();
    let looking: [&[&str]; 9] = [
        &["user", "ls"],
        &["user", "rm", "bob"],
        &["user", "passwd", "bob"],
        &["robot", "ls"],
        &["robot", "add", "ci-1", "--grant", "a:pull"],
        &["gc"],
        &["fsck"],
        &["fsck", "--rebuild"],
        &["backup", "--out", "backup.tar"],
    ];
    for arguments in looking {
        let refused = here.run(arguments);
        assert_eq!(refused.code, 3, "{arguments:?}: {}", refused.stderr);
        assert!(refused.stderr.starts_with("error: there is no registry in this directory\n  --> data\n"));
    }
    assert!(!here.path("data").exists() && !here.path("backup.tar").exists());
}

#[test]
fn a_directory_that_cannot_be_looked_into_may_hold_a_registry() {
    let here = DataDir::none();
    fs::write(here.path("data"), "a file").unwrap();
    for arguments in [&["user", "ls"][..], &["gc"], &["fsck"]] {
        let refused = here.run(arguments);
        assert_eq!(refused.code, 3, "{arguments:?}: {}", refused.stderr);
        let expected = "error: cannot look into the server's directory\n  --> data/catalogue.sqlite\n";
        assert!(refused.stderr.starts_with(expected), "{}", refused.stderr);
    }
}

#[test]
fn root_leaves_no_files_in_the_directory_of_another_user() {
    let here = DataDir::none();
    fs::create_dir(here.path("data")).unwrap();
    // Only root can give a directory away, and only root is refused.
    if chown(here.path("data"), Some(4711), Some(4712)).is_err() {
        return;
    }
    let refused = here.run(&["user", "add", "admin", "--admin"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
    let help = "env -u HOME setpriv --reuid 4711 --regid 4712 --clear-groups plimsoll";
    assert!(refused.stderr.contains(help), "{}", refused.stderr);
    assert_eq!(fs::read_dir(here.path("data")).unwrap().count(), 0);
}
