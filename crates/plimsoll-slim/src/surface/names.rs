//! Programs that are known by their names.

use super::SurfaceKind;

const SHELLS: &[&str] = &[
    "ash", "bash", "busybox", "csh", "dash", "fish", "ksh", "mksh", "pwsh", "rbash", "sh", "tcsh", "toybox",
    "zsh",
];

const PACKAGE_MANAGERS: &[&str] = &[
    "apk",
    "apt",
    "apt-get",
    "aptitude",
    "bundle",
    "cargo",
    "composer",
    "conda",
    "corepack",
    "dnf",
    "dpkg",
    "easy_install",
    "gem",
    "microdnf",
    "npm",
    "npx",
    "opkg",
    "pacman",
    "pip",
    "pnpm",
    "poetry",
    "rpm",
    "tdnf",
    "uv",
    "yarn",
    "yum",
    "zypper",
];

const NETWORK_TOOLS: &[&str] = &[
    "curl", "dig", "ftp", "host", "nc", "ncat", "netcat", "nmap", "nslookup", "ping", "rsync", "scp", "sftp",
    "socat", "ssh", "tcpdump", "telnet", "tftp", "wget",
];

/// Without the version at the end: `python3.11` is `python`.
const INTERPRETERS: &[&str] = &[
    "awk", "gawk", "guile", "java", "jjs", "lua", "mawk", "node", "nodejs", "perl", "php", "pypy", "python",
    "ruby", "tclsh",
];

/// What a program of this name is.
pub(super) fn kinds(name: &[u8]) -> impl Iterator<Item = SurfaceKind> {
    let name = std::str::from_utf8(name).unwrap_or_default();
    let bare = without_version(name);
    let lists = [
        (SurfaceKind::Shells, SHELLS, name),
        (SurfaceKind::PackageManagers, PACKAGE_MANAGERS, bare),
        (SurfaceKind::NetworkTools, NETWORK_TOOLS, name.split('.').next().unwrap_or(name)),
        (SurfaceKind::Interpreters, INTERPRETERS, bare),
    ];
    lists.into_iter().filter(|(_, names, name)| names.contains(name)).map(|(kind, ..)| kind)
}

fn without_version(name: &str) -> &str {
    name.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_known_with_and_without_their_version() {
        let told = |name: &str| kinds(name.as_bytes()).collect::<Vec<_>>();
        assert_eq!(told("python3.11"), [SurfaceKind::Interpreters]);
        assert_eq!(told("pip3"), [SurfaceKind::PackageManagers]);
        assert_eq!(told("nc.openbsd"), [SurfaceKind::NetworkTools]);
        assert_eq!(told("busybox"), [SurfaceKind::Shells]);
        assert_eq!(told("perl5.36.0"), [SurfaceKind::Interpreters]);
        assert_eq!(told("shred"), []);
    }
}
