//! A Debian system with packages as they were on the day of its release, and old Python packages beside it: what real
//! advisories say of them, and that everybody tells the same numbers.

mod judged;
mod oracle;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use plimsoll_testkit::{find_peer, passed_over};

use super::bootstrap::Bootstrap;
use super::bounded::{bounded, run};
use super::layout::{self, Layer};

/// Packages of bullseye as it was released on 14 August 2021, before any security update: the package, its version, its
/// source, and the source's version where it is another. The mirrors keep the newest versions alone, in which what the
/// advisories tell of is mended.
const OLD_PACKAGES: [[&str; 3]; 15] = [
    ["openssl", "1.1.1k-1", ""],
    ["libssl1.1", "1.1.1k-1", "openssl"],
    ["curl", "7.74.0-1.3+b1", "curl (7.74.0-1.3)"],
    ["libxml2", "2.9.10+dfsg-6.7", ""],
    ["libexpat1", "2.2.10-2", "expat"],
    ["zlib1g-dev", "1:1.2.11.dfsg-2", "zlib"],
    ["xz-utils", "5.2.5-2", ""],
    ["git", "1:2.30.2-1", ""],
    ["sudo", "1.9.5p2-3", ""],
    ["nginx-light", "1.18.0-6.1", "nginx"],
    ["libtiff5", "4.2.0-1", "tiff"],
    ["rsyslog", "8.2102.0-2", ""],
    ["libksba8", "1.5.0-3", "libksba"],
    // Only headers of a kernel that has many flaws.
    ["linux-libc-dev", "5.10.46-4", "linux"],
    // Mended in this very version.
    ["libpixman-1-0", "0.40.0-1.1~deb11u1", "pixman"],
];

/// The system as an image of two layers: Debian's, and a virtual environment in `opt/venv`.
struct Bullseye {
    directory: PathBuf,
    /// Keeps another run from making the image anew in the meantime.
    _lock: File,
}

impl Bullseye {
    fn made_once() -> Option<&'static Self> {
        static IMAGE: OnceLock<Option<Bullseye>> = OnceLock::new();
        IMAGE.get_or_init(Self::make).as_ref()
    }

    fn make() -> Option<Self> {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bullseye");
        fs::create_dir_all(&directory).unwrap();
        let lock = File::create(directory.join("lock")).unwrap();
        lock.lock().unwrap();
        build_old_packages(&directory)?;
        let environment = build_environment(&directory)?;
        let options = [
            "--customize-hook=copy-in old-packages /opt",
            "--customize-hook=chroot \"$1\" sh -c 'dpkg --force-depends --install /opt/old-packages/*.deb'",
            "--customize-hook=rm -r \"$1\"/opt/old-packages",
            "--customize-hook=chroot \"$1\" dpkg-query --show \
             --showformat='${source:Package} ${source:Version}\\n' >sources.txt",
        ];
        let system = Bootstrap { suite: "bullseye", packages: &[], options: &options }.make(&directory)?;
        let layers = [
            Layer { instruction: "mmdebstrap", archive: &system },
            Layer { instruction: "pip install", archive: &environment },
        ];
        layout::write(&directory.join("layout"), &layers);
        fs::remove_file(system).unwrap();
        Some(Self { directory, _lock: lock })
    }

    /// The image as `DIR:TAG`.
    fn layout(&self) -> String {
        format!("{}/layout:1", self.directory.display())
    }

    /// Source package and version of everything that dpkg has installed, as `dpkg-query` says it there.
    fn sources(&self) -> PathBuf {
        self.directory.join("sources.txt")
    }

    /// Name and version of everything in the virtual environment, as `pip list` says it.
    fn python_packages(&self) -> PathBuf {
        self.directory.join("python-packages.txt")
    }
}

/// Builds packages of these names and versions, with nothing in them.
fn build_old_packages(directory: &Path) -> Option<()> {
    let dpkg_deb = find_peer("dpkg-deb")?;
    let packages = directory.join("old-packages");
    let _ = fs::remove_dir_all(&packages);
    fs::create_dir_all(&packages).unwrap();
    for [name, version, source] in OLD_PACKAGES {
        let tree = directory.join("tree");
        let _ = fs::remove_dir_all(&tree);
        fs::create_dir_all(tree.join("DEBIAN")).unwrap();
        let source = if source.is_empty() { String::new() } else { format!("Source: {source}\n") };
        let control = format!(
            "Package: {name}\n{source}Version: {version}\nArchitecture: amd64\n\
             Maintainer: Debian Maintainers <maintainers@lists.debian.org>\nDescription: as it was released\n"
        );
        fs::write(tree.join("DEBIAN/control"), control).unwrap();
        let package = packages.join(format!("{name}.deb"));
        run(bounded(&dpkg_deb, directory).args(["--root-owner-group", "--build"]).arg(&tree).arg(package));
    }
    Some(())
}

/// Makes a virtual environment of the old wheels that were fetched for the tests, as the archive of a layer.
fn build_environment(directory: &Path) -> Option<PathBuf> {
    let (python, env, tar) = (find_peer("python3")?, find_peer("env")?, find_peer("tar")?);
    let wheels = find_peer("old-wheels/complete")?.path().with_file_name("");
    let tree = directory.join("root");
    let _ = fs::remove_dir_all(&tree);
    let environment = tree.join("opt/venv");
    run(bounded(&python, directory).args(["-m", "venv"]).arg(&environment));
    let mut old: Vec<PathBuf> = fs::read_dir(&wheels).unwrap().map(|file| file.unwrap().path()).collect();
    old.retain(|path| path.extension().is_some_and(|extension| extension == "whl"));
    if old.is_empty() {
        passed_over("there are no old wheels");
        return None;
    }
    let pip = |arguments: &[&str]| {
        let mut command = bounded(&env, directory);
        command.arg(environment.join("bin/python")).args(["-m", "pip"]).args(arguments);
        command
    };
    run(pip(&["install", "--quiet", "--no-index", "--no-deps"]).args(&old));
    let listed = run(&mut pip(&["list", "--format=freeze"]));
    fs::write(directory.join("python-packages.txt"), listed.replace("==", " ") + "\n").unwrap();
    let archive = directory.join("environment.tar");
    let mut pack = bounded(&tar, directory);
    pack.args(["--create", "--owner=0", "--group=0", "--exclude=__pycache__", "--file"]).arg(&archive);
    run(pack.arg("--directory").arg(&tree).arg("opt"));
    Some(archive)
}
