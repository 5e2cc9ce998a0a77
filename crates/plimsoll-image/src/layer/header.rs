//! The 512-byte header block of a tar member (POSIX.1-2024 `pax`, "ustar Interchange Format"; GNU tar's variant).

/// Bytes of a header, and the unit to which every member is padded.
pub(super) const BLOCK_BYTES: usize = 512;

/// One header block, with a checksum that held.
pub(super) struct Header<'a>(&'a [u8; BLOCK_BYTES]);

impl<'a> Header<'a> {
    /// Takes a block as a header.
    pub(super) fn parse(block: &'a [u8; BLOCK_BYTES]) -> Result<Self, &'static str> {
        let stored = number(&block[148..156]).ok_or("the header has no checksum")?;
        let is_checksum = |byte: usize| (148..156).contains(&byte);
        let bytes = || block.iter().enumerate().map(|(at, byte)| if is_checksum(at) { b' ' } else { *byte });
        let unsigned: u64 = bytes().map(u64::from).sum();
        // Old tars summed signed bytes.
        let signed: i64 = bytes().map(|byte| i64::from(byte.cast_signed())).sum();
        let holds = stored == unsigned || i64::try_from(stored) == Ok(signed);
        if holds { Ok(Self(block)) } else { Err("the header's checksum is wrong") }
    }

    pub(super) fn flag(&self) -> u8 {
        self.0[156]
    }

    pub(super) fn size(&self) -> Result<u64, &'static str> {
        number(&self.0[124..136]).ok_or("the size is not a number")
    }

    pub(super) fn mode(&self) -> Result<u16, &'static str> {
        let mode = number(&self.0[100..108]).ok_or("the mode is not a number")?;
        Ok(u16::try_from(mode & 0o7777).unwrap_or_default())
    }

    pub(super) fn uid(&self) -> Result<u32, &'static str> {
        owner(&self.0[108..116])
    }

    pub(super) fn gid(&self) -> Result<u32, &'static str> {
        owner(&self.0[116..124])
    }

    /// The time of the last change; one before 1970, or none, counts as 1970.
    pub(super) fn modified_unix(&self) -> u64 {
        number(&self.0[136..148]).unwrap_or_default()
    }

    pub(super) fn link(&self) -> &'a [u8] {
        until_nul(&self.0[157..257])
    }

    /// Writes the path to `path`: the name with its prefix, which only POSIX headers have.
    pub(super) fn write_path(&self, path: &mut Vec<u8>) {
        let is_posix = &self.0[257..263] == b"ustar\0";
        let prefix = if is_posix { until_nul(&self.0[345..500]) } else { &[] };
        path.extend_from_slice(prefix);
        if !prefix.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(until_nul(&self.0[..100]));
    }

    /// For GNU sparse members: the size with holes, and whether blocks with more of the map follow.
    pub(super) fn gnu_sparse(&self) -> Result<(u64, bool), &'static str> {
        let real_size = number(&self.0[483..495]).ok_or("the sparse file's size is not a number")?;
        Ok((real_size, self.0[482] != 0))
    }
}

/// Whether another block of a GNU sparse map follows this one.
pub(super) fn sparse_map_goes_on(block: &[u8; BLOCK_BYTES]) -> bool {
    block[504] != 0
}

fn owner(field: &[u8]) -> Result<u32, &'static str> {
    number(field).and_then(|id| u32::try_from(id).ok()).ok_or("a user or group id is not a 32-bit number")
}

/// A number in octal digits, or in GNU's base 256 when the first bit is set. Negative numbers are none.
fn number(field: &[u8]) -> Option<u64> {
    match field {
        [0x80, rest @ ..] => {
            rest.iter().try_fold(0_u64, |sum, byte| sum.checked_mul(256)?.checked_add((*byte).into()))
        }
        [first, ..] if first & 0x80 != 0 => None,
        _ => octal(field),
    }
}

fn octal(field: &[u8]) -> Option<u64> {
    let is_padding = |byte: &u8| *byte == b' ' || *byte == 0;
    let start = field.iter().position(|byte| !is_padding(byte)).unwrap_or(field.len());
    let digits = field[start..].iter().take_while(|byte| !is_padding(byte));
    digits.into_iter().try_fold(0_u64, |sum, byte| match byte {
        b'0'..=b'7' => sum.checked_mul(8)?.checked_add((byte - b'0').into()),
        _ => None,
    })
}

fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}
