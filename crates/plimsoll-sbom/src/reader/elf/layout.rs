/// How an ELF file writes its numbers (`EI_CLASS` and `EI_DATA`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Whether addresses have 64 bits, not 32.
    pub(crate) wide: bool,
    /// Whether the most significant byte comes first.
    pub(crate) big_endian: bool,
}

impl Layout {
    /// As the first bytes of a file say; none if they are not those of an ELF file.
    pub(crate) fn of(head: &[u8]) -> Option<Self> {
        let [0x7f, b'E', b'L', b'F', class @ (1 | 2), data @ (1 | 2), ..] = head else {
            return None;
        };
        Some(Self { wide: *class == 2, big_endian: *data == 2 })
    }

    /// The length of an address.
    pub(crate) fn address_bytes(self) -> usize {
        if self.wide { 8 } else { 4 }
    }

    /// Two bytes at a place, if the bytes reach that far.
    pub(crate) fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let two = bytes.get(at..)?.first_chunk()?;
        Some(if self.big_endian { u16::from_be_bytes(*two) } else { u16::from_le_bytes(*two) })
    }

    /// Four bytes at a place.
    pub(crate) fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let four = bytes.get(at..)?.first_chunk()?;
        Some(if self.big_endian { u32::from_be_bytes(*four) } else { u32::from_le_bytes(*four) })
    }

    /// Eight bytes at a place.
    fn u64(self, bytes: &[u8], at: usize) -> Option<u64> {
        let eight = bytes.get(at..)?.first_chunk()?;
        Some(if self.big_endian { u64::from_be_bytes(*eight) } else { u64::from_le_bytes(*eight) })
    }

    /// An address at a place.
    pub(crate) fn address(self, bytes: &[u8], at: usize) -> Option<u64> {
        if self.wide { self.u64(bytes, at) } else { self.u32(bytes, at).map(u64::from) }
    }
}
