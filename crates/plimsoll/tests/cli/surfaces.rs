use tempfile::TempDir;

use crate::image_layout::{self, Layer};
use crate::{Outcome, run_in};

const SMALL: &[Layer<'_>] =
    &[Layer { instruction: "COPY app /usr/bin/app", files: &[("usr/bin/app", b"a")] }];
const LARGE: &[Layer<'_>] = &[Layer {
    instruction: "RUN install",
    files: &[
        ("usr/bin/app", b"a"),
        ("usr/bin/bash", b"b"),
        ("usr/bin/curl", b"c"),
        ("usr/bin/apt-get", b"g"),
    ],
}];

fn ground() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    image_layout::write(&directory.path().join("small"), SMALL, |config| {
        config["config"]["User"] = "65532".into();
    });
    image_layout::write(&directory.path().join("large"), LARGE, |_| {});
    directory
}

fn surface(ground: &TempDir, arguments: &[&str]) -> Outcome {
    run_in(ground.path(), &[("COLUMNS", "80")], &[&["surface", "-q"], arguments].concat())
}

#[test]
fn each_kind_has_a_number_and_examples() {
    let ground = ground();
    let shown = surface(&ground, &["oci:large:1"]);
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    assert!(
        shown.stdout.contains("executables               4  /usr/bin/app /usr/bin/apt-get /usr/bin/bash …\n"),
        "{}",
        shown.stdout
    );
    assert!(shown.stdout.contains("shells                    1  /usr/bin/bash\n"), "{}", shown.stdout);
    assert!(shown.stdout.contains("root: nothing says who runs it"), "{}", shown.stdout);
    let json = surface(&ground, &["oci:large:1", "-o", "json"]).json();
    assert_eq!(json["kind"], "AttackSurface");
    let executables = &json["dimensions"][2];
    assert_eq!(
        (&executables["kind"], executables["items"].as_array().unwrap().len()),
        (&"executables".into(), 4)
    );
}

#[test]
fn against_another_image_it_tells_what_came() {
    let ground = ground();
    let shown = surface(&ground, &["oci:large:1", "--against", "oci:small:1"]);
    assert!(shown.stdout.contains("executables                1    4  +300 %\n"), "{}", shown.stdout);
    assert!(shown.stdout.contains("+ network tools: /usr/bin/curl\n"), "{}", shown.stdout);
    assert!(shown.stdout.contains("before: 65532\n"), "{}", shown.stdout);
    let back = surface(&ground, &["oci:small:1", "--against", "oci:large:1"]);
    assert!(back.stdout.contains("Nothing came that oci:large:1 does not have\n"), "{}", back.stdout);
    assert!(back.stdout.contains("-75 %"), "{}", back.stdout);
}

#[test]
fn without_advisories_it_says_that_findings_are_not_known() {
    let ground = ground();
    let shown = run_in(ground.path(), &[("HOME", "/nonexistent")], &["surface", "oci:small:1"]);
    assert!(shown.stderr.contains("nothing is known of findings"), "{}", shown.stderr);
    assert_eq!(shown.code, 0);
}
