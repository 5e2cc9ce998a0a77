use crate::run;

#[test]
fn the_first_screen_shows_examples_then_few_commands() {
    let help = run(&["--help"]);
    assert_eq!((help.code, help.stderr.as_str()), (0, ""));
    let expected = "\
Container images, from the Dockerfile to the running pod

Usage: plimsoll [OPTIONS] <COMMAND>

Examples:
  plimsoll inspect debian:12             layers, sizes and waste
";
    assert!(help.stdout.starts_with(expected), "{}", help.stdout);
    assert!(help.stdout.contains("\nImages:\n  inspect       Explain what an image is made of\n"));
    assert!(help.stdout.trim_end().ends_with("3 could not evaluate"));
    assert!(help.stdout.lines().all(|line| line.chars().count() <= 80), "{}", help.stdout);
}

#[test]
fn every_command_explains_itself_within_80_columns() {
    for command in [
        &["inspect"][..],
        &["layers"],
        &["surface"],
        &["budget"],
        &["base"],
        &["lint"],
        &["build"],
        &["scan"],
        &["where"],
        &["events"],
        &["db"],
        &["db", "update"],
        &["db", "import"],
        &["db", "build"],
        &["db", "status"],
        &["db", "verify"],
        &["db", "push"],
        &["verify"],
        &["sign"],
        &["attest"],
        &["attest", "provenance"],
        &["approve"],
        &["reject"],
        &["revoke"],
        &["evidence", "ls"],
        &["evidence", "get"],
        &["evidence", "reindex"],
        &["trace"],
        &["audit", "export"],
        &["observe"],
        &["evidence", "prove"],
        &["key", "generate"],
        &["key", "import"],
        &["key", "export"],
        &["key", "show"],
        &["cp"],
        &["pull"],
        &["push"],
        &["ls"],
        &["tags"],
        &["login"],
        &["logout"],
        &["user", "add"],
        &["robot", "add"],
        &["import"],
        &["gc"],
        &["fsck"],
        &["backup"],
        &["restore"],
        &["log"],
        &["log", "verify"],
        &["log", "proof"],
        &["trust", "export"],
        &["config"],
        &["config", "show"],
        &["completions"],
        &["man"],
        &["version"],
    ] {
        let help = run(&[command, &["--help"]].concat());
        assert_eq!(help.code, 0, "{command:?}");
        assert!(help.stdout.contains("Usage: plimsoll "), "{}", help.stdout);
        assert!(help.stdout.lines().all(|line| line.chars().count() <= 80), "{}", help.stdout);
    }
}

#[test]
fn no_command_is_wrong_usage_and_shows_the_way() {
    let bare = run(&[]);
    assert_eq!((bare.code, bare.stdout.as_str()), (2, ""));
    assert!(bare.stderr.contains("Examples:"));
    assert_eq!(bare.last_line(), "plimsoll: wrong usage (exit code 2): no command was given");
}

#[test]
fn colour_comes_when_it_is_asked_for_only() {
    assert!(!run(&["--help"]).stdout.contains('\u{1b}'));
    assert!(run(&["--color", "always", "--help"]).stdout.contains('\u{1b}'));
    assert!(!run(&["--color=never", "nonsense"]).stderr.contains('\u{1b}'));
    assert!(run(&["--color=always", "nonsense"]).stderr.contains('\u{1b}'));
}

#[test]
fn completions_and_manual_pages_are_made_from_the_grammar() {
    let script = run(&["completions", "bash"]);
    assert_eq!(script.code, 0);
    assert!(script.stdout.contains("inspect"));
    let directory = tempfile::tempdir().unwrap();
    let pages = run(&["man", &directory.path().display().to_string()]);
    assert_eq!(pages.code, 0, "{}", pages.stderr);
    let page = std::fs::read_to_string(directory.path().join("plimsoll-config-show.1")).unwrap();
    assert!(page.contains("\\-\\-origin"), "{page}");
}

#[test]
fn the_version_has_every_form() {
    let json = run(&["version", "-o", "json"]).json();
    assert_eq!((&json["apiVersion"], &json["kind"]), (&"plimsoll/v1".into(), &"Version".into()));
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
    assert!(run(&["version", "-o", "yaml"]).stdout.starts_with("apiVersion: plimsoll/v1\nkind: Version\n"));
    assert!(run(&["version"]).stdout.starts_with("plimsoll 0"));
}
