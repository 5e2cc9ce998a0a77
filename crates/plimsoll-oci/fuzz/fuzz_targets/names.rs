//! Reads any text as each of the names that users write: what is read prints as something that reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_oci::{Digest, MediaType, Platform, Reference, RepositoryName, Tag};

fn reads_the_same<T: std::str::FromStr + ToString + PartialEq>(text: &str) {
    if let Ok(read) = text.parse::<T>() {
        assert!(read.to_string().parse::<T>().is_ok_and(|again| again == read), "{text:?}");
    }
}

fuzz_target!(|text: &str| {
    reads_the_same::<Digest>(text);
    reads_the_same::<MediaType>(text);
    reads_the_same::<Platform>(text);
    reads_the_same::<Reference>(text);
    reads_the_same::<RepositoryName>(text);
    reads_the_same::<Tag>(text);
});
