//! dpkg's own database of the machine, and one made of packages built here.

use std::path::Path;

use plimsoll_peers::{Peer, find_peer, left_out};
use plimsoll_sbom::{Component, Facts, Owned};
use tempfile::TempDir;

use super::{lines, output, read, read_file};

const STATUS: &str = "var/lib/dpkg/status";
/// What dpkg says of each package: as [`told`] writes it.
const FORMAT: &str =
    "${Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\t${Maintainer}\n";

/// A component as [`FORMAT`] writes it.
fn told(component: &Component) -> String {
    let source = component.source.as_ref().unwrap();
    let architecture = component.architecture.as_deref().unwrap_or_default();
    let maintainer = component.properties.get(Component::VENDOR).map(String::as_str).unwrap_or_default();
    [&component.name, &component.version, architecture, &source.name, &source.version, maintainer].join("\t")
}

fn all_told(facts: &Facts) -> Vec<String> {
    let mut all: Vec<String> = facts.components.iter().map(told).collect();
    all.sort();
    all
}

/// What dpkg says of the packages that are installed in an administrative directory.
fn query(dpkg_query: &Peer, admin: &Path) -> Vec<String> {
    let format = format!("${{db:Status-Status}}\t{FORMAT}");
    let all = lines(dpkg_query.command().arg("--admindir").arg(admin).args(["-W", "-f", &format]));
    let mut there: Vec<String> = all
        .iter()
        .filter(|line| !line.starts_with("config-files\t") && !line.starts_with("not-installed\t"))
        .filter_map(|line| Some(line.split_once('\t')?.1.to_owned()))
        .collect();
    there.sort();
    there
}

#[test]
fn every_package_of_this_machine_is_as_dpkg_says() {
    let Some(dpkg_query) = find_peer("dpkg-query") else { return };
    if !Path::new("/var/lib/dpkg/status").is_file() {
        return left_out("this machine was not installed by dpkg");
    }
    let admin = TempDir::new().unwrap();
    std::fs::copy("/var/lib/dpkg/status", admin.path().join("status")).unwrap();
    let facts = read_file(STATUS, admin.path().join("status"));
    assert_eq!(all_told(&facts), query(&dpkg_query, admin.path()));
    assert!(facts.components.len() > 50, "{}", facts.components.len());
}

#[test]
fn every_file_of_a_package_of_this_machine_is_as_dpkg_says() {
    let Some(dpkg_query) = find_peer("dpkg-query") else { return };
    let list = Path::new("/var/lib/dpkg/info/dpkg.list");
    if !list.is_file() {
        return left_out("this machine was not installed by dpkg");
    }
    let facts = read_file("var/lib/dpkg/info/dpkg.list", list);
    let Owned::Paths(paths) = &facts.owned[0].files else { panic!("{facts:?}") };
    let mut listed = lines(dpkg_query.command().args(["--listfiles", "dpkg"]));
    listed
        .retain(|path| !Path::new(path).is_dir() || paths.contains(&path.trim_start_matches('/').to_owned()));
    // dpkg does not list the scripts that it runs itself.
    let listable = paths.iter().filter(|path| !path.starts_with("var/lib/dpkg/info/dpkg."));
    let mut paths: Vec<String> = listable.map(|path| format!("/{path}")).collect();
    paths.sort();
    assert_eq!(paths, listed);
    let empty_directories = paths.iter().filter(|path| Path::new(path).is_dir()).count();
    assert!(empty_directories < paths.len() / 4, "{empty_directories} of {}", paths.len());
}

/// A root file system with packages built and installed by dpkg.
struct Root {
    directory: TempDir,
    dpkg: Peer,
}

impl Root {
    fn new() -> Option<Self> {
        let (dpkg, _) = (find_peer("dpkg")?, find_peer("dpkg-deb")?);
        let directory = TempDir::new().unwrap();
        let admin = directory.path().join("root/var/lib/dpkg");
        std::fs::create_dir_all(admin.join("info")).unwrap();
        std::fs::create_dir_all(admin.join("updates")).unwrap();
        std::fs::write(admin.join("status"), "").unwrap();
        Some(Self { directory, dpkg })
    }

    fn admin(&self) -> std::path::PathBuf {
        self.directory.path().join("root/var/lib/dpkg")
    }

    fn build(&self, name: &str, control: &str) {
        let tree = self.directory.path().join(name);
        std::fs::create_dir_all(tree.join("DEBIAN")).unwrap();
        std::fs::create_dir_all(tree.join("etc")).unwrap();
        std::fs::write(tree.join("etc").join(name), "x\n").unwrap();
        std::fs::write(tree.join("DEBIAN/conffiles"), format!("/etc/{name}\n")).unwrap();
        let control = format!("Package: {name}\nMaintainer: A B <ab@example.org>\nDescription: d\n{control}");
        std::fs::write(tree.join("DEBIAN/control"), control).unwrap();
        let archive = self.directory.path().join(format!("{name}.deb"));
        output(find_peer("dpkg-deb").unwrap().command().arg("-b").arg(tree).arg(archive));
    }

    fn dpkg(&self, arguments: &[&str], target: &str) {
        let mut command = self.dpkg.command();
        command.args([
            "--force-not-root",
            "--force-script-chrootless",
            "--force-bad-path",
            "--log=/dev/null",
        ]);
        command.arg("--root").arg(self.directory.path().join("root")).args(arguments);
        output(command.arg(target).current_dir(self.directory.path()));
    }
}

#[test]
fn packages_in_every_state_are_as_dpkg_says() {
    let Some(root) = Root::new() else { return };
    let Some(dpkg_query) = find_peer("dpkg-query") else { return };
    root.build(
        "plain",
        "Version: 1:2.0-3+b1\nArchitecture: all\nSource: plain-source (2:1.9-3)\nOrigin: Elsewhere\n",
    );
    root.build("own", "Version: 0.1~rc1\nArchitecture: all\n");
    root.build("removed", "Version: 5\nArchitecture: all\n");
    root.build("unpacked", "Version: 7\nArchitecture: all\nSource: un\n");
    for name in ["plain.deb", "own.deb", "removed.deb"] {
        root.dpkg(&["-i"], name);
    }
    root.dpkg(&["--remove"], "removed");
    root.dpkg(&["--unpack"], "unpacked.deb");

    let facts = read_file(STATUS, root.admin().join("status"));
    assert_eq!(all_told(&facts), query(&dpkg_query, &root.admin()));
    let names: Vec<&str> = facts.components.iter().map(|component| component.name.as_str()).collect();
    assert_eq!(names, ["own", "plain", "unpacked"]);
    assert_eq!(facts.components[1].properties[Component::ORIGIN], "Elsewhere");
    let notes: Vec<&str> = facts.notes.iter().map(|note| note.text.as_str()).collect();
    assert_eq!(notes, ["the package `unpacked` is unpacked"]);

    let list = std::fs::read(root.admin().join("info/plain.list")).unwrap();
    let owned = read("var/lib/dpkg/info/plain.list", &list).unwrap().owned;
    let Owned::Paths(paths) = &owned[0].files else { panic!("{owned:?}") };
    let (scripts, files): (Vec<&String>, Vec<&String>) =
        paths.iter().partition(|path| path.starts_with("var/lib/dpkg/info/plain."));
    assert_eq!((files, scripts.len()), (vec![&"etc/plain".to_owned()], 5));
}
