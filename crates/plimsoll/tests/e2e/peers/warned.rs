//! What people hear of an image's flaws from the tools that they push and pull with.

mod recorder;

use std::time::{Duration, Instant};

use plimsoll_testkit::find_peer;

use super::scanned::{image_with_package, push_advisory, report};
use super::tool::{Oras, Skopeo};
use super::{PATIENCE, Shore};
use recorder::Recorder;

/// What the warning says of the image.
const WARNING: &str = "1 high vulnerabilities are known in this image; 1 have a fix";

/// How long after the end of a push the verdict may come. It takes a fraction of a second; the bound is one for any
/// machine.
const VERDICT_TIME_MAX: Duration = Duration::from_secs(20);

/// A server with an advisory in force, and the layout of an image that it speaks of, as `oci:DIR:TAG`.
fn shore_with_advisory() -> Option<(Shore, String)> {
    let shore = Shore::open();
    let layout = image_with_package(shore.home(), &find_peer("umoci")?);
    push_advisory(&shore);
    let started = Instant::now();
    while !shore.server.log().contains("advisories are in force") {
        assert!(started.elapsed() < PATIENCE, "{}", shore.server.log());
        std::thread::sleep(Duration::from_millis(10));
    }
    Some((shore, layout))
}

/// Waits for the verdict of what was just pushed.
fn assert_judged_soon(shore: &Shore, repository: &str, tool: &str) {
    let Some(curl) = find_peer("curl") else { return };
    let pushed = Instant::now();
    let report = report(shore, &curl, repository, "1");
    let took = pushed.elapsed();
    println!("judged {:.2} s after {tool} ended", took.as_secs_f64());
    assert_eq!(report["verdict"]["findings"][0]["finding"]["id"], "CVE-2018-18074");
    assert!(took < VERDICT_TIME_MAX, "{took:?}");
}

#[test]
fn oras_shows_the_warning_of_an_image_that_it_pushes_or_pulls() {
    let Some((shore, layout)) = shore_with_advisory() else { return };
    let Some(oras) = Oras::find(shore.home()) else { return };
    let (name, layout) = (shore.name("warned", "1"), layout.trim_start_matches("oci:"));
    let mut heard = oras.told(&["cp", "--no-tty", "--from-oci-layout", layout, "--to-plain-http", &name]);
    println!("oras says of its push: {}", heard.contains(WARNING));
    assert_judged_soon(&shore, "debian/warned", "oras");
    let started = Instant::now();
    // A first pull may come before the warning is at hand.
    while !heard.contains(WARNING) {
        assert!(started.elapsed() < PATIENCE, "{heard}");
        heard = oras.told(&["manifest", "fetch", "--plain-http", &name]);
    }
}

#[test]
fn skopeo_is_told_the_warning_of_an_image_that_it_pushes_or_pulls() {
    let Some((shore, layout)) = shore_with_advisory() else { return };
    let Some(skopeo) = Skopeo::find(shore.home()) else { return };
    // Debian's skopeo shows no warnings, so that one has to listen to what it is told.
    let recorder = Recorder::before(shore.server.host());
    let name = format!("docker://{}/debian/warned:1", recorder.host());
    skopeo.told(&["--debug", "copy", "--preserve-digests", "--dest-tls-verify=false", &layout, &name]);
    println!("skopeo is told on its push: {}", recorder.answers().contains(WARNING));
    assert_judged_soon(&shore, "debian/warned", "skopeo");
    let started = Instant::now();
    while !recorder.answers().contains(WARNING) {
        assert!(started.elapsed() < PATIENCE, "{}", recorder.answers());
        skopeo.told(&["--debug", "inspect", "--raw", "--tls-verify=false", &name]);
    }
    let answers = recorder.answers().to_ascii_lowercase();
    let header = format!("warning: 299 - \"{WARNING}\"\r\n");
    assert!(answers.contains(&header), "{answers}");
}
