use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use plimsoll_oci::{Algorithm, Hasher};
use plimsoll_testkit::run_measured;

use crate::PLIMSOLL;

const FILES: u32 = 3_000_000;

/// The most memory that any process may hold meanwhile: what is promised for every image.
const MEMORY_BYTES_MAX: u64 = 64 << 20;

#[test]
fn three_million_empty_files_are_listed_in_64_mebibytes() {
    let directory = tempfile::tempdir().unwrap();
    write_archive(directory.path());
    let arguments = ["sbom", "docker-archive:image.tar", "-o", "json"];
    let Some(run) = run_measured(PLIMSOLL, directory.path(), &arguments) else { return };
    assert_eq!(run.code, 0, "{}", run.stderr);
    println!("{FILES} files: {:.1} s, {} MiB", run.took.as_secs_f64(), run.peak_memory_bytes >> 20);
    assert!(run.peak_memory_bytes <= MEMORY_BYTES_MAX, "{} MiB", run.peak_memory_bytes >> 20);
    let listed: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(listed["purls"], serde_json::json!(["pkg:pypi/requests@2.19.0"]));
}

/// An image with one layer, as `docker save` writes it.
fn write_archive(directory: &Path) {
    let layer = directory.join("layer.tar.gz");
    let mut gzip = GzEncoder::new(BufWriter::new(File::create(&layer).unwrap()), Compression::fast());
    let mut hasher = Hasher::new(Algorithm::Sha256);
    let mut write = |bytes: &[u8]| {
        hasher.update(bytes);
        gzip.write_all(bytes).unwrap();
    };
    for number in 0..FILES {
        let path = format!("srv/{:03}/a-file-with-nothing-in-it-{number}", number % 1000);
        write(header(&path, 0).as_bytes());
    }
    let metadata = b"Metadata-Version: 2.1\nName: requests\nVersion: 2.19.0\n";
    let mut content = [0; 512];
    content[..metadata.len()].copy_from_slice(metadata);
    let path = "usr/lib/python3/dist-packages/requests-2.19.0.dist-info/METADATA";
    write(header(path, metadata.len() as u64).as_bytes());
    write(&content);
    write(&[0; 1024]);
    gzip.finish().unwrap().flush().unwrap();

    let mut archive = tar::Builder::new(File::create(directory.join("image.tar")).unwrap());
    let manifest = br#"[{"Config":"config.json","RepoTags":["many:1"],"Layers":["layer.tar.gz"]}]"#;
    let diff_id = hasher.finish();
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":["{diff_id}"]}}}}"#
    );
    for (name, content) in [("manifest.json", &manifest[..]), ("config.json", config.as_bytes())] {
        archive.append_data(&mut header(name, content.len() as u64), name, content).unwrap();
    }
    archive.append_path_with_name(&layer, "layer.tar.gz").unwrap();
    archive.finish().unwrap();
    fs::remove_file(layer).unwrap();
}

fn header(path: &str, size: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_path(path).unwrap();
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    header
}
