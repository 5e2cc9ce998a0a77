//! Judges any bytes as a Dockerfile, and makes every change: the text that comes of it can be judged as well.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_dockerfile::lint::{LintOptions, Profile, apply, lint, patch};
use plimsoll_dockerfile::parse;

fuzz_target!(|source: &[u8]| {
    for profile in [Profile::Plimsoll, Profile::Buildkit] {
        let options = LintOptions { profile, ..LintOptions::default() };
        let findings = lint(&parse(source), options).findings;
        let fixes: Vec<_> = findings.iter().filter_map(|finding| finding.fix.as_ref()).collect();
        patch("Dockerfile", source, fixes.iter().copied());
        lint(&parse(apply(source, fixes).0), options);
    }
});
