use std::fs;
use std::path::Path;

use plimsoll_testkit::find_peer;

use crate::peers::rpm_database;

use super::super::{REQUESTS, REQUESTS_PATH, ground};
use super::{TAR, archive, assert_not_evaluated, bounded, put_image};

const APK: &[u8] = b"C:Q1p78yvTLG094tHE1+dToJGbmYzQE=\nP:musl\nV:1.2.4-r2\nA:x86_64\nL:MIT\no:musl\nF:lib\nR:ld-musl.so.1\n\n\
    P:busybox\nV:1.36.1-r5\nA:x86_64\no:busybox\nF:bin\nR:busybox\n\n";

/// The machine's own database, which is Debian's or Ubuntu's.
fn dpkg_database() -> Option<Vec<u8>> {
    find_peer("dpkg-query")?;
    Some(fs::read("/var/lib/dpkg/status").unwrap())
}

/// Cuts a database in many places. Nothing of it may then pass for a clean image, but where `is_whole` says that nothing
/// is missing that could be: a text may be cut between two lines.
fn assert_cuts_are_seen(path: &str, whole: &[u8], is_whole: impl Fn(&Path, &str, &[u8]) -> bool) {
    let ground = ground();
    for part in 0..8 {
        let cut = &whole[..whole.len() * part / 8];
        let image = format!("cut-{part}");
        put_image(&ground.path().join(&image), TAR, &archive(&[(path, cut)]));
        if is_whole(ground.path(), &image, cut) {
            continue;
        }
        assert_not_evaluated(ground.path(), &image, path);
    }
}

#[test]
fn a_cut_database_of_dpkg_could_not_be_evaluated() {
    let Some(status) = dpkg_database() else { return };
    assert_cuts_are_seen("var/lib/dpkg/status", &status, |_, _, cut| cut.ends_with(b"\n"));
}

#[test]
fn a_cut_database_of_apk_could_not_be_evaluated() {
    assert_cuts_are_seen("lib/apk/db/installed", APK, |_, _, cut| cut.ends_with(b"\n"));
}

#[test]
fn a_cut_database_of_rpm_could_not_be_evaluated() {
    let directory = tempfile::tempdir().unwrap();
    let Some(database) = rpm_database(directory.path()) else { return };
    assert_cuts_are_seen("var/lib/rpm/rpmdb.sqlite", &database, |ground, image, cut| {
        // The last pages hold indexes, in which nobody looks here.
        let listed = crate::run_in(ground, &[], &["sbom", &format!("oci:{image}:1"), "-o", "json"]).json();
        !cut.is_empty() && listed["components"][0]["component"]["name"] == "old"
    });
}

#[test]
fn what_is_known_against_the_rest_of_an_image_is_told_beside_a_damaged_database() {
    let ground = ground();
    let cut = &APK[..APK.len() - 5];
    let files: [(&str, &[u8]); 2] = [("lib/apk/db/installed", cut), (REQUESTS_PATH, REQUESTS)];
    put_image(&ground.path().join("both"), TAR, &archive(&files));
    let Some(told) = bounded::scan(ground.path(), &["oci:both:1", "-o", "json"]) else { return };
    assert_eq!((told.code, super::super::ids(&told)), (0, vec!["CVE-2018-18074".to_owned()]));
    let gated = bounded::scan(ground.path(), &["oci:both:1", "--fail-on", "kev"]).unwrap();
    assert_eq!(gated.code, 3, "{}", gated.stdout);
}
