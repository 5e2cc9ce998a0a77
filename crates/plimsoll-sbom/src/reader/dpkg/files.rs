//! Which files are whose: `info/PACKAGE.list`, and the sums in `info/PACKAGE.md5sums` and distroless `status.d`.

use super::STATUS_DIRECTORY;
use crate::Facts;
use crate::reader::inventory::Inventory;
use crate::reader::{Candidate, File, ReadFault, Reader};

pub(in crate::reader) const READER: Reader = Reader { name: "dpkg-files", wants, bytes_max: 16 << 20, read };

const INFO_DIRECTORY: &str = "var/lib/dpkg/info/";

/// How a file names files.
#[derive(Clone, Copy)]
enum Kind {
    /// A path to a line, directories before what they hold.
    List,
    /// A sum, spaces and a path to a line; no directories.
    Sums,
}

fn wants(file: &Candidate<'_>) -> bool {
    package_and_kind(file.path).is_some()
}

/// The package whose files a file names, with dpkg's `:arch` where it writes one.
fn package_and_kind(path: &str) -> Option<(&str, Kind)> {
    let in_info = path.strip_prefix(INFO_DIRECTORY);
    let name = in_info.or_else(|| path.strip_prefix(STATUS_DIRECTORY))?;
    let list = in_info.and_then(|name| name.strip_suffix(".list")).map(|package| (package, Kind::List));
    let sums = || name.strip_suffix(".md5sums").map(|package| (package, Kind::Sums));
    list.or_else(sums).filter(|(package, _)| !package.is_empty() && !package.contains('/'))
}

fn read(file: &mut File<'_>) -> Result<Facts, ReadFault> {
    let (package, kind) =
        package_and_kind(file.path).ok_or_else(|| ReadFault::malformed("its name is none of dpkg's"))?;
    let mut inventory = Inventory::default();
    let outcome = match kind {
        Kind::List => read_list(file, package, &mut inventory),
        Kind::Sums => read_sums(file, package, &mut inventory),
    };
    inventory.finish(outcome)
}

/// Reads a list. A directory stands right before the first thing in it and is left out, because it is shared.
fn read_list(file: &mut File<'_>, package: &str, inventory: &mut Inventory) -> Result<(), ReadFault> {
    let mut lines = file.lines()?;
    let mut before = String::new();
    while let Some(line) = lines.next()? {
        let is_directory = line.strip_prefix(&before).is_some_and(|rest| rest.starts_with('/'));
        if !is_directory && !inventory.own(package, &before) {
            return Ok(());
        }
        before.clear();
        before.push_str(&line);
    }
    if inventory.own(package, &before) {
        own_scripts(package, inventory);
    }
    Ok(())
}

/// What dpkg runs of a package when it comes and goes lies beside its list and is in no list (deb-preinst(5) and others).
const SCRIPTS: [&str; 5] = ["config", "postinst", "postrm", "preinst", "prerm"];

fn own_scripts(package: &str, inventory: &mut Inventory) {
    for script in SCRIPTS {
        if !inventory.own(package, &format!("{INFO_DIRECTORY}{package}.{script}")) {
            return;
        }
    }
}

fn read_sums(file: &mut File<'_>, package: &str, inventory: &mut Inventory) -> Result<(), ReadFault> {
    let mut lines = file.lines()?;
    while let Some(line) = lines.next()? {
        match line.split_once(' ') {
            Some((_, path)) if !inventory.own(package, path.trim_start()) => return Ok(()),
            Some(_) => {}
            None if line.is_empty() => {}
            None => inventory.damage("a line is no sum and path")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::Owned;
    use crate::reader::tests::{read, wanted};

    fn paths(path: &str, text: &str) -> (String, Vec<String>) {
        let mut facts = read(path, text.as_bytes()).unwrap();
        let owned = facts.owned.remove(0);
        let Owned::Paths(paths) = owned.files else { panic!("{owned:?}") };
        (owned.package, paths)
    }

    #[test]
    fn a_list_names_files_and_not_the_directories_they_lie_in() {
        let list = "/.\n/lib\n/lib/x86_64-linux-gnu\n/lib/x86_64-linux-gnu/libc.so.6\n/usr\n/usr/share\n\
                    /usr/share/doc\n/usr/share/doc/libc6 2\n/usr/share/doc/libc6 2/a\n/var/empty\n";
        let (package, paths) = paths("var/lib/dpkg/info/libc6:amd64.list", list);
        assert_eq!(package, "libc6:amd64");
        let (scripts, listed): (Vec<String>, Vec<String>) =
            paths.into_iter().partition(|path| path.starts_with("var/lib/dpkg/info/libc6:amd64."));
        assert_eq!(listed, ["lib/x86_64-linux-gnu/libc.so.6", "usr/share/doc/libc6 2/a", "var/empty"]);
        assert_eq!(scripts.len(), 5, "{scripts:?}");
    }

    #[test]
    fn sums_name_files() {
        let sums =
            "00112233445566778899aabbccddeeff  bin/dash\n00112233445566778899aabbccddeeff  usr/share/a b\n";
        for path in ["var/lib/dpkg/info/dash.md5sums", "var/lib/dpkg/status.d/dash.md5sums"] {
            assert_eq!(paths(path, sums), ("dash".into(), vec!["bin/dash".into(), "usr/share/a b".into()]));
        }
    }

    #[test]
    fn other_files_of_a_package_are_nobodys() {
        for name in ["dash.postinst", ".list", "x/y.list", "format"] {
            assert!(wanted(&format!("var/lib/dpkg/info/{name}"), b"x").is_empty(), "{name}");
        }
    }

    #[test]
    fn a_package_without_files_has_its_scripts() {
        let (_, paths) = paths("var/lib/dpkg/info/build-essential.list", "/.\n");
        assert_eq!(paths[1], "var/lib/dpkg/info/build-essential.postinst");
    }
}
