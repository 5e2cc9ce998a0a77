use plimsoll_oci::Digest;

use super::*;
use crate::{PredicateType, Provenance, Statement};

const COMMIT: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

fn record() -> BuildRecord {
    let base = format!("debian:12@{}", Digest::sha256_of(b"base"));
    BuildRecord {
        source: Some(SourceRevision {
            uri: "git+https://example.org/app@refs/heads/main".to_owned(),
            commit: COMMIT.to_owned(),
        }),
        source_tree: Some(SourceTree { changed: 1, untracked: 0 }),
        people: Some(People {
            since: None,
            commits: 1,
            authors: ["ana@example.org".to_owned()].into(),
            committers: ["ben@example.org".to_owned()].into(),
        }),
        dockerfile: Some(Material { name: Some("Dockerfile".to_owned()), ..Material::default() }),
        bases: vec![Material::of_image("debian:12", base.parse().ok().as_ref())],
        finished_on: "2026-11-22T12:00:00Z".parse().ok(),
        ..BuildRecord::default()
    }
}

fn run() -> BuildRun {
    BuildRun {
        system: "gitlab".to_owned(),
        builder: Some("https://ci.example/build".to_owned()),
        invocation: Some("https://ci.example/7".to_owned()),
        repository: Some("https://example.org/app".to_owned()),
        commit: Some(COMMIT.to_owned()),
        git_ref: Some("refs/heads/main".to_owned()),
        actor: Actor::of(Some("cem".to_owned()), None),
        ..BuildRun::default()
    }
}

fn read(predicate: Box<RawValue>) -> Provenance {
    let statement = Statement::about(&Digest::sha256_of(b"image"), PredicateType::PROVENANCE, predicate);
    Provenance::of(&statement).unwrap()
}

#[test]
fn what_is_written_is_read_and_says_who_said_it() {
    let by_token = read(record().to_predicate(&run(), &Witness::Token("https://ci.example".to_owned()), "1"));
    assert_eq!(by_token.builder.as_deref(), Some("https://ci.example/build"));
    assert_eq!(by_token.source, record().source);
    assert_eq!(by_token.people.iter().collect::<Vec<_>>(), ["ana@example.org", "ben@example.org"]);
    assert_eq!(by_token.actor, run().actor);
    assert_eq!((by_token.is_dirty, by_token.finished_on), (Some(true), record().finished_on));
    let grades = [Aspect::Builder, Aspect::Source, Aspect::Trigger, Aspect::People];
    let of = |provenance: &Provenance| grades.map(|aspect| provenance.grade(aspect).as_str());
    assert_eq!(of(&by_token), ["signed", "signed", "signed", "claimed"]);
    let by_itself = read(record().to_predicate(&run(), &Witness::Environment, "1"));
    assert_eq!(of(&by_itself), ["claimed"; 4]);
}

#[test]
fn the_schema_of_slsa_is_kept() {
    let written = record().to_predicate(&BuildRun::default(), &Witness::Environment, "0.1.0");
    let base = Digest::sha256_of(b"base");
    let source =
        json!({ "uri": "git+https://example.org/app@refs/heads/main", "digest": { "gitCommit": COMMIT } });
    let expected = json!({
        "buildDefinition": {
            "buildType": "urn:plimsoll:build:container-image:v1",
            "externalParameters": { "source": source, "dockerfile": "Dockerfile" },
            "internalParameters": {
                "sourceTree": { "isDirty": true, "changed": 1, "untracked": 0 },
                "people": { "commits": 1, "authors": ["ana@example.org"], "committers": ["ben@example.org"] },
                "grades": {
                    "builder": "claimed", "invocation": "claimed", "source": "claimed", "trigger": "claimed",
                    "people": "claimed", "inputs": "claimed",
                },
            },
            "resolvedDependencies": [
                source,
                {
                    "name": "debian:12",
                    "uri": format!(
                        "pkg:oci/debian@sha256%3A{}?repository_url=docker.io/library/debian&tag=12",
                        base.encoded()
                    ),
                    "digest": { "sha256": base.encoded() },
                },
                { "name": "Dockerfile" },
            ],
        },
        "runDetails": {
            "builder": { "id": "urn:plimsoll:builder:unnamed", "version": { "plimsoll": "0.1.0" } },
            "metadata": { "finishedOn": "2026-11-22T12:00:00Z" },
            "byproducts": [],
        },
    });
    assert_eq!(serde_json::from_str::<Value>(written.get()).unwrap(), expected);
}

#[test]
fn a_build_cannot_contradict_its_token() {
    assert_eq!(record().check_against(&run()), Ok(()));
    let other_commit = BuildRun { commit: Some("0".repeat(40)), ..run() };
    assert!(matches!(record().check_against(&other_commit), Err(Contradiction::Commit { .. })));
    let other_repository = BuildRun { repository: Some("https://example.org/other".to_owned()), ..run() };
    assert!(matches!(record().check_against(&other_repository), Err(Contradiction::Repository { .. })));
    assert_eq!(record().check_against(&BuildRun::default()), Ok(()));
    // Without a commit of its own the build is what the token says.
    let silent = BuildRecord { source: None, ..record() };
    let proven = read(silent.to_predicate(&run(), &Witness::Token(String::new()), "1"));
    assert_eq!(proven.source, record().source);
}

#[test]
fn what_a_stranger_declares_has_limits() {
    assert_eq!(record().check(), Ok(()));
    let long = BuildRecord { target: Some("x".repeat(5_000)), ..record() };
    assert_eq!(long.check(), Err(RecordError::LongText(5_000)));
    let many = BuildRecord { bases: vec![Material::default(); 1_001], ..record() };
    assert!(matches!(many.check(), Err(RecordError::TooMany { .. })));
    let source = SourceRevision { uri: String::new(), commit: "main".to_owned() };
    assert_eq!(
        BuildRecord { source: Some(source), ..record() }.check(),
        Err(RecordError::Commit("main".to_owned()))
    );
}
