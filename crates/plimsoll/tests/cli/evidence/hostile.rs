//! Evidence that is real, and does not count: of a key that nobody trusts, past its time, and of something else.

use std::fs;

use serde_json::Value;

use super::approving::{approve, office};
use super::crafted::Crafted;
use super::{done, plimsoll, verified, workshop};
use crate::Outcome;
use crate::signed_image::SignedImage;

/// A real bundle of a workflow on GitHub, and the root of Sigstore's public instance.
const PUBLIC_BUNDLE: &str = include_str!("../../../../plimsoll-attest/tests/sigstore/data/dsse-entry.json");
const PUBLIC_ROOT: &str = include_str!("../../../../plimsoll-attest/tests/sigstore/data/root-public.json");
const WORKFLOW: &str =
    "https://github.com/prefix-dev/sigstore-example/.github/workflows/action.yaml@refs/heads/main";
const GITHUB: &str = "https://token.actions.githubusercontent.com";

/// Why the one thing that is attached does not count.
fn reason(report: &Value) -> &str {
    report["refused"][0]["reason"].as_str().unwrap_or_else(|| panic!("{report}"))
}

#[test]
fn a_key_that_nobody_trusts_signs_for_nobody() {
    let directory = workshop();
    let home = directory.path();
    SignedImage::new(51, 1, 100).write(&home.join("image"));
    done(home, &["key", "generate", "--name", "mallory"]);
    done(home, &["sign", "oci:image:1", "--key", "mallory.key"]);
    let (code, report) = verified(home, "oci:image:1", &[]);
    assert_eq!(code, 1);
    assert!(reason(&report).starts_with("it is not signed by a trusted key, but by `"), "{report}");
    done(home, &["verify", "oci:image:1", "--key", "mallory.pub"]);
}

#[test]
fn an_approval_past_its_time_opens_no_gate() {
    let office = office();
    let (home, image) = (office.path(), "oci:image:1");
    approve(home, "ana", image, &["--expires", "2d"]);
    approve(home, "ben", image, &["--expires", "30d"]);
    done(home, &["verify", image, "--gate", "prod"]);
    let later = plimsoll(home, &["verify", image, "--gate", "prod", "--at", "2099-01-01T00:00:00Z"]);
    assert_eq!(later.code, 1);
    assert!(later.stdout.contains("0 of 2"), "{}", later.stdout);
    assert!(later.stdout.contains("it expired at 20"), "{}", later.stdout);
}

#[test]
fn a_public_signature_of_something_else_is_none_of_this_image() {
    let directory = workshop();
    let home = directory.path();
    let image = SignedImage::new(52, 1, 100);
    image.write(&home.join("image"));
    let subject = &image.image.manifest.descriptor;
    Crafted::around(subject, PUBLIC_BUNDLE).write(&home.join("image"));
    fs::write(home.join("root.json"), PUBLIC_ROOT).unwrap();
    fs::write(home.join("deep.json"), "[".repeat(10_000)).unwrap();
    let as_somebody = |identity: &str, root: &str| -> Outcome {
        let who = ["--identity", identity, "--issuer", GITHUB, "--trusted-root", root, "-o", "json"];
        plimsoll(home, &[&["verify", "oci:image:1"], &who[..]].concat())
    };
    let replayed = as_somebody(WORKFLOW, "root.json");
    assert_eq!(replayed.code, 1, "{}", replayed.stderr);
    let report = replayed.json();
    assert!(reason(&report).ends_with(&format!("and not about `{}`", subject.digest)), "{report}");
    let stranger = as_somebody("https://github.com/prefix-dev/sigstore-example", "root.json").json();
    assert!(reason(&stranger).starts_with(&format!("it is signed by `{WORKFLOW}`, whom")), "{stranger}");
    let unproven = verified(home, "oci:image:1", &[]).1;
    assert_eq!(reason(&unproven), "it is signed with a certificate, and no certificate authority is trusted");
    let deep = as_somebody(WORKFLOW, "deep.json");
    assert_eq!(deep.code, 2);
    assert!(deep.stderr.contains("the JSON is nested more than 96 levels deep"), "{}", deep.stderr);
}
