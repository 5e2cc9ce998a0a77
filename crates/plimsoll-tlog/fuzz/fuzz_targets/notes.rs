//! Reads any text as a note, a checkpoint, a key, a proof and a tile's path: what is read prints as something that reads
//! the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_tlog::{Checkpoint, Hash, LogProof, Resource, SignedNote, VerifyingKey};

fn reads_the_same<T: std::str::FromStr + ToString + PartialEq>(text: &str) {
    if let Ok(read) = text.parse::<T>() {
        assert!(read.to_string().parse::<T>().is_ok_and(|again| again == read), "{text:?}");
    }
}

fuzz_target!(|text: &str| {
    reads_the_same::<Checkpoint>(text);
    reads_the_same::<Hash>(text);
    reads_the_same::<LogProof>(text);
    reads_the_same::<Resource>(text);
    reads_the_same::<SignedNote>(text);
    reads_the_same::<VerifyingKey>(text);
});
