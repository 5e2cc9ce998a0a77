use std::fs;

use serde_json::Value;

use crate::image_layout::{self, Layer};
use crate::{Outcome, run_in};

const LAYERS: &[Layer<'_>] = &[
    Layer {
        instruction: "/bin/sh -c #(nop) ADD file:1 in / ",
        files: &[("etc/motd", b"welcome"), ("var/cache", &[0; 3000])],
    },
    Layer {
        instruction: "RUN /bin/sh -c rm /var/cache && echo hi > /etc/motd # buildkit",
        files: &[("var/.wh.cache", b""), ("etc/motd", b"hi")],
    },
];

fn inspect(change: impl FnOnce(&mut Value), more: &[&str]) -> Outcome {
    let directory = tempfile::tempdir().unwrap();
    image_layout::write(&directory.path().join("image"), LAYERS, change);
    run_in(directory.path(), &[("COLUMNS", "80")], &[&["inspect", "oci:image:1", "-q"], more].concat())
}

#[test]
fn the_table_tells_layers_waste_and_start_in_80_columns() {
    let shown = inspect(|_| {}, &[]);
    assert_eq!((shown.code, shown.stderr.as_str()), (0, ""));
    let expected = "
Layers
#   STORED  UNPACKED    ADDED  DELETED  REPLACED  INSTRUCTION
1  5.63 kB   5.63 kB  3.01 kB  3.00 kB       7 B  ADD file:1 in /
2  2.56 kB   2.56 kB      2 B        -         -  RUN rm /var/cache && echo hi …

Wasted
 WASTED  IN LAYER  BY LAYER      FILES
3.00 kB         1  2 (deletes)   /var/cache
    7 B         1  2 (replaces)  /etc/motd

Started as
user           root (none is set)
entrypoint     -
command        sh -c \"echo hello\"
environment    MODE=test\u{fffd}[2J
ports          80/tcp

8.19 kB in 2 layers; 2 B of files, 3.01 kB wasted (100 %)
";
    let (_, body) = shown.stdout.split_once("created        -\n").unwrap();
    assert_eq!(body, expected);
    assert!(shown.stdout.lines().all(|line| line.chars().count() <= 80), "{}", shown.stdout);
}

#[test]
fn programs_get_bytes_and_full_digests() {
    let json = inspect(|_| {}, &["-o", "json"]).json();
    assert_eq!(json["kind"], "ImageAnatomy");
    assert_eq!(json["totals"]["contents"]["wastedBytes"], 3007);
    assert_eq!(json["layers"][1]["instruction"], "RUN rm /var/cache && echo hi > /etc/motd");
    assert_eq!(json["digest"].as_str().unwrap().len(), "sha256:".len() + 64);
    let yaml = inspect(|_| {}, &["-o", "yaml"]);
    assert!(yaml.stdout.contains("    wastedBytes: 3007\n"), "{}", yaml.stdout);
    let wide = inspect(|_| {}, &["-o", "wide"]);
    assert!(wide.stdout.contains(json["layers"][0]["chainId"].as_str().unwrap()), "{}", wide.stdout);
}

#[test]
fn an_image_that_no_runtime_unpacks_is_shown_and_is_no_pass() {
    let foreign_diff_id = |config: &mut Value| {
        config["rootfs"]["diff_ids"][0] = config["rootfs"]["diff_ids"][1].clone();
    };
    let shown = inspect(foreign_diff_id, &[]);
    assert_eq!(shown.code, 1);
    assert!(
        shown.stdout.contains("\nWhat does not fit together\n! layer 1 unpacks to sha256:"),
        "{}",
        shown.stdout
    );
    assert!(shown.last_line().starts_with("plimsoll: gate failed (exit code 1): the image is broken: "));
}

#[test]
fn bytes_that_do_not_hash_are_not_evaluated() {
    let directory = tempfile::tempdir().unwrap();
    let image = directory.path().join("image");
    image_layout::write(&image, LAYERS, |_| {});
    for blob in fs::read_dir(image.join("blobs/sha256")).unwrap() {
        let path = blob.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        if bytes.len() % 512 == 0 {
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
            fs::write(&path, bytes).unwrap();
        }
    }
    let shown = run_in(directory.path(), &[], &["inspect", "oci:image:1"]);
    assert_eq!((shown.code, shown.stdout.as_str()), (3, ""));
    assert!(shown.stderr.contains("hash to `sha256:"), "{}", shown.stderr);
}

#[test]
fn without_layers_the_manifest_alone_is_read() {
    let shown = inspect(|_| {}, &["--no-layers"]);
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    assert!(shown.stdout.trim_end().ends_with("not every layer was read"));
    assert!(!shown.stdout.contains("What does not fit together"), "{}", shown.stdout);
    let json = inspect(|_| {}, &["--no-layers", "-o", "json"]).json();
    assert_eq!(json["findings"], serde_json::json!([]));
}

#[test]
fn in_a_pipe_nothing_is_cut() {
    let directory = tempfile::tempdir().unwrap();
    let instruction = format!("RUN {}", "a-long-command ".repeat(20));
    let layers = [Layer { instruction: &instruction, files: &[("etc/motd", b"welcome")] }];
    image_layout::write(&directory.path().join("image"), &layers, |_| {});
    let shown = run_in(directory.path(), &[], &["inspect", "oci:image:1"]);
    assert!(shown.stdout.contains(instruction.trim_end()), "{}", shown.stdout);
    let shown = run_in(directory.path(), &[("COLUMNS", "400")], &["inspect", "oci:image:1"]);
    let longest = shown.stdout.lines().map(|line| line.chars().count()).max();
    assert_eq!(longest, Some(160), "{}", shown.stdout);
}

#[test]
fn an_image_that_stands_alone_must_be_of_the_platform_too() {
    let refused = inspect(|_| {}, &["--platform", "windows/amd64"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
    let expected = "error: the image is made for `linux/amd64`, and not for `windows/amd64`\n";
    assert!(refused.stderr.starts_with(expected), "{}", refused.stderr);
    assert_eq!(inspect(|_| {}, &["--platform", "linux/amd64"]).code, 0);
}

#[test]
fn where_nobody_looks_a_finished_step_is_one_line() {
    let directory = tempfile::tempdir().unwrap();
    image_layout::write(&directory.path().join("image"), LAYERS, |_| {});
    let shown = run_in(directory.path(), &[], &["inspect", "oci:image:1"]);
    assert!(shown.stderr.starts_with("reading the layers done in "), "{}", shown.stderr);
    assert_eq!(shown.stderr.lines().count(), 1);
}

#[test]
fn of_an_index_the_image_of_the_platform_is_taken() {
    let directory = tempfile::tempdir().unwrap();
    image_layout::write_multi_platform(&directory.path().join("image"), LAYERS, &["s390x", "riscv64"]);
    let of =
        |more: &[&str]| run_in(directory.path(), &[], &[&["inspect", "oci:image:1", "-q"], more].concat());
    let wanted = of(&["--platform", "linux/riscv64", "-o", "json"]);
    assert_eq!(wanted.json()["platform"]["architecture"], "riscv64", "{}", wanted.stderr);
    let missing = of(&["--platform", "linux/mips"]);
    assert_eq!(missing.code, 2);
    let first = "error: there is no image for `linux/mips`; there is linux/s390x, linux/riscv64\n";
    assert!(missing.stderr.starts_with(first), "{}", missing.stderr);
    assert!(missing.stderr.contains("  help: --platform linux/s390x\n"), "{}", missing.stderr);
}
