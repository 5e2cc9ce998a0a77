//! Just enough DER to read keys: each value is asked for by its tag.

/// What remains of some DER.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Der<'a>(&'a [u8]);

/// Tags of the values that keys are made of (X.690).
pub(crate) mod tag {
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const OID: u8 = 0x06;
    pub(crate) const SEQUENCE: u8 = 0x30;
}

impl<'a> Der<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The content of the next value, if it has this tag.
    pub(crate) fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (first, rest) = self.0.split_first()?;
        if *first != tag {
            return None;
        }
        let (length, rest) = read_length(rest)?;
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(content)
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

/// Lengths of up to two bytes: no key has more.
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
}
