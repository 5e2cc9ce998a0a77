//! ELF files: where their sections and segments lie (System V ABI, chapters 4 and 5).
//!
//! Only the two tables are held in memory. The bytes that they point at are read by seeking, because a program may be
//! larger than all the memory there is for it.

mod header;
mod layout;
mod linkage;

use std::io::{self, Read, SeekFrom};

pub(crate) use header::{Section, Segment};
pub(crate) use layout::Layout;
pub use linkage::Linkage;

use super::ReadFault;
use crate::Content;

/// A stretch of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// Where it begins in the file.
    pub(crate) offset: u64,
    /// Its length.
    pub(crate) size: u64,
}

/// An ELF file at rest.
pub(crate) struct Elf<'a> {
    content: &'a mut dyn Content,
    layout: Layout,
    sections: Vec<Section>,
    segments: Vec<Segment>,
    /// Where the table for the loader lies.
    dynamic: Option<Span>,
    /// Where the loader's path lies.
    interpreter: Option<Span>,
}

/// Whether a file that begins so is an ELF program or shared library, rather than an object file or a core dump.
pub(crate) fn is_program(head: &[u8]) -> bool {
    /// `e_type`: an executable at a fixed place.
    const ET_EXEC: u64 = 2;
    /// `e_type`: a shared library, or an executable that may lie anywhere.
    const ET_DYN: u64 = 3;
    /// Where `e_type` stands.
    const E_TYPE: usize = 16;

    Layout::of(head)
        .and_then(|layout| layout.u16(head, E_TYPE))
        .is_some_and(|kind| matches!(u64::from(kind), ET_EXEC | ET_DYN))
}

impl<'a> Elf<'a> {
    /// Reads the tables.
    ///
    /// The kernel runs a program by its segments and never looks at its sections. So a damaged section table is as good
    /// as none: it must not hide what runs.
    pub(crate) fn open(content: &'a mut dyn Content) -> Result<Self, ReadFault> {
        let header = header::Header::read(content)?;
        let header::Segments { loaded: segments, dynamic, interpreter } = header.segments(content)?;
        let sections = match header.sections(content) {
            Ok(sections) => sections,
            Err(ReadFault::Malformed(_)) => Vec::new(),
            Err(fault) => return Err(fault),
        };
        Ok(Self { content, layout: header.layout, sections, segments, dynamic, interpreter })
    }

    /// How its numbers are written.
    pub(crate) fn layout(&self) -> Layout {
        self.layout
    }

    /// The first section of this name that has bytes in the file.
    pub(crate) fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// What is loaded into memory, in the order of the file.
    pub(crate) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// What lies from an address to the end of its segment.
    pub(crate) fn span_at(&self, address: u64) -> Option<Span> {
        self.segments.iter().find_map(|segment| {
            let into = address.checked_sub(segment.address)?;
            segment.span.from(into)
        })
    }

    /// The bytes of a span, from its first to its last.
    pub(crate) fn stream(&mut self, span: Span) -> io::Result<impl Read> {
        self.content.seek(SeekFrom::Start(span.offset))?;
        Ok((&mut *self.content).take(span.size))
    }

    /// The first bytes of a span: exactly `size`, which the caller has held against a limit of its own.
    pub(crate) fn read(&mut self, span: Span, size: usize) -> Result<Vec<u8>, ReadFault> {
        let span = span
            .first(size as u64)
            .ok_or_else(|| ReadFault::malformed("it points past the end of a part"))?;
        read_span(self.content, span)
    }
}

impl Span {
    /// What is left of it after `into` bytes; none if that is nothing.
    pub(crate) fn from(self, into: u64) -> Option<Self> {
        let size = self.size.checked_sub(into).filter(|size| *size > 0)?;
        Some(Self { offset: self.offset.checked_add(into)?, size })
    }

    /// Its first bytes; none if it has not that many.
    pub(crate) fn first(self, size: u64) -> Option<Self> {
        (size <= self.size).then_some(Self { size, ..self })
    }
}

/// The bytes of a span whose length has been held against a limit.
fn read_span(content: &mut dyn Content, span: Span) -> Result<Vec<u8>, ReadFault> {
    content.seek(SeekFrom::Start(span.offset))?;
    let mut bytes = Vec::new();
    content.take(span.size).read_to_end(&mut bytes)?;
    if (bytes.len() as u64) < span.size {
        return Err(ReadFault::malformed("it ends before a part that it lists"));
    }
    Ok(bytes)
}

#[cfg(test)]
pub(crate) mod tests;
