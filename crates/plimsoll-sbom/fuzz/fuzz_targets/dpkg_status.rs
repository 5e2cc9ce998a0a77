//! Reads any bytes as dpkg's status and as a list of files: each component has a name, a version and a source.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_sbom_fuzz::read;

fuzz_target!(|bytes: &[u8]| {
    for component in read("var/lib/dpkg/status", bytes).iter().flat_map(|facts| &facts.components) {
        assert!(!component.name.is_empty() && !component.version.is_empty() && component.source.is_some());
    }
    read("var/lib/dpkg/info/x.list", bytes);
    read("var/lib/dpkg/status.d/x.md5sums", bytes);
});
