//! Small archives for tests, written header by header so that they can also be wrong.

use std::io::Write as _;

/// One member, or an extended header in front of one.
#[derive(Clone, Debug)]
pub(crate) struct Raw {
    header: [u8; 512],
    data: Vec<u8>,
}

impl Raw {
    pub(crate) fn file(path: &str, data: &[u8]) -> Self {
        Self::new(b'0', path, "", data)
    }

    pub(crate) fn directory(path: &str) -> Self {
        Self::new(b'5', path, "", b"")
    }

    pub(crate) fn symlink(path: &str, target: &str) -> Self {
        Self::new(b'2', path, target, b"")
    }

    pub(crate) fn hard_link(path: &str, target: &str) -> Self {
        Self::new(b'1', path, target, b"")
    }

    pub(crate) fn gnu_long(flag: u8, text: &str) -> Self {
        Self::new(flag, "././@LongLink", "", format!("{text}\0").as_bytes())
    }

    pub(crate) fn pax(records: &[(&str, &str)]) -> Self {
        let record = |(key, value): &(&str, &str)| {
            let body = format!(" {key}={value}\n");
            let length =
                (body.len()..).find(|length| length.to_string().len() + body.len() == *length).unwrap();
            format!("{length}{body}")
        };
        let data: String = records.iter().map(record).collect();
        Self::new(b'x', "PaxHeaders/x", "", data.as_bytes())
    }

    /// An old GNU sparse file whose map takes one block more.
    pub(crate) fn gnu_sparse(path: &str, real_size: u64, data: &[u8]) -> Self {
        let mut raw = Self::new(b'S', path, "", data);
        raw.header[257..265].copy_from_slice(b"ustar  \0");
        raw.header[482] = 1;
        raw.header[483..495].copy_from_slice(format!("{real_size:011o}\0").as_bytes());
        raw.data.splice(0..0, [0; 512]);
        sum(&mut raw.header);
        raw
    }

    pub(crate) fn claiming_real_size_of_8_exbibytes(mut self) -> Self {
        self.header[483..495].copy_from_slice(&[0x80, 0, 0, 0, 0x7f, 255, 255, 255, 255, 255, 255, 255]);
        sum(&mut self.header);
        self
    }

    fn new(flag: u8, path: &str, link: &str, data: &[u8]) -> Self {
        let mut header = [0; 512];
        header[..path.len()].copy_from_slice(path.as_bytes());
        header[100..108].copy_from_slice(b"0000644\0");
        header[108..116].copy_from_slice(b"0000000\0");
        header[116..124].copy_from_slice(b"0000000\0");
        header[124..136].copy_from_slice(format!("{:011o}\0", data.len()).as_bytes());
        header[156] = flag;
        header[157..157 + link.len()].copy_from_slice(link.as_bytes());
        header[257..265].copy_from_slice(b"ustar\x0000");
        sum(&mut header);
        Self { header, data: data.to_vec() }
    }
}

/// Joins members to an archive with its end mark.
pub(crate) fn archive(members: &[Raw]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for member in members {
        bytes.extend_from_slice(&member.header);
        bytes.extend_from_slice(&member.data);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

/// Corrects the checksum of the block around `at`, so that a changed field and not the sum decides.
pub(crate) fn fix_checksum(archive: &mut [u8], at: usize) {
    let block = &mut archive[at / 512 * 512..][..512];
    sum(block);
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn sum(header: &mut [u8]) {
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}
