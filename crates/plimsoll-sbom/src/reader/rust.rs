//! Rust programs: the crates that they are built from, where `cargo auditable` built them.
//!
//! It links a section into the program that holds the resolved dependencies as JSON, compressed with zlib. A plain
//! `cargo build` leaves nothing of the kind.

use std::io::{BufReader, Read};

use flate2::read::ZlibDecoder;
use serde::Deserialize;

use super::{File, ReadFault, Reader, elf};
use crate::{Component, Facts, Kinship, PackageType};

pub(super) const READER: Reader = Reader {
    name: "cargo-auditable",
    wants: |file| elf::is_program(file.head),
    bytes_max: super::PROGRAM_BYTES_MAX,
    read,
};

/// The section that holds the list; its name is also the version of its form.
const SECTION: &str = ".dep-v0";

/// How long the list may be once it is unpacked. A program of 1,000 crates has 100 KiB.
const LIST_BYTES_MAX: u64 = 4 << 20;

/// How many crates a list may have.
const CRATES_MAX: usize = 20_000;

/// Where crates come from that everybody can have.
const CRATES_IO: &str = "crates.io";

#[derive(Deserialize)]
struct List {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    source: String,
    #[serde(default)]
    kind: Kind,
    #[serde(default)]
    root: bool,
}

/// What a crate is needed for.
#[derive(Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// It is in the program.
    #[default]
    Runtime,
    /// It ran while the program was built, or it is for something no version of this reader knows.
    #[serde(other)]
    Build,
}

fn read(file: &mut File<'_>) -> Result<Facts, ReadFault> {
    let mut elf = elf::Elf::open(&mut *file.content)?;
    let Some(span) = elf.section(SECTION).map(|section| section.span) else {
        return Ok(Facts::default());
    };
    let list = unpacked(elf.stream(span)?)?;
    if list.packages.len() > CRATES_MAX {
        return Err(ReadFault::Limit(format!(
            "{} crates; at most {CRATES_MAX} are read",
            list.packages.len()
        )));
    }
    let in_the_program = list.packages.into_iter().filter(|package| package.kind == Kind::Runtime);
    Ok(Facts::of_components(in_the_program.map(Package::component).collect()))
}

fn unpacked(packed: impl Read) -> Result<List, ReadFault> {
    let mut json = ZlibDecoder::new(packed).take(LIST_BYTES_MAX);
    let list = serde_json::from_reader(BufReader::new(&mut json));
    if json.limit() == 0 {
        return Err(ReadFault::Limit(format!("a list of crates of more than {LIST_BYTES_MAX} bytes")));
    }
    list.map_err(|error| ReadFault::malformed(format!("its list of crates is damaged: {error}")))
}

impl Package {
    /// A crate from elsewhere may share its name with one that everybody can have, so it says where it is from.
    fn component(self) -> Component {
        let mut component = Component::new(PackageType::Cargo, self.name, self.version);
        component.kinship = if self.root { Kinship::Installed } else { Kinship::Embedded };
        if self.source != CRATES_IO {
            component.properties.insert(Component::ORIGIN.to_owned(), self.source);
        }
        component
    }
}

#[cfg(test)]
mod tests;
