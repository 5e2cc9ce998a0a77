//! rpm's databases. Today's rpm writes SQLite and reads Berkeley DB, which `db5.3_load` writes; the ndb file was written
//! by rpm's own `rpmpkg.c` from the headers of three packages, of which one was then deleted.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use plimsoll_peers::{Peer, find_peer};
use plimsoll_sbom::{Component, Facts};
use tempfile::TempDir;

use super::{lines, output, owned, read_file};

/// What rpm says of each package: as [`told`] writes it.
const FORMAT: &str =
    "%{NAME}\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\t%{ARCH}\t%{SOURCERPM}\t%{VENDOR}\t%{LICENSE}\n";
/// What rpm says of each package's files.
const FILES: &str = "[%{=NAME} %{FILEMODES:perms} %{FILENAMES}\n]";

const SUBPACKAGES: usize = 60;
/// The subpackage that is removed again, so that the database has pages that are free.
const REMOVED: &str = "sub7";

fn told(component: &Component) -> String {
    let source = component.source.as_ref().unwrap();
    let version = source.version.split_once(':').map_or(source.version.as_str(), |(_, version)| version);
    let source = format!("{}-{version}.src.rpm", source.name);
    let vendor = component.properties.get(Component::VENDOR).map_or("(none)", String::as_str);
    let architecture = component.architecture.as_deref().unwrap();
    [&component.name, &component.version, architecture, &source, vendor, &component.licenses.join(" ")]
        .join("\t")
}

fn all_told(facts: &Facts) -> Vec<String> {
    let mut all: Vec<String> = facts.components.iter().map(told).collect();
    all.sort();
    all
}

/// A package without files, one with thousands, and sixty more with epochs and versions of their own.
fn spec() -> String {
    let mut spec = "Name: large\nVersion: 1.2\nRelease: 3\nEpoch: 2\nSummary: s\nLicense: MIT AND Zlib\nVendor: Example\n\
                    BuildArch: noarch\nAutoReqProv: no\n%description\nd\n"
        .to_owned();
    for number in 0..SUBPACKAGES {
        let version = if number % 3 == 0 { format!("Version: {number}.9~rc1\n") } else { String::new() };
        let epoch = if number % 4 == 0 { format!("Epoch: {}\n", number % 3) } else { String::new() };
        write!(spec, "%package -n sub{number}\n{version}{epoch}Summary: s\nAutoReqProv: no\n%description -n sub{number}\nd\n")
            .unwrap();
    }
    spec += "%install\nmkdir -p %{buildroot}/opt/large %{buildroot}/opt/sub\n\
             seq -f file-with-a-rather-long-name-%g 3000 | (cd %{buildroot}/opt/large && xargs touch)\n\
             seq 0 59 | (cd %{buildroot}/opt/sub && xargs touch)\n%files\n%dir /opt/large\n/opt/large/*\n";
    for number in 0..SUBPACKAGES {
        let file = if number % 5 == 0 { String::new() } else { format!("/opt/sub/{number}\n") };
        write!(spec, "%files -n sub{number}\n{file}").unwrap();
    }
    // What is of no use here and takes long: searching the files for what they need, and looking for strays.
    let hasty = "%define _unpackaged_files_terminate_build 0\n%define __os_install_post %{nil}\n%install\n";
    spec.replace("%install\n", hasty)
}

/// A directory with packages built by rpmbuild and installed in an SQLite database.
struct Database {
    directory: TempDir,
    rpm: Peer,
}

impl Database {
    fn new() -> Option<Self> {
        let (rpm, rpmbuild) = (find_peer("rpm")?, find_peer("rpmbuild")?);
        let directory = TempDir::new().unwrap();
        let at = |name: &str| directory.path().join(name);
        std::fs::write(at("large.spec"), spec()).unwrap();
        let mut command = rpmbuild.command();
        for (name, folder) in [("_topdir", "top"), ("_rpmdir", "rpms"), ("_tmppath", "tmp"), ("_var", "var")]
        {
            command.arg("--define").arg(format!("{name} {}", at(folder).display()));
        }
        output(command.args(["--define", "_binary_payload w1.gzdio", "-bb"]).arg(at("large.spec")));
        let database = Self { directory, rpm };
        database.install();
        Some(database)
    }

    fn install(&self) {
        let packages = std::fs::read_dir(self.directory.path().join("rpms/noarch")).unwrap();
        let packages: Vec<PathBuf> = packages.map(|package| package.unwrap().path()).collect();
        assert_eq!(packages.len(), SUBPACKAGES + 1);
        output(self.rpm("sqlite").args(["-i", "--justdb", "--nodeps", "--noscripts"]).args(packages));
        output(self.rpm("sqlite").args(["-e", "--justdb", "--nodeps", REMOVED]));
    }

    fn path(&self, backend: &str) -> PathBuf {
        self.directory.path().join(format!("{backend}-database"))
    }

    fn rpm(&self, backend: &str) -> std::process::Command {
        let mut command = self.rpm.command();
        command.arg("--dbpath").arg(self.path(backend)).args(["--define", &format!("_db_backend {backend}")]);
        command
    }

    /// All headers, as a package file has them but without its magic number.
    fn headers(&self) -> Vec<Vec<u8>> {
        let rpmdb = find_peer("rpmdb").unwrap();
        let export = output(rpmdb.command().arg("--dbpath").arg(self.path("sqlite")).arg("--exportdb"));
        let mut rest = export.as_slice();
        let mut headers = Vec::new();
        while let Some((head, _)) = rest.split_first_chunk::<16>() {
            let number = |at: usize| u32::from_be_bytes(head[at..at + 4].try_into().unwrap()) as usize;
            let length = 16 + 16 * number(8) + number(12);
            headers.push(rest[8..length].to_vec());
            rest = &rest[length..];
        }
        headers
    }

    fn assert_same(&self, backend: &str, facts: &Facts) {
        assert_eq!(facts.notes, []);
        let said = lines(self.rpm(backend).args(["-qa", "--qf", FORMAT]));
        assert_eq!(all_told(facts), without_epochs_of_zero(said));
        let files = lines(self.rpm(backend).args(["-qa", "--qf", FILES]));
        let mut files: Vec<String> = files
            .iter()
            .filter_map(|line| {
                let [name, mode, path] = line.splitn(3, ' ').collect::<Vec<_>>()[..] else { return None };
                (!mode.starts_with('d')).then(|| format!("{name} {path}"))
            })
            .collect();
        files.sort();
        assert!(files.len() > 3000);
        assert_eq!(owned(facts), files);
    }
}

/// rpm writes an epoch of 0 where a package sets it, though it is the same as none.
fn without_epochs_of_zero(lines: Vec<String>) -> Vec<String> {
    let mut lines: Vec<String> = lines.into_iter().map(|line| line.replace("\t0:", "\t")).collect();
    lines.sort();
    lines
}

#[test]
fn every_package_and_file_of_an_sqlite_database_is_as_rpm_says() {
    let Some(database) = Database::new() else { return };
    let facts = read_file("usr/lib/sysimage/rpm/rpmdb.sqlite", database.path("sqlite").join("rpmdb.sqlite"));
    assert_eq!(facts.components.len(), SUBPACKAGES);
    database.assert_same("sqlite", &facts);
    let large = facts.components.iter().find(|component| component.name == "large").unwrap();
    assert_eq!(large.source.as_ref().unwrap().version, "2:1.2-3");
}

#[test]
fn every_package_and_file_of_a_berkeley_database_is_as_rpm_says() {
    let Some(database) = Database::new() else { return };
    for page_bytes in [512, 4096, 65_536] {
        let Some(file) = write_berkeley(&database, page_bytes) else { return };
        let facts = read_file("var/lib/rpm/Packages", file);
        assert_eq!(facts.components.len(), SUBPACKAGES, "{page_bytes}");
        database.assert_same("bdb_ro", &facts);
    }
}

/// Writes the headers as a hash of Berkeley DB, as rpm did until 4.16.
fn write_berkeley(database: &Database, page_bytes: u32) -> Option<PathBuf> {
    let db_load = find_peer("db5.3_load")?;
    let mut dump = format!("VERSION=3\nformat=bytevalue\ntype=hash\ndb_pagesize={page_bytes}\nHEADER=END\n");
    let headers = database.headers();
    let next = u32::try_from(headers.len()).unwrap() + 1;
    writeln!(dump, " {}\n {}", hex(&0u32.to_le_bytes()), hex(&next.to_le_bytes())).unwrap();
    for (number, header) in (1u32..).zip(&headers) {
        writeln!(dump, " {}\n {}", hex(&number.to_le_bytes()), hex(header)).unwrap();
    }
    dump += "DATA=END\n";
    let text = database.directory.path().join("dump");
    std::fs::write(&text, dump).unwrap();
    std::fs::create_dir_all(database.path("bdb_ro")).unwrap();
    let file = database.path("bdb_ro").join("Packages");
    let _ = std::fs::remove_file(&file);
    output(db_load.command().stdin(Stdio::null()).arg("-f").arg(text).arg(&file));
    Some(file)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_packages_of_an_ndb_database_are_told() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sbom/databases/Packages.db");
    let facts = read_file("usr/lib/sysimage/rpm/Packages.db", file);
    assert_eq!(facts.notes, []);
    assert_eq!(
        all_told(&facts),
        [
            "alpha\t2:1.2-3\tnoarch\talpha-1.2-3.src.rpm\tExample\tMIT",
            "alpha-tools\t2:9.9-3\tnoarch\talpha-1.2-3.src.rpm\tExample\tMIT",
        ]
    );
    assert_eq!(owned(&facts), ["alpha /usr/bin/alpha", "alpha /usr/share/doc/alpha/README"]);
}
