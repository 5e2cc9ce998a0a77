use std::io::Write as _;

use plimsoll_oci::{DiffId, Digest};

use super::*;
use crate::archives::{Raw, archive, gzip, zstd};

fn read(bytes: &[u8]) -> Result<LayerListing, ReadLayerError> {
    read_layer(bytes, LayerAlgorithms::default(), &Limits::default())
}

fn read_within(bytes: &[u8], limits: &Limits) -> Result<LayerListing, ReadLayerError> {
    read_layer(bytes, LayerAlgorithms::default(), limits)
}

fn paths(listing: &LayerListing) -> Vec<String> {
    listing.entries().map(|entry| String::from_utf8_lossy(entry.path).into_owned()).collect()
}

#[test]
fn every_compression_yields_the_same_listing_and_both_digests() {
    let tar = archive(&[Raw::directory("etc"), Raw::file("etc/passwd", b"root"), Raw::symlink("sh", "bash")]);
    for (stored, compression) in
        [(tar.clone(), Compression::None), (gzip(&tar), Compression::Gzip), (zstd(&tar), Compression::Zstd)]
    {
        let listing = read(&stored).unwrap();
        assert_eq!(paths(&listing), ["etc", "etc/passwd", "sh"]);
        assert_eq!(listing.measures.compression, compression);
        assert_eq!(listing.measures.diff_id, DiffId(Digest::sha256_of(&tar)));
        assert_eq!(listing.measures.digest, Digest::sha256_of(&stored));
        assert_eq!(
            (listing.measures.stored_bytes, listing.measures.unpacked_bytes),
            (stored.len() as u64, tar.len() as u64)
        );
    }
}

#[test]
fn members_and_frames_are_read_as_one_stream() {
    let tar = archive(&[Raw::file("a", &[7; 3000])]);
    let (head, tail) = tar.split_at(1000);
    for stored in [[gzip(head), gzip(tail)].concat(), [zstd(head), zstd(tail)].concat()] {
        let listing = read(&stored).unwrap();
        assert_eq!(listing.measures.diff_id, DiffId(Digest::sha256_of(&tar)));
        assert_eq!(listing.measures.trailing_bytes, 0);
    }
}

#[test]
fn bytes_behind_the_stream_are_hashed_and_told() {
    let stored = [gzip(&archive(&[Raw::file("a", b"1")])), b"garbage".to_vec()].concat();
    let listing = read(&stored).unwrap();
    assert_eq!(listing.measures.trailing_bytes, 7);
    assert_eq!(listing.measures.digest, Digest::sha256_of(&stored));
}

#[test]
fn bytes_behind_the_archive_are_told() {
    let plain = archive(&[Raw::file("a", b"1")]);
    assert!(!read(&plain).unwrap().measures.hides_bytes);
    let hiding = [plain, archive(&[Raw::file("hidden", b"1")])].concat();
    let listing = read(&hiding).unwrap();
    assert!(listing.measures.hides_bytes);
    assert_eq!(paths(&listing), ["a"]);
}

#[test]
fn an_archive_without_its_end_mark_is_whole_at_an_entrys_end_only() {
    let mut tar = archive(&[Raw::file("a", &[1; 512])]);
    tar.truncate(1024);
    assert_eq!(paths(&read(&tar).unwrap()), ["a"]);
    assert_eq!(paths(&read(b"").unwrap()), Vec::<String>::new());
    for cut in [1, 511, 513, 1023] {
        assert!(matches!(read(&tar[..cut]), Err(ReadLayerError::NotTar { .. })), "{cut}");
    }
}

#[test]
fn a_cut_or_damaged_stream_is_an_error() {
    let tar = archive(&[Raw::file("a", &noise(9000))]);
    for whole in [gzip(&tar), zstd(&tar)] {
        let cut = read(&whole[..whole.len() / 2]).unwrap_err();
        assert!(matches!(cut, ReadLayerError::Damaged { .. }), "{cut:?}");
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 0x10;
        assert!(read(&flipped).is_err());
    }
}

#[test]
fn an_error_of_the_reader_is_told_from_damage() {
    struct Failing;
    impl std::io::Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::ConnectionReset.into())
        }
    }
    let chained = std::io::Read::chain(&b"\x1f\x8b"[..], Failing);
    let error = read_layer(chained, LayerAlgorithms::default(), &Limits::default()).unwrap_err();
    assert!(matches!(error, ReadLayerError::Read(_)), "{error:?}");
}

#[test]
fn long_names_of_both_kinds_are_read() {
    let long = format!("{}/end", "d".repeat(200));
    let target = "t".repeat(180);
    let tar = archive(&[
        Raw::pax(&[("path", &long), ("uid", "70000")]),
        Raw::file("short", b"1"),
        Raw::gnu_long(b'L', &format!("{long}2")),
        Raw::gnu_long(b'K', &target),
        Raw::symlink("short", "short"),
    ]);
    let listing = read(&tar).unwrap();
    assert_eq!(paths(&listing), [long.clone(), format!("{long}2")]);
    assert_eq!(listing.get(long.as_bytes()).unwrap().uid, 70000);
    assert_eq!(listing.get(format!("{long}2").as_bytes()).unwrap().link, target.as_bytes());
}

#[test]
fn the_standard_writers_archives_are_read() {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(3);
    header.set_mode(0o4755);
    header.set_uid(1000);
    let long = "x/".repeat(120) + "su";
    builder.append_data(&mut header, &long, &b"abc"[..]).unwrap();
    let listing = read(&builder.into_inner().unwrap()).unwrap();
    let entry = listing.get(long.as_bytes()).unwrap();
    assert_eq!((entry.kind, entry.size_bytes, entry.mode, entry.uid), (Kind::File, 3, 0o4755, 1000));
}

#[test]
fn sparse_files_count_with_their_holes() {
    let pax = [
        Raw::pax(&[("GNU.sparse.major", "1"), ("GNU.sparse.name", "disk"), ("GNU.sparse.realsize", "9000")]),
        Raw::file("GNUSparseFile.1/disk", &[0; 1024]),
        Raw::file("next", b""),
    ];
    let listing = read(&archive(&pax)).unwrap();
    assert_eq!(paths(&listing), ["disk", "next"]);
    assert_eq!(listing.get(b"disk").unwrap().size_bytes, 9000);
    let gnu = [Raw::gnu_sparse("disk", 8000, &[1; 512]), Raw::file("next", b"")];
    let listing = read(&archive(&gnu)).unwrap();
    assert_eq!(paths(&listing), ["disk", "next"]);
    assert_eq!(listing.get(b"disk").unwrap().size_bytes, 8000);
}

#[test]
fn whiteouts_are_no_entries() {
    let tar = archive(&[
        Raw::file("a/.wh.gone", b""),
        Raw::file("b/.wh..wh..opq", b""),
        Raw::file(".wh.top", b""),
        Raw::file(".wh..wh.plnk", b""),
    ]);
    let listing = read(&tar).unwrap();
    assert_eq!(listing.entries().len(), 0);
    let hidden: Vec<_> = listing.hidden().collect();
    assert_eq!(hidden, [(&b"a/gone"[..], false), (b"b", true), (b"top", false)]);
}

#[test]
fn a_whiteout_of_the_directory_above_is_refused() {
    for name in ["a/.wh...", "a/.wh..", "a/.wh."] {
        let error = read(&archive(&[Raw::file(name, b"")])).unwrap_err();
        assert!(matches!(error, ReadLayerError::Path { why: PathFault::Whiteout, .. }), "{name}: {error}");
    }
}

#[test]
fn paths_that_leave_the_image_are_refused() {
    for raw in [Raw::file("../etc/passwd", b""), Raw::hard_link("a", "../../b"), Raw::file("a/../../b", b"")]
    {
        let error = read(&archive(&[raw])).unwrap_err();
        assert!(matches!(error, ReadLayerError::Path { why: PathFault::Escapes, .. }), "{error}");
    }
    let root = read(&archive(&[Raw::file("./", b"")])).unwrap_err();
    assert!(matches!(root, ReadLayerError::Path { why: PathFault::Root, .. }), "{root}");
}

#[test]
fn of_several_entries_at_one_path_the_last_counts() {
    let tar = archive(&[Raw::file("a", b"1"), Raw::file("b", b"1"), Raw::file("./a", b"four")]);
    let listing = read(&tar).unwrap();
    assert_eq!(paths(&listing), ["a", "b"]);
    assert_eq!(listing.get(b"a").unwrap().size_bytes, 4);
    assert_eq!(listing.shadowed_entries, 1);
}

#[test]
fn each_limit_is_held() {
    let tar = archive(&[Raw::file("a", &[0; 4 << 20]), Raw::file("b", b"")]);
    let small = Limits { unpacked_bytes_max: 1 << 20, ..Limits::default() };
    assert!(matches!(read_within(&gzip(&tar), &small), Err(ReadLayerError::TooLarge(_))));
    let tight = Limits { ratio_free_bytes: 1 << 20, ..Limits::default() };
    assert!(matches!(read_within(&zstd(&tar), &tight), Err(ReadLayerError::Ratio(200))));
    assert!(read_within(&tar, &tight).is_ok());
    let one = Limits { entries_max: 1, ..Limits::default() };
    assert!(matches!(read_within(&tar, &one), Err(ReadLayerError::Entries(1))));
    let short = Limits { names_bytes_max: 1, ..Limits::default() };
    assert!(matches!(read_within(&tar, &short), Err(ReadLayerError::Names(1))));
    let huge_header = archive(&[Raw::gnu_long(b'L', &"n".repeat(2 << 20)), Raw::file("a", b"")]);
    assert!(matches!(read(&huge_header), Err(ReadLayerError::NotTar { .. })));
    let claims = archive(&[Raw::gnu_sparse("disk", 1 << 32, &[]).claiming_real_size_of_8_exbibytes()]);
    assert!(matches!(read(&claims), Err(ReadLayerError::TooLarge(_))));
}

#[test]
fn a_window_beyond_the_limit_is_refused() {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(24).unwrap();
    encoder.include_contentsize(false).unwrap();
    encoder.write_all(&archive(&[Raw::file("a", b"")])).unwrap();
    let stored = encoder.finish().unwrap();
    let limits = Limits { zstd_window_log_max: 20, ..Limits::default() };
    assert!(matches!(read_within(&stored, &limits), Err(ReadLayerError::Damaged { .. })));
    assert!(read(&stored).is_ok());
}

fn noise(count: usize) -> Vec<u8> {
    let mut state = 1_u32;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    })
    .take(count)
    .collect()
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_without_panic(bytes: Vec<u8>, magic in 0..3_u8) {
        let prefix: &[u8] = match magic { 0 => b"", 1 => b"\x1f\x8b\x08\0", _ => b"\x28\xb5\x2f\xfd" };
        let _ = read(&[prefix, &bytes].concat());
    }

    #[test]
    fn a_damaged_archive_is_read_or_refused_without_panic(at in 0..4096_usize, byte: u8) {
        let mut tar = archive(&[
            Raw::pax(&[("path", "long/name"), ("size", "5")]),
            Raw::file("a", b"12345"),
            Raw::gnu_sparse("s", 5000, &[1; 512]),
            Raw::hard_link("b", "a"),
        ]);
        let at = at % tar.len();
        tar[at] = byte;
        crate::archives::fix_checksum(&mut tar, at);
        let _ = read(&tar);
    }
}

#[test]
fn files_that_give_capabilities_are_known() {
    let capability = ("SCHILY.xattr.security.capability", "\u{1}\u{0}\u{0}\u{2}");
    let bytes = archive(&[Raw::pax(&[capability]), Raw::file("bin/ping", b"p"), Raw::file("bin/true", b"t")]);
    let listing = read_layer(&*bytes, LayerAlgorithms::default(), &Limits::default()).unwrap();
    let told: Vec<(bool, u16)> =
        listing.entries().map(|entry| (entry.has_capabilities, entry.mode)).collect();
    assert_eq!(told, [(true, 0o644), (false, 0o644)]);
}
