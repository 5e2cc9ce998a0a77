//! Ruby: the standard library of an interpreter that is kept, and each gem of which something is used.

use std::collections::BTreeSet;

use super::super::Closure;
use crate::{Cause, Reason};

impl Closure<'_> {
    pub(super) fn add_ruby(&mut self) {
        let has_ruby = self.kept_nodes().any(|node| is_interpreter(&String::from_utf8_lossy(node.name())));
        if !has_ruby {
            return;
        }
        let system = self.system;
        let reason = Reason::new(Cause::StandardLibrary, "ruby");
        for (id, node) in system.nodes() {
            if is_library(&node.path) {
                self.keep(id, reason.clone());
            }
        }
        let gems: BTreeSet<Vec<u8>> = self.kept_nodes().filter_map(|node| gem_of(&node.path)).collect();
        for gem in gems {
            let Some(directory) = system.get(&gem) else { continue };
            let reason = Reason::new(Cause::Distribution, &gem);
            for (id, _) in system.beneath(directory) {
                self.keep(id, reason.clone());
            }
            let text = String::from_utf8_lossy(&gem);
            if let Some((home, name)) = text.rsplit_once("/gems/") {
                let path = format!("/{home}/specifications/{name}.gemspec");
                self.keep_path(path.as_bytes(), &reason);
            }
        }
    }
}

/// Whether a file of this name runs or holds Ruby.
pub(super) fn is_interpreter(name: &str) -> bool {
    let is_program =
        name.strip_prefix("ruby").is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '.'));
    is_program || name.starts_with("libruby.so") || name.starts_with("libruby-")
}

/// Whether a path lies in the standard library: `ruby/3.1.0/` and what distributions put beside it.
fn is_library(path: &[u8]) -> bool {
    let Some(at) = memchr::memmem::find(path, b"/ruby/") else { return false };
    let rest = path.get(at + 6..).unwrap_or_default();
    let first = rest.split(|byte| *byte == b'/').next().unwrap_or_default();
    let is_version = first.first().is_some_and(u8::is_ascii_digit) || first == b"vendor_ruby";
    path.starts_with(b"usr/") && is_version
}

/// The directory of the gem that a path lies in.
fn gem_of(path: &[u8]) -> Option<Vec<u8>> {
    let at = memchr::memmem::rfind(path, b"/gems/")? + 6;
    let rest = path.get(at..)?;
    let end = rest.iter().position(|byte| *byte == b'/')?;
    path.get(..at + end).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gems_and_the_library_are_told_apart() {
        let path = b"var/lib/gems/3.1.0/gems/rack-2.2.4/lib/rack.rb";
        assert_eq!(gem_of(path).unwrap(), b"var/lib/gems/3.1.0/gems/rack-2.2.4");
        assert!(!is_library(path) && is_library(b"usr/lib/ruby/3.1.0/set.rb"));
        assert!(
            is_interpreter("ruby3.1") && is_interpreter("libruby-3.1.so.3.1") && !is_interpreter("rubygems")
        );
    }
}
