use std::fmt;

use super::table::Table;
use super::wire::{Reader, put_chunk, put_number};

/// The id of a flaw or an advisory.
///
/// Most have a year and a number, and are kept as such: as text they would take a third of an index. Equal ids are
/// equal values, so ids can be compared without their text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identifier<'a> {
    /// `CVE-2021-44228`.
    Cve {
        /// 2021.
        year: u16,
        /// 44228.
        number: u32,
    },
    /// `GHSA-jfh8-c2jp-5v3q`, its twelve characters as a number to the base of twenty.
    Ghsa(u64),
    /// `PYSEC-2018-28`, `ALSA-2024:0265`, `BIT-activemq-2020-11998`: whatever ends in four digits and a number.
    Numbered {
        /// All before the year: `PYSEC-`.
        prefix: &'a str,
        /// The four digits, which need not be a year.
        year: u16,
        /// What stands between year and number: `-` or `:`.
        separator: char,
        /// The number.
        number: u32,
        /// Its digits, with zeros in front.
        width: u8,
    },
    /// Any other, as written.
    Other(&'a str),
}

/// GitHub's alphabet: no vowels and nothing that looks alike.
const GHSA_ALPHABET: &[u8; 20] = b"23456789cfghjmpqrvwx";
const GHSA_DIGITS: usize = 12;
/// 20^12 is less than 2^56.
const GHSA_BYTES: usize = 7;

/// The first byte of an id. From 0x80 on it is a CVE, and says its year.
mod tag {
    pub(super) const GHSA: u8 = 0;
    pub(super) const NUMBERED: u8 = 1;
    pub(super) const OLD_CVE: u8 = 2;
    pub(super) const TEXT: u8 = 3;
    pub(super) const CVE: u8 = 0x80;
}
/// The year of the first CVE tag.
const YEAR_BASE: u16 = 1970;
/// More digits do not fit 32 bits.
const NUMBER_DIGITS_MAX: usize = 9;

impl<'a> Identifier<'a> {
    /// Reads an id. Every text is one; which kind does not change how it is printed.
    pub fn parse(text: &'a str) -> Self {
        cve(text).or_else(|| ghsa(text)).or_else(|| numbered(text)).unwrap_or(Self::Other(text))
    }

    /// Whether it is a CVE.
    pub fn is_cve(&self) -> bool {
        matches!(self, Self::Cve { .. })
    }

    /// What of it is kept among the strings of a shard.
    pub(super) fn prefix(&self) -> Option<&'a str> {
        match self {
            Self::Numbered { prefix, .. } => Some(prefix),
            _ => None,
        }
    }

    pub(super) fn read(reader: &mut Reader<'a>, strings: Table<'a>) -> Option<Self> {
        match reader.byte()? {
            tag::GHSA => {
                let mut bytes = [0; 8];
                bytes.get_mut(..GHSA_BYTES)?.copy_from_slice(reader.take(GHSA_BYTES)?);
                Some(Self::Ghsa(u64::from_le_bytes(bytes)))
            }
            tag::NUMBERED => {
                let prefix = strings.text(reader.number()?)?;
                let year = reader.number()?.try_into().ok()?;
                let form = reader.byte()?;
                let separator = if form & 1 == 0 { '-' } else { ':' };
                Some(Self::Numbered { prefix, year, separator, number: reader.number()?, width: form >> 1 })
            }
            tag::OLD_CVE => {
                Some(Self::Cve { year: reader.number()?.try_into().ok()?, number: reader.number()? })
            }
            tag::TEXT => reader.text().map(Self::Other),
            tag if tag >= tag::CVE => {
                let year = YEAR_BASE + u16::from(tag - tag::CVE);
                Some(Self::Cve { year, number: reader.number()? })
            }
            _ => None,
        }
    }

    /// Appends the id. `string` knows the number of its [`Identifier::prefix`].
    pub(super) fn write(&self, out: &mut Vec<u8>, string: impl Fn(&str) -> u32) {
        match *self {
            Self::Cve { year, number } => {
                let after = year.checked_sub(YEAR_BASE).and_then(|after| u8::try_from(after).ok());
                match after.filter(|after| *after < tag::CVE) {
                    Some(after) => out.push(tag::CVE | after),
                    None => {
                        out.push(tag::OLD_CVE);
                        put_number(out, year);
                    }
                }
                put_number(out, number);
            }
            Self::Ghsa(number) => {
                out.push(tag::GHSA);
                out.extend(number.to_le_bytes().into_iter().take(GHSA_BYTES));
            }
            Self::Numbered { prefix, year, separator, number, width } => {
                out.push(tag::NUMBERED);
                put_number(out, string(prefix));
                put_number(out, year);
                out.push(width << 1 | u8::from(separator == ':'));
                put_number(out, number);
            }
            Self::Other(text) => {
                out.push(tag::TEXT);
                put_chunk(out, text.as_bytes());
            }
        }
    }
}

/// A CVE whose text is the one that its numbers print.
fn cve<'a>(text: &str) -> Option<Identifier<'a>> {
    let (year, number) = text.strip_prefix("CVE-")?.split_once('-')?;
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_padded = number.len() > 4 && number.starts_with('0');
    if !is_number(year) || !is_number(number) || year.len() != 4 || number.len() < 4 || is_padded {
        return None;
    }
    Some(Identifier::Cve { year: year.parse().ok()?, number: number.parse().ok()? })
}

fn ghsa<'a>(text: &str) -> Option<Identifier<'a>> {
    let groups = text.strip_prefix("GHSA-")?;
    let is_grouped = groups.len() == GHSA_DIGITS + 2 && groups.split('-').all(|group| group.len() == 4);
    let mut value = 0_u64;
    for byte in groups.bytes().filter(|byte| *byte != b'-') {
        let digit = GHSA_ALPHABET.iter().position(|known| *known == byte)?;
        value = value.checked_mul(20)?.checked_add(digit as u64)?;
    }
    is_grouped.then_some(Identifier::Ghsa(value))
}

/// An id that ends in four digits, a separator and a number.
fn numbered(text: &str) -> Option<Identifier<'_>> {
    let head = text.trim_end_matches(|character: char| character.is_ascii_digit());
    let digits = text.get(head.len()..)?;
    let separator = head.chars().next_back().filter(|separator| matches!(separator, '-' | ':'))?;
    let head = head.get(..head.len() - 1)?;
    let (prefix, year) = head.split_at_checked(head.len().checked_sub(4)?)?;
    let is_year = year.bytes().all(|byte| byte.is_ascii_digit());
    if !is_year || prefix.is_empty() || digits.is_empty() || digits.len() > NUMBER_DIGITS_MAX {
        return None;
    }
    let (year, number) = (year.parse().ok()?, digits.parse().ok()?);
    Some(Identifier::Numbered { prefix, year, separator, number, width: u8::try_from(digits.len()).ok()? })
}

impl fmt::Display for Identifier<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cve { year, number } => write!(formatter, "CVE-{year:04}-{number:04}"),
            Self::Ghsa(number) => write_ghsa(*number, formatter),
            Self::Numbered { prefix, year, separator, number, width } => {
                write!(formatter, "{prefix}{year:04}{separator}{number:0width$}", width = usize::from(*width))
            }
            Self::Other(text) => formatter.write_str(text),
        }
    }
}

fn write_ghsa(mut number: u64, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut digits = [b'2'; GHSA_DIGITS];
    for digit in digits.iter_mut().rev() {
        let place = usize::try_from(number % 20).unwrap_or_default();
        *digit = GHSA_ALPHABET.get(place).copied().unwrap_or(b'2');
        number /= 20;
    }
    formatter.write_str("GHSA")?;
    for group in digits.chunks(4) {
        write!(formatter, "-{}", String::from_utf8_lossy(group))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::table::TableWriter;
    use super::*;

    /// The id as it is read back, with the bytes it takes besides its prefix.
    fn written_and_read(text: &str) -> (String, usize) {
        let (mut bytes, mut strings) = (Vec::new(), TableWriter::default());
        let id = Identifier::parse(text);
        strings.push(|out| out.extend_from_slice(id.prefix().unwrap_or_default().as_bytes()));
        let strings = strings.finish().unwrap();
        id.write(&mut bytes, |_| 0);
        let read = Identifier::read(&mut Reader::new(&bytes), Table::read(&strings).unwrap()).unwrap();
        assert_eq!(read, id);
        (read.to_string(), bytes.len())
    }

    #[test]
    fn ids_keep_their_text_in_few_bytes() {
        for (text, bytes) in [
            ("CVE-2021-44228", 4),
            ("CVE-1969-0001", 4),
            ("GHSA-jfh8-c2jp-5v3q", 8),
            ("DLA-0001-1", 5),
            ("ALSA-2024:0265", 7),
            ("BIT-activemq-2020-11998", 7),
            ("ALPINE-13661", 14),
        ] {
            assert_eq!(written_and_read(text), (text.to_owned(), bytes));
        }
    }

    #[test]
    fn what_only_looks_like_a_cve_stays_text() {
        for text in
            ["CVE-2007-01-09", "CVE-2021-044228", "CVE-21-1234", "CVE-2021-1", "CVE-2021-99999999999", "CVE"]
        {
            assert!(!Identifier::parse(text).is_cve(), "{text}");
            assert_eq!(written_and_read(text).0, text);
        }
        assert!(Identifier::parse("CVE-1999-0006").is_cve());
    }

    proptest::proptest! {
        #[test]
        fn every_text_is_printed_as_it_was(text in "(GHSA-[2-9cfghjmpqrvwxab]{4}-[2-9cfg]{4}-[x]{3,5}|(CVE|É)-?[0-9]{3,5}[-:][0-9]{1,12}|\\PC*)") {
            proptest::prop_assert_eq!(written_and_read(&text).0, text);
        }
    }
}
