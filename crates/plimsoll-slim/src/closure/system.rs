//! What is kept beside programs: the application itself, small files of the system, certificates and time zones.

use std::collections::BTreeSet;

use plimsoll_image::Kind;

use super::Closure;
use crate::file_system::{FileNode, NodeId, is_beneath};
use crate::{Cause, Reason};

/// Small files that any program may ask for through the C library, and that tell scanners what the image is.
const SKELETON: &[&str] = &[
    "/etc/passwd",
    "/etc/group",
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/hostname",
    "/etc/resolv.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/protocols",
    "/etc/mime.types",
    "/etc/localtime",
    "/etc/timezone",
    "/etc/os-release",
    "/etc/debian_version",
    "/etc/alpine-release",
    "/etc/redhat-release",
    "/etc/ld.so.conf",
    "/etc/ld.so.cache",
];

/// Where authorities' certificates lie, on the systems that images are made of.
const CERTIFICATES: &[&str] = &[
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    "/etc/ssl/openssl.cnf",
    "/usr/lib/ssl/cert.pem",
    "/usr/lib/ssl/certs",
    "/usr/lib/ssl/openssl.cnf",
    "/etc/pki/tls/certs",
    "/etc/pki/tls/cert.pem",
    "/etc/pki/ca-trust/extracted",
    "/etc/crypto-policies/back-ends",
];

/// Libraries whose users speak TLS.
const TLS_LIBRARIES: &[&str] = &["libssl.so", "libssl3.so", "libgnutls.so", "libmbedtls.so"];

/// A program without libraries that is larger than this may hold its own TLS, as those in Go do.
const STATIC_BYTES_WITH_TLS_MIN: u64 = 3 << 20;

/// Directories that a system's packages fill: a file there that no package owns was made by their scripts.
const PLATFORM: &[&str] = &[
    "bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "libx32", "media", "mnt", "proc", "root", "run",
    "sbin", "sys", "tmp", "usr", "var",
];

/// Directories within those that applications are put into.
const OF_APPLICATIONS: &[&str] = &[
    "usr/src",
    "usr/app",
    "var/www",
    "var/task",
    "usr/share/nginx/html",
    "usr/local/app",
    "usr/local/bin",
    "usr/local/sbin",
    "usr/local/tomcat",
    "root/app",
];

/// Directories whose files say only what was installed how; databases of packages are written anew.
const OF_PACKAGE_MANAGERS: &[&str] =
    &["var/lib/dpkg", "var/lib/apt", "var/cache", "var/log", "var/lib/apk", "lib/apk", "var/lib/systemd"];

/// Directories that programs write to.
const ROOMS: &[&str] =
    &["var", "run", "tmp", "home", "srv", "mnt", "media", "opt", "proc", "sys", "dev", "root"];

impl Closure<'_> {
    /// Keeps what the team put there: files that no package owns, in places that are not the system's, or that came by a
    /// `COPY`. What is minimised is the platform, not the application.
    pub(super) fn add_application(&mut self) {
        let system = self.system;
        let workplace = self.workplace();
        for (id, node) in system.nodes() {
            if node.kind == Kind::Directory || self.ownership.is_owned(id) {
                continue;
            }
            let why = if self.setting.copied_layers.contains(&node.layer) && !is_of_package_manager(node) {
                "COPY"
            } else if workplace.as_ref().is_some_and(|path| is_beneath(&node.path, path)) {
                "WORKDIR"
            } else if is_place_of_applications(node) {
                "no package owns it"
            } else {
                continue;
            };
            self.keep(id, Reason::new(Cause::Application, why));
        }
    }

    /// Keeps the small files of the system, and what the kept programs are known to want.
    pub(super) fn add_system(&mut self) {
        for path in SKELETON {
            self.keep_path(path.as_bytes(), &Reason::new(Cause::System, ""));
        }
        if self.wants_certificates() {
            for path in CERTIFICATES {
                let reason = Reason::new(Cause::Certificates, "");
                if let Some(id) = self.keep_path(path.as_bytes(), &reason) {
                    self.keep_beneath(id, &reason);
                }
            }
        }
        self.add_time_zones();
        self.add_locales();
        for path in ["/var/lib/rpm", "/usr/lib/sysimage/rpm"] {
            let reason = Reason::new(Cause::PackageDatabase, "rpm");
            if let Some(id) = self.keep_path(path.as_bytes(), &reason) {
                self.keep_beneath(id, &reason);
            }
        }
    }

    /// The directory that commands start in, where it is the application's.
    fn workplace(&self) -> Option<Vec<u8>> {
        let path = self.setting.directory.trim_matches('/');
        let is_platform = path.is_empty() || PLATFORM.contains(&path) || path == "usr/local";
        (!is_platform).then(|| path.as_bytes().to_vec())
    }

    fn wants_certificates(&self) -> bool {
        let is_tls = |name: &[u8]| TLS_LIBRARIES.iter().any(|library| name.starts_with(library.as_bytes()));
        self.has_language()
            || self.kept_nodes().any(|node| {
                let is_large_program = node.is_executable() && node.size_bytes > STATIC_BYTES_WITH_TLS_MIN;
                is_tls(node.name()) || (is_large_program && self.is_entry(node))
            })
    }

    fn is_entry(&self, node: &FileNode) -> bool {
        let reasons = self.system.get(&node.path).and_then(|id| self.kept.files.get(&id));
        reasons.is_some_and(|reasons| reasons.iter().any(|reason| reason.cause == Cause::Entrypoint))
    }

    /// Every zone where a language is kept, whose programs ask for zones by name; else the zone of the image.
    fn add_time_zones(&mut self) {
        const ZONES: &str = "/usr/share/zoneinfo";
        if let Some(zone) = self.setting.environment.get("TZ") {
            let path = format!("{ZONES}/{}", zone.trim_start_matches(':'));
            self.keep_path(path.as_bytes(), &Reason::new(Cause::TimeZones, "TZ"));
        }
        let Some(zones) = self.system.resolve(ZONES.as_bytes()).end.filter(|_| self.has_language()) else {
            return;
        };
        let reason = Reason::new(Cause::TimeZones, "");
        let system = self.system;
        for (id, node) in system.beneath(zones) {
            // The same zones once more, with and without leap seconds.
            let is_double = [&b"/posix"[..], b"/right"]
                .iter()
                .any(|part| memchr::memmem::find(&node.path, part).is_some());
            if !is_double {
                self.keep(id, reason.clone());
            }
        }
    }

    fn add_locales(&mut self) {
        let chosen = ["LC_ALL", "LANG"].iter().find_map(|name| self.setting.environment.get(*name));
        let is_wanted = chosen.is_some_and(|locale| !matches!(locale.as_str(), "" | "C" | "POSIX"));
        let reason = Reason::new(Cause::System, "LANG");
        if is_wanted && let Some(id) = self.keep_path(b"/usr/lib/locale", &reason) {
            self.keep_beneath(id, &reason);
        }
    }

    /// The files that are kept so far.
    pub(super) fn kept_nodes(&self) -> impl Iterator<Item = &FileNode> {
        self.kept.files.keys().map(|id| self.system.node(*id))
    }

    /// The files that are kept so far, by their ids.
    pub(super) fn kept_ids(&self) -> BTreeSet<NodeId> {
        self.kept.files.keys().copied().collect()
    }
}

/// Whether a directory is one that programs write to, and no package manager's.
pub(super) fn is_room(path: &[u8]) -> bool {
    within(path, ROOMS)
        && !within(path, &OF_PACKAGE_MANAGERS[..2])
        && !within(path, &["var/cache/apt", "var/cache/debconf"])
}

fn is_place_of_applications(node: &FileNode) -> bool {
    let top = node.path.split(|byte| *byte == b'/').next().unwrap_or_default();
    let is_platform = PLATFORM.iter().any(|name| name.as_bytes() == top);
    let is_top_level_link = !node.path.contains(&b'/') && node.kind == Kind::Symlink;
    (!is_platform && !is_top_level_link) || within(&node.path, OF_APPLICATIONS)
}

fn is_of_package_manager(node: &FileNode) -> bool {
    within(&node.path, OF_PACKAGE_MANAGERS)
}

/// Whether a path is one of these directories, or beneath one.
fn within(path: &[u8], directories: &[&str]) -> bool {
    directories.iter().any(|directory| path == directory.as_bytes() || is_beneath(path, directory.as_bytes()))
}
