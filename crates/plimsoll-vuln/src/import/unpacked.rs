//! Packed streams, held to the limits of what may come out of them.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;

use super::format::Packing;
use super::{RATIO_MAX, UNPACKED_BYTES_MAX};

const BUFFER_BYTES: usize = 256 * 1024;
/// So much may come out before its ratio to what went in counts: little input says little.
const RATIO_FREE_BYTES: u64 = 64 << 20;
/// zstd's own limit unless told otherwise, 128 MiB: `--ultra` and `--long` stay within it.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// More came out than may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Excess {
    #[error("{UNPACKED_BYTES_MAX} bytes unpacked, the limit for one source")]
    Bytes,
    #[error("{RATIO_MAX} times its size unpacked, the limit against decompression bombs")]
    Ratio,
}

/// Opens a stream that is packed as told.
pub(super) fn open<'i>(input: impl Read + 'i, packing: Packing) -> io::Result<Box<dyn BufRead + 'i>> {
    let taken = Rc::new(Cell::new(0));
    let counted = BufReader::with_capacity(BUFFER_BYTES, Counted { input, taken: Rc::clone(&taken) });
    Ok(match packing {
        Packing::Plain | Packing::Zip => Box::new(counted),
        Packing::Gzip => bounded(MultiGzDecoder::new(counted), taken),
        Packing::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(counted)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
            bounded(decoder, taken)
        }
    })
}

fn bounded<'i>(input: impl Read + 'i, taken: Rc<Cell<u64>>) -> Box<dyn BufRead + 'i> {
    Box::new(BufReader::with_capacity(BUFFER_BYTES, Bounded { input, taken, given: 0 }))
}

/// Counts what goes in.
struct Counted<R> {
    input: R,
    taken: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.taken.set(self.taken.get().saturating_add(count as u64));
        Ok(count)
    }
}

/// Ends a stream of which too much comes out.
struct Bounded<R> {
    input: R,
    taken: Rc<Cell<u64>>,
    given: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.given = self.given.saturating_add(count as u64);
        if self.given > UNPACKED_BYTES_MAX {
            return Err(io::Error::other(Excess::Bytes));
        }
        if self.given > RATIO_FREE_BYTES && self.given / RATIO_MAX > self.taken.get() {
            return Err(io::Error::other(Excess::Ratio));
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bomb_ends_at_the_ratio() {
        let bomb =
            zstd::bulk::compress(&vec![b' '; 2 * usize::try_from(RATIO_FREE_BYTES).unwrap()], 1).unwrap();
        let mut unpacked = open(bomb.as_slice(), Packing::Zstd).unwrap();
        let error = io::copy(&mut unpacked, &mut io::sink()).unwrap_err();
        assert_eq!(error.downcast::<Excess>().unwrap(), Excess::Ratio);
    }

    #[test]
    fn gzip_may_have_several_members() {
        use std::io::Write as _;
        let member = |text: &str| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(text.as_bytes()).unwrap();
            encoder.finish().unwrap()
        };
        let both = [member("one "), member("two")].concat();
        let mut text = String::new();
        open(both.as_slice(), Packing::Gzip).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "one two");
    }
}
