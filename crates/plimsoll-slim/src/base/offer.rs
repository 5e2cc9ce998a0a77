use std::collections::BTreeSet;

use plimsoll_image::Kind;
use plimsoll_sbom::ImageContents;

use crate::Census;

const SHELLS: &[&str] = &["sh", "bash", "ash"];
const PACKAGE_MANAGERS: &[&str] = &["apt-get", "apk", "dnf", "microdnf", "yum", "zypper"];

/// What a base has for those that stand on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// Libraries by their file names, links among them.
    pub libraries: BTreeSet<String>,
    /// Programs by their names.
    pub programs: BTreeSet<String>,
    /// Every path that a loader may lie at, with links above it followed.
    loaders: BTreeSet<String>,
    /// The version of glibc; nothing where there is none, or another C library.
    pub glibc: Option<(u32, u32)>,
    /// Whether there are certificates of authorities.
    pub has_certificates: bool,
    /// Whether there is a database of time zones.
    pub has_time_zones: bool,
    /// Whether there are locales.
    pub has_locales: bool,
}

impl Offer {
    /// Looks through an image, or through the part of it that is the base: layers before `end`.
    pub fn of(census: &Census<'_>, contents: &ImageContents, end: usize) -> Self {
        let mut offer = Self { glibc: glibc(contents), ..Self::default() };
        for node in census.tree.nodes().filter(|node| node.layer < end) {
            let path = String::from_utf8_lossy(node.path);
            let (directory, name) = path.rsplit_once('/').unwrap_or(("", &path));
            let is_directory = node.entry.kind == Kind::Directory;
            if !is_directory && name.contains(".so") {
                offer.libraries.insert(name.to_owned());
            }
            if name.starts_with("ld-") && !is_directory {
                offer.loaders.insert(path.clone().into_owned());
            }
            let is_program = node.entry.mode & 0o111 != 0 || node.entry.kind == Kind::Symlink;
            if !is_directory && is_program && (directory.ends_with("bin")) {
                offer.programs.insert(name.to_owned());
            }
            offer.has_certificates |= matches!(
                &*path,
                "etc/ssl/certs/ca-certificates.crt" | "etc/ssl/cert.pem" | "etc/pki/tls/certs/ca-bundle.crt"
            );
            offer.has_time_zones |= path.starts_with("usr/share/zoneinfo/") && !is_directory;
            offer.has_locales |= path.starts_with("usr/lib/locale/") && !path.contains("/C.");
        }
        offer.alias_merged_directories(census);
        offer
    }

    /// Whether a shell is there.
    pub fn has_shell(&self) -> bool {
        SHELLS.iter().any(|name| self.programs.contains(*name))
    }

    /// Whether a package manager is there.
    pub fn has_package_manager(&self) -> bool {
        PACKAGE_MANAGERS.iter().any(|name| self.programs.contains(*name))
    }

    /// Those of the loaders that are there.
    pub(super) fn paths_of_loaders(&self, wanted: &BTreeSet<String>) -> BTreeSet<String> {
        wanted.intersection(&self.loaders).cloned().collect()
    }

    /// Where `/lib64` is a link to `/usr/lib64`, a loader lies at both.
    fn alias_merged_directories(&mut self, census: &Census<'_>) {
        for directory in ["lib", "lib32", "lib64"] {
            let beneath = [directory.as_bytes(), b"/x"].concat();
            let real = census.tree.real_path(&beneath);
            let Some(real) = real.strip_suffix(b"/x").map(|real| String::from_utf8_lossy(real).into_owned())
            else {
                continue;
            };
            let prefix = format!("{real}/");
            let aliases: Vec<String> = self
                .loaders
                .iter()
                .filter_map(|path| path.strip_prefix(&prefix).map(|rest| format!("{directory}/{rest}")))
                .collect();
            self.loaders.extend(aliases);
        }
    }
}

/// The version of the C library's package.
fn glibc(contents: &ImageContents) -> Option<(u32, u32)> {
    let components = contents.components.iter().map(|located| &located.component);
    let package = components
        .into_iter()
        .find(|one| matches!(&*one.name, "libc6" | "glibc") && one.package_type.is_system())?;
    let version = package.version.rsplit(':').next().unwrap_or_default();
    let mut numbers = version.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}
