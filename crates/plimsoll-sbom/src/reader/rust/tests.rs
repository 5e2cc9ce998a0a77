use std::io::{Cursor, Write as _};
use std::process::Stdio;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use plimsoll_peers::find_peer;
use proptest::prelude::*;

use super::super::tests::read as read_as_analysed;
use super::*;
use crate::reader::elf::Layout;
use crate::reader::elf::tests::program;

/// As `cargo auditable` writes it, for a program with a library, a build script's helper and a crate from git.
const LIST: &str = r#"{"packages":[
    {"name":"app","version":"0.1.0","source":"local","dependencies":[1,2,3],"root":true},
    {"name":"cc","version":"1.0.83","source":"crates.io","kind":"build"},
    {"name":"fork","version":"2.0.0","source":"git"},
    {"name":"time","version":"0.1.44","source":"crates.io"}],"format":8}"#;

fn packed(list: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(list).unwrap();
    encoder.finish().unwrap()
}

fn read_section(section: &[u8]) -> Result<Facts, ReadFault> {
    let file = program(Layout { wide: true, big_endian: false }, &[(".text", b"code"), (SECTION, section)]);
    read(&mut File { path: "usr/bin/app", size_bytes: file.len() as u64, content: &mut Cursor::new(&file) })
}

fn assert_listed(facts: &Facts) {
    let found: Vec<_> = facts
        .components
        .iter()
        .map(|component| (component.name.as_str(), component.version.as_str(), component.kinship))
        .collect();
    let expected = [
        ("app", "0.1.0", Kinship::Installed),
        ("fork", "2.0.0", Kinship::Embedded),
        ("time", "0.1.44", Kinship::Embedded),
    ];
    assert_eq!(found, expected);
}

#[test]
fn the_crates_in_a_program_are_read_and_those_that_built_it_are_not() {
    assert_listed(&read_section(&packed(LIST.as_bytes())).unwrap());
}

#[test]
fn a_crate_from_elsewhere_says_where_it_is_from() {
    let facts = read_section(&packed(LIST.as_bytes())).unwrap();
    let origins: Vec<_> = facts
        .components
        .iter()
        .map(|component| component.properties.get(Component::ORIGIN).map(String::as_str))
        .collect();
    assert_eq!(origins, [Some("local"), Some("git"), None]);
}

#[test]
fn a_stripped_program_that_the_compiler_made_is_read() {
    let Some(rustc) = find_peer("rustc") else { return };
    let folder = tempfile::tempdir().unwrap();
    let list = packed(LIST.as_bytes());
    std::fs::write(folder.path().join("list"), &list).unwrap();
    let source = format!(
        "#[used] #[unsafe(link_section = \"{SECTION}\")] static LIST: [u8; {}] = *include_bytes!(\"list\");\nfn main() {{}}\n",
        list.len()
    );
    std::fs::write(folder.path().join("app.rs"), source).unwrap();
    let output = rustc
        .command()
        .current_dir(folder.path())
        .args(["--edition=2024", "-Cstrip=symbols", "-o", "app", "app.rs"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let file = std::fs::read(folder.path().join("app")).unwrap();
    assert_listed(&read_as_analysed("usr/bin/app", &file).unwrap());
}

#[test]
fn a_program_without_a_list_tells_nothing() {
    let file = program(Layout { wide: true, big_endian: false }, &[(".text", b"code")]);
    let mut file =
        File { path: "usr/bin/app", size_bytes: file.len() as u64, content: &mut Cursor::new(&file) };
    assert!(read(&mut file).unwrap().is_empty());
}

#[test]
fn a_damaged_list_is_malformed() {
    assert!(matches!(read_section(b"no zlib"), Err(ReadFault::Malformed(_))));
    assert!(matches!(read_section(&packed(b"{\"packages\":[{}]}")), Err(ReadFault::Malformed(_))));
    let whole = packed(LIST.as_bytes());
    assert!(matches!(read_section(&whole[..whole.len() / 2]), Err(ReadFault::Malformed(_))));
}

#[test]
fn a_list_that_unpacks_without_end_is_refused() {
    let bomb = packed(&vec![b' '; usize::try_from(2 * LIST_BYTES_MAX).unwrap()]);
    assert!(matches!(read_section(&bomb), Err(ReadFault::Limit(_))));
}

proptest! {
    #[test]
    fn a_changed_list_is_read_or_refused(changes in prop::collection::vec((0_usize..400, any::<u8>()), 1..5)) {
        let mut list = packed(LIST.as_bytes());
        for (at, value) in changes {
            let at = at % list.len();
            list[at] = value;
        }
        let _ = read_section(&list);
    }
}
