//! Where the dynamic loader looks for libraries (ld.so(8)).

use std::io::Read as _;

use super::{Contents, Setting};
use crate::file_system::FileSystem;

/// Longest configuration file of the loader that is read.
const CONF_BYTES_MAX: u64 = 64 << 10;

/// Directories that configuration files may name.
const DIRECTORIES_MAX: usize = 256;

/// How deep configuration files may include each other.
const INCLUDES_MAX: usize = 8;

/// Directories that every loader knows. The loaders of Debian know those of their architecture too.
const BUILT_IN: &[&str] = &["/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib"];

/// Architectures as Debian names their directories.
const MULTIARCH: &[&str] = &[
    "x86_64-linux-gnu",
    "aarch64-linux-gnu",
    "arm-linux-gnueabihf",
    "i386-linux-gnu",
    "riscv64-linux-gnu",
    "powerpc64le-linux-gnu",
    "s390x-linux-gnu",
];

/// Where libraries are looked for.
#[derive(Debug, Default)]
pub(super) struct Loader {
    /// What `LD_LIBRARY_PATH` of the image says, which comes before an object's `runpath`.
    pub(super) environment: Vec<String>,
    /// What stands after it.
    pub(super) system: Vec<String>,
    /// The directories that a processor's features choose, which come before the directory that they lie in.
    pub(super) capabilities: Vec<String>,
}

impl Loader {
    pub(super) fn of(system: &FileSystem, contents: &mut dyn Contents, setting: &Setting) -> Self {
        let environment = setting.environment.get("LD_LIBRARY_PATH").map_or("", String::as_str);
        let mut reading = Reading { system, contents, found: Vec::new() };
        reading.read_file("/etc/ld.so.conf", 0);
        reading.read_musl();
        let mut directories = reading.found;
        for built_in in BUILT_IN {
            let of_architecture = MULTIARCH.iter().map(|name| format!("{built_in}/{name}"));
            directories.extend(of_architecture.chain([(*built_in).to_owned()]));
        }
        directories.retain(|directory| system.resolve(directory.as_bytes()).end.is_some());
        let mut seen = std::collections::HashSet::new();
        directories.retain(|directory| seen.insert(directory.clone()));
        Self {
            environment: split(environment),
            capabilities: directories.iter().flat_map(|within| capabilities_in(system, within)).collect(),
            system: directories,
        }
    }
}

/// A search path of a variable or an object.
pub(super) fn split(path: &str) -> Vec<String> {
    path.split([':', ';'])
        .filter(|part| part.starts_with('/') || part.starts_with('$'))
        .map(str::to_owned)
        .collect()
}

/// The directories beneath `glibc-hwcaps`, one for each level of a processor.
fn capabilities_in(system: &FileSystem, directory: &str) -> Vec<String> {
    let Some(parent) = system.resolve(format!("{directory}/glibc-hwcaps").as_bytes()).end else {
        return Vec::new();
    };
    let path = &system.node(parent).path;
    let children = system.beneath(parent).filter(|(_, node)| node.directory() == path);
    children.map(|(_, node)| format!("/{}", String::from_utf8_lossy(&node.path))).collect()
}

struct Reading<'a> {
    system: &'a FileSystem,
    contents: &'a mut dyn Contents,
    found: Vec<String>,
}

impl Reading<'_> {
    fn read_file(&mut self, path: &str, depth: usize) {
        if depth > INCLUDES_MAX {
            return;
        }
        for line in self.lines(path) {
            let line = line.split('#').next().unwrap_or_default().trim();
            match line.strip_prefix("include").map(str::trim_start) {
                Some(pattern) => self.read_matching(pattern, depth),
                None if line.starts_with('/') && self.found.len() < DIRECTORIES_MAX => {
                    self.found.push(line.to_owned());
                }
                None => {}
            }
        }
    }

    /// Reads the files of a pattern with one star in its last component, which is all that systems write.
    fn read_matching(&mut self, pattern: &str, depth: usize) {
        let pattern = if pattern.starts_with('/') { pattern.to_owned() } else { format!("/etc/{pattern}") };
        let Some((directory, name)) = pattern.rsplit_once('/') else { return };
        let Some((before, after)) = name.split_once('*') else { return self.read_file(&pattern, depth + 1) };
        let Some(parent) = self.system.resolve(directory.as_bytes()).end else { return };
        let fits = |node: &[u8]| node.starts_with(before.as_bytes()) && node.ends_with(after.as_bytes());
        let beneath = self.system.beneath(parent).filter(|(_, node)| node.is_file() && fits(node.name()));
        let paths: Vec<String> =
            beneath.map(|(_, node)| format!("/{}", String::from_utf8_lossy(&node.path))).collect();
        for path in paths {
            self.read_file(&path, depth + 1);
        }
    }

    /// The search path of musl's loader, one file for each architecture.
    fn read_musl(&mut self) {
        for architecture in ["x86_64", "aarch64", "armhf", "i386", "riscv64", "powerpc64le", "s390x"] {
            let lines = self.lines(&format!("/etc/ld-musl-{architecture}.path"));
            let paths = lines.iter().flat_map(|line| line.split(':')).filter(|path| path.starts_with('/'));
            self.found.extend(paths.map(str::to_owned).take(DIRECTORIES_MAX));
        }
    }

    fn lines(&mut self, path: &str) -> Vec<String> {
        let Some(id) = self.system.file(path.as_bytes()) else { return Vec::new() };
        let mut text = Vec::new();
        let Ok(file) = self.contents.open(&self.system.node(id).path) else { return Vec::new() };
        if file.take(CONF_BYTES_MAX).read_to_end(&mut text).is_err() {
            return Vec::new();
        }
        String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
    }
}
