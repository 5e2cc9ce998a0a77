//! Reads any bytes as Python's metadata, lists of files and eggs: names are normal, and paths stay in the image.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_sbom::Owned;
use plimsoll_sbom_fuzz::read;

const PATHS: [&str; 5] = [
    "lib/x-1.0.dist-info/METADATA",
    "lib/x-1.0.dist-info/RECORD",
    "lib/x-1.0-py3.8.egg",
    "app/requirements.txt",
    "app/poetry.lock",
];

fuzz_target!(|bytes: &[u8]| {
    for facts in PATHS.iter().flat_map(|path| read(path, bytes)) {
        for component in &facts.components {
            assert!(!component.name.contains(['_', '.']) && !component.version.is_empty());
        }
        for owned in &facts.owned {
            let Owned::Paths(paths) = &owned.files else { continue };
            assert!(paths.iter().all(|path| path.split('/').all(|name| !matches!(name, "." | ".."))));
        }
    }
});
