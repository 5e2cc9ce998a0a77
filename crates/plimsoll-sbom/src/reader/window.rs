//! Bytes of any length, seen through a window of fixed size.

use std::io::{self, Read};
use std::ops::ControlFlow;

/// How much of the bytes is in memory at a time.
const WINDOW_BYTES: usize = 128 * 1024;

/// Shows all bytes of a reader to `look`, a window at a time, until it says that it has seen enough.
///
/// Each window but the first begins with the last `overlap` bytes of the one before it, so that nothing of up to that
/// length is ever cut in two. `look` is told where its window begins.
pub(crate) fn windows<T>(
    mut reader: impl Read,
    overlap: usize,
    mut look: impl FnMut(u64, &[u8]) -> ControlFlow<T>,
) -> io::Result<Option<T>> {
    let mut window = Vec::with_capacity(WINDOW_BYTES + overlap);
    let mut start = 0_u64;
    loop {
        let kept = window.len();
        reader.by_ref().take(WINDOW_BYTES as u64).read_to_end(&mut window)?;
        if window.len() == kept {
            return Ok(None);
        }
        if let ControlFlow::Break(found) = look(start, &window) {
            return Ok(Some(found));
        }
        let seen = window.len().saturating_sub(overlap);
        start += seen as u64;
        window.drain(..seen);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn position(haystack: &[u8], needle: &[u8], overlap: usize) -> Option<u64> {
        windows(haystack, overlap, |start, window| match memchr::memmem::find(window, needle) {
            Some(at) => ControlFlow::Break(start + at as u64),
            None => ControlFlow::Continue(()),
        })
        .unwrap()
    }

    #[test]
    fn what_lies_across_the_edge_of_a_window_is_found() {
        for at in WINDOW_BYTES - 5..=WINDOW_BYTES + 1 {
            let mut haystack = vec![0; 3 * WINDOW_BYTES];
            haystack[at..at + 5].copy_from_slice(b"magic");
            assert_eq!(position(&haystack, b"magic", 4), Some(at as u64));
        }
    }

    #[test]
    fn an_empty_reader_shows_nothing() {
        assert_eq!(position(b"", b"magic", 4), None);
    }

    proptest! {
        #[test]
        fn the_place_told_is_the_place_in_the_whole(at in 0_usize..400_000, length in 400_010_usize..500_000) {
            let mut haystack = vec![b'.'; length];
            haystack[at..at + 5].copy_from_slice(b"magic");
            prop_assert_eq!(position(&haystack, b"magic", 16), Some(at as u64));
        }
    }
}
