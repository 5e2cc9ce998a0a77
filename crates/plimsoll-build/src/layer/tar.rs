//! A tar with nothing in it but the files: no names of owners, one time for all, and pax records only where a value
//! does not fit (POSIX.1-2017, `pax`).

use std::io::{self, Read, Write};

use plimsoll_image::Kind;

use crate::files::Item;

const BLOCK: usize = 512;
/// Bytes of a name that the header itself holds.
const NAME_BYTES: usize = 100;
/// The first length that eleven octal digits cannot say.
const SIZE_END: u64 = 1 << 33;
/// The first owner that seven octal digits cannot say.
const OWNER_END: u32 = 1 << 21;
/// How much content is copied at once.
const COPY_BYTES: usize = 256 * 1024;

/// Writes members one after the other.
pub(super) struct TarWriter<W: Write> {
    out: W,
    /// The time of every member, in seconds since 1970.
    time: u64,
    buffer: Vec<u8>,
}

impl<W: Write> TarWriter<W> {
    pub(super) fn new(out: W, time: u64) -> Self {
        Self { out, time, buffer: vec![0; COPY_BYTES] }
    }

    /// Writes a file system entry, with exactly as many bytes of content as it says to have.
    pub(super) fn append(&mut self, item: &Item, content: impl Read) -> io::Result<()> {
        let mut path = item.path.clone();
        if item.kind == Kind::Directory {
            path.push(b'/');
        }
        let size = if item.kind == Kind::File { item.size_bytes } else { 0 };
        let records = records(&path, item, size);
        if !records.is_empty() {
            self.out.write_all(&header(
                b'x',
                b"PaxHeaders/x",
                b"",
                records.len() as u64,
                self.time,
                &Item { mode: 0o644, ..Item::default() },
            ))?;
            self.out.write_all(&records)?;
            self.pad(records.len() as u64)?;
        }
        self.out.write_all(&header(flag(item.kind), &path, &item.link, size, self.time, item))?;
        self.copy(content, size)?;
        self.pad(size)
    }

    /// Writes the end.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&[0; BLOCK * 2])?;
        Ok(self.out)
    }

    fn copy(&mut self, mut content: impl Read, size: u64) -> io::Result<()> {
        let mut left = size;
        while left > 0 {
            let wanted = usize::try_from(left).unwrap_or(COPY_BYTES).min(COPY_BYTES);
            let piece = self.buffer.get_mut(..wanted).unwrap_or_default();
            let count = content.read(piece)?;
            if count == 0 {
                return Err(io::Error::other("it became shorter while it was read"));
            }
            self.out.write_all(self.buffer.get(..count).unwrap_or_default())?;
            left -= count as u64;
        }
        Ok(())
    }

    fn pad(&mut self, size: u64) -> io::Result<()> {
        let over = usize::try_from(size % BLOCK as u64).unwrap_or_default();
        let zeros = [0; BLOCK];
        self.out.write_all(zeros.get(..(BLOCK - over) % BLOCK).unwrap_or_default())
    }
}

fn flag(kind: Kind) -> u8 {
    match kind {
        Kind::HardLink => b'1',
        Kind::Symlink => b'2',
        Kind::CharDevice => b'3',
        Kind::BlockDevice => b'4',
        Kind::Directory => b'5',
        Kind::Fifo => b'6',
        Kind::File => b'0',
    }
}

/// A header block. What does not fit is cut or zero here, and stands in the records before it.
fn header(flag: u8, path: &[u8], link: &[u8], size: u64, time: u64, item: &Item) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put = |start: usize, length: usize, bytes: &[u8]| {
        let fitting = bytes.get(..bytes.len().min(length)).unwrap_or_default();
        for (place, byte) in block.iter_mut().skip(start).zip(fitting) {
            *place = *byte;
        }
    };
    let small = |owner: u32| u64::from(if owner < OWNER_END { owner } else { 0 });
    put(0, NAME_BYTES, path);
    put(100, 8, &octal(item.mode.into(), 7));
    put(108, 8, &octal(small(item.uid), 7));
    put(116, 8, &octal(small(item.gid), 7));
    put(124, 12, &octal(if size < SIZE_END { size } else { 0 }, 11));
    put(136, 12, &octal(time.min(SIZE_END - 1), 11));
    put(148, 8, b"        ");
    put(156, 1, &[flag]);
    put(157, NAME_BYTES, link);
    put(257, 8, b"ustar\x0000");
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    let digits = octal(sum, 6);
    for (place, byte) in block.iter_mut().skip(148).zip(digits.iter().chain(b"\0 ")) {
        *place = *byte;
    }
    block
}

fn octal(value: u64, digits: usize) -> Vec<u8> {
    format!("{value:0digits$o}").into_bytes()
}

/// The pax records of what does not fit into a header; none for most files.
fn records(path: &[u8], item: &Item, size: u64) -> Vec<u8> {
    let mut records = Vec::new();
    let needs = |text: &[u8]| text.len() > NAME_BYTES || !text.is_ascii();
    if !item.capabilities.is_empty() {
        record(&mut records, "SCHILY.xattr.security.capability", &item.capabilities);
    }
    if item.gid >= OWNER_END {
        record(&mut records, "gid", item.gid.to_string().as_bytes());
    }
    if needs(&item.link) {
        record(&mut records, "linkpath", &item.link);
    }
    if needs(path) {
        record(&mut records, "path", path);
    }
    if size >= SIZE_END {
        record(&mut records, "size", size.to_string().as_bytes());
    }
    if item.uid >= OWNER_END {
        record(&mut records, "uid", item.uid.to_string().as_bytes());
    }
    records
}

/// `length key=value\n`, where the length counts itself.
fn record(records: &mut Vec<u8>, key: &str, value: &[u8]) {
    let body = key.len() + value.len() + 3;
    let mut length = body + body.to_string().len();
    if body + length.to_string().len() != length {
        length = body + length.to_string().len();
    }
    records.extend_from_slice(format!("{length} {key}=").as_bytes());
    records.extend_from_slice(value);
    records.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(items: &[(Item, &[u8])]) -> Vec<u8> {
        let mut tar = TarWriter::new(Vec::new(), 86_400);
        for (item, content) in items {
            tar.append(item, *content).unwrap();
        }
        tar.finish().unwrap()
    }

    fn file(path: &str, content: &[u8]) -> Item {
        let path = path.as_bytes().to_vec();
        Item { path, mode: 0o640, size_bytes: content.len() as u64, uid: 7, gid: 9, ..Item::default() }
    }

    #[test]
    fn another_reader_finds_what_was_written() {
        let long = "d/".repeat(90) + "ü";
        let huge = Item { uid: u32::MAX - 1, capabilities: b"\x01\0=".to_vec(), ..file(&long, b"two") };
        let link = Item { kind: Kind::Symlink, link: b"../a".to_vec(), ..file("l", b"") };
        let bytes = written(&[(file("a", b"one"), b"one"), (huge, b"two"), (link, b"")]);
        let mut archive = tar::Archive::new(&*bytes);
        let mut found = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let extensions: Vec<(String, Vec<u8>)> = entry
                .pax_extensions()
                .unwrap()
                .into_iter()
                .flatten()
                .map(|record| {
                    record
                        .map(|record| (record.key().unwrap().to_owned(), record.value_bytes().to_vec()))
                        .unwrap()
                })
                .collect();
            let path = String::from_utf8(entry.path_bytes().to_vec()).unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            assert_eq!(entry.header().mtime().unwrap(), 86_400);
            found.push((path, text, extensions.len()));
        }
        let expected = [
            ("a".to_owned(), "one".to_owned(), 0),
            (long, "two".to_owned(), 3),
            ("l".to_owned(), String::new(), 0),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn our_own_reader_finds_owners_and_capabilities() {
        let huge = Item { uid: 3_000_000, capabilities: b"\x01\0\0\x02".to_vec(), ..file("x", b"") };
        let limits = plimsoll_image::Limits::default();
        let bytes = written(&[(huge, b"")]);
        let mut walk = plimsoll_image::LayerWalk::new(&*bytes, Default::default(), &limits).unwrap();
        let Some(plimsoll_image::Found::Entry(entry)) = walk.next().unwrap() else { panic!("no entry") };
        assert_eq!((entry.uid, entry.gid, entry.capabilities), (3_000_000, 9, b"\x01\0\0\x02".to_vec()));
    }

    #[test]
    fn a_file_that_shrinks_is_told_of() {
        let mut tar = TarWriter::new(Vec::new(), 0);
        assert!(tar.append(&Item { size_bytes: 10, ..file("a", b"") }, &b"short"[..]).is_err());
    }
}
