//! Reads any bytes as a jar: what comes out is bounded, and each component has coordinates. Put jars with jars in them,
//! stored and deflated, into the corpus.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_sbom_fuzz::read;

fuzz_target!(|bytes: &[u8]| {
    for facts in read("opt/app-1.0.jar", bytes) {
        assert!(facts.components.len() <= 10_000 && facts.notes.len() <= 21);
        assert!(facts.components.iter().all(|found| !found.name.is_empty() && !found.version.is_empty()));
        assert!(facts.components.iter().all(|found| found.namespace.as_deref() != Some("")));
    }
});
