//! dpkg's database: which packages are installed (dpkg(1), deb-control(5)) and which files are theirs.
//!
//! `status` names all packages of an ordinary root file system. Distroless images have a file for each package in
//! `status.d` instead, without a state and beside the sums of its files.

mod files;
mod stanza;

use stanza::Stanza;

use super::inventory::Inventory;
use super::{Candidate, File, ReadFault, Reader};
use crate::Facts;

pub(super) const READER: Reader = Reader { name: "dpkg", wants, bytes_max: 64 << 20, read };

pub(super) use files::READER as FILES_READER;

const STATUS: &str = "var/lib/dpkg/status";
const STATUS_DIRECTORY: &str = "var/lib/dpkg/status.d/";

fn wants(file: &Candidate<'_>) -> bool {
    let in_directory = file.path.strip_prefix(STATUS_DIRECTORY);
    file.path == STATUS || in_directory.is_some_and(|name| !name.contains('/') && !name.ends_with(".md5sums"))
}

fn read(file: &mut File<'_>) -> Result<Facts, ReadFault> {
    let mut inventory = Inventory::default();
    let outcome = read_stanzas(file, &mut inventory);
    inventory.finish(outcome)
}

fn read_stanzas(file: &mut File<'_>, inventory: &mut Inventory) -> Result<(), ReadFault> {
    let has_states = file.path == STATUS;
    if has_states && file.size_bytes == 0 {
        inventory.note_loss("it is empty, so packages may be missing");
    }
    let mut lines = file.lines()?;
    let mut stanza = Stanza::default();
    while let Some(line) = lines.next()? {
        if line.trim_end().is_empty() {
            std::mem::take(&mut stanza).finish(inventory)?;
        } else {
            stanza.push_line(&line);
        }
    }
    stanza.finish(inventory)?;
    if has_states && lines.is_cut() {
        inventory.damage("it stops within a line, so packages may be missing")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::{read, wanted};
    use crate::{Component, Kinship, SourcePackage};

    fn component(stanza: &str) -> Component {
        let mut facts = read(super::STATUS, stanza.as_bytes()).unwrap();
        assert_eq!(facts.components.len(), 1, "{facts:?}");
        facts.components.remove(0)
    }

    #[test]
    fn a_package_is_told_with_its_source_its_architecture_and_its_maker() {
        let perl = component(
            "Package: perl-base\nStatus: install ok installed\nMaintainer: Niko <ntyni@debian.org>\n\
             Architecture: amd64\nMulti-Arch: foreign\nSource: perl (5.36.0-7)\nVersion: 5.36.0-7+b1\n\
             Origin: Debian\nConffiles:\n /etc/perl abc\nDescription: minimal\n Version: not this one\n",
        );
        assert_eq!(perl.name, "perl-base");
        assert_eq!(perl.version, "5.36.0-7+b1");
        assert_eq!(perl.architecture.as_deref(), Some("amd64"));
        assert_eq!(perl.source, Some(SourcePackage { name: "perl".into(), version: "5.36.0-7".into() }));
        assert_eq!(perl.properties[Component::VENDOR], "Niko <ntyni@debian.org>");
        assert_eq!(perl.properties[Component::ORIGIN], "Debian");
    }

    #[test]
    fn a_source_of_the_same_version_or_the_same_name_is_filled_in() {
        let named =
            component("Package: libc6\nSource: glibc\nVersion: 2.36-9\nStatus: install ok installed\n");
        assert_eq!(named.source, Some(SourcePackage { name: "glibc".into(), version: "2.36-9".into() }));
        let own = component("Package: dash\nVersion: 0.5.12-2\nStatus: install ok installed\n");
        assert_eq!(own.source, Some(SourcePackage { name: "dash".into(), version: "0.5.12-2".into() }));
    }

    #[test]
    fn what_was_removed_is_not_there() {
        for state in ["deinstall ok config-files", "purge ok not-installed", "install ok not-installed"] {
            let status = format!("Package: gone\nStatus: {state}\nVersion: 1\n");
            assert!(read(super::STATUS, status.as_bytes()).unwrap().is_empty(), "{state}");
        }
    }

    #[test]
    fn what_is_unpacked_is_there_and_told() {
        for state in ["unpacked", "half-configured", "half-installed"] {
            let status = format!("Package: half\nStatus: install reinstreq {state}\nVersion: 1\n");
            let facts = read(super::STATUS, status.as_bytes()).unwrap();
            assert_eq!(facts.components.len(), 1);
            assert_eq!(facts.notes[0].text, format!("the package `half` is {state}"));
        }
        for state in ["triggers-awaited", "triggers-pending", "installed"] {
            let status = format!("Package: whole\nStatus: hold ok {state}\nVersion: 1\n");
            let facts = read(super::STATUS, status.as_bytes()).unwrap();
            assert_eq!((facts.components.len(), facts.notes.len()), (1, 0), "{state}");
        }
    }

    #[test]
    fn a_status_of_distroless_images_needs_no_state() {
        let facts = read("var/lib/dpkg/status.d/libc6", b"Package: libc6\nVersion: 2.36-9\n").unwrap();
        assert_eq!(facts.components[0].name, "libc6");
        let facts = read("var/lib/dpkg/status.d/libc6.md5sums", b"0123  lib/libc.so.6\n").unwrap();
        assert_eq!(facts.owned[0].package, "libc6");
        assert!(wanted("var/lib/dpkg/status.d/deeper/libc6", b"").is_empty());
    }

    #[test]
    fn headers_of_the_kernel_bring_no_kernel() {
        for name in [
            "linux-libc-dev",
            "linux-headers-6.1.0-18-amd64",
            "linux-aws-headers-5.4.0-1009",
            "linux-libc-dev-arm64-cross",
            "raspberrypi-kernel-headers",
        ] {
            let headers = component(&format!("Package: {name}\nVersion: 6.1.76-1\nSource: linux\n"));
            assert_eq!(headers.kinship, Kinship::HeadersOnly, "{name}");
        }
        for name in ["linux-image-6.1.0-18-amd64", "ruby-secure-headers", "libssl-dev"] {
            assert_eq!(
                component(&format!("Package: {name}\nVersion: 1\n")).kinship,
                Kinship::Installed,
                "{name}"
            );
        }
    }

    #[test]
    fn what_lies_beside_the_damage_is_kept() {
        let status = b"Package: a\nVersion: 1\n\nVersion: 2\n\nPackage: b\n\nPackage: c\nVersion: 3";
        let facts = read(super::STATUS, status).unwrap();
        assert_eq!(facts.components.iter().map(|found| found.name.as_str()).collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!(facts.notes.len(), 3, "{:?}", facts.notes);
        assert!(facts.notes[2].text.ends_with("packages may be missing"));
    }

    #[test]
    fn a_database_that_was_emptied_says_so() {
        let facts = read(super::STATUS, b"").unwrap();
        assert!(facts.notes[0].is_unread, "{facts:?}");
        assert!(read("var/lib/dpkg/status.d/libc6", b"").unwrap().is_empty());
    }

    #[test]
    fn a_file_that_is_no_database_is_malformed() {
        assert!(read(super::STATUS, b"\x00\x01\x02 what is this\n").is_err());
    }
}
