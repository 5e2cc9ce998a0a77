//! Programs and libraries: their loader, the libraries that they need, and the plug-ins whose names they hold.

use plimsoll_sbom::{Linkage, ReadFault};

use super::constants::{self, PlugIns};
use super::{Closure, loader};
use crate::file_system::{NodeId, parent};
use crate::{Cause, Reason};

/// Functions for which the C library loads one that walks the stack.
const UNWINDING: &[&[u8]] = &[b"pthread_cancel", b"pthread_exit", b"backtrace"];

/// Functions for which it loads what looks names up.
const NAMES: &[&[u8]] = &[
    b"getaddrinfo",
    b"getnameinfo",
    b"gethostby",
    b"getservby",
    b"getpwnam",
    b"getpwuid",
    b"getgrnam",
    b"getgrgid",
    b"initgroups",
];

/// What the programs that are kept make the C library load.
#[derive(Debug, Default)]
pub(super) struct Uses {
    unwinding: bool,
    names: bool,
}

impl Closure<'_> {
    pub(super) fn examine_elf(&mut self, id: NodeId) {
        let Some((linkage, plug_ins)) = self.read_elf(id) else { return };
        let path = self.system.node(id).path.clone();
        self.follow(&path, &linkage);
        if is_c_library(&path) {
            self.c_libraries.push(id);
            return;
        }
        self.note_uses(id);
        let directories = self.directories(&path, &linkage);
        self.keep_plug_ins(&path, &linkage, &directories, &plug_ins, |_| true);
    }

    fn read_elf(&mut self, id: NodeId) -> Option<(Linkage, PlugIns)> {
        let path = self.system.node(id).path.clone();
        let read = self.contents.open(&path).map_err(ReadFault::from).and_then(|mut content| {
            let linkage = Linkage::read(&mut content)?;
            let plug_ins = linkage.as_ref().map(|linkage| constants::plug_ins(&mut content, linkage));
            Ok(linkage.zip(plug_ins.transpose()?))
        });
        match read {
            Ok(read) => read,
            Err(fault) => {
                self.note(id, &fault);
                None
            }
        }
    }

    fn follow(&mut self, path: &[u8], linkage: &Linkage) {
        if let Some(interpreter) = &linkage.interpreter {
            self.keep_path(interpreter, &Reason::new(Cause::ElfInterpreter, path));
        }
        let directories = self.directories(path, linkage);
        for needed in &linkage.needed {
            let reason = needed_by(Cause::ElfNeeded, needed, path);
            if !self.keep_library(needed, &directories, linkage, &reason) {
                let (name, path) = (String::from_utf8_lossy(needed), String::from_utf8_lossy(path));
                self.kept.notes.push(format!("`/{path}` needs `{name}`, which is not there"));
            }
        }
    }

    fn keep_plug_ins(
        &mut self,
        path: &[u8],
        linkage: &Linkage,
        directories: &[String],
        plug_ins: &PlugIns,
        wanted: fn(&[u8]) -> bool,
    ) {
        for name in plug_ins.libraries.iter().filter(|name| wanted(name)) {
            let reason = needed_by(Cause::Dlopen, name, path);
            self.keep_library(name, directories, linkage, &reason);
        }
        for file in &plug_ins.modules {
            if self.system.file(file).is_some() {
                self.keep_path(file, &Reason::new(Cause::Dlopen, path));
            }
        }
    }

    /// Keeps what the C library loads by itself, once something is kept that makes it do so.
    pub(super) fn add_c_library_plug_ins(&mut self) {
        for id in self.c_libraries.clone() {
            let path = self.system.node(id).path.clone();
            let Some((linkage, plug_ins)) = self.read_elf(id) else { continue };
            let directories = self.directories(&path, &linkage);
            if self.uses.unwinding {
                self.keep_plug_ins(&path, &linkage, &directories, &plug_ins, |name| {
                    name.starts_with(b"libgcc_s")
                });
            }
            if self.uses.names {
                self.add_name_services(&directories, &linkage);
                self.keep_plug_ins(&path, &linkage, &directories, &plug_ins, |name| {
                    name.starts_with(b"libidn2")
                });
            }
        }
    }

    /// Looks for the functions by which a program makes the C library load more.
    fn note_uses(&mut self, id: NodeId) {
        if self.uses.unwinding && self.uses.names {
            return;
        }
        let path = self.system.node(id).path.clone();
        let Ok(mut content) = self.contents.open(&path) else { return };
        self.uses.unwinding |= constants::mentions(&mut content, UNWINDING).unwrap_or(true);
        self.uses.names |= constants::mentions(&mut content, NAMES).unwrap_or(true);
    }

    /// Where an object's libraries are looked for, in this order.
    fn directories(&self, path: &[u8], linkage: &Linkage) -> Vec<String> {
        let origin = format!("/{}", String::from_utf8_lossy(parent(path)));
        let expand = |text: &Vec<u8>| {
            let text = String::from_utf8_lossy(text).replace("${ORIGIN}", "$ORIGIN");
            loader::split(&text).into_iter().map(|part| part.replace("$ORIGIN", &origin)).collect::<Vec<_>>()
        };
        let own = linkage.runpath.as_ref().or(linkage.rpath.as_ref()).map(expand).unwrap_or_default();
        let environment = self.loader.environment.iter().cloned();
        // Plug-ins and private libraries often lie beside the one that loads them, whose user found them by a path of
        // its own.
        own.into_iter().chain(environment).chain(self.loader.system.iter().cloned()).chain([origin]).collect()
    }

    /// Keeps a library, and its forms for other processors; tells whether there is one.
    pub(super) fn keep_library(
        &mut self,
        name: &[u8],
        directories: &[String],
        wanted: &Linkage,
        reason: &Reason,
    ) -> bool {
        if name.contains(&b'/') {
            return name.starts_with(b"/") && self.keep_if_library(name, wanted, reason);
        }
        let path_in = |directory: &String| [directory.as_bytes(), b"/", name].concat();
        for directory in self.loader.capabilities.clone() {
            self.keep_if_library(&path_in(&directory), wanted, reason);
        }
        directories.iter().any(|directory| self.keep_if_library(&path_in(directory), wanted, reason))
    }

    /// Keeps a file if it is a library for the same kind of processor.
    fn keep_if_library(&mut self, path: &[u8], wanted: &Linkage, reason: &Reason) -> bool {
        let Some(id) = self.system.file(path) else { return false };
        if !self.is_kept(id) {
            let Ok(mut content) = self.contents.open(&self.system.node(id).path) else { return false };
            let machine = Linkage::read(&mut content).ok().flatten().map(|linkage| linkage.machine);
            if machine != Some(wanted.machine) {
                return false;
            }
        }
        self.keep_path(path, reason).is_some()
    }

    /// Keeps the libraries by which names are looked up.
    fn add_name_services(&mut self, directories: &[String], linkage: &Linkage) {
        for service in self.name_services() {
            let name = format!("libnss_{service}.so.2");
            let reason = Reason::new(Cause::NameService, &service);
            self.keep_library(name.as_bytes(), directories, linkage, &reason);
        }
    }

    /// The services that nsswitch.conf(5) names, beside those that are built in.
    fn name_services(&mut self) -> Vec<String> {
        /// Longest configuration that is read.
        const CONF_BYTES_MAX: u64 = 64 << 10;
        let text = self.text(b"/etc/nsswitch.conf", CONF_BYTES_MAX).unwrap_or_default();
        let mut services = vec!["files".to_owned(), "dns".to_owned()];
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let Some((_, names)) = line.split_once(':') else { continue };
            let is_name = |name: &&str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            services.extend(names.split_whitespace().filter(is_name).map(str::to_owned));
        }
        services.sort();
        services.dedup();
        services
    }
}

fn needed_by(cause: Cause, name: &[u8], path: &[u8]) -> Reason {
    Reason::new(cause, [name, b" by /", path].concat())
}

fn is_c_library(path: &[u8]) -> bool {
    path.ends_with(b"/libc.so.6")
}
