//! Packages of Alpine, installed by apko.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use plimsoll_oci::Digest;
use plimsoll_testkit::find_peer;

use super::run;

/// A package to be installed.
pub(super) struct AlpinePackage {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    pub(super) architecture: &'static str,
    /// Paths and contents.
    pub(super) files: &'static [(&'static str, &'static str)],
}

/// Installs packages into `root`, with the database of what is installed.
pub(super) fn install(packages: &[AlpinePackage], work: &Path, root: &Path) -> Option<()> {
    let apko = find_peer("apk-oracle")?;
    let mut install = apko.command();
    install.arg(root).env("TMPDIR", work);
    for package in packages {
        let path = work.join(format!("{}-{}.apk", package.name, package.version));
        fs::write(&path, package.to_archive()).unwrap();
        install.arg(path);
    }
    run(&mut install);
    Some(())
}

impl AlpinePackage {
    /// What is said of the package and what is in it, one compressed archive behind the other (Alpine's package format
    /// 2). The first has no end, so that both together are one archive.
    fn to_archive(&self) -> Vec<u8> {
        let mut data = tar::Builder::new(Vec::new());
        for (path, content) in self.files {
            append_directories(&mut data, Path::new(path));
            append(&mut data, path, content);
        }
        let data = compressed(&data.into_inner().unwrap());
        let mut control = tar::Builder::new(Vec::new());
        append(&mut control, ".PKGINFO", &self.information(&data));
        [compressed(control.get_ref()), data].concat()
    }

    fn information(&self, data: &[u8]) -> String {
        let Self { name, version, architecture, .. } = self;
        let hash = Digest::sha256_of(data).encoded();
        format!(
            "pkgname = {name}\npkgver = {version}\narch = {architecture}\norigin = {name}\nlicense = MIT\n\
             datahash = {hash}\n"
        )
    }
}

fn append_directories(archive: &mut tar::Builder<Vec<u8>>, path: &Path) {
    let above: Vec<&Path> = path.ancestors().skip(1).filter(|path| *path != Path::new("")).collect();
    for directory in above.into_iter().rev() {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(0o755);
        header.set_size(0);
        archive.append_data(&mut header, directory, std::io::empty()).unwrap();
    }
}

fn append(archive: &mut tar::Builder<Vec<u8>>, path: &str, content: &str) {
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, path, content.as_bytes()).unwrap();
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
