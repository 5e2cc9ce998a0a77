//! Reads any bytes as apk's database: each component has a name and a version, and each file a path in normal form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_sbom::Owned;
use plimsoll_sbom_fuzz::read;

fuzz_target!(|bytes: &[u8]| {
    for facts in read("lib/apk/db/installed", bytes) {
        assert!(facts.components.iter().all(|found| !found.name.is_empty() && !found.version.is_empty()));
        for owned in &facts.owned {
            let Owned::Paths(paths) = &owned.files else { continue };
            assert!(paths.iter().all(|path| path.split('/').all(|name| !matches!(name, "" | "." | ".."))));
        }
    }
});
