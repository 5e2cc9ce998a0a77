use std::io::Cursor;

use plimsoll_image::{Kind, LayerAlgorithms};
use sha2::{Digest as _, Sha256};

use super::*;
use crate::file_index::tests::MemorySpool;
use crate::{LayerRecord, Outline};

fn header(kind: u8, path: &str, link: &str, size: usize) -> [u8; 512] {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::new(kind));
    header.set_path(path).unwrap();
    if !link.is_empty() {
        header.set_link_name(link).unwrap();
    }
    header.set_size(size as u64);
    header.set_mode(0o755);
    header.set_cksum();
    *header.as_bytes()
}

pub(crate) fn layer(members: &[(u8, &str, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (kind, path, text) in members {
        let (link, data) = if *kind == b'2' { (*text, &[][..]) } else { (&[][..], *text) };
        archive.extend(header(*kind, path, std::str::from_utf8(link).unwrap(), data.len()));
        archive.extend_from_slice(data);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

fn analyse(layer: &[u8], out: &mut Vec<u8>) -> Result<RecordHead, AnalyseError> {
    let limits = analysis_limits();
    let walk = LayerWalk::new(layer, LayerAlgorithms::default(), &limits)?;
    analyse_layer(walk, &mut MemorySpool, out)
}

pub(crate) fn record(members: &[(u8, &str, &[u8])]) -> LayerRecord<Cursor<Vec<u8>>> {
    let mut out = Vec::new();
    let head = analyse(&layer(members), &mut out).unwrap();
    let record = LayerRecord::open(Cursor::new(out)).unwrap();
    assert_eq!(record.head, head);
    record
}

#[test]
fn a_record_holds_facts_files_and_outline() {
    let mut record = record(&[
        (b'0', "etc/os-release", b"ID=debian\nVERSION_ID=12\n"),
        (b'2', "bin", b"usr/bin"),
        (b'0', "usr/bin/tool", b"#!/bin/sh\n"),
        (b'0', "etc/.wh.motd", b""),
    ]);
    let facts: Vec<_> = record.facts().unwrap().collect::<io::Result<_>>().unwrap();
    assert_eq!(facts.len(), 1);
    assert_eq!((&*facts[0].path, &*facts[0].reader), ("etc/os-release", "os-release"));

    let Outline { entries, whiteouts } = record.outline().unwrap();
    let entries: Vec<_> =
        entries.iter().map(|it| (str::from_utf8(&it.entry.path).unwrap(), it.is_executable)).collect();
    assert_eq!(entries, [("etc/os-release", false), ("bin", false), ("usr/bin/tool", true)]);
    assert_eq!(whiteouts, [(b"etc/motd".to_vec(), false)]);

    let mut index = record.into_index().unwrap();
    assert_eq!(index.len(), 3);
    let tool = index.get(b"usr/bin/tool").unwrap().unwrap();
    assert_eq!(tool.digest, Some(Sha256::digest(b"#!/bin/sh\n").into()));
    assert_eq!(index.get(b"bin").unwrap().unwrap().entry.kind, Kind::Symlink);
}

#[test]
fn a_file_that_a_reader_cannot_read_becomes_a_note() {
    let mut record = record(&[(b'0', "etc/os-release", b"nothing")]);
    assert_eq!(record.facts().unwrap().count(), 0);
    let note = &record.head.notes[0];
    assert_eq!(note.path, "etc/os-release");
    assert!(note.text.contains("it is malformed"), "{}", note.text);
}

#[test]
fn a_file_past_its_readers_limit_becomes_a_note() {
    let record = record(&[(b'0', "etc/os-release", &vec![b'\n'; 100_000])]);
    assert!(record.head.notes[0].text.contains("more than 65536 bytes"));
}

#[test]
fn a_damaged_layer_has_no_record() {
    let mut bytes = layer(&[(b'0', "a", b"text")]);
    bytes.truncate(700);
    let result = analyse(&bytes, &mut Vec::new());
    assert!(matches!(result, Err(AnalyseError::Layer(_))));
}

#[test]
fn damaged_records_are_errors() {
    let mut out = Vec::new();
    let bytes = layer(&[(b'0', "etc/os-release", b"ID=debian\n"), (b'0', "a", b"text")]);
    analyse(&bytes, &mut out).unwrap();
    for at in 0..out.len() {
        let mut damaged = out.clone();
        damaged[at] ^= 0x41;
        let Ok(mut record) = LayerRecord::open(Cursor::new(damaged)) else { continue };
        if let Ok(facts) = record.facts() {
            let _ = facts.count();
        }
        let _ = record.outline();
        if let Ok(mut index) = record.into_index() {
            let _ = index.entries().count();
        }
    }
    assert!(LayerRecord::open(Cursor::new(out[..10].to_vec())).is_err());
}
