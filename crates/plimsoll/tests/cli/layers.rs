use crate::image_layout::{self, Layer};
use crate::{Outcome, run_in};

const LIST: &[u8] = b"/.\n/usr\n/usr/bin\n/usr/bin/x86_64-linux-gnu-gcc-12\n";

const LAYERS: &[Layer<'_>] = &[
    Layer {
        instruction: "RUN /bin/sh -c apt-get update && apt-get install -y gcc # buildkit",
        files: &[
            ("usr/bin/x86_64-linux-gnu-gcc-12", &[1; 9000]),
            ("var/lib/dpkg/info/gcc-12.list", LIST),
            ("var/lib/apt/lists/Packages", &[2; 5000]),
            ("opt/sdk/archive", &[3; 4000]),
        ],
    },
    Layer { instruction: "RUN /bin/sh -c rm -r /opt/sdk # buildkit", files: &[("opt/.wh.sdk", b"")] },
    Layer {
        instruction: "COPY server /app/ # buildkit",
        files: &[("app/server", &[4; 3000]), ("app/copy", &[4; 3000])],
    },
];

fn layers(more: &[&str]) -> Outcome {
    let directory = tempfile::tempdir().unwrap();
    image_layout::write(&directory.path().join("image"), LAYERS, |_| {});
    run_in(directory.path(), &[("COLUMNS", "80")], &[&["layers", "oci:image:1", "-q"], more].concat())
}

#[test]
fn the_table_names_each_cause_with_its_layer_worst_first() {
    let shown = layers(&[]);
    assert_eq!((shown.code, shown.stderr.as_str()), (0, ""));
    let expected = "
What could go (a pull is counted at 50.0 MB/s)
  BYTES  LAYER  WHAT AND WHY
9.00 kB      1  packages for building only: gcc-12
5.00 kB      1  apt's package lists: /var/lib/apt/lists/Packages
4.00 kB      1  deleted by layer 2: /opt/sdk/archive
3.00 kB      3  copies of other files: /app/server
";
    assert!(shown.stdout.contains(expected), "{}", shown.stdout);
    let last = shown.stdout.lines().last().unwrap();
    assert!(last.starts_with("21.0 kB of 24.1 kB could go (87 %), pull "), "{last}");
    assert!(last.ends_with("; plimsoll lint --diff"), "{last}");
    assert!(shown.stdout.lines().all(|line| line.chars().count() <= 80), "{}", shown.stdout);
    assert!(shown.stdout.lines().count() <= 30, "{}", shown.stdout);
}

#[test]
fn programs_get_every_file_with_layer_package_and_reason() {
    let json = layers(&["-o", "json"]).json();
    assert_eq!((&json["kind"], &json["waste"]["bytes"]), (&"ImageLayers".into(), &21_000.into()));
    let worst = &json["waste"]["causes"][0];
    assert_eq!((&worst["reason"], &worst["layer"]), (&"build-only".into(), &1.into()));
    assert_eq!(worst["paths"][0]["path"], "/usr/bin/x86_64-linux-gnu-gcc-12");
    assert_eq!(worst["paths"][0]["package"], "gcc-12");
    assert_eq!(json["layers"][0]["instruction"], "RUN apt-get update && apt-get install -y gcc");
    assert_eq!(json["layers"][2]["tree"][0]["path"], "/app");
    assert_eq!(json["waste"]["causes"][3]["paths"][0]["copyOf"], "/app/copy");
}

#[test]
fn the_waiting_follows_the_bandwidth() {
    let seconds =
        |rate: &str| layers(&["--bandwidth", rate, "-o", "json"]).json()["pull"]["seconds"].as_f64().unwrap();
    assert!(seconds("10kB/s") > 10.0 * seconds("1MB/s").max(0.01));
    let refused = layers(&["--bandwidth", "fast"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("a rate such as `50MB/s`"), "{}", refused.stderr);
}

#[test]
fn what_the_images_command_does_not_reach_is_told_when_it_is_asked() {
    let directory = tempfile::tempdir().unwrap();
    let program = std::fs::read("/bin/true").unwrap();
    let list = b"/.\n/usr\n/usr/bin\n/usr/bin/app\n/usr/lib\n/usr/lib/libunused.so.1\n";
    let files: &[(&str, &[u8])] = &[
        ("usr/bin/app", &program),
        ("usr/lib/libc.so.6", &program[..1000]),
        ("usr/lib/libunused.so.1", &[7; 9000]),
        ("var/lib/dpkg/info/app.list", list),
    ];
    let layers = [Layer { instruction: "RUN install", files }];
    image_layout::write(&directory.path().join("image"), &layers, |config| {
        config["config"]["Cmd"] = serde_json::json!(["/usr/bin/app"]);
    });
    let shown = |more: &[&str]| {
        let arguments = [&["layers", "oci:image:1", "-q", "-o", "json"], more].concat();
        run_in(directory.path(), &[], &arguments).json()["waste"]["causes"].to_string()
    };
    assert!(!shown(&[]).contains("libunused"));
    let unreached = shown(&["--unreached"]);
    assert!(
        unreached.contains("/usr/lib/libunused.so.1") && unreached.contains("\"unreached\""),
        "{unreached}"
    );
    assert!(!unreached.contains("/usr/bin/app\""), "{unreached}");
}

#[test]
fn wide_output_tells_the_tree_and_what_to_do() {
    let shown = layers(&["-o", "wide"]).stdout;
    assert!(shown.contains("/var/lib/apt"), "{shown}");
    assert!(shown.contains("help: delete in the instruction that brings it"), "{shown}");
}
