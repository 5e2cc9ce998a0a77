use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::super::{REQUESTS, REQUESTS_PATH, ground};
use super::{TAR, archive, assert_evaluated, assert_not_evaluated, put_image};

/// How deep archives are put into one another.
const DEPTH: usize = 50;

/// An archive of one member.
fn zip(member: &str, content: &[u8], method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(member, SimpleFileOptions::default().compression_method(method)).unwrap();
    zip.write_all(content).unwrap();
    zip.finish().unwrap().into_inner()
}

#[test]
fn a_jar_within_fifty_jars_could_not_be_evaluated() {
    let ground = ground();
    for (image, method) in [("stored", CompressionMethod::Stored), ("deflated", CompressionMethod::Deflated)]
    {
        let mut jar = zip("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\n", method);
        for _ in 0..DEPTH {
            jar = zip("inner.jar", &jar, method);
        }
        put_image(&ground.path().join(image), TAR, &archive(&[("srv/app.jar", &jar)]));
        assert_not_evaluated(ground.path(), image, "archives within one another");
    }
}

#[test]
fn a_jar_that_unpacks_to_a_thousandfold_could_not_be_evaluated() {
    let ground = ground();
    let zeroes = vec![0; 256 << 20];
    let jar = zip("inner.jar", &zeroes, CompressionMethod::Deflated);
    put_image(&ground.path().join("inner"), TAR, &archive(&[("srv/app.jar", &jar)]));
    assert_not_evaluated(
        ground.path(),
        "inner",
        "srv/app.jar: cannot read inner.jar: it goes past the limit",
    );
    // Of a manifest only the beginning is read, where it names its archive: there is nothing to unpack.
    let jar = zip("META-INF/MANIFEST.MF", &zeroes, CompressionMethod::Deflated);
    let files: [(&str, &[u8]); 2] = [("srv/app.jar", &jar), (REQUESTS_PATH, REQUESTS)];
    put_image(&ground.path().join("manifest"), TAR, &archive(&files));
    assert_evaluated(ground.path(), "manifest");
}

#[test]
fn a_damaged_jar_could_not_be_evaluated() {
    let ground = ground();
    let whole = zip("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\n", CompressionMethod::Stored);
    let cut = &whole[..whole.len() - 30];
    put_image(&ground.path().join("cut"), TAR, &archive(&[("srv/app.jar", cut)]));
    assert_not_evaluated(ground.path(), "cut", "srv/app.jar: ");
}
