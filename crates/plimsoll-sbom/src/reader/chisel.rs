//! Chisel's manifest: which packages of Ubuntu a chiselled image was cut from, and what is left of them.
//!
//! It is a file of JSON objects, one a line, under zstd (the "jsonwall" form of Chisel's manifest reference).

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{BufReader, Read as _, SeekFrom};

use serde::Deserialize;

use super::inventory::Inventory;
use super::lines::Lines;
use super::{File, ReadFault, Reader};
use crate::{Component, Facts, Note, PackageType};

pub(super) const READER: Reader = Reader {
    name: "chisel",
    wants: |file| file.path == "var/lib/chisel/manifest.wall",
    bytes_max: 64 << 20,
    read,
};

/// The window of the decoder is memory: 8 MiB, as much as every encoder's ordinary levels want.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// What the manifest may unpack to; one line at a time is in memory.
const UNPACKED_BYTES_MAX: u64 = 64 << 20;

/// A line of the manifest, of which each kind fills other fields.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry<'a> {
    #[serde(borrow)]
    jsonwall: Option<Cow<'a, str>>,
    kind: Cow<'a, str>,
    name: Cow<'a, str>,
    version: Cow<'a, str>,
    arch: Option<Cow<'a, str>>,
    path: Cow<'a, str>,
    slices: Vec<Cow<'a, str>>,
}

fn read(file: &mut File<'_>) -> Result<Facts, ReadFault> {
    let mut inventory = Inventory::default();
    let outcome = read_entries(file, &mut inventory);
    let mut facts = inventory.finish(outcome)?;
    if !facts.components.is_empty() {
        facts
            .notes
            .push(Note::new("it names no source packages: advisories are found by the packages' own names"));
    }
    Ok(facts)
}

fn read_entries(file: &mut File<'_>, inventory: &mut Inventory) -> Result<(), ReadFault> {
    file.content.seek(SeekFrom::Start(0))?;
    let mut decoder = zstd::Decoder::new((&mut *file.content).take(file.size_bytes))?;
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
    let mut unpacked = decoder.take(UNPACKED_BYTES_MAX);
    let mut lines = Lines::new(BufReader::new(&mut unpacked));
    expect_header(lines.next()?.as_deref())?;
    while let Some(line) = lines.next()? {
        match serde_json::from_str::<Entry<'_>>(&line) {
            Ok(entry) => take_entry(&entry, inventory)?,
            Err(error) => inventory.damage(format!("a line is no JSON: {error}"))?,
        }
    }
    drop(lines);
    match unpacked.limit() {
        0 => Err(ReadFault::Limit(format!("it unpacks to more than {UNPACKED_BYTES_MAX} bytes"))),
        _ => Ok(()),
    }
}

fn expect_header(line: Option<&str>) -> Result<(), ReadFault> {
    let header = line.and_then(|line| serde_json::from_str::<Entry<'_>>(line).ok());
    match header.and_then(|header| header.jsonwall.map(Cow::into_owned)) {
        Some(version) if version == "1" || version.starts_with("1.") => Ok(()),
        Some(version) => Err(ReadFault::Malformed(format!("its form is jsonwall {version}, and 1 is known"))),
        None => Err(ReadFault::malformed("its first line is no header of jsonwall")),
    }
}

fn take_entry(entry: &Entry<'_>, inventory: &mut Inventory) -> Result<(), ReadFault> {
    match &*entry.kind {
        "package" if entry.name.is_empty() || entry.version.is_empty() => {
            inventory.damage(format!("the package `{}` has no name or no version", entry.name))
        }
        "package" => {
            let mut component = Component::new(PackageType::Deb, entry.name.clone(), entry.version.clone());
            component.architecture = entry.arch.as_deref().map(str::to_owned);
            inventory.add(component)
        }
        "path" if !entry.path.ends_with('/') => {
            own(entry, inventory);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Several slices may bring a path, most often of one package: `openssl_bins` is a slice of `openssl`.
fn own(entry: &Entry<'_>, inventory: &mut Inventory) {
    let packages: BTreeSet<&str> =
        entry.slices.iter().filter_map(|slice| Some(slice.split_once('_')?.0)).collect();
    for package in packages {
        inventory.own(package, &entry.path);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use crate::Owned;
    use crate::reader::ReadFault;
    use crate::reader::tests::read;

    const PATH: &str = "var/lib/chisel/manifest.wall";
    const LINES: &str = r#"{"jsonwall":"1.0","schema":"1.0","count":8}
{"kind":"content","slice":"openssl_bins","path":"/usr/bin/openssl"}
{"kind":"package","name":"libssl3","version":"3.0.2-0ubuntu1.15","sha256":"ab","arch":"amd64"}
{"kind":"package","name":"openssl","version":"3.0.2-0ubuntu1.15","sha256":"cd","arch":"amd64"}
{"kind":"path","path":"/usr/bin/","mode":"0755","slices":["openssl_bins"]}
{"kind":"path","path":"/usr/bin/openssl","mode":"0755","slices":["openssl_bins","openssl_all"],"sha256":"ef","size":9}
{"kind":"path","path":"/usr/lib/libssl.so.3","mode":"0644","slices":["libssl3_libs","openssl_x"],"size":8}
{"kind":"slice","name":"libssl3_libs"}
"#;

    fn wall(lines: &str) -> Vec<u8> {
        zstd::encode_all(lines.as_bytes(), 3).unwrap()
    }

    #[test]
    fn packages_and_their_files_are_told() {
        let facts = read(PATH, &wall(LINES)).unwrap();
        let [ssl, openssl] = facts.components.as_slice() else { panic!("{facts:?}") };
        assert_eq!((ssl.name.as_str(), ssl.version.as_str()), ("libssl3", "3.0.2-0ubuntu1.15"));
        assert_eq!(openssl.architecture.as_deref(), Some("amd64"));
        assert_eq!(facts.owned[0].files, Owned::Paths(vec!["usr/lib/libssl.so.3".into()]));
        let paths = ["usr/bin/openssl", "usr/lib/libssl.so.3"].map(str::to_owned);
        assert_eq!(facts.owned[1].files, Owned::Paths(paths.into()));
        assert_eq!(facts.notes.len(), 1, "{:?}", facts.notes);
    }

    #[test]
    fn a_manifest_that_was_cut_tells_what_came_before() {
        let mut lines = LINES.to_owned();
        for number in 0..50_000 {
            lines += &format!("{{\"kind\":\"slice\",\"name\":\"a_{}\"}}\n", number * 7919 % 50_021);
        }
        let wall = wall(&lines);
        let facts = read(PATH, &wall[..wall.len() - 9]).unwrap();
        assert_eq!(facts.components.len(), 2);
        assert!(facts.notes[0].text.starts_with("it is read in part only"), "{:?}", facts.notes);
    }

    #[test]
    fn what_is_no_manifest_is_refused() {
        for lines in
            ["", "{\"jsonwall\":\"2.0\"}\n", "{\"kind\":\"package\",\"name\":\"a\",\"version\":\"1\"}\n"]
        {
            assert!(matches!(read(PATH, &wall(lines)), Err(ReadFault::Malformed(_))), "{lines}");
        }
        assert!(matches!(read(PATH, b"not zstd"), Err(ReadFault::Read(_))));
    }

    #[test]
    fn a_bomb_ends_at_the_limit() {
        let line = format!("{{{}}}\n", " ".repeat(60_000));
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.write_all(LINES.as_bytes()).unwrap();
        (0..1500).for_each(|_| encoder.write_all(line.as_bytes()).unwrap());
        let bomb = encoder.finish().unwrap();
        assert!(bomb.len() < 100_000);
        let facts = read(PATH, &bomb).unwrap();
        assert!(
            facts.notes.iter().any(|note| note.text.contains("unpacks to more than")),
            "{:?}",
            facts.notes
        );
    }
}
