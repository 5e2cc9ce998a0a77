//! Puts any bytes before the readers, as a file of the path that they look for.

use std::io::Cursor;

use plimsoll_sbom::{Candidate, Facts, File, READERS};

/// What the readers that want the file say of it; whatever comes, none may panic.
pub fn read(path: &str, bytes: &[u8]) -> Vec<Facts> {
    let name = path.rsplit('/').next().unwrap_or_default();
    let head = &bytes[..bytes.len().min(Candidate::HEAD_BYTES)];
    let size_bytes = bytes.len() as u64;
    let candidate = Candidate { path, name, head, size_bytes, mode: 0o755 };
    let wanting = READERS.iter().filter(|reader| (reader.wants)(&candidate));
    wanting
        .filter_map(|reader| {
            (reader.read)(&mut File { path, size_bytes, content: &mut Cursor::new(bytes) }).ok()
        })
        .collect()
}
