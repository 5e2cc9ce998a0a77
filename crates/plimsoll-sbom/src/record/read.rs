use std::io::{self, BufRead as _, BufReader, Read, Seek, SeekFrom};

use super::{ANALYSER_VERSION, FileFacts, MAGIC, Outline, RecordHead, Span, TAIL_BYTES};
use crate::FileIndex;

/// Bytes of a record's head: measures and notes.
const HEAD_BYTES_MAX: u32 = 4 << 20;

/// Bytes of a record's outline.
const OUTLINE_BYTES_MAX: u64 = 256 << 20;

/// Bytes of one file's facts as text. The list of all files of a large package database is the longest.
const FACTS_LINE_BYTES_MAX: u64 = 256 << 20;

/// A record that is open for reading.
pub struct LayerRecord<R> {
    content: R,
    /// What is known of the layer as a whole.
    pub head: RecordHead,
}

/// Why a record could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadRecordError {
    /// Its bytes could not be had, or are damaged.
    #[error("cannot read the layer's record")]
    Read(#[from] io::Error),
    /// It is no record.
    #[error("the bytes are no layer record")]
    NotRecord,
    /// Another version of the analyser wrote it.
    #[error(
        "the layer's record was written by version {0} of the analyser, and this one is {ANALYSER_VERSION}"
    )]
    Version(u32),
}

impl<R: Read + Seek> LayerRecord<R> {
    /// Reads the head.
    pub fn open(mut content: R) -> Result<Self, ReadRecordError> {
        let end = content.seek(SeekFrom::End(0))?;
        let tail_start = end.checked_sub(TAIL_BYTES as u64).ok_or(ReadRecordError::NotRecord)?;
        content.seek(SeekFrom::Start(tail_start))?;
        let mut tail = [0; TAIL_BYTES];
        content.read_exact(&mut tail)?;
        let (start, length) = split_tail(&tail).ok_or(ReadRecordError::NotRecord)?;
        if length > HEAD_BYTES_MAX {
            return Err(ReadRecordError::NotRecord);
        }
        let span = Span { start, end: start.saturating_add(length.into()) };
        let head: RecordHead = serde_json::from_slice(&read_span(&mut content, span)?)
            .map_err(|_| ReadRecordError::NotRecord)?;
        if head.analyser != ANALYSER_VERSION {
            return Err(ReadRecordError::Version(head.analyser));
        }
        Ok(Self { content, head })
    }

    /// The entries that decide what an image shows.
    pub fn outline(&mut self) -> io::Result<Outline> {
        let span = self.head.outline;
        if span.end.saturating_sub(span.start) > OUTLINE_BYTES_MAX {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the layer record's outline is too large",
            ));
        }
        Outline::decode(&read_span(&mut self.content, span)?)
    }

    /// What each file tells, in the order of the archive, one at a time.
    pub fn facts(&mut self) -> io::Result<impl Iterator<Item = io::Result<FileFacts>>> {
        let span = self.head.facts;
        self.content.seek(SeekFrom::Start(span.start))?;
        let packed = (&mut self.content).take(span.end.saturating_sub(span.start));
        let mut lines = BufReader::new(zstd::stream::read::Decoder::new(packed)?);
        let mut line = Vec::new();
        let mut has_failed = false;
        Ok(std::iter::from_fn(move || {
            line.clear();
            let read = (&mut lines).take(FACTS_LINE_BYTES_MAX).read_until(b'\n', &mut line);
            if has_failed || matches!(read, Ok(0)) {
                return None;
            }
            let facts = read.and_then(|_| serde_json::from_slice(&line).map_err(io::Error::from));
            has_failed = facts.is_err();
            Some(facts)
        }))
    }

    /// The sorted list of all files, for a while.
    pub fn index(&mut self) -> io::Result<FileIndex<&mut R>> {
        FileIndex::open(&mut self.content, self.head.index)
    }

    /// The record's bytes, with the cursor anywhere.
    pub fn into_content(self) -> R {
        self.content
    }

    /// The sorted list of all files.
    pub fn into_index(self) -> io::Result<FileIndex<R>> {
        FileIndex::open(self.content, self.head.index)
    }
}

fn split_tail(tail: &[u8; TAIL_BYTES]) -> Option<(u64, u32)> {
    let (start, rest) = tail.split_first_chunk::<8>()?;
    let (length, magic) = rest.split_first_chunk::<4>()?;
    (magic == MAGIC).then(|| (u64::from_le_bytes(*start), u32::from_le_bytes(*length)))
}

fn read_span(content: &mut (impl Read + Seek), span: Span) -> io::Result<Vec<u8>> {
    content.seek(SeekFrom::Start(span.start))?;
    let length = span.end.saturating_sub(span.start);
    let mut bytes = Vec::new();
    content.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}
