use std::io::{self, Read, Seek, SeekFrom, Write};

use plimsoll_image::{LayerMeasures, OwnedEntry};
use zstd::stream::write::Encoder;

use super::outline::{Outlined, encode_entry, encode_whiteout};
use super::{ANALYSER_VERSION, FileFacts, FileNote, MAGIC, RecordHead, Span};
use crate::file_index::FileIndexBuilder;
use crate::{FileEntry, Spool};

/// Fast, and a fifth of the text.
const FACTS_LEVEL: i32 = 3;

/// Links and executables of one layer beyond which they are no longer told apart.
const OUTLINED_MAX: usize = 500_000;

/// Bytes of the outline that wait in memory for the spool.
const OUTLINE_BUFFER_BYTES: usize = 64 << 10;

/// Notes of one layer; a file that could not be read makes one.
const NOTES_MAX: usize = 1000;

/// Takes what a layer tells as it streams by, and writes its record at the end.
///
/// Facts and outline rest in the spool meanwhile, and the index too when it is large.
pub(crate) struct RecordWriter<'s, S: Spool> {
    spool: &'s mut S,
    facts: Encoder<'static, S::File>,
    index: FileIndexBuilder<S::File>,
    outline: S::File,
    outline_buffer: Vec<u8>,
    outlined: usize,
    notes: Vec<FileNote>,
}

impl<'s, S: Spool> RecordWriter<'s, S> {
    pub(crate) fn new(spool: &'s mut S) -> io::Result<Self> {
        let facts = Encoder::new(spool.open()?, FACTS_LEVEL)?;
        let outline = spool.open()?;
        Ok(Self {
            spool,
            facts,
            index: FileIndexBuilder::new(),
            outline,
            outline_buffer: Vec::new(),
            outlined: 0,
            notes: Vec::new(),
        })
    }

    /// A place in the same spool, for a file that is being read.
    pub(crate) fn open_spool(&mut self) -> io::Result<S::File> {
        self.spool.open()
    }

    pub(crate) fn add_entry(&mut self, entry: &FileEntry) -> io::Result<()> {
        self.index.push(entry, self.spool)
    }

    pub(crate) fn add_facts(&mut self, facts: &FileFacts) -> io::Result<()> {
        serde_json::to_writer(&mut self.facts, facts)?;
        self.facts.write_all(b"\n")
    }

    pub(crate) fn outline_entry(&mut self, entry: &OwnedEntry, is_executable: bool) -> io::Result<()> {
        if self.outlined == OUTLINED_MAX {
            let text =
                format!("more than {OUTLINED_MAX} links and executables; the others are not told apart");
            self.note(FileNote { path: String::new(), text, is_unread: false });
        }
        self.outlined += 1;
        if self.outlined > OUTLINED_MAX {
            return Ok(());
        }
        encode_entry(&Outlined { entry: entry.clone(), is_executable }, &mut self.outline_buffer);
        self.spill_outline()
    }

    /// Whiteouts are never left out: without one, what is gone would seem to be there.
    pub(crate) fn add_whiteout(&mut self, path: &[u8], is_opaque: bool) -> io::Result<()> {
        encode_whiteout(path, is_opaque, &mut self.outline_buffer);
        self.spill_outline()
    }

    pub(crate) fn note(&mut self, note: FileNote) {
        if self.notes.len() < NOTES_MAX {
            self.notes.push(note);
        } else if self.notes.len() == NOTES_MAX {
            let text = format!("more than {NOTES_MAX} files could not be read in full");
            self.notes.push(FileNote { path: String::new(), text, is_unread: true });
        }
    }

    /// Writes the record.
    pub(crate) fn finish(mut self, measures: LayerMeasures, out: &mut impl Write) -> io::Result<RecordHead> {
        out.write_all(&MAGIC)?;
        let start = MAGIC.len() as u64;
        let facts = copy_behind(start, &mut self.facts.finish()?, out)?;
        let index = self.index.finish(facts.end, out)?;
        self.outline.write_all(&self.outline_buffer)?;
        let outline = copy_behind(index.end, &mut self.outline, out)?;
        self.notes.sort();
        let head =
            RecordHead { analyser: ANALYSER_VERSION, measures, index, facts, outline, notes: self.notes };
        let text = serde_json::to_vec(&head)?;
        out.write_all(&text)?;
        out.write_all(&outline.end.to_le_bytes())?;
        let length = u32::try_from(text.len()).map_err(io::Error::other)?;
        out.write_all(&length.to_le_bytes())?;
        out.write_all(&MAGIC)?;
        Ok(head)
    }

    fn spill_outline(&mut self) -> io::Result<()> {
        if self.outline_buffer.len() < OUTLINE_BUFFER_BYTES {
            return Ok(());
        }
        self.outline.write_all(&self.outline_buffer)?;
        self.outline_buffer.clear();
        Ok(())
    }
}

fn copy_behind(start: u64, file: &mut (impl Read + Seek), out: &mut impl Write) -> io::Result<Span> {
    file.seek(SeekFrom::Start(0))?;
    let length = io::copy(file, out)?;
    Ok(Span { start, end: start + length })
}
