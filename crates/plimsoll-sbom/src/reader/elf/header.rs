//! The file header and the two tables that it points at.

use std::ops::RangeInclusive;

use super::{Layout, Span, read_span};
use crate::{Content, ReadFault};

/// How many sections a file may have. Compilers give each function its own only in object files.
const SECTIONS_MAX: u16 = 8192;

/// How many segments a file may have; programs have about ten.
const SEGMENTS_MAX: u16 = 1024;

/// How long the table of the sections' names may be.
const SECTION_NAMES_BYTES_MAX: u64 = 1 << 20;

/// How long a table's entry may be: 32 bytes for the shortest, and room for fields that no specification has yet.
const ENTRY_BYTES: RangeInclusive<u16> = 32..=128;

/// How much of a section's name is kept. Those that readers look for are short, and a hostile table could name one
/// long text many times.
const NAME_BYTES_MAX: usize = 64;

/// `SHT_NOBITS`: the section takes up no bytes of the file.
const SHT_NOBITS: u32 = 8;

/// `PT_LOAD`: the segment is loaded into memory.
const PT_LOAD: u32 = 1;

/// `PT_DYNAMIC`: the segment tells the loader what the program needs.
const PT_DYNAMIC: u32 = 2;

/// `PT_INTERP`: the segment names the loader.
const PT_INTERP: u32 = 3;

/// `PF_W`: the segment may be written to.
const PF_W: u32 = 2;

/// A named part of an ELF file that has bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Section {
    /// Its name.
    pub(crate) name: String,
    /// Its bytes.
    pub(crate) span: Span,
}

/// A part of an ELF file that is loaded into memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// Where it is loaded.
    pub(crate) address: u64,
    /// Whether the program may write to it.
    pub(crate) writable: bool,
    /// Its bytes; memory beyond them is zero.
    pub(crate) span: Span,
}

/// The segments that somebody looks at.
pub(super) struct Segments {
    /// What is loaded into memory.
    pub(super) loaded: Vec<Segment>,
    /// The table for the loader.
    pub(super) dynamic: Option<Span>,
    /// The loader's path.
    pub(super) interpreter: Option<Span>,
}

/// What the file header says of the tables.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) layout: Layout,
    segments: Table,
    sections: Table,
    names_index: u16,
}

/// A table of entries of equal length.
#[derive(Debug)]
struct Table {
    offset: u64,
    entry_bytes: u16,
    entries: u16,
}

impl Header {
    /// Reads it. The longer form is asked for in both classes: a program of 32 bits has more than 12 bytes after it.
    pub(super) fn read(content: &mut dyn Content) -> Result<Self, ReadFault> {
        let bytes = read_span(content, Span { offset: 0, size: 64 })?;
        let layout =
            Layout::of(&bytes).ok_or_else(|| ReadFault::malformed("its first bytes are not those of ELF"))?;
        Self::parse(layout, &bytes).ok_or_else(|| ReadFault::malformed("its ELF header is cut short"))
    }

    fn parse(layout: Layout, bytes: &[u8]) -> Option<Self> {
        let address = layout.address_bytes();
        let table_offsets = 24 + address;
        let counts = table_offsets + 2 * address + 6;
        let number = |index: usize| layout.u16(bytes, counts + 2 * index);
        Some(Self {
            layout,
            segments: Table {
                offset: layout.address(bytes, table_offsets)?,
                entry_bytes: number(0)?,
                entries: number(1)?,
            },
            sections: Table {
                offset: layout.address(bytes, table_offsets + address)?,
                entry_bytes: number(2)?,
                entries: number(3)?,
            },
            names_index: number(4)?,
        })
    }

    /// The segments that have bytes.
    pub(super) fn segments(&self, content: &mut dyn Content) -> Result<Segments, ReadFault> {
        let table = self.segments.read(content, SEGMENTS_MAX, "segments")?;
        let rows = self.segments.rows(&table).map(|row| segment(self.layout, row));
        let segments: Option<Vec<(u32, Segment)>> = rows.collect();
        let segments = segments.ok_or_else(|| ReadFault::malformed("its segment table is cut short"))?;
        let of_kind = |wanted: u32| {
            let is_it = move |(kind, segment): &&(u32, Segment)| *kind == wanted && segment.span.size > 0;
            segments.iter().filter(is_it).map(|(_, segment)| *segment)
        };
        Ok(Segments {
            loaded: of_kind(PT_LOAD).collect(),
            dynamic: of_kind(PT_DYNAMIC).next().map(|segment| segment.span),
            interpreter: of_kind(PT_INTERP).next().map(|segment| segment.span),
        })
    }

    /// The sections that have bytes.
    pub(super) fn sections(&self, content: &mut dyn Content) -> Result<Vec<Section>, ReadFault> {
        let cut_short = || ReadFault::malformed("its section table is cut short");
        let table = self.sections.read(content, SECTIONS_MAX, "sections")?;
        let rows: Vec<Row> = self
            .sections
            .rows(&table)
            .map(|row| Row::parse(self.layout, row))
            .collect::<Option<_>>()
            .ok_or_else(cut_short)?;
        let Some(names) = rows.get(usize::from(self.names_index)) else {
            return Ok(Vec::new());
        };
        if names.span.size > SECTION_NAMES_BYTES_MAX {
            return Err(ReadFault::Limit(format!(
                "{} bytes of section names; at most {SECTION_NAMES_BYTES_MAX} are read",
                names.span.size
            )));
        }
        let names = read_span(content, names.span)?;
        Ok(rows.into_iter().filter(|row| row.kind != SHT_NOBITS).map(|row| row.named(&names)).collect())
    }
}

impl Table {
    fn read(&self, content: &mut dyn Content, entries_max: u16, of: &str) -> Result<Vec<u8>, ReadFault> {
        if self.entries == 0 {
            return Ok(Vec::new());
        }
        if self.entries > entries_max {
            return Err(ReadFault::Limit(format!("{} {of}; at most {entries_max} are read", self.entries)));
        }
        if !ENTRY_BYTES.contains(&self.entry_bytes) {
            return Err(ReadFault::malformed(format!(
                "its table of {of} has entries of {} bytes",
                self.entry_bytes
            )));
        }
        let size = u64::from(self.entries) * u64::from(self.entry_bytes);
        read_span(content, Span { offset: self.offset, size })
    }

    fn rows<'b>(&self, table: &'b [u8]) -> impl Iterator<Item = &'b [u8]> {
        table.chunks(usize::from(self.entry_bytes.max(1)))
    }
}

/// A row of the segment table, with its kind.
fn segment(layout: Layout, row: &[u8]) -> Option<(u32, Segment)> {
    let word = layout.address_bytes();
    // The flags moved to the front when addresses grew, so that these stay aligned.
    let (flags, places) = if layout.wide { (4, 8) } else { (24, 4) };
    let place = |index: usize| layout.address(row, places + index * word);
    let segment = Segment {
        address: place(1)?,
        writable: layout.u32(row, flags)? & PF_W != 0,
        span: Span { offset: place(0)?, size: place(3)? },
    };
    Some((layout.u32(row, 0)?, segment))
}

/// A row of the section table.
struct Row {
    name_at: u32,
    kind: u32,
    span: Span,
}

impl Row {
    fn parse(layout: Layout, row: &[u8]) -> Option<Self> {
        let word = layout.address_bytes();
        let field = |index: usize| layout.address(row, 8 + index * word);
        Some(Self {
            name_at: layout.u32(row, 0)?,
            kind: layout.u32(row, 4)?,
            span: Span { offset: field(2)?, size: field(3)? },
        })
    }

    fn named(self, names: &[u8]) -> Section {
        let name = usize::try_from(self.name_at).ok().and_then(|at| names.get(at..)).unwrap_or_default();
        let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
        Section {
            name: String::from_utf8_lossy(&name[..name.len().min(NAME_BYTES_MAX)]).into_owned(),
            span: self.span,
        }
    }
}
