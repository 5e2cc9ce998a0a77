use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use plimsoll_testkit::{Peer, find_peer, passed_over};
use serde_json::Value;

use super::debian_image::DebianImage;
use super::tool::{Skopeo, Tool as _};
use super::Shore;
use super::bounded::run;

/// How long an image may take to be judged before the test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

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
        return passed_over("the image is no Debian 12");
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
    #[expect(clippy::disallowed_methods, reason = "the program under test")]
    let mut plimsoll = Command::new(crate::PLIMSOLL);
    let listed: Value =
        serde_json::from_str(&run(plimsoll.args(["sbom", "--plain-http", &name, "-o", "json"]))).unwrap();
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
fn report(shore: &Shore, curl: &Peer, repository: &str, tag: &str) -> Value {
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
