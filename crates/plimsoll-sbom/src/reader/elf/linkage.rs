//! What a program or library asks the loader for (System V ABI, chapter 5, "Dynamic Linking").

use std::io::{Read as _, SeekFrom};

use super::{Elf, Layout, Span, read_span};
use crate::{Content, ReadFault};

/// Bytes of the dynamic table that are read: sixty thousand entries, where libraries have thirty.
const DYNAMIC_BYTES_MAX: u64 = 1 << 20;

/// Names that one object may ask for.
const NAMES_MAX: usize = 4096;

/// Length of one name or search path.
const NAME_BYTES_MAX: u64 = 4096;

/// Stretches of constants that are told of; a file has one or two.
const CONSTANTS_MAX: usize = 16;

const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;
const DT_SONAME: u64 = 14;
const DT_RPATH: u64 = 15;
const DT_RUNPATH: u64 = 29;

/// What an ELF file asks the loader for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Linkage {
    /// Processor (`e_machine`) and whether addresses have 64 bits: a library must have the same.
    pub machine: (u16, bool),
    /// The loader that the kernel starts the program with.
    pub interpreter: Option<Vec<u8>>,
    /// Its own name as a library.
    pub soname: Option<Vec<u8>>,
    /// The libraries that it needs, in their order.
    pub needed: Vec<Vec<u8>>,
    /// Where to look first, for it and for all that it brings; void where there is a `runpath`.
    pub rpath: Option<Vec<u8>>,
    /// Where to look for what it needs itself.
    pub runpath: Option<Vec<u8>>,
    /// Where its constants lie in the file, as offset and length: names of plug-ins are among them.
    pub constants: Vec<(u64, u64)>,
}

impl Linkage {
    /// Reads it; nothing where the file is not ELF. The cursor is left anywhere.
    pub fn read(content: &mut dyn Content) -> Result<Option<Self>, ReadFault> {
        content.seek(SeekFrom::Start(0))?;
        let mut head = Vec::new();
        content.take(64).read_to_end(&mut head)?;
        if !super::is_program(&head) {
            return Ok(None);
        }
        let mut elf = Elf::open(content)?;
        let layout = elf.layout();
        let mut linkage = Self {
            machine: (layout.u16(&head, 18).unwrap_or_default(), layout.wide),
            constants: elf.constants(),
            ..Self::default()
        };
        if let Some(span) = elf.interpreter {
            linkage.interpreter = Some(elf.text(span.first(span.size.min(NAME_BYTES_MAX)))?);
        }
        linkage.read_dynamic(&mut elf)?;
        Ok(Some(linkage))
    }

    fn read_dynamic(&mut self, elf: &mut Elf<'_>) -> Result<(), ReadFault> {
        let Some(span) = elf.dynamic else { return Ok(()) };
        if span.size > DYNAMIC_BYTES_MAX {
            return Err(ReadFault::Limit(format!(
                "{} bytes of dynamic section; at most {DYNAMIC_BYTES_MAX} are read",
                span.size
            )));
        }
        let table = read_span(elf.content, span)?;
        let layout = elf.layout();
        let strings = entries(layout, &table).find(|(tag, _)| *tag == DT_STRTAB);
        let Some(strings) = strings.and_then(|(_, address)| elf.span_at(address)) else { return Ok(()) };
        for (tag, at) in entries(layout, &table) {
            let place = strings.from(at).and_then(|span| span.first(span.size.min(NAME_BYTES_MAX)));
            match tag {
                DT_NEEDED if self.needed.len() >= NAMES_MAX => {
                    return Err(ReadFault::Limit(format!("more than {NAMES_MAX} needed libraries")));
                }
                DT_NEEDED => self.needed.push(elf.text(place)?),
                DT_SONAME => self.soname = Some(elf.text(place)?),
                DT_RPATH => self.rpath = Some(elf.text(place)?),
                DT_RUNPATH => self.runpath = Some(elf.text(place)?),
                _ => {}
            }
        }
        Ok(())
    }
}

/// The entries of a dynamic table, up to the one that ends it.
fn entries(layout: Layout, table: &[u8]) -> impl Iterator<Item = (u64, u64)> {
    let word = layout.address_bytes();
    let pair = move |row: &[u8]| Some((layout.address(row, 0)?, layout.address(row, word)?));
    table.chunks_exact(2 * word).map_while(pair).take_while(|(tag, _)| *tag != 0)
}

impl Elf<'_> {
    /// A text of a string table: what stands before the first zero.
    fn text(&mut self, span: Option<Span>) -> Result<Vec<u8>, ReadFault> {
        let span = span.ok_or_else(|| ReadFault::malformed("it names something past the end of a part"))?;
        let bytes = read_span(self.content, span)?;
        Ok(bytes.split(|byte| *byte == 0).next().unwrap_or_default().to_vec())
    }

    /// Where constants lie: the section of that name, or else all that is loaded and not written to.
    fn constants(&self) -> Vec<(u64, u64)> {
        let named: Vec<Span> = self
            .sections
            .iter()
            .filter(|section| section.name == ".rodata")
            .map(|found| found.span)
            .collect();
        let unwritable = self.segments.iter().filter(|segment| !segment.writable).map(|segment| segment.span);
        let spans = if named.is_empty() { unwritable.collect() } else { named };
        spans.into_iter().take(CONSTANTS_MAX).map(|span| (span.offset, span.size)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn this_very_test_needs_the_c_library_and_names_its_loader() {
        let mut program = std::fs::File::open("/proc/self/exe").unwrap();
        let linkage = Linkage::read(&mut program).unwrap().unwrap();
        assert!(linkage.needed.iter().any(|name| name.starts_with(b"libc.")), "{linkage:?}");
        assert!(linkage.interpreter.is_some_and(|path| path.starts_with(b"/lib")));
        assert!(!linkage.constants.is_empty());
    }

    #[test]
    fn what_is_no_program_has_no_linkage() {
        for bytes in [&b""[..], b"#!/bin/sh\n", b"\x7fELF", &[0; 200]] {
            assert_eq!(Linkage::read(&mut Cursor::new(bytes)).unwrap(), None);
        }
    }

    #[test]
    fn a_program_cut_short_anywhere_is_an_error_or_a_part_and_never_a_panic() {
        let whole = std::fs::read("/proc/self/exe").unwrap();
        for length in (0..4096).step_by(7) {
            let cut = whole.get(..length).unwrap();
            let _ = Linkage::read(&mut Cursor::new(cut));
        }
    }
}
