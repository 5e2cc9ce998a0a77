//! gzip whose bytes depend on the content alone, made by as many threads as there are.
//!
//! The content is cut into blocks of a fixed length, and each is compressed by itself: neither the number of threads
//! nor their pace shows in the result, which is one gzip member (RFC 1952) for every reader.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use flate2::{Compress, Compression, FlushCompress, Status};

/// Bytes that are compressed by themselves.
const BLOCK_BYTES: usize = 1 << 20;
/// The level: zlib's own default.
const LEVEL: u32 = 6;
/// Most threads of one layer.
const THREADS_MAX: usize = 16;
/// No time, no name, and an unknown system, so that nothing of this machine is in it.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
/// An empty last block (RFC 1951, section 3.2.6).
const END: [u8; 2] = [3, 0];

/// A block for a thread, and where its result is awaited.
struct Job {
    block: Vec<u8>,
    result: SyncSender<io::Result<Vec<u8>>>,
}

/// Compresses what is written to it.
pub(super) struct GzipWriter<W: Write> {
    out: W,
    block: Vec<u8>,
    jobs: SyncSender<Job>,
    /// The results of blocks on their way, in their order.
    waiting: VecDeque<Receiver<io::Result<Vec<u8>>>>,
    waiting_max: usize,
    crc: crc32fast::Hasher,
    bytes: u64,
}

impl<W: Write> GzipWriter<W> {
    pub(super) fn new(mut out: W) -> io::Result<Self> {
        out.write_all(&HEADER)?;
        let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
        let (jobs, taken) = sync_channel::<Job>(threads);
        let taken = Arc::new(Mutex::new(taken));
        for _ in 0..threads {
            let taken = Arc::clone(&taken);
            thread::Builder::new().name("gzip".to_owned()).spawn(move || work(&taken))?;
        }
        Ok(Self {
            out,
            block: Vec::with_capacity(BLOCK_BYTES),
            jobs,
            waiting: VecDeque::new(),
            waiting_max: threads * 2,
            crc: crc32fast::Hasher::new(),
            bytes: 0,
        })
    }

    /// Writes what is left, and the end.
    pub(super) fn finish(mut self) -> io::Result<W> {
        if !self.block.is_empty() {
            self.hand_on()?;
        }
        while !self.waiting.is_empty() {
            self.take_result()?;
        }
        self.out.write_all(&END)?;
        self.out.write_all(&self.crc.finalize().to_le_bytes())?;
        // The length counts modulo 2^32.
        let [a, b, c, d, ..] = self.bytes.to_le_bytes();
        self.out.write_all(&[a, b, c, d])?;
        Ok(self.out)
    }

    fn hand_on(&mut self) -> io::Result<()> {
        let block = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK_BYTES));
        let (result, receiver) = sync_channel(1);
        self.jobs.send(Job { block, result }).map_err(|_| gone())?;
        self.waiting.push_back(receiver);
        if self.waiting.len() >= self.waiting_max { self.take_result() } else { Ok(()) }
    }

    fn take_result(&mut self) -> io::Result<()> {
        let Some(first) = self.waiting.pop_front() else { return Ok(()) };
        let compressed = first.recv().map_err(|_| gone())??;
        self.out.write_all(&compressed)
    }
}

impl<W: Write> Write for GzipWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = BLOCK_BYTES - self.block.len();
        let (taken, _) = bytes.split_at(bytes.len().min(room));
        self.block.extend_from_slice(taken);
        self.crc.update(taken);
        self.bytes += taken.len() as u64;
        if self.block.len() == BLOCK_BYTES {
            self.hand_on()?;
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Compresses blocks until there will be no more.
fn work(jobs: &Mutex<Receiver<Job>>) {
    let mut compress = Compress::new(Compression::new(LEVEL), false);
    loop {
        let job = jobs.lock().ok().and_then(|jobs| jobs.recv().ok());
        let Some(Job { block, result }) = job else { return };
        // Whoever asked may have given up.
        let _ = result.send(compressed(&mut compress, &block));
    }
}

/// A block by itself, ended on a byte so that another can follow.
fn compressed(compress: &mut Compress, block: &[u8]) -> io::Result<Vec<u8>> {
    compress.reset();
    let mut out = Vec::with_capacity(block.len() / 2 + 1024);
    let mut rest = block;
    loop {
        let before = compress.total_in();
        let status = compress.compress_vec(rest, &mut out, FlushCompress::Sync).map_err(io::Error::other)?;
        let taken = usize::try_from(compress.total_in() - before).unwrap_or(usize::MAX);
        rest = rest.get(taken..).unwrap_or_default();
        // A flush is over when there is room left behind it.
        if rest.is_empty() && out.len() < out.capacity() {
            return Ok(out);
        }
        if status == Status::StreamEnd {
            return Err(io::Error::other("the compressor ended too early"));
        }
        out.reserve(block.len() / 4 + 1024);
    }
}

fn gone() -> io::Error {
    io::Error::other("a compressing thread is gone")
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn gzip(content: &[u8], piece: usize) -> Vec<u8> {
        let mut writer = GzipWriter::new(Vec::new()).unwrap();
        content.chunks(piece).for_each(|piece| writer.write_all(piece).unwrap());
        writer.finish().unwrap()
    }

    fn content(bytes: usize) -> Vec<u8> {
        let mut state = 7_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_le_bytes()[7] & 0x3f
        };
        (0..bytes).map(|_| next()).collect()
    }

    #[test]
    fn every_reader_gets_the_content_back() {
        for bytes in [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES * 3 + 17] {
            let content = content(bytes);
            let mut back = Vec::new();
            flate2::read::GzDecoder::new(&*gzip(&content, 70_001)).read_to_end(&mut back).unwrap();
            assert!(back == content, "{bytes}");
        }
    }

    #[test]
    fn the_pieces_in_which_it_is_written_do_not_show() {
        let content = content(BLOCK_BYTES * 2 + 5);
        assert!(gzip(&content, 13) == gzip(&content, 900_000));
    }
}
