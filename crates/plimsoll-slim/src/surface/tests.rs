use plimsoll_sbom::merge;
use proptest::prelude::*;

use super::*;
use crate::LayerFiles;
use crate::census::tests::{Member, layer, record};

fn config(user: &str) -> ImageConfig {
    let text = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{"User":"{user}","Env":["PATH=/opt/app/bin:/usr/bin"]}},
        "rootfs":{{"type":"layers","diff_ids":[]}}}}"#
    );
    ImageConfig::parse(text.as_bytes()).unwrap()
}

fn surface(members: &[Member<'_>], user: &str) -> Surface {
    let layers: Vec<LayerFiles> = vec![layer(members)];
    let contents = merge(&mut [record(members)]).unwrap();
    Surface::of("image", Digest::sha256_of(b""), &config(user), &Census::of(&layers), &contents)
}

fn items(surface: &Surface, kind: SurfaceKind) -> Vec<&str> {
    surface.items(kind).iter().map(String::as_str).collect()
}

const STATUS: &[u8] = b"Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9\n";

const IMAGE: &[Member<'_>] = &[
    Member::Program("usr/bin/dash", b"d", 0o755),
    Member::Symlink("usr/bin/sh", "dash"),
    Member::Program("usr/bin/su", b"s", 0o4755),
    Member::Program("usr/bin/notes.txt", b"n", 0o644),
    Member::Program("opt/app/bin/server", b"a", 0o755),
    Member::Program("usr/lib/helper", b"h", 0o755),
    Member::Program("usr/bin/apt-get", b"g", 0o755),
    Member::Program("usr/bin/python3.11", b"p", 0o755),
    Member::Program("srv/open", b"o", 0o666),
    Member::File("var/lib/dpkg/status", STATUS),
];

#[test]
fn each_kind_is_counted_with_its_things() {
    let surface = surface(IMAGE, "1000");
    assert_eq!(items(&surface, SurfaceKind::SystemPackages), ["deb:libc6"]);
    assert_eq!(
        items(&surface, SurfaceKind::Executables),
        ["/opt/app/bin/server", "/usr/bin/apt-get", "/usr/bin/dash", "/usr/bin/python3.11", "/usr/bin/su"]
    );
    assert_eq!(items(&surface, SurfaceKind::Setuid), ["/usr/bin/su"]);
    assert_eq!(items(&surface, SurfaceKind::Shells), ["/usr/bin/dash", "/usr/bin/sh"]);
    assert_eq!(items(&surface, SurfaceKind::PackageManagers), ["/usr/bin/apt-get"]);
    assert_eq!(items(&surface, SurfaceKind::Interpreters), ["/usr/bin/python3.11"]);
    assert_eq!(items(&surface, SurfaceKind::WorldWritable), ["/srv/open"]);
    assert_eq!(items(&surface, SurfaceKind::UserWritable), ["/srv/open"]);
}

#[test]
fn root_may_write_everything() {
    let image = [Member::Directory("etc"), Member::File("etc/passwd", b"x"), Member::File("etcetera", b"y")];
    assert_eq!(items(&surface(&image, ""), SurfaceKind::UserWritable), ["/etc", "/etcetera"]);
    assert_eq!(items(&surface(&image, "7"), SurfaceKind::UserWritable), [] as [&str; 0]);
}

#[test]
fn a_comparison_names_what_came_and_what_went() {
    let before = surface(IMAGE, "1000");
    let now = surface(
        &[Member::Program("usr/bin/dash", b"d", 0o755), Member::Program("usr/bin/curl", b"c", 0o755)],
        "1000",
    );
    let change = SurfaceChange::of(&now, &before);
    let executables = change.get(SurfaceKind::Executables).unwrap();
    assert_eq!((executables.before, executables.after), (5, 2));
    assert_eq!(executables.added, ["/usr/bin/curl"]);
    assert_eq!(change.get(SurfaceKind::NetworkTools).unwrap().added, ["/usr/bin/curl"]);
    assert_eq!(change.get(SurfaceKind::Setuid).unwrap().removed, ["/usr/bin/su"]);
    assert_eq!(change.get(SurfaceKind::FileCapabilities), None);
}

proptest! {
    #[test]
    fn an_image_against_itself_has_no_change(modes in prop::collection::vec(0_u32..0o10000, 1..9), user in "[0-9]{0,3}") {
        let paths = ["usr/bin/a", "bin/sh", "usr/bin/su", "etc/x", "tmp/y", "opt/app/bin/z", "sbin/apk", "usr/bin/nc"];
        let members: Vec<Member<'_>> =
            modes.iter().zip(paths).map(|(mode, path)| Member::Program(path, b"x", *mode)).collect();
        let surface = surface(&members, &user);
        prop_assert_eq!(SurfaceChange::of(&surface, &surface).changes, []);
    }
}
