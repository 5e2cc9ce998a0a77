//! What a container said last, for messages.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// How much of the end is shown.
const TAIL_BYTES: u64 = 2048;

/// Lines of it.
const TAIL_LINES: usize = 8;

/// The last lines, behind a word that says whose they are; nothing where there are none.
pub(super) fn tail(log: &Path) -> String {
    let mut bytes = Vec::new();
    let read = File::open(log).and_then(|mut file| {
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        file.take(TAIL_BYTES).read_to_end(&mut bytes)
    });
    let text = String::from_utf8_lossy(&bytes);
    let is_plain = |character: &char| !character.is_control();
    let lines: Vec<String> = text
        .lines()
        .map(|line| line.chars().filter(is_plain).collect())
        .filter(|line: &String| !line.is_empty())
        .collect();
    if read.is_err() || lines.is_empty() {
        return String::new();
    }
    format!(
        "; it said: {}",
        lines.get(lines.len().saturating_sub(TAIL_LINES)..).unwrap_or_default().join(" / ")
    )
}
