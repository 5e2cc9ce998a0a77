mod attributed;
mod bookworm;
pub(crate) mod bootstrap;
pub(crate) mod bounded;
mod bullseye;
mod containerd;
mod debian_image;
mod engine;
mod ladder;
mod layout;
mod real_advisories;
mod scanned;
mod tool;
mod warned;

use std::fs;
use std::path::Path;
use std::time::Duration;

use plimsoll_testkit::{ServerCommand, ServerProcess, find_peer};
use reqwest::StatusCode;
use serde_json::Value;
use tempfile::TempDir;

use crate::PLIMSOLL;
use containerd::Containerd;
use debian_image::{DebianImage, INSTRUCTIONS};
use engine::Engine;
use tool::{Oras, Skopeo, Tool};

/// How long an image may take to be judged before the test gives up.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server, and a directory for what the tools keep.
struct Shore {
    server: ServerProcess,
    directory: TempDir,
}

impl Shore {
    fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let server = ServerCommand::new(PLIMSOLL, &directory.path().join("data")).start();
        Self { server, directory }
    }

    /// How an image is called by all tools.
    fn name(&self, repository: &str, tag: &str) -> String {
        format!("{}/debian/{repository}:{tag}", self.server.host())
    }

    fn home(&self) -> &Path {
        self.directory.path()
    }
}

#[test]
fn every_tool_pulls_what_every_other_tool_pushed() {
    let Some(image) = DebianImage::made_once() else { return };
    let shore = Shore::open();
    let tools: [Option<Box<dyn Tool>>; 4] = [
        Skopeo::find(shore.home()).map(|tool| Box::new(tool) as Box<dyn Tool>),
        Oras::find(shore.home()).map(|tool| Box::new(tool) as Box<dyn Tool>),
        Engine::find("podman", shore.home()).map(|tool| Box::new(tool) as Box<dyn Tool>),
        Containerd::start(shore.home()).map(|tool| Box::new(tool) as Box<dyn Tool>),
    ];
    let tools: Vec<Box<dyn Tool>> = tools.into_iter().flatten().collect();
    for tool in &tools {
        tool.push(image, &shore.name(tool.name(), "bookworm"));
    }
    for pusher in &tools {
        let name = shore.name(pusher.name(), "bookworm");
        let pushed = Inspected::of(&name);
        assert_eq!(pushed.image_id(), image.config, "{} pushed another image", pusher.name());
        for puller in tools.iter().filter(|puller| puller.name() != pusher.name()) {
            let pulled = puller.pull(&name);
            assert_eq!(pulled, pushed.digest(), "{} from {}", puller.name(), pusher.name());
        }
    }
}

#[test]
fn inspect_tells_the_layers_and_instructions_of_a_debian_image() {
    let Some(image) = DebianImage::made_once() else { return };
    let shore = Shore::open();
    let Some(skopeo) = Skopeo::find(shore.home()) else { return };
    let name = shore.name("inspected", "bookworm");
    skopeo.push(image, &name);
    let inspected = Inspected::of(&name);
    assert_eq!(inspected.digest(), image.manifest);
    let layers = inspected.0["layers"].as_array().unwrap();
    let instructions: Vec<&str> = layers.iter().map(|layer| layer["instruction"].as_str().unwrap()).collect();
    assert_eq!(instructions, INSTRUCTIONS);
    assert!(inspected.0["totals"]["contents"]["visiblePaths"].as_u64().unwrap() > 1000);
    assert!(layers[0]["compressedBytes"].as_u64().unwrap() > 10_000_000);
    assert_eq!(inspected.0["run"]["cmd"][0], "/bin/bash");
}

#[test]
fn an_image_built_on_debian_is_pushed_and_pulled() {
    let Some(image) = DebianImage::made_once() else { return };
    let shore = Shore::open();
    let (Some(buildah), Some(oras)) = (Engine::find("buildah", shore.home()), Oras::find(shore.home()))
    else {
        return;
    };
    let name = shore.name("built", "1");
    buildah.build_on(image, &name);
    let inspected = Inspected::of(&name);
    assert_eq!(inspected.0["layers"].as_array().unwrap().len(), INSTRUCTIONS.len() + 1);
    assert_eq!(oras.pull(&name), inspected.digest());
}

#[test]
fn an_attached_document_is_discovered() {
    let Some(image) = DebianImage::made_once() else { return };
    let shore = Shore::open();
    let Some(oras) = Oras::find(shore.home()) else { return };
    let name = shore.name("attested", "bookworm");
    oras.push(image, &name);
    fs::write(shore.home().join("sbom.json"), "{}").unwrap();
    let kind = "application/vnd.example.sbom";
    let attached: Value = oras.json(&[
        "attach",
        "--plain-http",
        "--format",
        "json",
        "--artifact-type",
        kind,
        &name,
        "sbom.json:application/json",
    ]);
    let found: Value =
        oras.json(&["discover", "--plain-http", "--format", "json", "--artifact-type", kind, &name]);
    let referrers = found["referrers"].as_array().unwrap();
    assert_eq!(referrers.len(), 1);
    assert_eq!(referrers[0]["digest"], attached["digest"]);
    assert_eq!(referrers[0]["artifactType"], kind);
}

#[test]
fn an_index_is_copied_with_every_platform_and_an_image_deleted() {
    let Some(image) = DebianImage::made_once() else { return };
    let shore = Shore::open();
    let (Some(skopeo), Some(oras)) = (Skopeo::find(shore.home()), Oras::find(shore.home())) else { return };
    let here = shore.name("multi", "all");
    skopeo.push(image, &shore.name("multi", "amd64"));
    skopeo.push_layout(&image.other_platform(), &shore.name("multi", "arm64"));
    oras.run(&["manifest", "index", "create", "--plain-http", &here, "amd64", "arm64"]);

    let there = shore.name("copied", "all");
    skopeo.copy_all_platforms(&here, &there);
    assert_eq!(skopeo.digest_of(&there), skopeo.digest_of(&here));
    let index: Value = serde_json::from_str(&skopeo.raw(&there)).unwrap();
    let children = index["manifests"].as_array().unwrap();
    assert_eq!(children.len(), 2);
    for child in children {
        let name = format!("{}/debian/copied@{}", shore.server.host(), child["digest"].as_str().unwrap());
        assert_eq!(oras.pull(&name), child["digest"].as_str().unwrap());
    }

    skopeo.delete(&there);
    let url = format!("{}/v2/debian/copied/manifests/all", shore.server.url());
    let answer = tokio::runtime::Runtime::new().unwrap().block_on(plimsoll_testkit::client().get(url).send());
    assert_eq!(answer.unwrap().status(), StatusCode::NOT_FOUND);
}

/// What `plimsoll inspect` says of an image on the server.
struct Inspected(Value);

impl Inspected {
    fn of(name: &str) -> Self {
        let plimsoll = find_peer("timeout").expect("coreutils");
        let output =
            plimsoll.command().args(["60", PLIMSOLL, "inspect", name, "-o", "json"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self(serde_json::from_slice(&output.stdout).unwrap())
    }

    fn digest(&self) -> &str {
        self.0["digest"].as_str().unwrap()
    }

    fn image_id(&self) -> &str {
        self.0["imageId"].as_str().unwrap()
    }
}
