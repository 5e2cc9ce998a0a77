use std::collections::BTreeMap;
use std::io::{self, Cursor, Read as _};

use plimsoll_oci::ImageConfig;
use plimsoll_sbom::Content;

use super::*;
use crate::closure::{Closure, Seed, Setting};
use crate::patch::patch;

/// A small Debian system: two packages, a link between directories, and a file with two names.
struct Ship {
    system: FileSystem,
    contents: InMemory,
}

struct InMemory(BTreeMap<Vec<u8>, Vec<u8>>);

impl Contents for InMemory {
    fn open(&mut self, path: &[u8]) -> io::Result<Box<dyn Content + '_>> {
        let content = self.0.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(Cursor::new(content)))
    }

    fn modified_unix(&mut self, _path: &[u8]) -> io::Result<u64> {
        Ok(1000)
    }
}

const STATUS: &str = "Package: hull\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\nConffiles:\n /etc/hull.conf 00\n\n\
    Package: sail\nStatus: install ok installed\nVersion: 2\nArchitecture: amd64\n\n";

const FILES: &[(&str, &str)] = &[
    ("bin", "usr/bin"),
    ("etc/hull.conf", ""),
    ("usr/bin/hull", ""),
    ("usr/bin/hull-again", "=usr/bin/hull"),
    ("usr/bin/sail", ""),
    ("usr/share/hull.txt", ""),
    (
        "var/lib/dpkg/info/hull.list",
        "/.\n/bin\n/bin/hull\n/bin/hull-again\n/etc\n/etc/hull.conf\n/usr\n/usr/share\n/usr/share/hull.txt\n",
    ),
    ("var/lib/dpkg/info/sail.list", "/.\n/usr\n/usr/bin\n/usr/bin/sail\n"),
    ("var/lib/dpkg/status", STATUS),
];

fn ship() -> Ship {
    let mut nodes = vec![crate::file_system::tests::node("", Kind::Directory, "")];
    let mut contents = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for (path, content) in FILES {
        for (at, _) in path.match_indices('/') {
            if seen.insert(&path[..at]) {
                nodes.push(crate::file_system::tests::node(&path[..at], Kind::Directory, ""));
            }
        }
        let (kind, link) = match content.strip_prefix('=') {
            Some(target) => (Kind::HardLink, target),
            None if *path == "bin" => (Kind::Symlink, *content),
            None => (Kind::File, ""),
        };
        let mut node = crate::file_system::tests::node(path, kind, link);
        node.mode = if path.ends_with("hull") { 0o4755 } else { 0o644 };
        node.size_bytes = if kind == Kind::File { content.len() as u64 } else { 0 };
        nodes.push(node);
        contents.insert(path.as_bytes().to_vec(), content.trim_start_matches('=').as_bytes().to_vec());
    }
    nodes.sort_by(|one, other| plimsoll_image::compare_paths(&one.path, &other.path));
    Ship { system: FileSystem::of_nodes(nodes.into_iter()), contents: InMemory(contents) }
}

impl Ship {
    fn list(&mut self, asked: &[&str]) -> (KeepList<'_>, Ownership) {
        let ownership = Ownership::read(&self.system, &mut self.contents);
        let setting = Setting { directory: "/".into(), ..Setting::default() };
        let mut closure = Closure::new(&self.system, &mut self.contents, &ownership, &setting);
        closure.add_seeds(&[Seed { cause: Cause::Entrypoint, words: vec!["/bin/hull".into()] }]);
        for path in asked {
            assert!(closure.add_path(path.as_bytes()));
        }
        let kept = closure.finish();
        (KeepList::new(&self.system, &mut self.contents, &ownership, kept), ownership)
    }
}

fn paths(list: &KeepList<'_>) -> Vec<String> {
    let is_file = |kind: Kind| kind != Kind::Directory;
    list.kept()
        .filter(|(node, _)| is_file(node.kind))
        .map(|(node, _)| crate::lock::text(&node.path))
        .collect()
}

#[test]
fn a_package_with_a_kept_file_is_listed_with_just_its_kept_files() {
    let mut ship = ship();
    let (list, _) = ship.list(&[]);
    assert_eq!(
        paths(&list),
        ["/bin", "/usr/bin/hull", "/var/lib/dpkg/info/hull.list", "/var/lib/dpkg/status"]
    );
    let text = |path: &str| String::from_utf8(list.written(path.as_bytes()).unwrap().to_vec()).unwrap();
    assert_eq!(text("var/lib/dpkg/info/hull.list"), "/.\n/usr\n/usr/bin\n/usr/bin/hull\n");
    let status = text("var/lib/dpkg/status");
    assert!(
        status.contains("Package: hull\n") && !status.contains("sail") && !status.contains("hull.conf"),
        "{status}"
    );
    assert_eq!(list.packages().iter().collect::<Vec<_>>(), ["hull"]);
}

#[test]
fn nothing_runs_as_another_user_unless_it_was_asked_for() {
    let mode = |asked: &[&str]| {
        let mut ship = ship();
        let (list, _) = ship.list(asked);
        list.mode(list.system.node(list.system.get(b"usr/bin/hull").unwrap()))
    };
    assert_eq!(mode(&[]), 0o755);
    assert_eq!(mode(&["/usr/bin/hull"]), 0o4755);
}

#[test]
fn what_was_asked_for_and_goes_is_named_and_what_was_never_there_is_not() {
    let mut ship = ship();
    let (list, _) = ship.list(&[]);
    let mut trace = Trace::default();
    for (path, touch) in [
        ("/bin/sail", Touch::Run),
        ("/bin/hull", Touch::Open),
        ("/none", Touch::Open),
        ("/usr/share", Touch::LookAtLink),
    ] {
        trace.touched.entry(path.into()).or_default().insert(touch);
    }
    assert_eq!(list.missed(&trace), [Missed { path: "/usr/bin/sail".into(), touch: Touch::Run }]);
}

#[test]
fn a_layer_has_each_content_once_and_is_the_same_each_time() {
    let write = || {
        let mut ship = ship();
        let mut contents = InMemory(ship.contents.0.clone());
        let (list, _) = ship.list(&["/usr/bin/hull-again"]);
        let mut layer = Vec::new();
        write_layer(&list, &mut contents, &mut layer).unwrap();
        layer
    };
    let layer = write();
    assert_eq!(layer, write());
    let mut archive = tar::Archive::new(&*layer);
    let mut found = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut text = String::new();
        let path = entry.path().unwrap().display().to_string();
        let kind = entry.header().entry_type();
        entry.read_to_string(&mut text).unwrap();
        found.insert(path, (kind, text));
    }
    assert_eq!(found["usr/bin/hull-again"].0, tar::EntryType::Link);
    assert_eq!(found["bin"].0, tar::EntryType::Symlink);
    assert!(!found["var/lib/dpkg/status"].1.contains("sail"));
    assert!(!found.contains_key("usr/share"));
}

#[test]
fn a_patch_names_the_last_stage_and_adds_the_files_that_it_reads() {
    let mut ship = ship();
    let (list, _) = ship.list(&[]);
    let config =
        br#"{"architecture":"amd64","os":"linux","config":{"Env":["A=$x \"y\""],"Cmd":["hull"],"User":"33"},
        "rootfs":{"diff_ids":[]}}"#;
    let config = ImageConfig::parse(config).unwrap();
    let source = "# a ship\nFROM debian:12\nCOPY hull /usr/bin/hull\nCMD hull";
    let made = patch(source.as_bytes(), true, &config, None, &list).unwrap();
    assert!(
        made.dockerfile.starts_with("# a ship\nFROM debian:12 AS full\nCOPY hull /usr/bin/hull\nCMD hull\n")
    );
    assert!(
        made.dockerfile.contains("\nFROM full AS plimsoll-pack\n")
            && made.dockerfile.contains("\nFROM scratch\n")
    );
    assert!(
        made.dockerfile.ends_with("ENV A=\"\\$x \\\"y\\\"\"\nUSER 33\nCMD [\"hull\"]\n"),
        "{}",
        made.dockerfile
    );
    assert!(made.dockerfile.contains("chmod ug-s '/plimsoll.slim/root/usr/bin/hull'"), "{}", made.dockerfile);
    let text = String::from_utf8(made.text("Dockerfile", source.as_bytes())).unwrap();
    assert!(
        text.contains("\n+./usr/bin/hull\n")
            && text.contains("+++ b/plimsoll.slim/written/var/lib/dpkg/status\n"),
        "{text}"
    );
    assert!(patch(source.as_bytes(), false, &config, None, &list).is_err());
}
