//! Just enough DER to read keys, certificates and timestamps: each value is asked for by its tag.

/// What remains of some DER.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Der<'a>(&'a [u8]);

/// Tags of the values that these are made of (X.690).
pub(crate) mod tag {
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const OID: u8 = 0x06;
    pub(crate) const UTF8_STRING: u8 = 0x0c;
    pub(crate) const UTC_TIME: u8 = 0x17;
    pub(crate) const GENERALIZED_TIME: u8 = 0x18;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;

    /// A value that has a number for a name and holds others.
    pub(crate) const fn numbered(number: u8) -> u8 {
        0xa0 | number
    }

    /// A value that has a number for a name and holds bytes.
    pub(crate) const fn numbered_bytes(number: u8) -> u8 {
        0x80 | number
    }
}

/// A value with everything that belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Value<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    /// With tag and length: what is hashed and compared.
    pub(crate) whole: &'a [u8],
}

impl<'a> Der<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The next value, whatever it is.
    pub(crate) fn take_any(&mut self) -> Option<Value<'a>> {
        let (tag, rest) = self.0.split_first()?;
        let (length, rest) = read_length(rest)?;
        let (content, rest) = rest.split_at_checked(length)?;
        let (whole, _) = self.0.split_at_checked(self.0.len() - rest.len())?;
        self.0 = rest;
        Some(Value { tag: *tag, content, whole })
    }

    /// The next value, if it has this tag.
    pub(crate) fn take_value(&mut self, tag: u8) -> Option<Value<'a>> {
        let mut ahead = *self;
        let value = ahead.take_any().filter(|value| value.tag == tag)?;
        *self = ahead;
        Some(value)
    }

    /// The content of the next value, if it has this tag.
    pub(crate) fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.take_value(tag).map(|value| value.content)
    }

    /// The same for a value that holds others.
    pub(crate) fn enter(&mut self, tag: u8) -> Option<Self> {
        self.take(tag).map(Self)
    }

    /// The bytes of a bit string that has no unused bits.
    pub(crate) fn take_bits(&mut self) -> Option<&'a [u8]> {
        self.take(tag::BIT_STRING)?.strip_prefix(&[0])
    }
}

/// Lengths of up to two bytes: nothing that is read here has more.
fn read_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match *bytes {
        [length @ 0..=0x7f, ref rest @ ..] => Some((length.into(), rest)),
        [0x81, length @ 0x80..=0xff, ref rest @ ..] => Some((length.into(), rest)),
        [0x82, high @ 1..=0xff, low, ref rest @ ..] => {
            Some((usize::from(high) << 8 | usize::from(low), rest))
        }
        _ => None,
    }
}

/// Writes a value around some content; the length is of any size, since what is written is only hashed.
pub(crate) fn write(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    let mut written = vec![tag];
    match (significant.as_slice(), u8::try_from(significant.len())) {
        ([], _) => written.push(0),
        ([short @ 0..=0x7f], _) => written.push(*short),
        (_, Ok(bytes)) => {
            written.push(0x80 | bytes);
            written.extend_from_slice(&significant);
        }
        (_, Err(_)) => unreachable!("a length has at most eight bytes"),
    }
    written.extend_from_slice(content);
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_by_their_tags_and_only_in_their_shortest_form() {
        let mut der = Der::new(&[0x30, 3, 2, 1, 7, 5, 0]);
        let mut inner = der.enter(tag::SEQUENCE).unwrap();
        assert_eq!(inner.take(tag::OCTET_STRING), None);
        assert_eq!(inner.take(tag::INTEGER), Some(&[7][..]));
        assert!(inner.is_empty());
        assert_eq!(der.take(5), Some(&[][..]));
        assert!(Der::new(&[4, 0x81, 3, 1, 2, 3]).take(tag::OCTET_STRING).is_none());
        assert!(Der::new(&[4, 3, 1]).take(tag::OCTET_STRING).is_none());
    }

    #[test]
    fn what_is_written_reads_the_same() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff] {
            let content = vec![7; length];
            let written = write(tag::OCTET_STRING, &content);
            let value = Der::new(&written).take_any().unwrap();
            assert_eq!(
                (value.tag, value.content, value.whole),
                (tag::OCTET_STRING, &content[..], &written[..])
            );
        }
    }
}
