use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use plimsoll_testkit::{Peer, find_peer, left_out};
use serde_json::Value;

use super::bounded::run;
use super::debian_image::DebianImage;
use super::tool::{Skopeo, Tool as _};
use super::{PATIENCE, Shore};

#[test]
fn what_is_pushed_is_analysed_and_not_called_clean_without_advisories() {
    let Some(image) = DebianImage::made_once() else { return };
    let shore = Shore::open();
    let (Some(skopeo), Some(curl)) = (Skopeo::find(shore.home()), find_peer("curl")) else { return };
    skopeo.push(image, &shore.name("scanned", "bookworm"));
    let pushed = Instant::now();
    let report = report(&shore, &curl, "debian/scanned", "bookworm");
    println!("judged {:.1} s after the push", pushed.elapsed().as_secs_f64());

    if report["distribution"]["version_id"] != "12" {
        return left_out("the image is no Debian 12");
    }
    let gaps = report["verdict"]["gaps"].as_array().unwrap();
    assert!(gaps.iter().any(|gap| gap["reason"]["no-feed"] == "Debian:12"), "{gaps:#?}");
    assert_eq!(report["verdict"]["findings"].as_array().unwrap().len(), 0);

    let Some(expected) = packages_as_dpkg_says(image) else { return };
    let components = report["components"].as_array().unwrap();
    let debs = components.iter().filter(|component| component["foundBy"] == "dpkg");
    let told: BTreeSet<String> = debs
        .map(|component| {
            assert_eq!(component["layer"], 0, "{component}");
            let purl = component["purl"].as_str().unwrap();
            purl.split("&upstream=").next().unwrap().to_owned()
        })
        .collect();
    assert_eq!(told, expected);
}

#[test]
fn the_same_components_are_told_by_the_server_and_by_the_command_line() {
    let Some(image) = DebianImage::made_once() else { return };
    let shore = Shore::open();
    let (Some(skopeo), Some(curl)) = (Skopeo::find(shore.home()), find_peer("curl")) else { return };
    let name = shore.name("listed", "bookworm");
    skopeo.push(image, &name);
    let served = report(&shore, &curl, "debian/listed", "bookworm");
    let listed: Value =
        serde_json::from_str(&plimsoll(&shore, &["sbom", "--plain-http", &name, "-o", "json"])).unwrap();
    let purls = |components: &Value| -> BTreeSet<String> {
        components.as_array().unwrap().iter().map(|purl| purl.as_str().unwrap().to_owned()).collect()
    };
    let of_server: BTreeSet<String> = served["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|component| component["purl"].as_str().unwrap().to_owned())
        .collect();
    let of_command = purls(&listed["purls"]);
    assert!(of_command.len() > 50);
    assert!(of_command.is_subset(&of_server), "{:#?}", of_command.difference(&of_server));
}

/// The server's report of an image, once it is there.
pub(super) fn report(shore: &Shore, curl: &Peer, repository: &str, tag: &str) -> Value {
    let url = format!("{}/v2/{repository}/_plimsoll/scan/{tag}", shore.server.url());
    let started = Instant::now();
    loop {
        let body: Value = serde_json::from_str(&run(curl.command().args(["--silent", &url]))).unwrap();
        if body["kind"] == "ScanReport" {
            return body;
        }
        assert_eq!(body["kind"], "Waiting", "{body}");
        assert!(started.elapsed() < PATIENCE, "{}", shore.server.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The package URLs of what `dpkg-query` finds in the image's first layer.
fn packages_as_dpkg_says(image: &DebianImage) -> Option<BTreeSet<String>> {
    let (tar, dpkg_query) = (find_peer("tar")?, find_peer("dpkg-query")?);
    let directory = tempfile::tempdir().unwrap();
    let layer = image.layer_file(0);
    let mut extract = tar.command();
    extract.arg("--extract").arg("--gzip").arg("--file").arg(layer).arg("--directory").arg(directory.path());
    run(extract.arg("./var/lib/dpkg/status"));
    let mut query = dpkg_query.command();
    query.arg(format!("--admindir={}", directory.path().join("var/lib/dpkg").display()));
    let listed = run(query.args(["--show", "--showformat", "${Package} ${Version} ${Architecture}\\n"]));
    let purl = |line: &str| {
        let [name, version, architecture] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let encoded = |text: &str| text.replace('+', "%2B");
        let (name, version) = (encoded(name), encoded(version));
        format!("pkg:deb/debian/{name}@{version}?arch={architecture}&distro=debian-12")
    };
    Some(listed.lines().map(purl).collect())
}

#[test]
fn a_new_advisory_flags_the_images_that_hold_the_component() {
    let shore = Shore::open();
    let peers = (Skopeo::find(shore.home()), find_peer("curl"), find_peer("umoci"));
    let (Some(_), Some(curl), Some(umoci)) = peers else { return };
    let layout = image_with_package(shore.home(), &umoci);
    let name = shore.name("flagged", "1");
    plimsoll(&shore, &["cp", &layout, &name, "--plain-http"]);
    let before = report(&shore, &curl, "debian/flagged", "1");
    assert_eq!(before["verdict"]["findings"].as_array().unwrap().len(), 0);
    assert_eq!(located(&shore, &curl), 0);
    let read_before = analysed_layers(&shore, &curl);
    assert!(read_before > 0);

    push_advisory(&shore);
    let pushed = Instant::now();
    while located(&shore, &curl) == 0 {
        assert!(pushed.elapsed() < PATIENCE, "{}", shore.server.log());
        std::thread::sleep(Duration::from_millis(10));
    }
    println!("flagged {:.2} s after the advisories", pushed.elapsed().as_secs_f64());

    let after = report(&shore, &curl, "debian/flagged", "1");
    let finding = &after["verdict"]["findings"][0]["finding"];
    assert_eq!((&finding["id"], &finding["fixed"]), (&"CVE-2018-18074".into(), &"2.20.0".into()));
    let metrics = run(curl.command().args(["--silent", &format!("{}/metrics", shore.server.url())]));
    assert!(metrics.contains("plimsoll_findings{severity=\"high\"} 1"), "{metrics}");
    assert_eq!(analysed_layers(&shore, &curl), read_before, "a layer was read again");
    assert!(warnings(&shore, &curl).contains("1 high vulnerabilities are known in this image; 1 have a fix"));

    // Something else under their name does not take their place.
    let misplaced = format!("{}/plimsoll/advisories:latest", shore.server.host());
    plimsoll(&shore, &["cp", &layout, &misplaced, "--plain-http"]);
    let started = Instant::now();
    while !shore.server.log().contains("pushed advisories cannot be used") {
        assert!(started.elapsed() < PATIENCE, "{}", shore.server.log());
        std::thread::sleep(Duration::from_millis(10));
    }
    let still = report(&shore, &curl, "debian/flagged", "1");
    assert_eq!(still["verdict"]["data"], after["verdict"]["data"]);
    assert_eq!(still["verdict"]["counts"], after["verdict"]["counts"]);
}

/// Puts one advisory in force, against the image of [`image_with_package`].
pub(super) fn push_advisory(shore: &Shore) {
    let record = r#"{"id":"PYSEC-2018-28","modified":"2026-11-01T00:00:00Z","aliases":["CVE-2018-18074"],
        "severity":[{"type":"CVSS_V3","score":"CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}],
        "affected":[{"package":{"ecosystem":"PyPI","name":"requests"},
        "ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"2.20.0"}]}]}]}"#;
    std::fs::write(shore.home().join("record.json"), record).unwrap();
    let db = shore.home().join("db").display().to_string();
    plimsoll(shore, &["db", "build", "--out", &db, &shore.home().join("record.json").display().to_string()]);
    plimsoll(shore, &["db", "push", "--plain-http", "--db", &db, shore.server.host()]);
}

/// The warnings of a pull, once there are any: the first pull may come too early.
fn warnings(shore: &Shore, curl: &Peer) -> String {
    let url = format!("{}/v2/debian/flagged/manifests/1", shore.server.url());
    let started = Instant::now();
    loop {
        let head = run(curl.command().args(["--silent", "--head", &url]));
        let told = head.lines().find(|line| line.to_ascii_lowercase().starts_with("warning: "));
        if told.is_some() || started.elapsed() > PATIENCE {
            return told.unwrap_or_default().to_owned();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// How many layers the server has read so far.
fn analysed_layers(shore: &Shore, curl: &Peer) -> u64 {
    let metrics = run(curl.command().args(["--silent", &format!("{}/metrics", shore.server.url())]));
    let counts = metrics.lines().filter(|line| line.starts_with("plimsoll_layers_analysed_total"));
    counts.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

/// How many images the server knows the vulnerability to be in.
fn located(shore: &Shore, curl: &Peer) -> u64 {
    let url = format!("{}/v2/_plimsoll/where/CVE-2018-18074", shore.server.url());
    let answer: Value = serde_json::from_str(&run(curl.command().args(["--silent", &url]))).unwrap();
    answer["images"].as_u64().unwrap()
}

#[expect(clippy::disallowed_methods, reason = "the program under test")]
pub(super) fn plimsoll(shore: &Shore, words: &[&str]) -> String {
    run(Command::new(crate::PLIMSOLL).args(words).env("HOME", shore.home()))
}

/// A layout with an image that holds one old Python package.
pub(super) fn image_with_package(home: &Path, umoci: &Peer) -> String {
    let layer = home.join("layer.tar");
    let mut archive = tar::Builder::new(File::create(&layer).unwrap());
    let metadata = b"Metadata-Version: 2.1\nName: requests\nVersion: 2.19.0\n\n";
    let mut header = tar::Header::new_gnu();
    header.set_size(metadata.len() as u64);
    header.set_mode(0o644);
    let path = "opt/venv/lib/python3.11/site-packages/requests-2.19.0.dist-info/METADATA";
    archive.append_data(&mut header, path, &metadata[..]).unwrap();
    archive.finish().unwrap();
    let layout = home.join("flagged");
    let run_umoci = |words: &[&str]| run(umoci.command().args(words));
    let layout_text = layout.display().to_string();
    run_umoci(&["init", "--layout", &layout_text]);
    let image = format!("{layout_text}:1");
    run_umoci(&["new", "--image", &image]);
    run_umoci(&["raw", "add-layer", "--image", &image, &layer.display().to_string()]);
    format!("oci:{image}")
}
