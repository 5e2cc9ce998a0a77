//! A naive Dockerfile, and what becomes of its image when the proposed stage is taken.

use std::fs;
use std::path::Path;

use plimsoll_testkit::{Peer, find_peer};
use serde_json::Value;

use super::bootstrap::{Bootstrap, own_suite};
use super::bounded::{bounded_by, run};
use crate::PLIMSOLL;

/// Bytes of the two-stage image, as stored with gzip.
const STORED_BYTES_MAX: u64 = 43_000_000;

/// Bytes of the image that holds only what the program needs.
const CLOSURE_BYTES_MAX: u64 = 1_100_000;

/// How long one build may take: it installs a compiler with all that is recommended.
const BUILD_SECONDS_MAX: u32 = 600;

const DOCKERFILE: &str = "\
FROM localhost/debian:base
RUN apt-get update
RUN apt-get install -y gcc libc6-dev
COPY hello.c /src/hello.c
RUN gcc -O2 -o /usr/local/bin/hello /src/hello.c
CMD [\"/usr/local/bin/hello\"]
";

const PROGRAM: &str = "#include <stdio.h>\nint main(void) { puts(\"afloat\"); return 0; }\n";

/// Where images are built.
struct Yard<'p> {
    buildah: &'p Peer,
    home: &'p Path,
}

impl Yard<'_> {
    fn run(&self, arguments: &[&str]) -> String {
        let mut command = bounded_by(BUILD_SECONDS_MAX, self.buildah, self.home);
        command.args(["--storage-driver", "overlay", "--root"]).arg(self.home.join("store"));
        run(command.arg("--runroot").arg(self.home.join("run")).args(arguments))
    }

    fn make_base(&self, system: &str) {
        let container = self.run(&["from", "scratch"]);
        self.run(&["add", "--quiet", &container, system, "/"]);
        self.run(&["commit", "--quiet", "--rm", &container, "localhost/debian:base"]);
    }

    /// Builds what the Dockerfile says, and returns the bytes of its layers with gzip.
    fn build(&self, name: &str) -> u64 {
        self.run(&["build", "--quiet", "--layers", "--isolation", "chroot", "--tag", name, "."]);
        self.run(&["push", "--quiet", "--compression-format", "gzip", name, &format!("oci:{name}:1")]);
        stored_bytes(&self.home.join(name))
    }

    fn output(&self, name: &str, program: &str) -> String {
        let container = self.run(&["from", "--pull-never", name]);
        self.run(&["run", "--isolation", "chroot", &container, "--", program])
    }
}

#[test]
fn the_proposed_stages_build_and_run_and_are_a_sixth_and_a_hundredth_of_the_naive_image() {
    let (Some(buildah), Some(git)) = (find_peer("buildah"), find_peer("git")) else { return };
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    let bootstrap = Bootstrap { suite: &own_suite(), packages: &["apt"], options: &[] };
    let Some(system) = bootstrap.make(home) else { return };
    let yard = Yard { buildah: &buildah, home };
    yard.make_base(system.to_str().unwrap());
    let ground = home.join("Dockerfile");
    fs::write(&ground, DOCKERFILE).unwrap();
    fs::write(home.join("hello.c"), PROGRAM).unwrap();
    fs::write(home.join(".dockerignore"), "*\n!hello.c\n!plimsoll.slim\n").unwrap();
    let naive = yard.build("naive");

    let numbers = savings(home, "compiling-where-it-ships");
    assert_eq!(numbers["basis"], "estimated");
    let patch = lint(home, &["--diff"]);
    fs::write(home.join("patch"), &patch).unwrap();
    run(bounded_by(60, &git, home).args(["apply", "patch"]));
    let staged = yard.build("staged");
    println!("naive {naive} bytes, staged {staged} bytes, estimated to save {}", numbers["storedBytes"]);
    let off = numbers["storedBytes"].as_u64().unwrap().abs_diff(naive - staged);
    assert!(off < (naive - staged) / 50, "the estimate is off by {off} bytes");
    assert!(numbers["packages"].as_u64().unwrap() > 50, "{numbers}");
    assert_eq!(yard.output("staged", "/usr/local/bin/hello"), "afloat");
    assert!(staged <= STORED_BYTES_MAX, "{staged} bytes, {naive} before");
    assert!(staged * 5 < naive, "{staged} bytes, {naive} before");

    let left: Value = serde_json::from_str(&lint(home, &["-o", "json"])).unwrap();
    let rules: Vec<&str> = left["files"][0]["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| found["rule"].as_str().unwrap())
        .collect();
    assert!(rules.iter().all(|rule| *rule == "undigested-base"), "{rules:?}");

    slim(home, &["oci:staged:1", "--test", "true", "--file", "Dockerfile", "--out", "slim"]);
    run(bounded_by(60, &git, home).args(["apply", "slim/Dockerfile.slim.patch"]));
    let closure = yard.build("closure");
    let assembled = stored_bytes(&home.join("slim/image"));
    println!("closure {closure} bytes as patched, {assembled} bytes as written");
    assert_eq!(yard.output("closure", "/usr/local/bin/hello"), "afloat");
    assert!(
        closure <= CLOSURE_BYTES_MAX && assembled <= CLOSURE_BYTES_MAX,
        "{closure} and {assembled} bytes"
    );
}

#[expect(clippy::disallowed_methods, reason = "the tests run the built program")]
fn slim(home: &Path, arguments: &[&str]) {
    let mut command = std::process::Command::new(PLIMSOLL);
    let output = command.arg("slim").args(arguments).current_dir(home).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What the program prints; findings are no failure here.
#[expect(clippy::disallowed_methods, reason = "the tests run the built program")]
fn lint(home: &Path, arguments: &[&str]) -> String {
    let mut command = std::process::Command::new(PLIMSOLL);
    let output = command.arg("lint").args(arguments).arg("Dockerfile").current_dir(home).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// What a finding is said to cost in the naive image.
fn savings(home: &Path, rule: &str) -> Value {
    let report: Value = serde_json::from_str(&lint(home, &["--image", "oci:naive:1", "-o", "json"])).unwrap();
    let findings = report["files"][0]["findings"].as_array().unwrap();
    let found = findings.iter().find(|found| found["rule"] == rule).unwrap();
    found["savings"].clone()
}

fn stored_bytes(layout: &Path) -> u64 {
    let read = |path: &Path| -> Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
    let index = read(&layout.join("index.json"));
    let digest = index["manifests"][0]["digest"].as_str().unwrap().replace(':', "/");
    let manifest = read(&layout.join("blobs").join(digest));
    manifest["layers"].as_array().unwrap().iter().map(|layer| layer["size"].as_u64().unwrap()).sum()
}
