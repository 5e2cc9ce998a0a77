//! A large Debian system, told package by package as `dpkg-query` tells it there, and judged by no advisories: there are
//! none for it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use plimsoll_testkit::find_peer;
use serde_json::Value;

use super::Shore;
use super::bootstrap::Bootstrap;
use super::layout::{self, Layer};
use super::real_advisories::{RealAdvisories, json, plimsoll};
use super::scanned::report;
use super::tool::Skopeo;

const PACKAGES: [&str; 5] = ["nginx", "python3", "nodejs", "default-jre-headless", "git"];

/// What is asked of `dpkg-query`, run by the system itself; [`told`] writes components like this.
const QUERY: &str = "chroot \"$1\" dpkg-query --show --showformat=\
    '${Package} ${Version} ${Architecture} ${source:Package} ${source:Version}\\n'";

/// The system as an image of two layers: the essential packages, and everything.
struct Bookworm {
    directory: PathBuf,
    /// Keeps another run from making the image anew in the meantime.
    _lock: File,
}

impl Bookworm {
    fn made_once() -> Option<&'static Self> {
        static IMAGE: OnceLock<Option<Bookworm>> = OnceLock::new();
        IMAGE.get_or_init(Self::make).as_ref()
    }

    fn make() -> Option<Self> {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bookworm");
        fs::create_dir_all(&directory).unwrap();
        let lock = File::create(directory.join("lock")).unwrap();
        lock.lock().unwrap();
        let copy_base = "--essential-hook=tar --create --one-file-system --exclude=./var/cache/apt/archives \
                         --directory \"$1\" --file base.tar .";
        let query_base = format!("--essential-hook={QUERY} >base.txt");
        let query_all = format!("--customize-hook={QUERY} >all.txt");
        let options = [copy_base, &query_base, &query_all];
        let system =
            Bootstrap { suite: "bookworm", packages: &PACKAGES, options: &options }.make(&directory)?;
        let base = directory.join("base.tar");
        let layers = [
            Layer { instruction: "mmdebstrap", archive: &base },
            Layer { instruction: "apt-get install", archive: &system },
        ];
        layout::write(&directory.join("layout"), &layers);
        fs::remove_file(base).unwrap();
        fs::remove_file(system).unwrap();
        Some(Self { directory, _lock: lock })
    }

    /// The image as `DIR:TAG`.
    fn layout(&self) -> String {
        format!("{}/layout:1", self.directory.display())
    }

    /// What `dpkg-query` said, each package with the layer that brings it, counted from 0.
    fn packages(&self) -> BTreeMap<String, usize> {
        let read = |name: &str| fs::read_to_string(self.directory.join(name)).unwrap();
        let (all, base) = (read("all.txt"), read("base.txt"));
        let layer = |line: &str| usize::from(!base.lines().any(|in_base| in_base == line));
        all.lines().map(|line| (line.to_owned(), layer(line))).collect()
    }
}

/// A component as [`QUERY`] writes it.
fn told(component: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let source = &component["source"];
    let [name, version, architecture] = ["name", "version", "architecture"].map(|of| text(&component[of]));
    [name, version, architecture, text(&source["name"]), text(&source["version"])].join(" ")
}

/// The package URL of what [`QUERY`] writes (purl-spec, types `deb`).
fn purl(line: &str) -> String {
    let [name, version, architecture, source, source_version] =
        line.split(' ').collect::<Vec<_>>().try_into().unwrap();
    let encoded = |text: &str| text.replace('+', "%2B");
    let (name, version_text, mut upstream) = (encoded(name), encoded(version), encoded(source));
    if source_version != version {
        upstream = format!("{upstream}%40{}", encoded(source_version));
    }
    format!("pkg:deb/debian/{name}@{version_text}?arch={architecture}&distro=debian-12&upstream={upstream}")
}

#[test]
fn every_package_of_a_large_system_is_told_as_dpkg_tells_it() {
    let Some(image) = Bookworm::made_once() else { return };
    let home = tempfile::tempdir().unwrap();
    let sbom = json(plimsoll(home.path()).args(["sbom", "-o", "json", &format!("oci:{}", image.layout())]));
    let layers = sbom["layers"].as_array().unwrap();
    let located = sbom["components"].as_array().unwrap().iter().zip(sbom["purls"].as_array().unwrap());
    let debs = located.filter(|(located, _)| located["component"]["type"] == "deb");
    let found: BTreeMap<String, (String, Option<usize>)> = debs
        .map(|(located, purl)| {
            let layer = layers.iter().position(|layer| *layer == located["layer"]);
            (told(&located["component"]), (purl.as_str().unwrap().to_owned(), layer))
        })
        .collect();
    let packages = image.packages();
    assert!(packages.len() > 150, "{} packages", packages.len());
    let expected: BTreeMap<String, (String, Option<usize>)> = packages
        .into_iter()
        .map(|(line, layer)| {
            let purl = purl(&line);
            (line, (purl, Some(layer)))
        })
        .collect();
    assert_eq!(found, expected);
    // Nothing of a package is told a second time by the language that it is written in.
    let others = sbom["components"].as_array().unwrap().len() - found.len();
    assert_eq!(others, 0, "{:#?}", sbom["components"]);
}

#[test]
fn a_system_without_advisories_is_not_evaluated_by_command_line_and_server() {
    let (Some(image), Some(advisories)) = (Bookworm::made_once(), RealAdvisories::found()) else { return };
    let shore = Shore::open();
    let (Some(skopeo), Some(curl)) = (Skopeo::find(shore.home()), find_peer("curl")) else { return };
    advisories.push(&shore);
    let name = shore.name("bookworm", "1");
    skopeo.push_layout(&image.layout(), &name);
    let reason = "no feed for Debian:12";

    let served = report(&shore, &curl, "debian/bookworm", "1");
    let packages = image.packages().len();
    let gaps = served["verdict"]["gaps"].as_array().unwrap();
    let gap = gaps.iter().find(|gap| gap["reason"]["no-feed"] == "Debian:12").expect("a gap");
    let debs = gap["components"].as_array().unwrap().iter().filter(|place| place["type"] == "deb").count();
    assert_eq!((debs, &gap["isPartial"]), (packages, &false.into()));
    assert_eq!(served["verdict"]["findings"].as_array().unwrap().len(), 0);

    let db = advisories.db().display().to_string();
    let here = format!("oci:{}", image.layout());
    for arguments in [
        &["scan", "--server", "--plain-http", &name][..],
        &["scan", "--offline", "--db", &db, "--db-age-max", "0", &here],
        &["scan", "--offline", "--db", &db, "--db-age-max", "0", "--fail-on", "kev", &here],
    ] {
        let scanned = plimsoll(shore.home()).args(arguments).output().unwrap();
        let said = String::from_utf8(scanned.stderr).unwrap();
        assert_eq!(scanned.status.code(), Some(3), "{arguments:?}: {said}");
        let last = said.lines().last().unwrap();
        assert!(last.starts_with("plimsoll: could not evaluate (exit code 3): "), "{last}");
        assert!(last.contains(reason), "{last}");
    }
}
