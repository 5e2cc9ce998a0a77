//! Programs and libraries: their loader, the libraries that they need, and the plug-ins whose names they hold.

use plimsoll_sbom::Linkage;

use super::{Closure, constants, loader};
use crate::file_system::{NodeId, parent};
use crate::{Cause, Reason};

impl Closure<'_> {
    pub(super) fn examine_elf(&mut self, id: NodeId) {
        let path = self.system.node(id).path.clone();
        let read = self.contents.open(&path).map_err(Into::into).and_then(|mut content| {
            let linkage = Linkage::read(&mut content)?;
            let plug_ins = linkage.as_ref().map(|linkage| constants::plug_ins(&mut content, linkage));
            Ok((linkage, plug_ins.transpose()?.unwrap_or_default()))
        });
        match read {
            Ok((Some(linkage), plug_ins)) => self.follow(&path, &linkage, &plug_ins),
            // A relocatable object or a core dump: nobody loads it.
            Ok((None, _)) => {}
            Err(fault) => self.note(id, &plimsoll_sbom::ReadFault::to_string(&fault)),
        }
    }

    fn follow(&mut self, path: &[u8], linkage: &Linkage, plug_ins: &constants::PlugIns) {
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
        for name in &plug_ins.libraries {
            let reason = needed_by(Cause::Dlopen, name, path);
            self.keep_library(name, &directories, linkage, &reason);
        }
        for file in &plug_ins.modules {
            if self.system.file(file).is_some() {
                self.keep_path(file, &Reason::new(Cause::Dlopen, path));
            }
        }
        if is_c_library(path) {
            self.add_name_services(&directories, linkage);
        }
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
