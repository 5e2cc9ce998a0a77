//! Go programs: the modules that they are built from, and which of their functions the linker kept.
//!
//! The toolchain writes the modules into every program, and the function table is needed by Go's own stack traces, so
//! both survive `strip`. An advisory of Go's database names functions: where the linker dropped them all, the program
//! is not affected, however old the module is.

mod build_info;
mod function_name;
mod function_table;
mod linked;
mod module;
mod toolchain;

use super::{File, ReadFault, Reader, elf};
use crate::{Facts, Note};

pub(super) use toolchain::version as toolchain_version;

pub(super) const READER: Reader = Reader {
    name: "go-build-info",
    wants: |file| elf::is_program(file.head),
    bytes_max: super::PROGRAM_BYTES_MAX,
    read,
};

fn read(file: &mut File<'_>) -> Result<Facts, ReadFault> {
    let mut elf = elf::Elf::open(&mut *file.content)?;
    let Some(info) = build_info::read(&mut elf)? else {
        return Ok(Facts::default());
    };
    let modules = module::parse(&info)?;
    let mut facts = Facts::of_components(modules.components());
    match linked::Linked::read(&mut elf, &modules)? {
        Some(linked) => linked.fill(&mut facts.components),
        None => facts.notes.push(Note::new(NO_FUNCTIONS)),
    }
    Ok(facts)
}

/// What is noted where only the modules are known.
const NO_FUNCTIONS: &str =
    "its function table cannot be read, so advisories count for whole modules, not for the functions in use";

#[cfg(test)]
mod tests;
