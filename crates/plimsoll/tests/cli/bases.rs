//! On which other base an image could stand, from a registry that holds some.

use std::fs;

use tempfile::TempDir;

use crate::image_layout::{self, Layer};
use crate::peers::Server;
use crate::{Outcome, run_in};

/// A program that needs the C library and its loader.
fn program() -> Vec<u8> {
    fs::read("/bin/true").unwrap()
}

fn status(glibc: &str) -> Vec<u8> {
    format!("Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: {glibc}\n")
        .into_bytes()
}

const LOADER: &str = "lib64/ld-linux-x86-64.so.2";

/// A registry with four bases, and the image `oci:app:1` on the first.
fn ground(server: &Server) -> TempDir {
    let ground = tempfile::tempdir().unwrap();
    let (now, old, program) = (status("2.99-1"), status("2.17-1"), program());
    let whole: &[(&str, &[u8])] = &[
        (LOADER, b"l"),
        ("lib/libc.so.6", b"c"),
        ("usr/bin/sh", b"s"),
        ("usr/share/big", &[1; 9000]),
        ("var/lib/dpkg/status", &now),
    ];
    let slim: &[(&str, &[u8])] = &[(LOADER, b"l"), ("lib/libc.so.6", b"c"), ("var/lib/dpkg/status", &now)];
    let aged: &[(&str, &[u8])] = &[(LOADER, b"l"), ("lib/libc.so.6", b"c"), ("var/lib/dpkg/status", &old)];
    let empty: &[(&str, &[u8])] = &[("etc/motd", b"hi")];
    for (name, files) in [("whole", whole), ("slim", slim), ("aged", aged), ("empty", empty)] {
        image_layout::write(&ground.path().join(name), &[Layer { instruction: "ADD", files }], |_| {});
        let to = format!("{}/base/{name}:1", server.host());
        let copied = run_in(ground.path(), &[], &["cp", "-q", &format!("oci:{name}:1"), &to]);
        assert_eq!(copied.code, 0, "{}", copied.stderr);
    }
    let app: &[(&str, &[u8])] = &[("usr/local/bin/app", &program)];
    let layers = [Layer { instruction: "ADD", files: whole }, Layer { instruction: "COPY app", files: app }];
    image_layout::write(&ground.path().join("app"), &layers, |config| {
        config["config"]["Entrypoint"] = serde_json::json!(["/usr/local/bin/app"]);
    });
    fs::write(
        ground.path().join("Dockerfile"),
        "# the app\nFROM base/whole:1\nCOPY app /usr/local/bin/app\n",
    )
    .unwrap();
    ground
}

fn base(ground: &TempDir, server: &Server, more: &[&str]) -> Outcome {
    let from = format!("{}/base", server.host());
    run_in(
        ground.path(),
        &[("COLUMNS", "100")],
        &[&["base", "-q", "oci:app:1", "--from", &from], more].concat(),
    )
}

#[test]
fn bases_are_ranked_by_what_breaks_and_the_best_becomes_a_patch() {
    let server = Server::start();
    let ground = ground(&server);
    let json = base(&ground, &server, &["-o", "json"]).json();
    assert_eq!(json["present"], format!("{}/base/whole:1", server.host()));
    let names: Vec<&str> =
        json["candidates"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    let expected = ["slim", "aged", "empty"].map(|name| format!("{}/base/{name}:1", server.host()));
    assert_eq!(names, expected);
    let breaks = |at: usize| -> Vec<String> {
        let found = json["candidates"][at]["breaks"].as_array().unwrap().iter();
        found
            .filter(|one| one["isCertain"] == true)
            .map(|one| one["what"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(breaks(0), [] as [&str; 0]);
    assert!(
        breaks(1).iter().any(|what| what.starts_with("symbols of glibc 2.") && what.ends_with("it has 2.17")),
        "{:?}",
        breaks(1)
    );
    assert!(breaks(2).contains(&"the library `libc.so.6`".to_owned()), "{:?}", breaks(2));

    let shown = base(&ground, &server, &[]);
    assert!(
        shown.stdout.contains("perhaps missing: a shell, for scripts and shell forms\n"),
        "{}",
        shown.stdout
    );
    let patch = base(&ground, &server, &["--dockerfile", "Dockerfile", "--diff"]).stdout;
    let digest = json["candidates"][0]["digest"].as_str().unwrap();
    let line = format!("\n-FROM base/whole:1\n+FROM {}/base/slim:1@{digest}\n", server.host());
    assert!(patch.contains(&line), "{patch}");
}

#[test]
fn a_registry_without_the_base_says_so() {
    let server = Server::start();
    let ground = ground(&server);
    let from = format!("{}/elsewhere", server.host());
    let shown = run_in(ground.path(), &[], &["base", "-q", "oci:app:1", "--from", &from]);
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    assert!(
        shown.stdout.contains("stands on no image of this registry\nthere is no other image"),
        "{}",
        shown.stdout
    );
    let refused = run_in(ground.path(), &[], &["base", "oci:app:1", "--from", "not a registry"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
}
