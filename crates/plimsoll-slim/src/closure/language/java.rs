//! Java: the runtime whole, because its modules are one file and its libraries are loaded by name.

use super::super::Closure;
use crate::file_system::{NodeId, parent};
use crate::{Cause, Reason};

/// Parts of a runtime that only compilers and readers want.
const NOT_RUNTIME: &[&str] =
    &["src.zip", "lib/src.zip", "jmods", "demo", "include", "man", "legal", "sample"];

impl Closure<'_> {
    pub(super) fn add_java(&mut self) {
        let homes: Vec<NodeId> = self
            .kept_nodes()
            .filter(|node| node.is_executable() && node.name() == b"java")
            .map(|node| parent(node.directory()).to_vec())
            .filter(|home| self.system.get(&[home, &b"/lib"[..]].concat()).is_some())
            .filter_map(|home| self.system.get(&home))
            .collect();
        let system = self.system;
        for home in homes {
            let root = &system.node(home).path;
            let reason = Reason::new(Cause::StandardLibrary, root);
            for (id, node) in system.beneath(home) {
                let within = node.path.get(root.len() + 1..).unwrap_or_default();
                let is_left_out = NOT_RUNTIME.iter().any(|name| within.starts_with(name.as_bytes()));
                if !is_left_out && !root.is_empty() {
                    self.keep(id, reason.clone());
                }
            }
        }
    }
}
