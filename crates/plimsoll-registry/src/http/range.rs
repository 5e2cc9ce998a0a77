//! Byte ranges (RFC 9110, section 14).

use std::ops::Range;

/// What part of some content a request wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it.
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// Bytes that are not there.
    Unsatisfiable,
}

/// Reads a `Range` header for content of `size` bytes. One that is not understood, or asks for several ranges, counts
/// for nothing, as the standard allows.
pub(super) fn wanted(header: Option<&str>, size: u64) -> Wanted {
    let Some(header) = header else { return Wanted::Whole };
    let Some(spec) = header.trim().strip_prefix("bytes=").filter(|spec| !spec.contains(',')) else {
        return Wanted::Whole;
    };
    let Some((first, last)) = spec.trim().split_once('-') else { return Wanted::Whole };
    match (first.trim(), last.trim()) {
        ("", "") => Wanted::Whole,
        ("", suffix) => match number(suffix) {
            Some(0) => Wanted::Unsatisfiable,
            Some(_) if size == 0 => Wanted::Unsatisfiable,
            Some(length) => Wanted::Part(size.saturating_sub(length)..size),
            None => Wanted::Whole,
        },
        (first, last) => {
            let end = if last.is_empty() { Some(u64::MAX) } else { number(last) };
            match (number(first), end) {
                (Some(first), Some(last)) if last < first => Wanted::Whole,
                (Some(first), Some(_)) if first >= size => Wanted::Unsatisfiable,
                (Some(first), Some(last)) => Wanted::Part(first..last.saturating_add(1).min(size)),
                _ => Wanted::Whole,
            }
        }
    }
}

/// Reads the `Content-Range` of an upload's chunk, `first-last`, and returns the first byte's number.
/// Clients write it with and without `bytes` and a total.
pub(super) fn chunk_start(header: &str, length: Option<u64>) -> Option<u64> {
    let spec = header.trim().trim_start_matches("bytes").trim_start_matches([' ', '=']);
    let spec = spec.split('/').next().unwrap_or_default();
    let (first, last) = spec.split_once('-')?;
    let (first, last) = (number(first.trim())?, number(last.trim())?);
    let spans = last.checked_sub(first)?.checked_add(1)?;
    let fits = length.is_none_or(|length| length == spans);
    fits.then_some(first)
}

fn number(text: &str) -> Option<u64> {
    let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // More digits than fit are past any end.
    is_digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_ranges_are_understood() {
        assert_eq!(wanted(None, 10), Wanted::Whole);
        assert_eq!(wanted(Some("bytes=0-3"), 10), Wanted::Part(0..4));
        assert_eq!(wanted(Some("bytes=5-"), 10), Wanted::Part(5..10));
        assert_eq!(wanted(Some("bytes=-3"), 10), Wanted::Part(7..10));
        assert_eq!(wanted(Some("bytes=-30"), 10), Wanted::Part(0..10));
        assert_eq!(wanted(Some("bytes=5-500"), 10), Wanted::Part(5..10));
        assert_eq!(wanted(Some("bytes=0-99999999999999999999999"), 10), Wanted::Part(0..10));
    }

    #[test]
    fn ranges_past_the_end_are_unsatisfiable() {
        assert_eq!(wanted(Some("bytes=10-"), 10), Wanted::Unsatisfiable);
        assert_eq!(wanted(Some("bytes=-0"), 10), Wanted::Unsatisfiable);
        assert_eq!(wanted(Some("bytes=0-0"), 0), Wanted::Unsatisfiable);
    }

    #[test]
    fn what_is_not_understood_counts_for_nothing() {
        for header in
            ["bytes=", "bytes=-", "bytes=a-b", "bytes=3-1", "bytes=0-1,3-4", "pages=1-2", "bytes=+1-2"]
        {
            assert_eq!(wanted(Some(header), 10), Wanted::Whole, "{header}");
        }
    }

    #[test]
    fn a_chunk_must_span_its_length() {
        assert_eq!(chunk_start("5-9", Some(5)), Some(5));
        assert_eq!(chunk_start("bytes 5-9/*", Some(5)), Some(5));
        assert_eq!(chunk_start("5-9", Some(4)), None);
        assert_eq!(chunk_start("9-5", None), None);
        assert_eq!(chunk_start("x", None), None);
    }
}
