use std::io::{self, Cursor, Read, SeekFrom, Write as _};

use plimsoll_image::{OwnedEntry, ReadLayerError};
use sha2::{Digest as _, Sha256};

use super::AnalyseError;
use crate::reader::{self, READERS};
use crate::record::{FileFacts, FileNote, RecordWriter};
use crate::{Candidate, Content, FileEntry, Note, Spool};

/// Files up to this size wait for their readers in memory, larger ones in the spool.
const MEMORY_BYTES_MAX: u64 = 4 << 20;

const BUFFER_BYTES: usize = 128 << 10;

/// Reads the regular files of a layer, one after the other, in the same memory.
pub(super) struct Reading {
    buffer: Box<[u8]>,
    /// A small file that some reader wants.
    held: Vec<u8>,
}

impl Reading {
    pub(super) fn new() -> Self {
        Self { buffer: vec![0; BUFFER_BYTES].into_boxed_slice(), held: Vec::new() }
    }

    /// Reads one file: its digest, and its facts where some reader wants it.
    pub(super) fn read<S: Spool>(
        &mut self,
        entry: OwnedEntry,
        content: &mut impl Read,
        record: &mut RecordWriter<'_, S>,
    ) -> Result<(), AnalyseError> {
        let length = fill(content, &mut self.buffer)?;
        let path = String::from_utf8_lossy(&entry.path).into_owned();
        let candidate = candidate(&path, &self.buffer[..length], &entry);
        let is_executable = reader::executable::is_executable(&candidate);
        let (readers, too_large): (Vec<&reader::Reader>, Vec<_>) = READERS
            .iter()
            .filter(|reader| (reader.wants)(&candidate))
            .partition(|reader| entry.size_bytes <= reader.bytes_max);
        // A note counts for an image only while the image shows the file, as facts do.
        let is_noted = !too_large.is_empty();
        for reader in too_large {
            let text = format!(
                "it has more than {} bytes, the limit of the reader `{}`",
                reader.bytes_max, reader.name
            );
            record.note(FileNote { path: path.clone(), text, is_unread: true });
        }

        let mut hasher = Sha256::new();
        let has_facts = if readers.is_empty() {
            self.pass_over(length, content, &mut hasher)?;
            false
        } else {
            self.hold(&entry, length, content, &mut hasher, record, |content, record| {
                read_facts(&path, entry.size_bytes, &readers, content, record)
            })?
        };
        let write = || -> io::Result<()> {
            if has_facts || is_noted || is_executable {
                record.outline_entry(&entry, is_executable)?;
            }
            record.add_entry(&FileEntry { entry, digest: Some(hasher.finalize().into()) })
        };
        write().map_err(AnalyseError::Write)
    }

    /// Reads to the end of a file that nobody wants, and only hashes it.
    fn pass_over(
        &mut self,
        mut length: usize,
        content: &mut impl Read,
        hasher: &mut Sha256,
    ) -> Result<(), AnalyseError> {
        while length > 0 {
            hasher.update(&self.buffer[..length]);
            length = if length == self.buffer.len() { fill(content, &mut self.buffer)? } else { 0 };
        }
        Ok(())
    }

    /// Reads a file into memory or the spool, and lends it to `use_it`.
    fn hold<S: Spool, T>(
        &mut self,
        entry: &OwnedEntry,
        mut length: usize,
        content: &mut impl Read,
        hasher: &mut Sha256,
        record: &mut RecordWriter<'_, S>,
        use_it: impl FnOnce(&mut dyn Content, &mut RecordWriter<'_, S>) -> io::Result<T>,
    ) -> Result<T, AnalyseError> {
        self.held.clear();
        let is_small = entry.size_bytes <= MEMORY_BYTES_MAX;
        let mut spooled =
            if is_small { None } else { Some(record.open_spool().map_err(AnalyseError::Write)?) };
        while length > 0 {
            hasher.update(&self.buffer[..length]);
            match &mut spooled {
                Some(file) => file.write_all(&self.buffer[..length]).map_err(AnalyseError::Write)?,
                None => self.held.extend_from_slice(&self.buffer[..length]),
            }
            length = if length == self.buffer.len() { fill(content, &mut self.buffer)? } else { 0 };
        }
        let used = match &mut spooled {
            Some(file) => use_it(file, record),
            None => use_it(&mut Cursor::new(&self.held), record),
        };
        used.map_err(AnalyseError::Write)
    }
}

fn candidate<'a>(path: &'a str, first: &'a [u8], entry: &OwnedEntry) -> Candidate<'a> {
    Candidate {
        path,
        name: path.rsplit('/').next().unwrap_or_default(),
        head: &first[..first.len().min(Candidate::HEAD_BYTES)],
        size_bytes: entry.size_bytes,
        mode: entry.mode,
    }
}

/// Puts a file before its readers, and returns whether any of them learnt something, if only that it is damaged.
fn read_facts<S: Spool>(
    path: &str,
    size_bytes: u64,
    readers: &[&reader::Reader],
    content: &mut dyn Content,
    record: &mut RecordWriter<'_, S>,
) -> io::Result<bool> {
    let mut has_facts = false;
    for reader in readers {
        content.seek(SeekFrom::Start(0))?;
        let mut file = reader::File { path, size_bytes, content: &mut *content };
        match (reader.read)(&mut file) {
            Ok(facts) if facts.is_empty() => {}
            Ok(facts) => {
                for note in &facts.notes {
                    let Note { text, is_unread } = note.clone();
                    record.note(FileNote { path: path.to_owned(), text, is_unread });
                }
                record.add_facts(&FileFacts {
                    path: path.to_owned(),
                    reader: reader.name.to_owned(),
                    facts,
                })?;
                has_facts = true;
            }
            Err(fault) => {
                let text = format!("the reader `{}` could not read it: {fault}", reader.name);
                let is_unread = reader::leaves_a_gap(reader, &fault);
                record.note(FileNote { path: path.to_owned(), text, is_unread });
                has_facts = true;
            }
        }
    }
    Ok(has_facts)
}

/// Fills the buffer, or as much of it as there is.
fn fill(content: &mut impl Read, buffer: &mut [u8]) -> Result<usize, AnalyseError> {
    let mut filled = 0;
    while filled < buffer.len() {
        match content.read(&mut buffer[filled..]).map_err(ReadLayerError::from)? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}
