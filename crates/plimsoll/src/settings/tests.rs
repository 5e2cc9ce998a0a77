use clap::Parser;

use plimsoll_attest::CiKind;
use plimsoll_server::KeyPlace;

use super::*;
use crate::environment::Environment;
use crate::failure::Verdict;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    settings: SettingsArguments,
}

/// Reads settings from a file's text, an environment and a command line.
fn read<const N: usize>(
    file: &str,
    environment: [(&str, &str); N],
    line: &[&str],
) -> Result<Settings, Failure> {
    Settings::of(&layered(file, environment, line)?)
}

fn layered<const N: usize>(
    file: &str,
    environment: [(&str, &str); N],
    line: &[&str],
) -> Result<Layered, Failure> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.yaml");
    std::fs::write(&path, file).unwrap();
    let path = path.display().to_string();
    let line = [&["plimsoll", "--config", &path], line].concat();
    Layered::read(&Line::parse_from(line).settings, &Environment::from(environment))
}

fn line_of(failure: &Failure) -> &str {
    failure.place.as_deref().unwrap().rsplit_once(':').unwrap().1
}

#[test]
fn the_defaults_are_valid() {
    let settings = read("", [], &[]).unwrap();
    assert_eq!(settings.listen, ["127.0.0.1:5000".parse().unwrap()]);
    assert!(matches!(settings.database, Database::Embedded));
    assert!(matches!(settings.objects, Objects::Files));
    assert_eq!(settings.storage_reserve_bytes, 512 << 20);
}

#[test]
fn flags_win_over_the_environment_and_that_over_files() {
    let file = "gc:\n  grace: 1h\n  hold: 1h\n  interval: 1h\n";
    let environment = [("PLIMSOLL_GC_HOLD", "2h"), ("PLIMSOLL_GC_INTERVAL", "2h")];
    let found = layered(file, environment, &["--set", "gc.interval=3h"]).unwrap();
    let gc = Settings::of(&found).unwrap().gc;
    let hours = [gc.grace, gc.hold, gc.interval].map(|time| time.as_secs() / 3600);
    assert_eq!(hours, [1, 2, 3]);
    let origins = ["gc.hold", "gc.interval", "gc.grace", "listen"].map(|key| found.origin(key).to_string());
    assert_eq!(origins[..2], ["PLIMSOLL_GC_HOLD", "--set"]);
    assert!(origins[2].ends_with("config.yaml:2"), "{}", origins[2]);
    assert_eq!(origins[3], "default");
}

#[test]
fn lists_are_read_from_everywhere() {
    let file =
        "listen: ['[::1]:1', '127.0.0.1:2']\nimmutable_tags:\n- repositories: team/*\n  tags: v*\n- a:b\n";
    let settings = read(file, [], &[]).unwrap();
    assert_eq!(settings.listen.len(), 2);
    let rule = |repositories: &str, tags: &str| ImmutableTags {
        repositories: repositories.into(),
        tags: tags.into(),
    };
    assert_eq!(settings.immutable_tags, [rule("team/*", "v*"), rule("a", "b")]);
    let settings = read("", [("PLIMSOLL_IMMUTABLE_TAGS", "x:1, y:2")], &["--listen", "127.0.0.1:9"]).unwrap();
    assert_eq!(settings.immutable_tags, [rule("x", "1"), rule("y", "2")]);
    assert_eq!(settings.listen, ["127.0.0.1:9".parse().unwrap()]);
}

#[test]
fn an_object_storage_is_read_whole() {
    let file =
        "objects:\n  url: s3://bucket/some/prefix\n  access_key_id: 0123\n  secret_access_key: \"456\"\n";
    let Objects::S3(s3) = read(file, [], &[]).unwrap().objects else { panic!("not S3") };
    let key = s3.access_key.unwrap();
    assert_eq!((s3.bucket.as_str(), s3.prefix.as_str(), key.id.as_str()), ("bucket", "some/prefix", "0123"));
    assert_eq!(key.secret.expose(), "456");
}

#[test]
fn unknown_keys_are_refused_where_they_stand() {
    let failure = read("listen: 127.0.0.1:1\ngc:\n  grcae: 1h\n", [], &[]).unwrap_err();
    assert_eq!(failure.what, "there is no setting `gc.grcae`");
    assert_eq!(failure.help.as_deref(), Some("did you mean `gc.grace`?"));
    assert_eq!((line_of(&failure), failure.verdict), ("3", Verdict::Usage));
    let failure = read("", [], &["--set", "data-dir=/x"]).unwrap_err();
    assert_eq!(failure.help.as_deref(), Some("did you mean `data_dir`?"));
}

#[test]
fn wrong_values_are_refused_where_they_stand() {
    let failure = read("\ngc:\n\n  grace: 5\n", [], &[]).unwrap_err();
    assert!(failure.what.starts_with("`gc.grace` is `5`, and should be a time"), "{}", failure.what);
    assert_eq!(line_of(&failure), "4");
    let failure = read("", [("PLIMSOLL_OBJECTS_REDIRECT", "yes")], &[]).unwrap_err();
    assert_eq!(failure.place.as_deref(), Some("PLIMSOLL_OBJECTS_REDIRECT"));
}

#[test]
fn files_that_say_things_twice_or_in_riddles_are_refused() {
    for (file, line) in [
        ("listen: a\nlisten: b\n", "2"),
        ("gc.grace: 1h\ngc: {grace: 2h}\n", "2"),
        ("listen: &a 127.0.0.1:1\nmetrics: {listen: *a}\n", "2"),
        ("- listen\n", "1"),
        ("listen: [[[[[[a]]]]]]\n", "1"),
        ("a: 1\n---\nb: 2\n", "2"),
        ("listen: 'open\n", "1"),
        ("gc: 5\n", "1"),
    ] {
        let failure = read(file, [], &[]).unwrap_err();
        assert_eq!(line_of(&failure), line, "{file}: {failure:?}");
    }
}

#[test]
fn half_a_pair_is_refused() {
    let failure = read("tls: {cert: /x}\n", [], &[]).unwrap_err();
    assert_eq!(failure.what, "`tls.cert` is set, and `tls.key` is not");
    assert_eq!(failure.help.as_deref(), Some("set both, for example with PLIMSOLL_TLS_KEY"));
}

#[test]
fn secrets_are_shown_nowhere() {
    let secrets = [
        ("PLIMSOLL_DATABASE_URL", "postgres://u:hunter2,hunter2@h/d"),
        ("PLIMSOLL_OBJECTS_URL", "s3://b"),
        ("PLIMSOLL_OBJECTS_ACCESS_KEY_ID", "id"),
        ("PLIMSOLL_OBJECTS_SECRET_ACCESS_KEY", "hunter2"),
    ];
    let found = layered("", secrets, &[]).unwrap();
    let shown: Vec<String> = found.shown().flat_map(|(_, values, _)| values).collect();
    assert!(shown.contains(&"postgres://u:***@h/d".to_owned()), "{shown:?}");
    let everything = format!("{shown:?}{:?}", Settings::of(&found).unwrap());
    assert!(!everything.contains("hunter2"), "{everything}");
    let wrong = read("", [("PLIMSOLL_DATABASE_URL", "mysql://u:hunter2@h")], &[]).unwrap_err();
    assert!(!format!("{wrong:?}").contains("hunter2"), "{wrong:?}");
}

#[test]
fn a_misspelt_variable_is_noticed_and_those_of_kubernetes_are_not() {
    let environment = Environment::from([
        ("PLIMSOLL_LISTN", "x"),
        ("PLIMSOLL_PORT", "tcp://10.0.0.1:5000"),
        ("PLIMSOLL_SERVICE_HOST", "10.0.0.1"),
    ]);
    let suspicious = layered::suspicious_variables(&environment);
    assert_eq!(suspicious, [("PLIMSOLL_LISTN".to_owned(), "PLIMSOLL_LISTEN".to_owned())]);
}

proptest::proptest! {
    #[test]
    fn any_file_is_read_or_refused_without_panic(text in "[ \\-a-c:{}\\[\\]'\"&*|>#\n.]{0,60}") {
        let _ = file::parse(std::path::Path::new("x"), &text);
    }
}

#[test]
fn issuers_of_tokens_are_maps_in_files_and_one_text_elsewhere() {
    let file = "ci:\n  issuers:\n    - {kind: github, issuer: 'https://a.example', audience: plimsoll, jwks: keys.json}\n";
    let settings = read(file, [], &[]).unwrap();
    let expected = TokenIssuer {
        issuer: "https://a.example".to_owned(),
        audience: "plimsoll".to_owned(),
        keys: KeyPlace::File("keys.json".into()),
        kind: CiKind::Github,
        builder: None,
    };
    assert_eq!(settings.token_issuers, [expected]);
    let text = "issuer=https://a;audience=b;jwks=https://a/keys?x=1;kind=generic;builder=https://b";
    let settings = read("", [("PLIMSOLL_CI_ISSUERS", text)], &[]).unwrap();
    assert_eq!(settings.token_issuers[0].keys, KeyPlace::Url("https://a/keys?x=1".to_owned()));
    for wrong in [
        "issuer=https://a;audience=b;jwks=k",
        &format!("{text};more=1"),
        "https://a",
        &text.replace("generic", "x"),
    ] {
        assert!(read("", [("PLIMSOLL_CI_ISSUERS", wrong)], &[]).is_err(), "{wrong}");
    }
    let wrong = read("ci:\n  issuers:\n    - {issuer: [a]}\n", [], &[]).unwrap_err();
    assert!(wrong.what.contains("a list item is a map of `issuer`"), "{}", wrong.what);
}
