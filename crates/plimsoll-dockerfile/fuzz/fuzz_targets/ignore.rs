//! Reads any bytes as an ignore file, and asks it about a path.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_dockerfile::ignore::IgnoreFile;

fuzz_target!(|input: (&[u8], &str)| {
    if let Ok(file) = IgnoreFile::parse(input.0) {
        file.ignores(input.1);
    }
});
