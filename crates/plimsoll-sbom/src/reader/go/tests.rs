use std::path::Path;
use std::process::Stdio;
use std::sync::OnceLock;

use plimsoll_peers::{find_peer, left_out};

use super::super::tests::read;
use super::*;
use crate::symbol::{NOTHING_LINKED, package_hash, symbol_hash};
use crate::{Component, Kinship};

const SSH: &str = "golang.org/x/crypto/ssh";

/// A program of two modules. Of the other module it imports one package of two, and calls some of its functions.
const SOURCES: [(&str, &str); 7] = [
    ("go.mod", "module example.com/app\n\ngo 1.21\n\nrequire golang.org/x/crypto v0.21.0\n"),
    ("main.go", include_str!("tests/main.go.txt")),
    ("constants.go", include_str!("tests/constants.go.txt")),
    (
        "vendor/modules.txt",
        "# golang.org/x/crypto v0.21.0\n## explicit; go 1.21\ngolang.org/x/crypto/openpgp\n\
     golang.org/x/crypto/ssh\ngolang.org/x/crypto/ssh/yaml.v3\n",
    ),
    ("vendor/golang.org/x/crypto/ssh/ssh.go", include_str!("tests/ssh.go.txt")),
    (
        "vendor/golang.org/x/crypto/ssh/yaml.v3/yaml.go",
        "package yaml\n\n//go:noinline\nfunc Load() int { return 1 }\n",
    ),
    ("vendor/golang.org/x/crypto/openpgp/openpgp.go", "package openpgp\n\nfunc Decrypt() int { return 1 }\n"),
];

/// The program as it is built for most images. Its bytes are what most tests begin with.
fn plain() -> Option<Vec<u8>> {
    static PLAIN: OnceLock<Option<Vec<u8>>> = OnceLock::new();
    PLAIN.get_or_init(|| built(&["-ldflags=-s -w", "-trimpath"], "amd64")).clone()
}

/// The program, built with these arguments and for this architecture; none where Go is not at hand.
fn built(arguments: &[&str], architecture: &str) -> Option<Vec<u8>> {
    let go = find_peer("go")?;
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in SOURCES {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let output = go
        .command()
        .current_dir(folder.path())
        .args(["build", "-mod=vendor", "-o", "app"])
        .args(arguments)
        .envs([("GOOS", "linux"), ("GOARCH", architecture), ("CGO_ENABLED", "0"), ("GOWORK", "off")])
        .envs([("GOPROXY", "off"), ("GOTOOLCHAIN", "local"), ("GOFLAGS", "")])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(std::fs::read(folder.path().join("app")).unwrap())
}

fn component(facts: &Facts, name: &str) -> Component {
    facts
        .components
        .iter()
        .find(|component| component.full_name() == name)
        .unwrap_or_else(|| panic!("{facts:?}"))
        .clone()
}

fn has(component: &Component, package: &str, symbol: &str) -> bool {
    component.symbols.binary_search(&symbol_hash(package, symbol)).is_ok()
}

/// What is true of the program, however it was built.
fn assert_read_in_full(file: &[u8]) {
    let facts = read("usr/bin/app", file).unwrap();
    assert_eq!(facts.notes, []);
    assert_eq!(facts.components.len(), 3, "{:?}", facts.components);

    let app = component(&facts, "example.com/app");
    assert_eq!(app.kinship, Kinship::Installed);
    assert!(has(&app, "example.com/app", "main"));

    let crypto = component(&facts, "golang.org/x/crypto");
    assert_eq!((crypto.version.as_str(), crypto.kinship), ("v0.21.0", Kinship::Embedded));
    for symbol in ["Client.Dial", "Address.Network", "Inlined", "Sum", "Set.Add", "Later"] {
        assert!(has(&crypto, SSH, symbol), "{symbol}");
    }
    for symbol in ["Client.Unused", "Unused"] {
        assert!(!has(&crypto, SSH, symbol), "{symbol}");
    }
    assert!(has(&crypto, "golang.org/x/crypto/ssh/yaml.v3", "Load"));
    assert!(crypto.symbols.binary_search(&package_hash(SSH)).is_ok());
    assert!(crypto.symbols.binary_search(&package_hash("golang.org/x/crypto/openpgp")).is_err());

    let library = component(&facts, "stdlib");
    assert!(library.version.starts_with("1."), "{}", library.version);
    assert!(has(&library, "runtime", "mallocgc"));
    assert!(!has(&library, "net/http", "Client.Do"));
}

#[test]
fn modules_and_linked_functions_are_read() {
    let Some(file) = built(&[], "amd64") else { return };
    assert_read_in_full(&file);
}

#[test]
fn a_stripped_program_tells_as_much() {
    let Some(file) = plain() else { return };
    assert_read_in_full(&file);
}

#[test]
fn a_program_without_a_section_table_tells_as_much() {
    let Some(mut file) = plain() else { return };
    file[40..48].fill(0);
    file[58..64].fill(0);
    assert_read_in_full(&file);
}

#[test]
fn a_program_that_may_lie_anywhere_tells_as_much() {
    let Some(file) = built(&["-buildmode=pie"], "amd64") else { return };
    assert_read_in_full(&file);
}

#[test]
fn a_program_of_32_bits_tells_as_much() {
    let Some(file) = built(&[], "386") else { return };
    assert_read_in_full(&file);
}

#[test]
fn a_program_for_a_big_endian_machine_tells_as_much() {
    let Some(file) = built(&[], "s390x") else { return };
    assert_read_in_full(&file);
}

#[test]
fn without_its_function_table_a_program_still_tells_its_modules() {
    let Some(mut file) = plain() else { return };
    // Go 1.20 changed the table and its magic; Debian's Go is older.
    let magics = [[0xf1, 0xff, 0xff, 0xff, 0, 0], [0xf0, 0xff, 0xff, 0xff, 0, 0]];
    let table = magics.iter().find_map(|magic| memchr::memmem::find(&file, magic)).unwrap();
    file[table] = 0;
    let facts = read("usr/bin/app", &file).unwrap();
    assert_eq!(facts.notes, [Note::new(NO_FUNCTIONS)]);
    assert!(component(&facts, "golang.org/x/crypto").symbols.is_empty());
}

#[test]
fn names_that_are_not_what_they_seem_are_not_believed() {
    let Some(mut file) = plain() else { return };
    let places: Vec<usize> = memchr::memmem::find_iter(&file, b"runtime.").collect();
    for at in places {
        file[at] = b'x';
    }
    let facts = read("usr/bin/app", &file).unwrap();
    assert_eq!(facts.notes, [Note::new(NO_FUNCTIONS)]);
}

#[test]
fn a_module_whose_functions_were_all_dropped_is_told_from_one_not_known() {
    let Some(file) = built(&["-tags=constants"], "amd64") else { return };
    let crypto = component(&read("usr/bin/app", &file).unwrap(), "golang.org/x/crypto");
    assert_eq!(crypto.symbols, [NOTHING_LINKED]);
}

/// The release carries a program that Go 1.17 built: pointers to its strings, and an older function table.
#[test]
fn a_program_of_go_1_17_is_read() {
    let Some(root) = go_root() else { return };
    let path = Path::new(&root).join("src/debug/buildinfo/testdata/go117/go117.base64");
    let Ok(text) = std::fs::read(path) else {
        left_out("this release of Go carries no program of Go 1.17");
        return;
    };
    let facts = read("usr/bin/go117", &from_base64(&text)).unwrap();
    assert_eq!(facts.notes, []);
    assert_eq!(component(&facts, "example.com/go117").version, "(devel)");
    let library = component(&facts, "stdlib");
    assert_eq!(library.version, "1.17.0");
    assert!(has(&library, "runtime", "mallocgc"));
    // It has no code of its own: every caller has a copy.
    assert!(has(&library, "runtime", "waitq.dequeue"));
}

fn go_root() -> Option<String> {
    let output = find_peer("go")?.command().args(["env", "GOROOT"]).stdin(Stdio::null()).output().unwrap();
    Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

fn from_base64(text: &[u8]) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits: Vec<u32> = text
        .iter()
        .filter_map(|byte| (0..).zip(alphabet).find(|(_, digit)| *digit == byte))
        .map(|(at, _)| at)
        .collect();
    let groups = digits
        .chunks(4)
        .map(|group| group.iter().fold(0, |value, digit| value << 6 | digit) << (6 * (4 - group.len())));
    groups.flat_map(|value| value.to_be_bytes()[1..].to_vec()).collect()
}

#[test]
fn a_program_of_another_language_tells_nothing() {
    let file = elf::tests::program(elf::Layout { wide: true, big_endian: false }, &[(".text", &[0xc3; 64])]);
    assert!(
        (READER.read)(&mut File {
            path: "usr/bin/app",
            size_bytes: file.len() as u64,
            content: &mut std::io::Cursor::new(&file),
        })
        .unwrap()
        .is_empty()
    );
}
