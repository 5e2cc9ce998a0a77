use std::fs::FileTimes;
use std::time::{Duration, SystemTime};

use plimsoll_build::Compression;

use crate::workshop::Workshop;

const DOCKERFILE: &str = "FROM scratch AS files\nCOPY . /srv/\nFROM scratch\nWORKDIR /app\nCOPY --from=files /srv .\nCMD [\"/app/run\"]\n";

fn filled() -> Workshop {
    let shop = Workshop::new();
    shop.file("run", &vec![b'x'; 3 << 20]);
    for number in 0..50 {
        shop.file(&format!("lib/{}/part-{number}", number % 7), format!("{number}").as_bytes());
    }
    shop
}

#[test]
fn the_same_files_give_the_same_digest_wherever_and_whenever() {
    let first = filled().build(DOCKERFILE);
    let elsewhere = filled();
    let long_ago = FileTimes::new().set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(86_400));
    for name in ["run", "lib/3/part-3"] {
        std::fs::File::open(elsewhere.context().join(name)).unwrap().set_times(long_ago).unwrap();
    }
    let second = elsewhere.build(DOCKERFILE);
    assert_eq!(first.digest, second.digest);
    assert!(first.built().is_assembled);
    assert_eq!(elsewhere.build(DOCKERFILE).digest, second.digest, "from layers that are known");
    std::fs::write(elsewhere.context().join("run"), "other").unwrap();
    assert_ne!(elsewhere.build(DOCKERFILE).digest, second.digest);
}

#[test]
fn the_time_and_the_compression_are_the_users_choice() {
    let mut shop = filled();
    let plain = shop.build(DOCKERFILE);
    assert_eq!(plain.config.created.as_deref(), Some("1970-01-01T00:00:00Z"));
    shop.request = Box::new(|request| {
        request.time = 1_700_000_000;
        request.compression = Compression::Zstd;
    });
    let other = shop.build(DOCKERFILE);
    assert_eq!(other.config.created.as_deref(), Some("2023-11-14T22:13:20Z"));
    assert!(other.manifest.layers.iter().all(|layer| layer.media_type.as_str().ends_with("+zstd")));
    assert_eq!(plain.paths(), other.paths());
}

#[test]
fn a_layer_that_was_lost_is_made_again() {
    let shop = filled();
    let first = shop.build(DOCKERFILE);
    for layer in &first.manifest.layers {
        std::fs::remove_file(crate::workshop::blob(first.store(), &layer.digest)).unwrap();
    }
    assert_eq!(shop.build(DOCKERFILE).digest, first.digest);
}
