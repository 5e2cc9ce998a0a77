//! Reads any bytes as the manifests and lock files of npm, Yarn and pnpm: names have no slash but the scope's.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_sbom_fuzz::read;

const PATHS: [&str; 4] =
    ["app/package-lock.json", "app/yarn.lock", "app/pnpm-lock.yaml", "app/node_modules/x/package.json"];

fuzz_target!(|bytes: &[u8]| {
    let facts = PATHS.iter().flat_map(|path| read(path, bytes));
    for component in facts.flat_map(|facts| facts.components) {
        assert!(!component.name.is_empty() && !component.name.contains('/'));
        assert!(component.namespace.is_none_or(|scope| scope.starts_with('@')));
    }
});
