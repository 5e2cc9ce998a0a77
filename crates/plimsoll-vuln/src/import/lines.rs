//! OSV records, alone or one on each line.

use std::io::{self, BufRead};

use crate::index::Refusal;
use crate::osv::Record;

use super::{ImportError, RECORD_BYTES_MAX, Reading};

/// Hands each line to `import`, which says whether it could be read.
pub(super) fn each(
    mut reading: Reading<'_>,
    input: &mut impl BufRead,
    import: impl Fn(&mut Reading<'_>, &[u8]) -> Result<(), Refusal>,
) -> Result<(), ImportError> {
    let mut line = Vec::new();
    for number in 1_u64.. {
        let place = || format!("line {number}");
        match next_line(input, &mut line).map_err(|error| reading.failed(error))? {
            Line::End => break,
            Line::TooLong => reading.builder.refuse(reading.id, Refusal::TooLarge, &place()),
            Line::Read if line.trim_ascii().is_empty() => {}
            Line::Read => {
                if let Err(reason) = import(&mut reading, &line) {
                    reading.builder.refuse(reading.id, reason, &place());
                }
            }
        }
    }
    Ok(())
}

/// A line that is an OSV record.
pub(super) fn osv(reading: &mut Reading<'_>, line: &[u8]) -> Result<(), Refusal> {
    let record = Record::parse(line).map_err(|_| Refusal::Malformed)?;
    reading.builder.add(reading.id, &record);
    Ok(())
}

/// A file that is an OSV record.
pub(super) fn osv_document(reading: &mut Reading<'_>, json: &[u8]) -> Result<(), ImportError> {
    if let Err(reason) = osv(reading, json) {
        reading.builder.refuse(reading.id, reason, reading.source.name);
    }
    Ok(())
}

enum Line {
    Read,
    TooLong,
    End,
}

/// Reads a line, or passes over one that is too long.
fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Line> {
    line.clear();
    let mut is_too_long = false;
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            break;
        }
        let end = memchr::memchr(b'\n', buffer);
        let taken = end.map_or(buffer.len(), |end| end + 1);
        is_too_long |= (line.len() + taken) as u64 > RECORD_BYTES_MAX;
        if !is_too_long {
            line.extend_from_slice(buffer.get(..taken).unwrap_or_default());
        }
        input.consume(taken);
        if end.is_some() {
            return Ok(if is_too_long { Line::TooLong } else { Line::Read });
        }
    }
    Ok(match (is_too_long, line.is_empty()) {
        (true, _) => Line::TooLong,
        (false, true) => Line::End,
        (false, false) => Line::Read,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_beyond_the_limit_is_passed_over() {
        let long = vec![b'x'; usize::try_from(RECORD_BYTES_MAX).unwrap() + 1];
        let input = [b"one\n".as_slice(), &long, b"\ntwo"].concat();
        let (mut input, mut line) = (input.as_slice(), Vec::new());
        assert!(matches!(next_line(&mut input, &mut line).unwrap(), Line::Read) && line == b"one\n");
        assert!(matches!(next_line(&mut input, &mut line).unwrap(), Line::TooLong));
        assert!(matches!(next_line(&mut input, &mut line).unwrap(), Line::Read) && line == b"two");
        assert!(matches!(next_line(&mut input, &mut line).unwrap(), Line::End));
    }
}
