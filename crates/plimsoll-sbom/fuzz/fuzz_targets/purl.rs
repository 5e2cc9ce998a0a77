//! Parses any text as a package URL; what is printed parses to the same value, and a component's URL names it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_sbom::{Component, Purl};

fuzz_target!(|text: &str| {
    let Ok(purl) = text.parse::<Purl>() else { return };
    let printed = purl.to_string();
    if printed.len() > Purl::BYTES_MAX {
        return;
    }
    assert_eq!(printed.parse().as_ref(), Ok(&purl));
    if let Some((component, distribution)) = Component::from_purl(&purl) {
        let again = component.purl(distribution.as_ref());
        assert_eq!((again.package_type(), again.name()), (purl.package_type(), purl.name()));
        // An epoch that stands in an rpm's version moves to the qualifier that is meant for it.
        assert!(again.version() == purl.version() || purl.package_type() == "rpm");
    }
});
