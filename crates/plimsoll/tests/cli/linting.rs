//! `plimsoll lint`: frames, other formats, changes and exit codes.

use std::path::Path;

use plimsoll_testkit::find_peer;
use tempfile::TempDir;

use crate::image_layout::{self, Layer};
use crate::{Outcome, run_in};

const NAIVE: &str =
    "FROM node:24\nCOPY . .\nRUN npm ci\nRUN pip install ü flask\nENTRYPOINT node server.js\n";

/// A directory with a Dockerfile and a file of its context.
fn ground(dockerfile: &str) -> TempDir {
    let ground = tempfile::tempdir().unwrap();
    std::fs::write(ground.path().join("Dockerfile"), dockerfile).unwrap();
    std::fs::write(ground.path().join("server.js"), "0").unwrap();
    ground
}

fn lint(ground: &Path, arguments: &[&str]) -> Outcome {
    run_in(ground, &[], &[&["lint"][..], arguments].concat())
}

#[test]
fn a_finding_is_a_frame_with_what_to_do() {
    let ground = ground(NAIVE);
    let outcome = lint(ground.path(), &[]);
    let frame = "\
warning[kept-package-cache]: what `pip` downloads stays in the image, in `/root/.cache/pip`
 --> Dockerfile:4:5
  |
4 | RUN pip install ü flask
  |     ^^^^^^^^^^^^^^^^^^^
  = help: add `--no-cache-dir`
  = fix: `--fix` can add `--no-cache-dir`
";
    assert!(outcome.stdout.contains(frame), "{}", outcome.stdout);
    assert!(outcome.stdout.ends_with("Dockerfile: 5 warnings, 1 note\n"), "{}", outcome.stdout);
    assert_eq!((outcome.code, outcome.last_line()), (1, "plimsoll: gate failed (exit code 1): 5 findings"));
}

#[test]
fn the_severity_to_fail_on_decides_the_exit_code() {
    let ground = ground(NAIVE);
    assert_eq!(lint(ground.path(), &["--fail-on", "error"]).code, 0);
    assert_eq!(lint(ground.path(), &["--fail-on", "never"]).code, 2);
    assert_eq!(lint(ground.path(), &["absent"]).code, 3);
    assert_eq!(lint(ground.path(), &["--target", "absent"]).code, 2);
    assert_eq!(lint(ground.path(), &["--with", "absent"]).code, 2);
    std::fs::write(ground.path().join("Dockerfile"), "FORM x\n").unwrap();
    assert_eq!(lint(ground.path(), &["--fail-on", "error"]).code, 1);
}

#[test]
fn programs_read_places_and_changes() {
    let ground = ground(NAIVE);
    let json = lint(ground.path(), &["-o", "json"]).json();
    assert_eq!((&json["apiVersion"], &json["kind"]), (&"plimsoll/v1".into(), &"LintReport".into()));
    let findings = json["files"][0]["findings"].as_array().unwrap();
    let pip = findings.iter().find(|finding| finding["rule"] == "kept-package-cache").unwrap();
    assert_eq!((pip["start"]["line"].as_u64(), pip["start"]["column"].as_u64()), (Some(4), Some(5)));
    assert_eq!(pip["fix"]["edits"][0]["replacement"], " --no-cache-dir");
    let junit = lint(ground.path(), &["-o", "junit"]).stdout;
    assert!(junit.contains("<testsuite name=\"Dockerfile\" tests=\"6\" failures=\"5\">"), "{junit}");
}

/// The schema is OASIS's own, as the package `sarif-om` carries it; Python's `jsonschema` reads it.
#[test]
fn sarif_has_columns_and_changes_and_is_valid_by_its_schema() {
    let Some(python) = find_peer("sbom-oracles/bin/python") else { return };
    let ground = ground(NAIVE);
    let outcome = lint(ground.path(), &["-o", "sarif"]);
    let results = outcome.json()["runs"][0]["results"].clone();
    let pip =
        results.as_array().unwrap().iter().find(|result| result["ruleId"] == "kept-package-cache").unwrap();
    let region = &pip["locations"][0]["physicalLocation"]["region"];
    assert_eq!((region["startColumn"].as_u64(), region["endColumn"].as_u64()), (Some(5), Some(24)));
    let change = &pip["fixes"][0]["artifactChanges"][0]["replacements"][0];
    assert_eq!(change["insertedContent"]["text"], " --no-cache-dir");
    let file = ground.path().join("log.sarif");
    std::fs::write(&file, &outcome.stdout).unwrap();
    let schema = python.path().parent().unwrap().with_file_name("sarif-2.1.0.json");
    let checked = python.command().args(["-c", VALIDATE]).args([&schema, &file]).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

const VALIDATE: &str = "
import json, sys, jsonschema
schema, log = (json.load(open(path)) for path in sys.argv[1:])
errors = list(jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker()).iter_errors(log))
sys.exit('\\n'.join(f'{list(error.absolute_path)}: {error.message[:300]}' for error in errors) or 0)
";

#[test]
fn safe_changes_are_made_once_and_the_rest_is_a_patch() {
    let ground = ground(NAIVE);
    let fixed = lint(ground.path(), &["--fix"]);
    assert!(fixed.stderr.contains("1 change was made in `Dockerfile`"), "{}", fixed.stderr);
    let text = std::fs::read_to_string(ground.path().join("Dockerfile")).unwrap();
    assert_eq!(text, NAIVE.replace("pip install", "pip install --no-cache-dir"));
    lint(ground.path(), &["--fix"]);
    assert_eq!(std::fs::read_to_string(ground.path().join("Dockerfile")).unwrap(), text);
    let diff = lint(ground.path(), &["--diff"]);
    assert_eq!(diff.code, 0);
    assert!(
        diff.stdout.contains("-ENTRYPOINT node server.js\n+ENTRYPOINT [\"node\", \"server.js\"]\n"),
        "{}",
        diff.stdout
    );
    assert_eq!(std::fs::read_to_string(ground.path().join("Dockerfile")).unwrap(), text);
}

#[test]
fn the_context_is_measured_as_the_ignore_file_leaves_it() {
    let ground = ground("FROM node:24-slim\nCOPY . .\nUSER 1\n");
    std::fs::create_dir(ground.path().join("node_modules")).unwrap();
    std::fs::write(ground.path().join("node_modules/a.js"), "12345").unwrap();
    let told = lint(ground.path(), &[]).stdout;
    assert!(
        told.contains("warning[large-context]: 0.0 MB in 3 files are sent to the build, measured:"),
        "{told}"
    );
    std::fs::write(ground.path().join(".dockerignore"), "node_modules\n").unwrap();
    assert!(!lint(ground.path(), &[]).stdout.contains("large-context"));
}

#[test]
fn rules_are_listed_and_explained() {
    let nowhere = tempfile::tempdir().unwrap();
    let rules = lint(nowhere.path(), &["--rules"]).stdout;
    assert!(rules.contains("root-user") && rules.contains("unpinned-packages          off"), "{rules}");
    let page = lint(nowhere.path(), &["--explain", "root-user"]).stdout;
    assert!(page.starts_with("root-user (warning)\n\nThe image runs as root.\n"), "{page}");
    assert_eq!(lint(nowhere.path(), &["--explain", "absent"]).code, 2);
}

#[test]
fn the_other_profile_answers_by_buildkits_names() {
    let ground = ground("from a\nRUN x\nRUN y\n");
    let json = lint(ground.path(), &["--profile", "buildkit", "-o", "json"]).json();
    assert_eq!(json["files"][0]["findings"][0]["rule"], "ConsistentInstructionCasing");
}

/// An image as it was built from [`COMPILED`].
const COMPILED_LAYERS: &[Layer<'_>] = &[
    Layer { instruction: "ADD base.tar /", files: &[("usr/bin/sh", &[0; 900])] },
    Layer {
        instruction: "RUN /bin/sh -c apt-get update && apt-get install -y gcc # buildkit",
        files: &[("usr/bin/gcc-12", &[1; 70_000]), ("var/lib/apt/lists/Packages", &[2; 30_000])],
    },
    Layer { instruction: "COPY a.c /src/ # buildkit", files: &[("src/a.c", &[3; 60])] },
    Layer {
        instruction: "RUN /bin/sh -c gcc -o /usr/local/bin/a /src/a.c # buildkit",
        files: &[("usr/local/bin/a", &[4; 900])],
    },
];

const COMPILED: &str = "FROM debian:12\nRUN apt-get update && apt-get install -y gcc\nCOPY a.c /src/\n\
    RUN gcc -o /usr/local/bin/a /src/a.c\nENTRYPOINT [\"/usr/local/bin/a\"]\n";

#[test]
fn findings_carry_what_they_cost_in_an_image() {
    let ground = ground(COMPILED);
    image_layout::write(&ground.path().join("built"), COMPILED_LAYERS, |_| {});
    let arguments = ["-q", "--image", "oci:built:1", "--bandwidth", "10kB/s"];
    let shown = lint(ground.path(), &arguments).stdout;
    let lists = "= saves: 30.0 kB, 30.0 kB of a pull (3.0 s) (estimated from the image's layers)\n";
    assert!(shown.contains(lists), "{shown}");
    let staged = "= saves: 100 kB, 106 kB of a pull (10.7 s) (estimated from the image's layers)\n";
    assert!(shown.contains(staged), "{shown}");
    let json = lint(ground.path(), &[&arguments[..], &["-o", "json"]].concat()).json();
    let findings = json["files"][0]["findings"].as_array().unwrap();
    let lists = findings.iter().find(|found| found["rule"] == "kept-package-lists").unwrap();
    assert_eq!(
        (&lists["savings"]["bytes"], &lists["savings"]["basis"]),
        (&30_000.into(), &"estimated".into())
    );
}

#[test]
fn the_patch_parts_the_stage_that_compiles() {
    let ground = ground(COMPILED);
    let patch = lint(ground.path(), &["--patch", "Dockerfile"]).stdout;
    assert!(
        patch.contains("\n+FROM debian:12\n+COPY --from=build /usr/local/bin/a /usr/local/bin/a\n"),
        "{patch}"
    );
}
