use std::fs;

use crate::{run, run_in};

fn setting<'a>(settings: &'a serde_json::Value, key: &str) -> &'a serde_json::Value {
    let all = settings["settings"].as_array().unwrap();
    all.iter().find(|setting| setting["key"] == key).unwrap()
}

#[test]
fn every_source_is_read_and_named() {
    let directory = tempfile::tempdir().unwrap();
    let user = directory.path().join("home/plimsoll");
    fs::create_dir_all(&user).unwrap();
    fs::write(user.join("config.yaml"), "gc: {grace: 1h, hold: 1h}\n").unwrap();
    fs::write(directory.path().join("plimsoll.yaml"), "gc:\n  hold: 2h\n").unwrap();
    let home = directory.path().join("home").display().to_string();
    let variables =
        [("XDG_CONFIG_HOME", home.as_str()), ("PLIMSOLL_DATABASE_URL", "postgres://u:hunter2@h/d")];
    let arguments = ["config", "show", "--origin", "--listen", "127.0.0.1:1", "-o", "json"];
    let shown = run_in(directory.path(), &variables, &arguments);
    assert_eq!((shown.code, shown.stderr.as_str()), (0, ""));
    assert!(!shown.stdout.contains("hunter2"));
    let json = shown.json();
    let of = |key| (setting(&json, key)["values"][0].clone(), setting(&json, key)["origin"].clone());
    assert_eq!(of("gc.grace").0, "1h");
    assert!(of("gc.grace").1.as_str().unwrap().ends_with("home/plimsoll/config.yaml:1"));
    assert_eq!(of("gc.hold"), ("2h".into(), "plimsoll.yaml:2".into()));
    assert_eq!(of("database.url"), ("postgres://u:***@h/d".into(), "PLIMSOLL_DATABASE_URL".into()));
    assert_eq!(of("listen"), ("127.0.0.1:1".into(), "--listen".into()));
    assert_eq!(of("auth.token_ttl"), ("5m".into(), "default".into()));
}

#[test]
fn a_table_of_settings_fits_80_columns() {
    let directory = tempfile::tempdir().unwrap();
    let table = run_in(directory.path(), &[("COLUMNS", "80")], &["config", "show"]);
    assert_eq!(table.code, 0);
    assert!(table.stdout.lines().all(|line| line.chars().count() <= 80), "{}", table.stdout);
}

#[test]
fn a_url_without_a_password_is_shown_as_it_is() {
    let url = "postgres://plimsoll@db.example.org/plimsoll?sslmode=require";
    let assigned = format!("database.url={url}");
    let shown = run(&["config", "show", "--set", &assigned, "-o", "json"]);
    assert_eq!(setting(&shown.json(), "database.url")["values"][0], url, "{}", shown.stderr);
}

#[test]
fn an_unknown_key_is_refused_with_its_line() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("my.yaml"), "auth:\n  anonymus_pull: true\n").unwrap();
    let refused = run_in(directory.path(), &[], &["config", "show", "--config", "my.yaml"]);
    let expected = "\
error: there is no setting `auth.anonymus_pull`
  --> my.yaml:2
  help: did you mean `auth.anonymous_pull`?
plimsoll: wrong usage (exit code 2): there is no setting `auth.anonymus_pull`
";
    assert_eq!((refused.code, refused.stderr.as_str()), (2, expected));
}

#[test]
fn a_named_file_must_be_there() {
    let refused = run(&["config", "show", "--config", "nowhere.yaml"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("  --> nowhere.yaml\n"), "{}", refused.stderr);
}

#[test]
fn a_misspelt_variable_is_warned_of() {
    let directory = tempfile::tempdir().unwrap();
    let shown = run_in(directory.path(), &[("PLIMSOLL_LISTN", "x")], &["config", "show"]);
    assert_eq!(shown.code, 0);
    assert_eq!(shown.stderr, "warning: `PLIMSOLL_LISTN` is no setting; did you mean `PLIMSOLL_LISTEN`?\n");
}
