use std::path::Path;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use plimsoll_oci::{Algorithm, Descriptor, Hasher, MediaType};
use plimsoll_testkit::{RegistryClient, ServerCommand, ServerProcess, lasting_address, noise, passed_over};
use reqwest::Body;

use crate::PLIMSOLL;

const MEBIBYTE: u64 = 1024 * 1024;
const GIBIBYTE: u64 = 1024 * MEBIBYTE;

/// The most memory that the server may hold at any time.
const MEMORY_MAX: u64 = 150 * MEBIBYTE;

/// Bytes that are made as they are needed, a mebibyte at a time.
#[derive(Clone)]
struct Cargo {
    noise: Bytes,
    pieces: u64,
}

impl Cargo {
    fn of(bytes: u64, seed: u64) -> Self {
        let noise = noise(seed, usize::try_from(MEBIBYTE).unwrap()).into();
        Self { noise, pieces: bytes / MEBIBYTE }
    }

    fn piece(&self, number: u64) -> Bytes {
        let mut piece = BytesMut::from(&self.noise[..]);
        piece[..8].copy_from_slice(&number.to_le_bytes());
        piece.freeze()
    }

    fn descriptor(&self) -> Descriptor {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        (0..self.pieces).for_each(|number| hasher.update(&self.piece(number)));
        let described = Descriptor::of(MediaType::LAYER, b"");
        Descriptor { digest: hasher.finish(), size: self.pieces * MEBIBYTE, ..described }
    }

    /// The bytes from piece `first` to the one before `end`.
    fn body(&self, first: u64, end: u64) -> Body {
        let cargo = self.clone();
        let pieces = (first..end).map(move |number| Ok::<_, std::io::Error>(cargo.piece(number)));
        Body::wrap_stream(futures_util::stream::iter(pieces))
    }
}

/// Whether the disk below `target/` has room.
fn has_room(bytes: u64) -> bool {
    let disk = rustix::fs::statvfs(Path::new(env!("CARGO_TARGET_TMPDIR"))).unwrap();
    let free = disk.f_bavail * disk.f_frsize;
    if free < bytes {
        passed_over(&format!("{} GiB are not free", bytes / GIBIBYTE));
    }
    free >= bytes
}

fn client(server: &ServerProcess) -> RegistryClient {
    RegistryClient::new([server.url()]).with_request_max(Duration::from_secs(900))
}

fn rate(bytes: u64, begun: Instant) -> String {
    let seconds = begun.elapsed().as_secs_f64();
    format!("{:.0} MiB/s, {seconds:.1} s", (bytes / MEBIBYTE) as f64 / seconds)
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_gibibytes_pass_through_little_memory() {
    if !has_room(10 * GIBIBYTE) {
        return;
    }
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let server = ServerCommand::new(PLIMSOLL, directory.path()).start();
    let client = client(&server);
    let cargo = Cargo::of(8 * GIBIBYTE, 1);
    let blob = cargo.descriptor();

    let begun = Instant::now();
    let session = client.begin_upload("team/large").await.unwrap();
    client.append_stream(&session, cargo.body(0, cargo.pieces)).await.unwrap();
    client.close(&session, blob.digest, "").await.unwrap();
    println!("pushed 8 GiB: {}, peak {} MiB", rate(blob.size, begun), server.peak_memory_bytes() / MEBIBYTE);

    let begun = Instant::now();
    client.pull_blob("team/large", &blob).await.unwrap();
    let peak = server.peak_memory_bytes();
    println!("pulled 8 GiB: {}, peak {} MiB", rate(blob.size, begun), peak / MEBIBYTE);
    assert!(peak <= MEMORY_MAX, "{} MiB", peak / MEBIBYTE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunked_upload_goes_on_after_restarts() {
    if !has_room(3 * GIBIBYTE) {
        return;
    }
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let command = ServerCommand::new(PLIMSOLL, directory.path()).listen_at(&lasting_address());
    let mut server = command.start();
    let client = client(&server);
    let cargo = Cargo::of(2 * GIBIBYTE, 2);
    let blob = cargo.descriptor();
    let session = client.begin_upload("team/large").await.unwrap();
    for quarter in 0..4 {
        let (first, end) = (quarter * cargo.pieces / 4, (quarter + 1) * cargo.pieces / 4);
        assert_eq!(client.received(&session).await.unwrap(), first * MEBIBYTE);
        let length = (end - first) * MEBIBYTE;
        client.append(&session, first * MEBIBYTE, length, cargo.body(first, end)).await.unwrap();
        if quarter % 2 == 0 {
            server.ask_to_stop();
            assert!(server.wait(Duration::from_secs(40)).success());
        } else {
            server.kill();
        }
        server = command.start();
    }
    client.close(&session, blob.digest, "").await.unwrap();
    client.pull_blob("team/large", &blob).await.unwrap();
    let peak = server.peak_memory_bytes();
    assert!(peak <= MEMORY_MAX, "{} MiB", peak / MEBIBYTE);
}
