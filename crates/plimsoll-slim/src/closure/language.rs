//! Rules of languages: what an interpreter loads is named by programs that no reader of ELF files understands.

mod java;
mod python;
mod ruby;

use super::Closure;
use crate::{Cause, Reason};

impl Closure<'_> {
    /// Keeps the libraries of the languages whose interpreters are kept.
    pub(super) fn add_languages(&mut self) {
        self.add_python();
        self.add_java();
        self.add_ruby();
        self.add_perl();
    }

    /// Whether an interpreter is kept: its programs ask for zones and certificates by names that they make up.
    pub(super) fn has_language(&self) -> bool {
        self.kept_nodes().any(|node| {
            let name = String::from_utf8_lossy(node.name());
            let is_program = node.is_executable() && matches!(&*name, "node" | "nodejs" | "java" | "php");
            is_program || python::version(&name).is_some() || ruby::is_interpreter(&name)
        })
    }

    /// Perl's own modules; those of packages are kept as they are touched.
    fn add_perl(&mut self) {
        let has_perl = self.kept_nodes().any(|node| node.is_executable() && node.name() == b"perl");
        if !has_perl {
            return;
        }
        let reason = Reason::new(Cause::StandardLibrary, "perl");
        let system = self.system;
        for (id, node) in system.nodes() {
            if node.path.starts_with(b"usr/lib/")
                && memchr::memmem::find(&node.path, b"/perl-base/").is_some()
            {
                self.keep(id, reason.clone());
            }
        }
    }
}
