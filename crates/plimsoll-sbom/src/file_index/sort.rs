use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::io::{self, BufReader, BufWriter, IntoInnerError, Read, Seek, SeekFrom, Write};

use plimsoll_image::compare_paths;

use super::entry::{FileEntry, damaged, put_number, put_text, shared_prefix};
use super::{BLOCK_ENTRIES, IndexPlace};
use crate::Spool;

/// Bytes of entries that are sorted in memory at a time; more go to the spool in sorted runs.
const RUN_BYTES: usize = 4 << 20;

/// Bytes of a run that are written at a time.
const WRITE_BEHIND_BYTES: usize = 64 << 10;

/// Bytes of a run that are read ahead when runs are merged.
const READ_AHEAD_BYTES: usize = 32 << 10;

/// Sorts the files of a layer as they come, in bounded memory, and writes their index.
pub(crate) struct FileIndexBuilder<F> {
    /// Encoded entries of the run that is being collected.
    bytes: Vec<u8>,
    /// Where each begins.
    starts: Vec<u32>,
    runs: Vec<F>,
}

impl<F: Read + Write + Seek> FileIndexBuilder<F> {
    pub(crate) fn new() -> Self {
        Self { bytes: Vec::new(), starts: Vec::new(), runs: Vec::new() }
    }

    pub(crate) fn push(&mut self, entry: &FileEntry, spool: &mut impl Spool<File = F>) -> io::Result<()> {
        self.starts.push(u32::try_from(self.bytes.len()).map_err(|_| damaged())?);
        entry.encode(0, &mut self.bytes);
        if self.bytes.len() < RUN_BYTES {
            return Ok(());
        }
        let mut file = BufWriter::with_capacity(WRITE_BEHIND_BYTES, spool.open()?);
        let run = self.take_run()?;
        let mut encoded = Vec::new();
        for entry in run {
            encoded.clear();
            entry?.encode(0, &mut encoded);
            let length = u32::try_from(encoded.len()).map_err(|_| damaged())?;
            file.write_all(&length.to_le_bytes())?;
            file.write_all(&encoded)?;
        }
        self.runs.push(file.into_inner().map_err(IntoInnerError::into_error)?);
        Ok(())
    }

    /// Writes the index to `out`, whose next byte stands at `start` of the record.
    pub(crate) fn finish(mut self, start: u64, out: &mut impl Write) -> io::Result<IndexPlace> {
        let mut writer = IndexWriter::new(start, out);
        if self.runs.is_empty() {
            for entry in self.take_run()? {
                writer.push(entry?)?;
            }
            return writer.finish();
        }
        let last: Vec<FileEntry> = self.take_run()?.collect::<io::Result<_>>()?;
        let mut sources: Vec<Run<F>> = Vec::new();
        for mut file in self.runs {
            file.seek(SeekFrom::Start(0))?;
            sources.push(Run::Spooled(BufReader::with_capacity(READ_AHEAD_BYTES, file)));
        }
        sources.push(Run::Memory(last.into_iter()));
        merge(sources, &mut writer)?;
        writer.finish()
    }

    /// The collected entries in path order, of those with one path the last; nothing is left.
    fn take_run(&mut self) -> io::Result<impl Iterator<Item = io::Result<FileEntry>>> {
        let bytes = std::mem::take(&mut self.bytes);
        let starts = std::mem::take(&mut self.starts);
        let mut order = Vec::with_capacity(starts.len());
        for start in starts {
            let entry = FileEntry::decode(&[], &mut &bytes[start as usize..])?;
            order.push((entry.entry.path.into_boxed_slice(), start));
        }
        order.sort_by(|a, b| compare_paths(&a.0, &b.0).then(b.1.cmp(&a.1)));
        order.dedup_by(|later, kept| later.0 == kept.0);
        Ok(order.into_iter().map(move |(_, start)| FileEntry::decode(&[], &mut &bytes[start as usize..])))
    }
}

/// A sorted run that is being merged.
enum Run<F> {
    Spooled(BufReader<F>),
    Memory(std::vec::IntoIter<FileEntry>),
}

impl<F: Read> Run<F> {
    fn next(&mut self) -> io::Result<Option<FileEntry>> {
        let file = match self {
            Self::Memory(entries) => return Ok(entries.next()),
            Self::Spooled(file) => file,
        };
        let mut length = [0; 4];
        match file.read_exact(&mut length) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        let mut encoded = vec![0; u32::from_le_bytes(length) as usize];
        file.read_exact(&mut encoded)?;
        FileEntry::decode(&[], &mut &*encoded).map(Some)
    }
}

/// The next entry of a run. The heap gives out the greatest, which is the first path and of several the last run's.
struct Next {
    entry: FileEntry,
    run: usize,
}

impl Ord for Next {
    fn cmp(&self, other: &Self) -> Ordering {
        compare_paths(&other.entry.entry.path, &self.entry.entry.path).then(self.run.cmp(&other.run))
    }
}

impl PartialOrd for Next {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Next {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Next {}

fn merge<F: Read, W: Write>(mut runs: Vec<Run<F>>, writer: &mut IndexWriter<'_, W>) -> io::Result<()> {
    let mut heap = BinaryHeap::new();
    for (run, source) in runs.iter_mut().enumerate() {
        heap.extend(source.next()?.map(|entry| Next { entry, run }));
    }
    let mut written: Option<Vec<u8>> = None;
    while let Some(Next { entry, run }) = heap.pop() {
        heap.extend(runs[run].next()?.map(|entry| Next { entry, run }));
        if written.as_ref() == Some(&entry.entry.path) {
            continue;
        }
        written = Some(entry.entry.path.clone());
        writer.push(entry)?;
    }
    Ok(())
}

/// Writes sorted entries as blocks.
struct IndexWriter<'w, W> {
    out: &'w mut W,
    block: Vec<u8>,
    in_block: usize,
    before: Vec<u8>,
    outline: Vec<u8>,
    place: IndexPlace,
    at: u64,
}

impl<'w, W: Write> IndexWriter<'w, W> {
    fn new(start: u64, out: &'w mut W) -> Self {
        let place = IndexPlace { start, ..IndexPlace::default() };
        Self {
            out,
            block: Vec::new(),
            in_block: 0,
            before: Vec::new(),
            outline: Vec::new(),
            place,
            at: start,
        }
    }

    fn push(&mut self, entry: FileEntry) -> io::Result<()> {
        if self.in_block == BLOCK_ENTRIES {
            self.flush()?;
        }
        if self.in_block == 0 {
            put_text(&entry.entry.path, &mut self.outline);
            put_number(self.at, &mut self.outline);
            self.place.blocks += 1;
            self.before.clear();
        }
        let shared = shared_prefix(&self.before, &entry.entry.path);
        entry.encode(shared, &mut self.block);
        self.before = entry.entry.path;
        self.in_block += 1;
        self.place.entries += 1;
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(&self.block)?;
        self.at += self.block.len() as u64;
        self.block.clear();
        self.in_block = 0;
        Ok(())
    }

    fn finish(mut self) -> io::Result<IndexPlace> {
        self.flush()?;
        self.out.write_all(&self.outline)?;
        self.place.outline = self.at;
        self.place.end = self.at + self.outline.len() as u64;
        Ok(self.place)
    }
}
