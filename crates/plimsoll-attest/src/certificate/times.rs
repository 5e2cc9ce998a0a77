use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use crate::der::{Der, tag};

/// From when until when something counts; both ends belong to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) from: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
}

pub(super) fn read_validity(mut fields: Der<'_>) -> Option<Validity> {
    let (from, until) = (read_time(&mut fields)?, read_time(&mut fields)?);
    fields.is_empty().then_some(Validity { from: Some(from), until: Some(until) })
}

/// Years before 2050 have two digits (RFC 5280, section 4.1.2.5).
fn read_time(fields: &mut Der<'_>) -> Option<Timestamp> {
    if let Some(short) = fields.take(tag::UTC_TIME) {
        let text = std::str::from_utf8(short).ok()?;
        let century = if text.get(..2)? < "50" { "20" } else { "19" };
        return read_generalized_time(format!("{century}{text}").as_bytes());
    }
    read_generalized_time(fields.take(tag::GENERALIZED_TIME)?)
}

/// `YYYYMMDDHHMMSS[.f]Z`; what is smaller than a second is left away.
pub(crate) fn read_generalized_time(bytes: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(bytes).ok()?.strip_suffix('Z')?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() != 14 || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let two = |from: usize| whole.get(from..from + 2)?.parse::<i8>().ok();
    let year = whole.get(..4)?.parse().ok()?;
    let civil = DateTime::new(year, two(4)?, two(6)?, two(8)?, two(10)?, two(12)?, 0).ok()?;
    Offset::UTC.to_timestamp(civil).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_both_forms() {
        let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
        assert_eq!(read_generalized_time(b"20261122120000Z"), at("2026-11-22T12:00:00Z"));
        assert_eq!(read_generalized_time(b"20261122120000.75Z"), at("2026-11-22T12:00:00Z"));
        let short = |text: &[u8]| {
            let der = [&[tag::UTC_TIME, 13], text].concat();
            read_time(&mut Der::new(&der))
        };
        assert_eq!(short(b"261122120000Z"), at("2026-11-22T12:00:00Z"));
        assert_eq!(short(b"990101000000Z"), at("1999-01-01T00:00:00Z"));
    }

    #[test]
    fn what_is_no_time_is_not_read() {
        for text in [
            "",
            "Z",
            "20261122120000",
            "20261322120000Z",
            "2026112212000Z",
            "+0261122120000Z",
            "20261122120000.Z",
        ] {
            assert_eq!(read_generalized_time(text.as_bytes()), None, "{text}");
        }
    }
}
