//! Decoding a layer in a thread of its own, ahead of the walk: half the work of reading one is inflating it.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use plimsoll_image::{Decoder, Decoding, Limits, StoredMeasures};
use plimsoll_oci::Algorithm;

/// Bytes that are decoded at a time.
const PART_BYTES: usize = 256 * 1024;

/// Parts that are decoded ahead at most.
const PARTS_MAX: usize = 4;

/// A thread that waits for a layer to decode.
///
/// It is started on its own, because whoever reads hostile bytes may have given up the right to start threads by then.
#[derive(Debug)]
pub(crate) struct Unpacker {
    job: SyncSender<Job>,
}

type Job = Box<dyn FnOnce() + Send>;

impl Unpacker {
    /// Starts the thread. It ends with its layer, or when this value goes without one.
    pub(crate) fn start() -> io::Result<Self> {
        let (job, jobs) = sync_channel::<Job>(1);
        let work = move || {
            if let Ok(job) = jobs.recv() {
                job();
            }
        };
        thread::Builder::new().name("unpack".to_owned()).spawn(work)?;
        Ok(Self { job })
    }

    /// Has a layer decoded, and its stored bytes measured.
    pub(crate) fn decode(
        self,
        reader: impl Read + Send + 'static,
        stored: Algorithm,
        limits: &Limits,
    ) -> Ahead {
        let (decoded, parts) = channel();
        let (empty, buffers) = channel();
        for _ in 0..PARTS_MAX {
            // The other end is here.
            let _ = empty.send(vec![0; PART_BYTES]);
        }
        let limits = limits.clone();
        let job = move || decode_all(Decoder::new(reader, stored, &limits), &buffers, &decoded);
        // Without its thread nothing is decoded, which the reader will notice.
        let _ = self.job.send(Box::new(job));
        Ahead { parts, empty, part: Vec::new(), at: 0, end: 0, stored: None, has_ended: false }
    }
}

/// What comes of decoding, in its order.
enum Decoded {
    /// So many bytes of a buffer.
    Part(Vec<u8>, usize),
    /// The layer is damaged, or cannot be read.
    Failed(io::Error),
    /// That was all.
    Ended(Option<StoredMeasures>),
}

/// Decodes to the end, or until nobody takes any more.
fn decode_all<R: Read>(
    decoder: io::Result<Decoder<R>>,
    buffers: &Receiver<Vec<u8>>,
    decoded: &Sender<Decoded>,
) {
    let mut decoder = match decoder {
        Ok(decoder) => decoder,
        Err(error) => return drop(decoded.send(Decoded::Failed(error))),
    };
    while let Ok(mut buffer) = buffers.recv() {
        let (count, outcome) = fill(&mut decoder, &mut buffer);
        if count > 0 && decoded.send(Decoded::Part(buffer, count)).is_err() {
            return;
        }
        match outcome {
            Ok(true) => {}
            Ok(false) => return drop(decoded.send(Decoded::Ended(Box::new(decoder).finish()))),
            Err(error) => return drop(decoded.send(Decoded::Failed(error))),
        }
    }
}

/// Fills a buffer as far as there are bytes. How many came, and whether there may be more.
fn fill(decoder: &mut impl Read, buffer: &mut [u8]) -> (usize, io::Result<bool>) {
    let mut filled = 0;
    while filled < buffer.len() {
        match decoder.read(&mut buffer[filled..]) {
            Ok(0) => return (filled, Ok(false)),
            Ok(count) => filled += count,
            Err(error) => return (filled, Err(error)),
        }
    }
    (filled, Ok(true))
}

/// What the thread has decoded, for one who reads.
pub(crate) struct Ahead {
    parts: Receiver<Decoded>,
    empty: Sender<Vec<u8>>,
    part: Vec<u8>,
    at: usize,
    end: usize,
    stored: Option<StoredMeasures>,
    has_ended: bool,
}

impl Ahead {
    /// Gives the buffer back and takes the next one.
    fn next_part(&mut self) -> io::Result<()> {
        let part = std::mem::take(&mut self.part);
        if !part.is_empty() {
            // Whoever has ended needs no more.
            let _ = self.empty.send(part);
        }
        (self.at, self.end) = (0, 0);
        match self.parts.recv() {
            Ok(Decoded::Part(part, count)) => (self.part, self.end) = (part, count),
            Ok(Decoded::Ended(stored)) => (self.stored, self.has_ended) = (stored, true),
            Ok(Decoded::Failed(error)) => return Err(error),
            Err(_) => return Err(io::Error::other("decoding the layer ended early")),
        }
        Ok(())
    }
}

impl Read for Ahead {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.end {
            if self.has_ended {
                return Ok(0);
            }
            self.next_part()?;
        }
        let count = (&self.part[self.at..self.end]).read(out)?;
        self.at += count;
        Ok(count)
    }
}

impl Decoding for Ahead {
    fn finish(self: Box<Self>) -> Option<StoredMeasures> {
        self.stored
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use plimsoll_image::{LayerAlgorithms, LayerMeasures, LayerWalk, ReadLayerError};

    use super::*;

    /// Two files, larger than what is decoded at a time.
    fn layer() -> Vec<u8> {
        let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for path in ["a", "b"] {
            let mut header = tar::Header::new_ustar();
            header.set_size(700_000);
            archive.append_data(&mut header, path, io::repeat(7).take(700_000)).unwrap();
        }
        archive.into_inner().unwrap().finish().unwrap()
    }

    fn walked(mut walk: LayerWalk<'_>) -> Result<LayerMeasures, ReadLayerError> {
        while walk.next()?.is_some() {}
        walk.finish()
    }

    #[test]
    fn a_layer_is_the_same_whether_it_is_decoded_ahead_or_not() {
        let (whole, some) = (layer(), Limits { unpacked_bytes_max: 1_000_000, ..Limits::default() });
        let cut = whole[..whole.len() / 2].to_owned();
        for (bytes, limits, is_whole) in [
            (whole.clone(), Limits::default(), true),
            (cut, Limits::default(), false),
            (b"no archive at all".to_vec(), Limits::default(), false),
            (whole, some, false),
        ] {
            let LayerAlgorithms { stored, unpacked } = LayerAlgorithms::default();
            let here = LayerWalk::new(&*bytes, LayerAlgorithms::default(), &limits).and_then(walked);
            let decoded = Unpacker::start().unwrap().decode(io::Cursor::new(bytes.clone()), stored, &limits);
            let ahead = walked(LayerWalk::of_decoded(decoded, unpacked, &limits));
            assert_eq!(here.is_ok(), is_whole);
            let told =
                |outcome: Result<LayerMeasures, ReadLayerError>| outcome.map_err(|error| error.to_string());
            assert_eq!(told(ahead), told(here));
        }
    }
}
