//! Python: the whole standard library, the distributions of which something is used, and what the application imports.

use std::collections::BTreeSet;

use super::super::Closure;
use crate::file_system::{FileNode, NodeId};
use crate::{Cause, Reason};

/// Parts of the standard library that no server imports: tests, graphical tools, what installs and what compiles.
const NOT_LIBRARY: &[&str] = &[
    "test",
    "tests",
    "idlelib",
    "turtledemo",
    "tkinter",
    "ensurepip",
    "lib2to3",
    "site-packages",
    "dist-packages",
    "__pycache__",
];

/// Longest module of the application that is read for its imports.
const MODULE_BYTES_MAX: u64 = 1 << 20;

/// Modules of the application that are read.
const MODULES_MAX: usize = 20_000;

impl Closure<'_> {
    pub(super) fn add_python(&mut self) {
        let versions: BTreeSet<String> =
            self.kept_nodes().filter_map(|node| version(&String::from_utf8_lossy(node.name()))).collect();
        if versions.is_empty() {
            return;
        }
        for version in &versions {
            self.add_python_library(version);
        }
        self.add_imports();
        self.add_distributions();
    }

    fn add_python_library(&mut self, version: &str) {
        let reason = Reason::new(Cause::StandardLibrary, version);
        let system = self.system;
        let is_library = |node: &FileNode| {
            node.name() == version.as_bytes() && system.get(&[&node.path, &b"/os.py"[..]].concat()).is_some()
        };
        let libraries: Vec<NodeId> =
            system.nodes().filter(|(_, node)| is_library(node)).map(|(id, _)| id).collect();
        for library in libraries {
            let root = &system.node(library).path;
            for (id, node) in system.beneath(library) {
                if !is_left_out(root, &node.path) {
                    self.keep(id, reason.clone());
                }
            }
        }
        let zipped = format!("{}.zip", version.replace('.', ""));
        for (id, node) in system.nodes() {
            if node.name() == zipped.as_bytes() {
                self.keep(id, reason.clone());
            }
        }
    }

    /// Keeps a distribution whole as soon as one of its modules is kept. Its compiled forms are kept only where they
    /// were touched: Python makes them itself.
    fn add_distributions(&mut self) {
        let kept = self.kept_ids();
        let (system, ownership) = (self.system, self.ownership);
        for package in ownership.packages() {
            let modules = package.files.iter().filter(|id| is_of_site(system.node(**id)));
            let is_used = modules.clone().any(|id| kept.contains(id) && system.node(*id).is_file());
            if !is_used {
                continue;
            }
            let reason = Reason::new(Cause::Distribution, &package.name);
            for id in modules.filter(|id| !is_compiled(system.node(**id))) {
                self.keep(*id, reason.clone());
            }
        }
        let loose: BTreeSet<Vec<u8>> = kept
            .iter()
            .filter(|id| system.node(**id).is_file() && !ownership.is_owned(**id))
            .filter_map(|id| top_of_site(&system.node(*id).path))
            .collect();
        for top in loose {
            let Some(directory) = system.get(&top) else { continue };
            let reason = Reason::new(Cause::Distribution, &top);
            for (id, node) in system.beneath(directory) {
                if !is_compiled(node) {
                    self.keep(id, reason.clone());
                }
            }
        }
    }

    /// Keeps what the application's modules import by name, wherever in them, and what that imports in turn. A library
    /// that the tests touched has imported what it needs already.
    fn add_imports(&mut self) {
        let sites = self.site_directories();
        let traced = self.traced_tops();
        let modules: Vec<NodeId> = self
            .kept_ids()
            .into_iter()
            .filter(|id| self.system.node(*id).path.ends_with(b".py") && self.is_unseen_user(*id, &traced))
            .take(MODULES_MAX)
            .collect();
        let mut names = BTreeSet::new();
        for module in modules {
            let path = self.system.node(module).path.clone();
            if let Some(text) = self.text(&path, MODULE_BYTES_MAX) {
                names.extend(text.lines().flat_map(imports));
            }
        }
        for name in names {
            let reason = Reason::new(Cause::Import, &name);
            for site in &sites {
                for form in [format!("{name}/__init__.py"), format!("{name}.py")] {
                    let path = [site.as_slice(), b"/", form.as_bytes()].concat();
                    if let Some(id) = self.system.get(&path) {
                        self.keep(id, reason.clone());
                    }
                }
            }
        }
    }

    /// The distributions of which the tests touched something.
    fn traced_tops(&self) -> BTreeSet<Vec<u8>> {
        let is_traced = |reason: &Reason| reason.cause == Cause::Traced;
        let traced = self.kept.files.iter().filter(|(_, reasons)| reasons.iter().any(is_traced));
        traced.filter_map(|(id, _)| top_of_site(&self.system.node(*id).path)).collect()
    }

    /// Whether a module may import what no test saw: the application's, and those of a library that it names.
    fn is_unseen_user(&self, id: NodeId, traced: &BTreeSet<Vec<u8>>) -> bool {
        let causes = self.kept.files.get(&id).into_iter().flatten().map(|reason| reason.cause);
        let is_of_named = top_of_site(&self.system.node(id).path).is_some_and(|top| !traced.contains(&top));
        causes.into_iter().any(|cause| match cause {
            Cause::Application => true,
            Cause::Import | Cause::Distribution => is_of_named,
            _ => false,
        })
    }

    fn site_directories(&self) -> Vec<Vec<u8>> {
        let is_site = |node: &&FileNode| matches!(node.name(), b"site-packages" | b"dist-packages");
        self.system.nodes().map(|(_, node)| node).filter(is_site).map(|node| node.path.clone()).collect()
    }
}

/// The version that a program or library of Python is of, as its directory is called.
pub(super) fn version(name: &str) -> Option<String> {
    let rest = name.strip_prefix("lib").unwrap_or(name).strip_prefix("python3.")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let after = rest.get(digits.len()..)?;
    let is_one = !digits.is_empty() && (after.is_empty() || after.starts_with(".so"));
    is_one.then(|| format!("python3.{digits}"))
}

fn is_left_out(library: &[u8], path: &[u8]) -> bool {
    let within = path.get(library.len() + 1..).unwrap_or_default();
    let first = within.split(|byte| *byte == b'/').next().unwrap_or_default();
    let is_named = NOT_LIBRARY.iter().any(|name| name.as_bytes() == first);
    is_named || first.starts_with(b"config-") || path.ends_with(b".pyc") || path.ends_with(b"/__pycache__")
}

fn is_of_site(node: &FileNode) -> bool {
    top_of_site(&node.path).is_some()
}

/// The file or directory right within `site-packages` or `dist-packages` that a path lies in.
fn top_of_site(path: &[u8]) -> Option<Vec<u8>> {
    let after = [&b"/site-packages/"[..], b"/dist-packages/"]
        .iter()
        .find_map(|part| memchr::memmem::find(path, part).map(|at| at + part.len()))?;
    let rest = path.get(after..)?;
    let end = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
    path.get(..after + end).map(<[u8]>::to_vec)
}

fn is_compiled(node: &FileNode) -> bool {
    node.path.ends_with(b".pyc") || node.name() == b"__pycache__"
}

/// The modules of the top level that a line imports.
fn imports(line: &str) -> Vec<String> {
    let line = line.trim_start();
    let names: Vec<&str> = if let Some(rest) = line.strip_prefix("import ") {
        rest.split('#').next().unwrap_or_default().split(',').collect()
    } else if let Some(rest) = line.strip_prefix("from ") {
        rest.split_whitespace().take(1).filter(|name| !name.starts_with('.')).collect()
    } else {
        Vec::new()
    };
    let top = |name: &str| name.trim().split(['.', ' ', ';']).next().unwrap_or_default().to_owned();
    let is_name = |name: &String| {
        !name.is_empty() && name.chars().all(|character| character.is_alphanumeric() || character == '_')
    };
    names.into_iter().map(top).filter(is_name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_programs_and_libraries() {
        for name in ["python3.11", "libpython3.11.so.1.0", "libpython3.11.so"] {
            assert_eq!(version(name).as_deref(), Some("python3.11"), "{name}");
        }
        for name in ["python3", "python3.11-config", "python3.", "libpython3.so"] {
            assert_eq!(version(name), None, "{name}");
        }
    }

    #[test]
    fn imports_are_found_wherever_they_stand() {
        assert_eq!(imports("import os, flask.json as j"), ["os", "flask"]);
        assert_eq!(imports("    from requests.auth import X"), ["requests"]);
        assert_eq!(imports("from . import here"), Vec::<String>::new());
        assert_eq!(imports("important = 1"), Vec::<String>::new());
    }

    #[test]
    fn what_lies_within_a_site_is_told_by_its_top() {
        assert_eq!(
            top_of_site(b"usr/lib/python3/dist-packages/flask/app.py").unwrap(),
            b"usr/lib/python3/dist-packages/flask"
        );
        assert_eq!(top_of_site(b"usr/lib/python3.11/os.py"), None);
    }
}
