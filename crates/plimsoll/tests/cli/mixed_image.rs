//! One image with something of everything: packages of distributions, programs, archives and language packages, each made
//! by the tool whose it is, and each told once.

mod alpine;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use plimsoll_testkit::{Peer, find_peer};
use serde_json::{Value, json};

use self::alpine::AlpinePackage;
use crate::peers::rpm_database;
use crate::run_in;

/// Packages of Alpine. One of them owns a Python package.
const ALPINE: [AlpinePackage; 2] = [
    AlpinePackage {
        name: "musl",
        version: "1.2.4-r2",
        architecture: "x86_64",
        files: &[("usr/lib/ld-musl-x86_64.so.1", "")],
    },
    AlpinePackage {
        name: "py3-six",
        version: "1.16.0-r8",
        architecture: "noarch",
        files: &[(
            "usr/lib/python3.11/site-packages/six-1.16.0.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: six\nVersion: 1.16.0\n",
        )],
    },
];

/// What `cargo auditable` puts into programs: their crates.
const CRATES: &str = r#"{"packages":[{"name":"rusty","version":"0.1.0","source":"local","dependencies":[1],"root":true},
    {"name":"time","version":"0.1.44","source":"crates.io"}],"format":8}"#;

/// Everything that is in the image.
const EXPECTED: [&str; 13] = [
    "pkg:apk/alpine/musl@1.2.4-r2?arch=x86_64&distro=alpine-3.19.0",
    "pkg:apk/alpine/py3-six@1.16.0-r8?arch=noarch&distro=alpine-3.19.0",
    "pkg:cargo/rusty@0.1.0",
    "pkg:cargo/time@0.1.44",
    "pkg:golang/example.com/app@%28devel%29",
    "pkg:golang/example.com/lib@v1.2.3",
    "pkg:golang/stdlib",
    "pkg:maven/com.example/fat@1.0",
    "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1",
    "pkg:npm/%40scope/leaf@1.0.0",
    "pkg:npm/branch@2.0.0-rc.1",
    "pkg:pypi/requests@2.19.0",
    "pkg:rpm/alpine/old@1.2-3?arch=noarch&distro=alpine-3.19.0",
];

fn write(path: impl AsRef<Path>, content: impl AsRef<[u8]>) {
    fs::create_dir_all(path.as_ref().parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Builds a Go program of two modules.
fn add_go_program(work: &Path, root: &Path) -> Option<()> {
    let go = find_peer("go")?;
    let sources = work.join("go");
    for (path, text) in [
        ("go.mod", "module example.com/app\n\ngo 1.19\n\nrequire example.com/lib v1.2.3\n"),
        ("main.go", "package main\n\nimport \"example.com/lib\"\n\nfunc main() { println(lib.Answer()) }\n"),
        ("vendor/modules.txt", "# example.com/lib v1.2.3\n## explicit; go 1.19\nexample.com/lib\n"),
        ("vendor/example.com/lib/lib.go", "package lib\n\nfunc Answer() int { return 42 }\n"),
    ] {
        write(sources.join(path), text);
    }
    let mut build = go.command();
    build.current_dir(&sources).args(["build", "-mod=vendor", "-o"]).arg(root.join("usr/bin/app"));
    build.envs([("CGO_ENABLED", "0"), ("GOWORK", "off"), ("GOPROXY", "off"), ("GOTOOLCHAIN", "local")]);
    run(build.env("GOFLAGS", ""));
    Some(())
}

/// Builds a Rust program with the list of its crates in it.
fn add_rust_program(work: &Path, root: &Path) -> Option<()> {
    let rustc = find_peer("rustc")?;
    let mut list = ZlibEncoder::new(Vec::new(), Compression::best());
    list.write_all(CRATES.as_bytes()).unwrap();
    let list = list.finish().unwrap();
    write(work.join("list"), &list);
    let source = format!(
        "#[used] #[unsafe(link_section = \".dep-v0\")] static LIST: [u8; {}] = *include_bytes!(\"list\");\n\
         fn main() {{}}\n",
        list.len()
    );
    write(work.join("rusty.rs"), source);
    let mut build = rustc.command();
    build.current_dir(work).args(["--edition=2024", "-Cstrip=symbols", "rusty.rs", "-o"]);
    run(build.arg(root.join("usr/bin/rusty")));
    Some(())
}

/// Packs an archive that holds another.
fn add_fat_jar(work: &Path, root: &Path) -> Option<()> {
    let jar = find_peer("jar")?;
    let pack = |file: &Path, name: &str, version: &str, group: &str, tree: &Path| {
        let properties = format!("groupId={group}\nartifactId={name}\nversion={version}\n");
        write(tree.join(format!("META-INF/maven/{group}/{name}/pom.properties")), properties);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        run(jar.command().arg("cf").arg(file).arg("-C").arg(tree).arg("."));
    };
    let fat = work.join("fat");
    let inner = fat.join("BOOT-INF/lib/log4j-core-2.14.1.jar");
    pack(&inner, "log4j-core", "2.14.1", "org.apache.logging.log4j", &work.join("log4j"));
    pack(&root.join("srv/fat.jar"), "fat", "1.0", "com.example", &fat);
    Some(())
}

/// Makes a virtual environment with one wheel in it, and nothing else.
fn add_environment(root: &Path) -> Option<()> {
    let (python, env) = (find_peer("python3")?, find_peer("env")?);
    let wheel = find_peer("old-wheels/requests-2.19.0-py2.py3-none-any.whl")?;
    let venv = root.join("opt/venv");
    run(python.command().args(["-m", "venv"]).arg(&venv));
    let pip = |words: &[&str]| {
        let mut command = env.command();
        command.arg(venv.join("bin/python")).args(["-m", "pip", "--disable-pip-version-check"]).args(words);
        command
    };
    run(pip(&["install", "--no-index", "--no-deps"]).arg(wheel.path()));
    run(&mut pip(&["uninstall", "--yes", "setuptools", "pip"]));
    Some(())
}

/// Installs two packages with npm, which keeps a lock file beside them.
fn add_modules(work: &Path, root: &Path) -> Option<()> {
    let npm = find_peer("npm")?;
    let pack = |directory: &str, manifest: &Value| {
        write(work.join(directory).join("package.json"), manifest.to_string());
        run(npm_in(&npm, work, &work.join(directory)).args(["pack", "--pack-destination"]).arg(work));
    };
    pack("leaf", &json!({ "name": "@scope/leaf", "version": "1.0.0" }));
    pack("branch", &json!({ "name": "branch", "version": "2.0.0-rc.1" }));
    let application = root.join("srv/web");
    write(application.join("package.json"), r#"{"private":true}"#);
    let packages = ["scope-leaf-1.0.0.tgz", "branch-2.0.0-rc.1.tgz"].map(|file| work.join(file));
    let mut install = npm_in(&npm, work, &application);
    run(install.args(["install", "--offline", "--no-audit", "--no-fund"]).args(packages));
    Some(())
}

/// npm, which finds its settings nowhere but in an empty home.
fn npm_in(npm: &Peer, home: &Path, directory: &Path) -> Command {
    let mut command = npm.command();
    command.current_dir(directory).env("HOME", home);
    command
}

/// The image's tree.
fn tree(work: &Path) -> Option<PathBuf> {
    let root = work.join("root");
    fs::create_dir_all(root.join("usr/bin")).unwrap();
    write(root.join("etc/os-release"), "ID=alpine\nVERSION_ID=3.19.0\n");
    alpine::install(&ALPINE, work, &root)?;
    fs::create_dir_all(work.join("rpm")).unwrap();
    write(root.join("var/lib/rpm/rpmdb.sqlite"), rpm_database(&work.join("rpm"))?);
    add_go_program(work, &root)?;
    add_rust_program(work, &root)?;
    add_fat_jar(work, &root)?;
    add_environment(&root)?;
    add_modules(work, &root)?;
    Some(root)
}

#[test]
fn an_image_with_something_of_everything_has_each_component_once() {
    let work = tempfile::tempdir().unwrap();
    let place = work.path().canonicalize().unwrap();
    let Some(root) = tree(&place) else { return };
    let listed = run_in(&place, &[], &["sbom", &format!("rootfs:{}", root.display()), "-o", "json"]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    let listed = listed.json();
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    for purl in listed["purls"].as_array().unwrap() {
        let purl = purl.as_str().unwrap();
        // Which source it is from is told last, and which Go built the program is the machine's affair.
        let purl = purl.split("&upstream=").next().unwrap();
        let purl = if purl.starts_with("pkg:golang/stdlib@") { "pkg:golang/stdlib" } else { purl };
        *found.entry(purl).or_default() += 1;
    }
    let expected: BTreeMap<&str, usize> = EXPECTED.into_iter().map(|purl| (purl, 1)).collect();
    assert_eq!(found, expected, "{listed:#}");
}
