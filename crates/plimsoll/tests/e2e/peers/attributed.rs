use std::fs::File;
use std::path::{Path, PathBuf};

use plimsoll_testkit::{Peer, find_peer};
use serde_json::{Value, json};

use super::Shore;
use super::bounded::run;
use super::scanned::{plimsoll, report};

#[test]
fn a_finding_is_told_to_be_of_the_base_image_or_of_what_was_built_on_it() {
    let shore = Shore::open();
    let (Some(curl), Some(umoci)) = (find_peer("curl"), find_peer("umoci")) else { return };
    put_advisories_in_force(&shore);
    let layout = Layout::new(shore.home(), &umoci);
    layout.add_package("base", "requests", "2.19.0");
    layout.copy("base", "app");
    layout.add_package("app", "django", "2.0");
    layout.copy("base", "settings");
    layout.run(&["config", "--image", &layout.image("settings"), "--config.env", "LEVEL=1"]);

    // What was built comes before what it was built on: the answer is the same.
    let without = push(&shore, &curl, &layout, "app");
    assert_eq!(without["base"], Value::Null);
    assert_eq!(without["layers"][0]["isOfBase"], Value::Null);
    let base = push(&shore, &curl, &layout, "base");
    assert_eq!(base["base"], Value::Null, "an image is not its own base");

    let app = report(&shore, &curl, "debian/app", "1");
    let named = json!({ "layers": 1, "digest": base["digest"], "names": ["debian/base:1"] });
    assert_eq!(app["base"], named);
    assert_eq!(of_base(&app, "CVE-2018-18074"), json!(true));
    assert_eq!(of_base(&app, "CVE-2019-14234"), json!(false));

    let settings = push(&shore, &curl, &layout, "settings");
    assert_eq!(settings["base"], named, "an image that adds no layer has a base too");
    assert_eq!(of_base(&settings, "CVE-2018-18074"), json!(true));

    // It has the same layers as the base, and settings that the first was not built with.
    assert_eq!(report(&shore, &curl, "debian/app", "1")["base"], named);
    let name = shore.name("app", "1");
    let table = plimsoll(&shore, &["scan", "--plain-http", "--server", &name]);
    assert!(table.contains("`debian/base:1` brings 1 of 2"), "{table}");
}

/// Whether the base image brought what has the vulnerability.
fn of_base(report: &Value, vulnerability: &str) -> Value {
    let findings = report["verdict"]["findings"].as_array().unwrap();
    let found = findings.iter().find(|found| found["finding"]["id"] == vulnerability).unwrap();
    let position = usize::try_from(found["place"]["position"].as_u64().unwrap()).unwrap();
    let layer = usize::try_from(report["components"][position]["layer"].as_u64().unwrap()).unwrap();
    report["layers"][layer]["isOfBase"].clone()
}

fn push(shore: &Shore, curl: &Peer, layout: &Layout<'_>, tag: &str) -> Value {
    let source = format!("oci:{}", layout.image(tag));
    plimsoll(shore, &["cp", &source, &shore.name(tag, "1"), "--plain-http"]);
    report(shore, curl, &format!("debian/{tag}"), "1")
}

fn put_advisories_in_force(shore: &Shore) {
    let record = |id: &str, name: &str, fixed: &str| {
        json!({ "id": id, "modified": "2026-11-01T00:00:00Z", "affected": [{
            "package": { "ecosystem": "PyPI", "name": name },
            "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }, { "fixed": fixed }] }],
        }]})
    };
    let records = shore.home().join("records");
    std::fs::create_dir(&records).unwrap();
    for (id, name, fixed) in
        [("CVE-2018-18074", "requests", "2.20.0"), ("CVE-2019-14234", "django", "2.1.11")]
    {
        let text = record(id, name, fixed).to_string();
        std::fs::write(records.join(format!("{id}.json")), text).unwrap();
    }
    let db = shore.home().join("db").display().to_string();
    plimsoll(shore, &["db", "build", "--out", &db, &records.display().to_string()]);
    plimsoll(shore, &["db", "push", "--plain-http", "--db", &db, shore.server.host()]);
}

/// An image layout that the tests add layers to.
struct Layout<'a> {
    directory: PathBuf,
    umoci: &'a Peer,
}

impl<'a> Layout<'a> {
    /// A layout with the image `base`, which has no layer yet.
    fn new(home: &Path, umoci: &'a Peer) -> Self {
        let layout = Self { directory: home.join("layout"), umoci };
        layout.run(&["init", "--layout", &layout.directory.display().to_string()]);
        layout.run(&["new", "--image", &layout.image("base")]);
        layout
    }

    fn image(&self, tag: &str) -> String {
        format!("{}:{tag}", self.directory.display())
    }

    fn copy(&self, from: &str, to: &str) {
        self.run(&["tag", "--image", &self.image(from), to]);
    }

    /// Adds a layer with one installed Python package.
    fn add_package(&self, tag: &str, name: &str, version: &str) {
        let layer = self.directory.with_extension(name);
        let mut archive = tar::Builder::new(File::create(&layer).unwrap());
        let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\n");
        let mut header = tar::Header::new_gnu();
        header.set_size(metadata.len() as u64);
        header.set_mode(0o644);
        let path = format!("opt/venv/lib/python3.11/site-packages/{name}-{version}.dist-info/METADATA");
        archive.append_data(&mut header, path, metadata.as_bytes()).unwrap();
        archive.finish().unwrap();
        self.run(&["raw", "add-layer", "--image", &self.image(tag), &layer.display().to_string()]);
    }

    fn run(&self, words: &[&str]) {
        run(self.umoci.command().args(words));
    }
}
