use std::fs;
use std::path::{Path, PathBuf};

use plimsoll_testkit::{find_peer, passed_over};

use super::bounded::bounded_by;

/// How long a system may take: a mirror may be slow, and a large system has hundreds of packages.
const SECONDS_MAX: u32 = 900;

/// What no test looks at. The directories of manual pages stay, where packages put links.
const NOT_NEEDED: [&str; 3] = ["/usr/share/man/*/*", "/usr/share/doc/*", "/usr/share/locale/*"];

/// A Debian system to be made by mmdebstrap, from the suite's own packages and nobody else's.
pub(crate) struct Bootstrap<'a> {
    pub(crate) suite: &'a str,
    /// Packages besides the essential ones.
    pub(crate) packages: &'a [&'a str],
    /// More of mmdebstrap's options, such as hooks.
    pub(crate) options: &'a [&'a str],
}

impl Bootstrap<'_> {
    /// Makes the system's archive in a directory. Its packages are kept beside it for the next run, as a mirror would give
    /// them again. Where it cannot be made, the tests are passed over, aloud.
    pub(crate) fn make(&self, directory: &Path) -> Option<PathBuf> {
        let mmdebstrap = find_peer("mmdebstrap")?;
        fs::create_dir_all(directory.join("packages")).unwrap();
        let system = directory.join("system.tar");
        let mut bootstrap = bounded_by(SECONDS_MAX, &mmdebstrap, directory);
        bootstrap.args(["--quiet", "--variant=essential", "--mode=auto", "--skip=essential/unlink"]);
        bootstrap.args(NOT_NEEDED.map(|path| format!("--dpkgopt=path-exclude={path}")));
        bootstrap.arg("--setup-hook=mkdir -p \"$1\"/var/cache/apt/archives");
        bootstrap.arg("--setup-hook=sync-in packages /var/cache/apt/archives");
        bootstrap.args(self.options);
        bootstrap.arg("--customize-hook=sync-out /var/cache/apt/archives packages");
        if !self.packages.is_empty() {
            bootstrap.arg(format!("--include={}", self.packages.join(",")));
        }
        let made = bootstrap.arg(self.suite).arg(&system).args(mirror()).output().unwrap();
        if !made.status.success() {
            passed_over(&format!("no Debian system: {}", String::from_utf8_lossy(&made.stderr)));
            return None;
        }
        Some(system)
    }
}

/// The suite that the machine runs.
pub(crate) fn own_suite() -> String {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let suite = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    suite.unwrap_or("bookworm").to_owned()
}

/// The mirror that the machine uses.
fn mirror() -> Option<String> {
    let lists = ["/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list.d/ubuntu.sources"];
    lists.iter().find_map(|list| {
        let list = fs::read_to_string(list).ok()?;
        let mirrors = list.lines().find_map(|line| line.strip_prefix("URIs:"))?;
        mirrors.split_whitespace().next().map(str::to_owned)
    })
}
