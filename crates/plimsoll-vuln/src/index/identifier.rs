use std::fmt;

use super::wire::{Reader, put_number};

/// The id of a flaw or an advisory.
///
/// Most are CVEs and GitHub's, which are kept as numbers: less than half of an index would fit its place otherwise.
/// Equal ids are equal values, so ids can be compared without their text.
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
    /// Any other, as written.
    Other(&'a str),
}

/// GitHub's alphabet: no vowels and nothing that looks alike.
const GHSA_ALPHABET: &[u8; 20] = b"23456789cfghjmpqrvwx";
const GHSA_DIGITS: usize = 12;
/// 20^12 is less than 2^56.
const GHSA_BYTES: usize = 7;

const CVE_TAG: u8 = 0;
const GHSA_TAG: u8 = 1;
/// Added to the length of a text, so that it is no other tag.
const TEXT_BASE: usize = 2;

impl<'a> Identifier<'a> {
    /// Reads an id. Every text is one; which kind does not change how it is printed.
    pub fn parse(text: &'a str) -> Self {
        cve(text).or_else(|| ghsa(text)).unwrap_or(Self::Other(text))
    }

    /// Whether it is a CVE.
    pub fn is_cve(&self) -> bool {
        matches!(self, Self::Cve { .. })
    }

    pub(super) fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let tag = reader.number()?;
        if tag == u32::from(CVE_TAG) {
            let year = reader.number()?.try_into().ok()?;
            return Some(Self::Cve { year, number: reader.number()? });
        }
        if tag == u32::from(GHSA_TAG) {
            let mut bytes = [0; 8];
            bytes.get_mut(..GHSA_BYTES)?.copy_from_slice(reader.take(GHSA_BYTES)?);
            return Some(Self::Ghsa(u64::from_le_bytes(bytes)));
        }
        let bytes = reader.take(usize::try_from(tag).ok()?.checked_sub(TEXT_BASE)?)?;
        std::str::from_utf8(bytes).ok().map(Self::Other)
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Cve { year, number } => {
                out.push(CVE_TAG);
                put_number(out, *year);
                put_number(out, *number);
            }
            Self::Ghsa(number) => {
                out.push(GHSA_TAG);
                out.extend(number.to_le_bytes().into_iter().take(GHSA_BYTES));
            }
            Self::Other(text) => {
                put_number(out, (text.len() + TEXT_BASE) as u64);
                out.extend_from_slice(text.as_bytes());
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

impl fmt::Display for Identifier<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cve { year, number } => write!(formatter, "CVE-{year:04}-{number:04}"),
            Self::Ghsa(number) => write_ghsa(*number, formatter),
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
    use super::*;

    fn written_and_read(text: &str) -> (String, usize) {
        let mut bytes = Vec::new();
        Identifier::parse(text).write(&mut bytes);
        let read = Identifier::read(&mut Reader::new(&bytes)).unwrap();
        assert_eq!(read, Identifier::parse(text));
        (read.to_string(), bytes.len())
    }

    #[test]
    fn ids_keep_their_text_in_few_bytes() {
        assert_eq!(written_and_read("CVE-2021-44228"), ("CVE-2021-44228".to_owned(), 6));
        assert_eq!(written_and_read("GHSA-jfh8-c2jp-5v3q"), ("GHSA-jfh8-c2jp-5v3q".to_owned(), 8));
        assert_eq!(written_and_read("DLA-0001-1"), ("DLA-0001-1".to_owned(), 11));
    }

    #[test]
    fn what_only_looks_like_a_cve_stays_text() {
        for text in
            ["CVE-2007-01-09", "CVE-2021-044228", "CVE-21-1234", "CVE-2021-1", "CVE-2021-99999999999", "CVE"]
        {
            assert!(matches!(Identifier::parse(text), Identifier::Other(_)), "{text}");
            assert_eq!(written_and_read(text).0, text);
        }
        assert!(Identifier::parse("CVE-1999-0006").is_cve());
    }

    proptest::proptest! {
        #[test]
        fn every_text_is_printed_as_it_was(text in "(GHSA-[2-9cfghjmpqrvwxab]{4}-[2-9cfg]{4}-[x]{3,5}|CVE-[0-9]{3,5}-[0-9]{3,12}|\\PC*)") {
            proptest::prop_assert_eq!(written_and_read(&text).0, text);
        }
    }
}
