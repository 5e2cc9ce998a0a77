//! Good databases, spoilt at random: whatever comes of it, reading ends, and ends without a panic.

use std::io::Write as _;
use std::path::Path;

use proptest::prelude::*;
use rusqlite::Connection;
use tempfile::TempDir;

use super::read;

const STATUS: &[u8] = b"Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nSource: glibc (2.36-9)\n\
    Version: 2.36-9+deb12u4\nConffiles:\n /etc/ld.so.conf.d/x.conf 0123\n\nPackage: gone\nStatus: deinstall ok \
    config-files\nVersion: 1\n\nPackage: dash\nStatus: install ok unpacked\nVersion: 0.5.12-2\n";
const LIST: &[u8] = b"/.\n/bin\n/bin/dash\n/usr\n/usr/share\n/usr/share/doc\n/usr/share/doc/dash/copyright\n";
const SUMS: &[u8] =
    b"00112233445566778899aabbccddeeff  bin/dash\n00112233445566778899aabbccddeeff  usr/share/x\n";
const APK: &[u8] =
    b"P:musl\nV:1.2.4-r2\nA:x86_64\nL:MIT\no:musl\nF:lib\nR:ld-musl-x86_64.so.1\na:0:0:755\n\n\
    P:busybox\nV:1.36.1-r5\nF:bin\nR:busybox\nF:etc/network/if-up.d\nR:dad\n\n";
const WALL: &str = "{\"jsonwall\":\"1.0\",\"schema\":\"1.0\",\"count\":3}\n\
    {\"kind\":\"package\",\"name\":\"libc6\",\"version\":\"2.39\",\"arch\":\"amd64\"}\n\
    {\"kind\":\"path\",\"path\":\"/usr/lib/libc.so.6\",\"slices\":[\"libc6_libs\"]}\n";

/// A header of one package, with as many bytes of something else as are wanted.
fn header(name: &str, padding: usize) -> Vec<u8> {
    const DESCRIPTION: u32 = 1005;
    let padding = "x".repeat(padding);
    let (mut index, mut store) = (Vec::new(), Vec::new());
    for (tag, value) in [(1000, name), (1001, "1.2"), (1002, "3"), (DESCRIPTION, padding.as_str())] {
        for number in [tag, 6, u32::try_from(store.len()).unwrap(), 1] {
            index.extend_from_slice(&number.to_be_bytes());
        }
        store.extend_from_slice(value.as_bytes());
        store.push(0);
    }
    let lengths = [4, u32::try_from(store.len()).unwrap()].map(u32::to_be_bytes);
    [lengths.concat(), index, store].concat()
}

/// A database that SQLite writes: a header for each padding.
fn sqlite(page_bytes: usize, auto_vacuum: u8, paddings: &[usize]) -> Vec<u8> {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("rpmdb.sqlite");
    let mut database = Connection::open(&file).unwrap();
    let create = format!(
        "PRAGMA page_size = {page_bytes}; PRAGMA auto_vacuum = {auto_vacuum}; PRAGMA synchronous = OFF; CREATE TABLE 'Name' (key TEXT, hnum);
         CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL);"
    );
    database.execute_batch(&create).unwrap();
    let change = database.transaction().unwrap();
    for (number, padding) in paddings.iter().enumerate() {
        let header = header(&format!("package{number}"), *padding);
        change.execute("INSERT INTO Packages (blob) VALUES (?1)", [header]).unwrap();
    }
    change.commit().unwrap();
    drop(database);
    std::fs::read(file).unwrap()
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sbom/databases").join(name)).unwrap()
}

/// A good database of every kind, with its path.
fn good() -> Vec<(&'static str, Vec<u8>)> {
    let mut wall = zstd::Encoder::new(Vec::new(), 3).unwrap();
    wall.write_all(WALL.as_bytes()).unwrap();
    vec![
        ("var/lib/dpkg/status", STATUS.to_vec()),
        ("var/lib/dpkg/info/dash.list", LIST.to_vec()),
        ("var/lib/dpkg/status.d/dash.md5sums", SUMS.to_vec()),
        ("lib/apk/db/installed", APK.to_vec()),
        ("var/lib/chisel/manifest.wall", wall.finish().unwrap()),
        ("var/lib/rpm/rpmdb.sqlite", sqlite(512, 0, &[10, 600, 3000, 20, 20, 20, 20, 20, 20])),
        ("var/lib/rpm/rpmdb.sqlite", sqlite(4096, 1, &[10, 9000])),
        ("var/lib/rpm/Packages.db", fixture("Packages.db")),
        ("var/lib/rpm/Packages", fixture("Packages")),
    ]
}

/// One way to spoil a file.
#[derive(Clone, Debug)]
enum Harm {
    Byte { at: prop::sample::Index, value: u8 },
    Cut { at: prop::sample::Index },
    Copy { from: prop::sample::Index, to: prop::sample::Index, length: usize },
}

impl Harm {
    fn any() -> impl Strategy<Value = Self> {
        let place = any::<prop::sample::Index>;
        prop_oneof![
            8 => (place(), prop_oneof![any::<u8>(), Just(0), Just(0xff), Just(0x7f)])
                .prop_map(|(at, value)| Self::Byte { at, value }),
            1 => place().prop_map(|at| Self::Cut { at }),
            2 => (place(), place(), 1..600usize).prop_map(|(from, to, length)| Self::Copy { from, to, length }),
        ]
    }

    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        match self {
            Self::Byte { at, value } => {
                let at = at.index(bytes.len());
                bytes[at] = *value;
            }
            Self::Cut { at } => bytes.truncate(at.index(bytes.len())),
            Self::Copy { from, to, length } => {
                let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
                let length = (*length).min(bytes.len() - from.max(to));
                bytes.copy_within(from..from + length, to);
            }
        }
    }
}

#[test]
fn every_database_is_read_while_it_is_good() {
    for (path, bytes) in good() {
        let facts = read(path, &bytes).unwrap();
        assert!(facts.components.len() + facts.owned.len() > 0, "{path}");
    }
}

#[test]
fn a_database_that_is_cut_anywhere_tells_no_more_than_the_whole() {
    for (path, bytes) in good() {
        let whole = read(path, &bytes).unwrap();
        for length in (0..bytes.len()).step_by(bytes.len() / 300 + 1) {
            let Ok(part) = read(path, &bytes[..length]) else { continue };
            assert!(part.components.len() <= whole.components.len(), "{path} at {length}");
        }
    }
}

#[test]
fn an_rpm_database_that_is_cut_is_never_taken_for_whole() {
    for (path, bytes) in good().into_iter().filter(|(path, _)| path.contains("/rpm/")) {
        let whole = read(path, &bytes).unwrap();
        for length in (0..bytes.len()).step_by(97) {
            let Ok(part) = read(path, &bytes[..length]) else { continue };
            let is_told = part.notes.iter().any(|note| note.text.contains("cut short"));
            assert!(is_told || part.components == whole.components, "{path} at {length}: {part:?}");
        }
    }
}

proptest! {
    #[test]
    fn damage_of_any_kind_ends_in_facts_or_in_a_fault(
        kind in any::<prop::sample::Index>(),
        harms in prop::collection::vec(Harm::any(), 1..12),
    ) {
        thread_local!(static GOOD: Vec<(&'static str, Vec<u8>)> = good());
        GOOD.with(|good| {
            let (path, mut bytes) = kind.get(good).clone();
            harms.iter().for_each(|harm| harm.apply(&mut bytes));
            if let Err(fault) = read(path, &bytes) {
                assert!(!fault.to_string().is_empty());
            }
        });
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn sqlite_files_of_every_shape_are_read_whole(
        page_bits in 9..=16u32,
        auto_vacuum in 0..=2u8,
        paddings in prop::collection::vec(prop_oneof![0..700usize, 3000..6000usize, 50_000..150_000usize], 1..40),
    ) {
        let bytes = sqlite(1 << page_bits, auto_vacuum, &paddings);
        let facts = read("var/lib/rpm/rpmdb.sqlite", &bytes).unwrap();
        prop_assert_eq!(&facts.notes, &[]);
        let names: Vec<&str> = facts.components.iter().map(|component| component.name.as_str()).collect();
        let written: Vec<String> = (0..paddings.len()).map(|number| format!("package{number}")).collect();
        prop_assert_eq!(names, written);
    }
}
