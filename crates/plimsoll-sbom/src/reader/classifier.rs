//! Programs known by their bytes: those that images carry without a package that would name them.
//!
//! An image's main program is often compiled in its build: no package database and no language's metadata knows it, and
//! its flaws would go unseen. Its file name says which program it may be, and a text that the program prints of itself
//! says which version it is. A table holds both, so that a program is added by a row.

mod evidence;
mod path_pattern;
mod programs;

use std::io::{Read as _, SeekFrom};
use std::ops::ControlFlow;

use super::{Candidate, File, ReadFault, Reader, elf, window};
use crate::{Component, Facts};
use evidence::Finding;
use programs::{Form, PROGRAMS, Program};

pub(super) const READER: Reader = Reader {
    name: "classifier",
    wants: |file| PROGRAMS.iter().any(|program| program.may_be(file)),
    bytes_max: super::PROGRAM_BYTES_MAX,
    read,
};

/// How much of a window is seen again in the next: more than any text that is looked for.
const OVERLAP_BYTES: usize = 256;

/// How large a program may be that is searched for the stamp of its build, once for each version that it names. The
/// servers that have one are of 3 to 20 MB.
const STAMPED_BYTES_MAX: u64 = 128 << 20;

/// How large a text file may be that says a version.
const TEXT_BYTES_MAX: u64 = 64 << 10;

fn read(file: &mut File<'_>) -> Result<Facts, ReadFault> {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    let named = PROGRAMS.iter().filter(|program| program.is_at(file.path));
    let mut searches: Vec<Search> =
        named.map(|program| Search { program, found: Finding::new(program.evidence, name) }).collect();
    look_through(file, |window| {
        searches.iter_mut().for_each(|search| search.found.look(window));
        searches.iter().all(|search| search.found.is_over())
    })?;
    let has_candidates = searches.iter().any(|search| search.found.has_candidates());
    if has_candidates && file.size_bytes <= STAMPED_BYTES_MAX {
        look_through(file, |window| {
            searches.iter_mut().for_each(|search| search.found.look_for_stamps(window));
            false
        })?;
    }
    Ok(Facts::of_components(searches.into_iter().filter_map(Search::component).collect()))
}

/// Shows all of a file, a window at a time, until `look` says that it is done. Line ends around the file let a text say
/// that it begins or ends a line.
fn look_through(file: &mut File<'_>, mut look: impl FnMut(&[u8]) -> bool) -> Result<(), ReadFault> {
    file.content.seek(SeekFrom::Start(0))?;
    let content = b"\n".chain((&mut *file.content).take(file.size_bytes)).chain(&b"\n"[..]);
    window::windows(content, OVERLAP_BYTES, |_, window| {
        if look(window) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(())
}

/// The search for one program's version.
struct Search {
    program: &'static Program,
    found: Finding,
}

impl Search {
    fn component(self) -> Option<Component> {
        let version = (self.program.spelling)(&self.found.version()?);
        Some(Component::new(self.program.package_type, self.program.name, version))
    }
}

impl Program {
    /// Whether a file may be this program, or say its version.
    fn may_be(&self, file: &Candidate<'_>) -> bool {
        let has_form = match self.form {
            Form::Program => elf::is_program(file.head),
            Form::Text => file.size_bytes <= TEXT_BYTES_MAX,
        };
        has_form && self.is_at(file.path)
    }

    fn is_at(&self, path: &str) -> bool {
        self.paths.iter().any(|pattern| path_pattern::is_match(pattern, path))
    }
}

#[cfg(test)]
mod tests;
