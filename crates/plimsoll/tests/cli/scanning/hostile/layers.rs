use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::super::{REQUESTS, REQUESTS_PATH, ground};
use super::{GZIP, TAR, ZSTD, add, archive, assert_evaluated, assert_not_evaluated, header, put_image};

/// Past the gibibyte that may come out of a layer at any ratio.
const BOMB_MEBIBYTES: u64 = 1200;

/// Enough for memory to show what it takes to know all names. The slow tests have thirty times as many.
const EMPTY_FILES: u32 = 100_000;

/// Writes an archive of one file of zeroes.
fn write_bomb(out: &mut impl Write) {
    let mut archive = tar::Header::new_ustar();
    archive.set_path("zeroes").unwrap();
    archive.set_size(BOMB_MEBIBYTES << 20);
    archive.set_mode(0o644);
    archive.set_cksum();
    out.write_all(archive.as_bytes()).unwrap();
    let zeroes = vec![0; 1 << 20];
    for _ in 0..BOMB_MEBIBYTES {
        out.write_all(&zeroes).unwrap();
    }
}

#[test]
fn a_layer_that_unpacks_to_a_thousandfold_could_not_be_evaluated() {
    let ground = ground();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    write_bomb(&mut gzip);
    put_image(&ground.path().join("gzip"), GZIP, &gzip.finish().unwrap());
    let mut zstd = zstd::Encoder::new(Vec::new(), 1).unwrap();
    write_bomb(&mut zstd);
    put_image(&ground.path().join("zstd"), ZSTD, &zstd.finish().unwrap());
    for image in ["gzip", "zstd"] {
        assert_not_evaluated(ground.path(), image, "cannot be analysed");
    }
}

#[test]
fn links_that_lead_in_circles_end() {
    let ground = ground();
    let mut builder = tar::Builder::new(Vec::new());
    for (path, target) in [
        ("one", "two"),
        ("two", "one"),
        ("self", "self"),
        ("loop/back", "../loop"),
        ("loop/up", ".."),
        ("out", "../../../../../../etc"),
        ("etc/os-release", "../usr/lib/os-release"),
        ("usr/lib/os-release", "../../etc/os-release"),
    ] {
        let mut link = header(path, tar::EntryType::Symlink);
        link.set_link_name_literal(target).unwrap();
        link.set_cksum();
        builder.append(&link, &[][..]).unwrap();
    }
    add(&mut builder, REQUESTS_PATH, REQUESTS);
    put_image(&ground.path().join("links"), TAR, &builder.into_inner().unwrap());
    assert_evaluated(ground.path(), "links");
}

#[test]
fn an_absolute_path_is_one_below_the_root_and_one_that_leaves_the_image_is_refused() {
    let ground = ground();
    let absolute = format!("/{REQUESTS_PATH}");
    put_image(&ground.path().join("absolute"), TAR, &archive(&[(&absolute, REQUESTS)]));
    assert_evaluated(ground.path(), "absolute");
    for (number, path) in ["../escaped", "usr/../../escaped", "/../escaped"].into_iter().enumerate() {
        let layer = archive(&[(REQUESTS_PATH, REQUESTS), (path, b"x")]);
        let image = format!("escaping-{number}");
        put_image(&ground.path().join(&image), TAR, &layer);
        assert_not_evaluated(ground.path(), &image, "cannot be analysed");
    }
}

#[test]
fn a_hundred_thousand_empty_files_are_read_in_bounded_memory() {
    let ground = ground();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    for number in 0..EMPTY_FILES {
        let path = format!("srv/{:03}/a-file-with-nothing-in-it-{number}", number % 1000);
        gzip.write_all(header(&path, tar::EntryType::Regular).as_bytes()).unwrap();
    }
    gzip.write_all(&archive(&[(REQUESTS_PATH, REQUESTS)])).unwrap();
    put_image(&ground.path().join("many"), GZIP, &gzip.finish().unwrap());
    assert_evaluated(ground.path(), "many");
}
