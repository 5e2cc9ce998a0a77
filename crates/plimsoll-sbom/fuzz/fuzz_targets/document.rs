//! Reads any bytes as an SBOM; what is read can be written in both formats, and those are read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_sbom::{Document, DocumentFormat, Ignored};

fuzz_target!(|bytes: &[u8]| {
    let Ok(read) = Document::read(bytes) else { return };
    for format in [DocumentFormat::CycloneDx, DocumentFormat::Spdx] {
        let mut written = Vec::new();
        read.document.write(format, &mut written).expect("memory takes all bytes");
        let again = Document::read(&written).expect("what is written is read");
        let Ignored { without_purl, other_types, .. } = again.ignored;
        assert_eq!((without_purl, other_types), (0, 0));
    }
});
