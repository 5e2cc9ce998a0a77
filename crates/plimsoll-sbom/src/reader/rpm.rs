//! rpm's database: a header for each installed package, in one of three kinds of file.
//!
//! Since rpm 4.16 it is an SQLite file or, at SUSE, rpm's own "ndb"; before that a hash of Berkeley DB. All three are
//! read page by page where they lie, never whole, and hold the same headers.

mod bdb;
mod disk;
mod header;
mod manifest;
mod ndb;
mod package;
mod sqlite;

use disk::Disk;
use header::Header;

use super::inventory::Inventory;
use super::{Candidate, File, ReadFault, Reader};
use crate::{Facts, Note};

pub(super) const READER: Reader = Reader { name: "rpm", wants, bytes_max: 1 << 30, read };

pub(super) use manifest::READER as MANIFEST_READER;

/// Where the database lies: rpm's own place, the one of image-based systems, and the one of ostree.
const DIRECTORIES: &[&str] = &["var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm"];
const DATABASES: &[&str] = &["rpmdb.sqlite", "Packages.db", "Packages"];
/// What SQLite writes beside the database, and takes away when all is in it.
const JOURNALS: &[&str] = &["rpmdb.sqlite-wal", "rpmdb.sqlite-journal"];

/// A larger header is passed over. That of a package with 20,000 files takes about 4 MiB.
const HEADER_BYTES_MAX: u64 = 8 << 20;

fn wants(file: &Candidate<'_>) -> bool {
    let in_place = file.path.rsplit_once('/').is_some_and(|(directory, _)| DIRECTORIES.contains(&directory));
    in_place && (DATABASES.contains(&file.name) || JOURNALS.contains(&file.name))
}

fn read(file: &mut File<'_>) -> Result<Facts, ReadFault> {
    if JOURNALS.iter().any(|journal| file.path.ends_with(journal)) {
        return Ok(read_journal(file));
    }
    let mut packages = Packages::default();
    let outcome = read_database(&mut Disk::new(file), &mut packages);
    packages.0.finish(outcome)
}

/// A journal that is not empty holds changes that are not yet in the database, or are to be taken back.
fn read_journal(file: &File<'_>) -> Facts {
    let text =
        "rpm's database was not closed: this journal of it is not read, so packages may be missing or gone";
    let notes = if file.size_bytes > 0 { vec![Note::new(text)] } else { Vec::new() };
    Facts { notes, ..Facts::default() }
}

fn read_database(disk: &mut Disk<'_>, packages: &mut Packages) -> Result<(), ReadFault> {
    let mut head = [0; 16];
    disk.read(0, &mut head)?;
    if &head == sqlite::MAGIC {
        sqlite::read(disk, packages)
    } else if head.starts_with(ndb::MAGIC) {
        ndb::read(disk, packages)
    } else if let Some(order) = bdb::ByteOrder::of(&head) {
        bdb::read(disk, order, packages)
    } else {
        Err(ReadFault::malformed("it is neither an SQLite, an ndb nor a Berkeley DB hash file"))
    }
}

/// The packages found so far. Each kind of database hands its headers to it.
#[derive(Default)]
struct Packages(Inventory);

impl Packages {
    /// Takes in a header. One that is damaged hides no other.
    fn take(&mut self, bytes: &[u8]) -> Result<(), ReadFault> {
        match Header::parse(bytes) {
            Some(header) => package::take(&header, &mut self.0),
            None => self.0.damage("a package's header is damaged"),
        }
    }

    /// Takes note of a header that is too large, and says whether it is.
    fn passes_over(&mut self, size_bytes: u64) -> Result<bool, ReadFault> {
        let is_too_large = size_bytes > HEADER_BYTES_MAX;
        if is_too_large {
            self.0.damage(format!(
                "a package's header takes {size_bytes} bytes, and {HEADER_BYTES_MAX} is the limit"
            ))?;
        }
        Ok(is_too_large)
    }
}

#[cfg(test)]
mod tests {
    use crate::reader::ReadFault;
    use crate::reader::tests::{read, wanted};

    #[test]
    fn the_database_is_known_by_its_place() {
        for directory in super::DIRECTORIES {
            for name in super::DATABASES {
                assert_eq!(wanted(&format!("{directory}/{name}"), b"").len(), 1);
            }
        }
        for path in ["var/lib/rpm/Index.db", "home/rpm/Packages", "var/lib/rpm/old/Packages", "Packages"] {
            assert!(wanted(path, b"").is_empty(), "{path}");
        }
    }

    #[test]
    fn a_journal_beside_the_database_is_told() {
        let path = "var/lib/rpm/rpmdb.sqlite-wal";
        assert!(read(path, b"").unwrap().is_empty());
        assert_eq!(read(path, b"frames").unwrap().notes.len(), 1);
    }

    #[test]
    fn a_file_that_is_no_database_is_malformed() {
        for bytes in [&b""[..], b"SQLite format 3\0", b"RpmP", &[0; 4096]] {
            let fault = read("var/lib/rpm/Packages", bytes);
            assert!(matches!(fault, Err(ReadFault::Malformed(_))), "{fault:?}");
        }
    }
}
