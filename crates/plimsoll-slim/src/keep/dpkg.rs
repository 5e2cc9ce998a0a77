//! dpkg's database: `status` with the packages that are still there, and their lists (dpkg-query(1)).

use std::collections::BTreeSet;

use plimsoll_image::Kind;

use super::KeepList;
use super::database::{field, paragraphs, read};
use crate::closure::{Contents, Ownership, Package};
use crate::file_system::{NodeId, parent};
use crate::{Cause, Reason};

impl KeepList<'_> {
    pub(super) fn write_dpkg(&mut self, contents: &mut dyn Contents, ownership: &Ownership) {
        if let Some((id, text)) = self.database(contents, "/var/lib/dpkg/status") {
            let status = self.status(&text);
            self.write(id, status.into_bytes());
        }
        self.keep_status_files(contents);
        for package in ownership.packages().iter().filter(|package| !package.is_python) {
            let path = format!("/var/lib/dpkg/info/{}.list", package.name);
            if let Some(id) =
                self.system.file(path.as_bytes()).filter(|_| self.packages.contains(&package.name))
            {
                let list = self.list(package);
                self.write(id, list.into_bytes());
            }
        }
    }

    /// The paragraphs of the packages that are still there.
    fn status(&self, text: &str) -> String {
        let mut status = String::new();
        for paragraph in paragraphs(text).filter(|paragraph| self.has_package(paragraph)) {
            for line in paragraph.lines().filter(|line| !self.is_lost_setting(line)) {
                status.push_str(line);
                status.push('\n');
            }
            status.push('\n');
        }
        status
    }

    fn has_package(&self, paragraph: &str) -> bool {
        let Some(name) = field(paragraph, "Package") else { return false };
        let of_architecture = field(paragraph, "Architecture").map(|word| format!("{name}:{word}"));
        self.packages.contains(name) || of_architecture.is_some_and(|full| self.packages.contains(&full))
    }

    /// Whether a line of `Conffiles` names a file that goes.
    fn is_lost_setting(&self, line: &str) -> bool {
        let path = line.strip_prefix(" /").and_then(|rest| rest.split(' ').next());
        path.and_then(|path| self.system.get(path.as_bytes())).is_some_and(|id| !self.is_kept(id))
    }

    /// The list of a package: its kept files, and the directories that they lie in, each before what is in it.
    fn list(&self, package: &Package) -> String {
        let is_file = |id: &&NodeId| self.is_kept(**id) && self.system.node(**id).kind != Kind::Directory;
        let mut paths: BTreeSet<&[u8]> = BTreeSet::new();
        for id in package.files.iter().filter(is_file) {
            let mut path: &[u8] = &self.system.node(*id).path;
            while !path.is_empty() && paths.insert(path) {
                path = parent(path);
            }
        }
        let mut list = String::from("/.\n");
        for path in paths {
            list.push('/');
            list.push_str(&String::from_utf8_lossy(path));
            list.push('\n');
        }
        list
    }

    /// Distroless images have a file for each package, and beside it the sums of its files.
    fn keep_status_files(&mut self, contents: &mut dyn Contents) {
        let Some(directory) = self.system.resolve(b"/var/lib/dpkg/status.d").end else { return };
        let files: Vec<NodeId> = self.system.beneath(directory).map(|(id, _)| id).collect();
        for id in files {
            let node = self.system.node(id);
            let name = String::from_utf8_lossy(node.name()).into_owned();
            let package = name.strip_suffix(".md5sums").unwrap_or(&name);
            if !self.packages.contains(package) {
                continue;
            }
            let Some(text) = read(contents, node) else { continue };
            if package == name {
                let reason = Reason::new(Cause::PackageDatabase, package);
                self.kept.entry(id).or_default().insert(reason);
            } else {
                let is_there = |line: &&str| self.names_kept_file(line);
                let sums: String = text.lines().filter(is_there).flat_map(|line| [line, "\n"]).collect();
                self.write(id, sums.into_bytes());
            }
        }
    }

    fn names_kept_file(&self, line: &str) -> bool {
        let path = line.split_once(' ').map(|(_, path)| path.trim_start());
        path.and_then(|path| self.system.file(path.as_bytes())).is_some_and(|id| self.is_kept(id))
    }
}
