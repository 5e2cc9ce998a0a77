use std::io::{BufRead as _, BufReader, Cursor, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use plimsoll_oci::Digest;

use crate::scanning::ADVISORIES;
use crate::{Outcome, run_in};

/// A web server with one archive, which breaks off the first answer in the middle.
struct Mirror {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

/// What the server says of the archive.
#[derive(Clone, Copy, PartialEq)]
enum Says {
    ItsChecksum,
    AnotherChecksum,
    NothingIsHere,
}

impl Mirror {
    fn start(says: Says) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&requests);
        let archive = archive();
        // It ends with the test's process.
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let Some(request) = read_request(&connection) else { continue };
                let is_first = seen.lock().unwrap().is_empty();
                seen.lock().unwrap().push(request.clone());
                let _ = connection.write_all(&answer(&request, &archive, says, is_first));
            }
        });
        Self { address, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// The head of a request, in lower case.
fn read_request(connection: &TcpStream) -> Option<String> {
    let mut head = String::new();
    for line in BufReader::new(connection).lines() {
        let line = line.ok()?.to_ascii_lowercase();
        if line.is_empty() {
            return Some(head);
        }
        head.push_str(&line);
        head.push('\n');
    }
    None
}

fn header<'r>(request: &'r str, name: &str) -> Option<&'r str> {
    request.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn answer(request: &str, archive: &[u8], says: Says, is_first: bool) -> Vec<u8> {
    const TAG: &str = "\"v1\"";
    if says == Says::NothingIsHere || !request.starts_with("get /pypi/all.zip ") {
        return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec();
    }
    if header(request, "if-none-match") == Some(TAG) {
        return b"HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\nConnection: close\r\n\r\n".to_vec();
    }
    let start = header(request, "range")
        .filter(|_| header(request, "if-range") == Some(TAG))
        .map(|range| range.trim_start_matches("bytes=").trim_end_matches('-').parse::<usize>().unwrap());
    let rest = &archive[start.unwrap_or(0)..];
    let status = match start {
        Some(start) => {
            let last = archive.len() - 1;
            format!("206 Partial Content\r\nContent-Range: bytes {start}-{last}/{}", archive.len())
        }
        None => "200 OK".to_owned(),
    };
    let hashed: &[u8] = if says == Says::AnotherChecksum { b"something else" } else { archive };
    let digest = sha256_in_base64(hashed);
    let head = format!(
        "HTTP/1.1 {status}\r\nETag: {TAG}\r\nRepr-Digest: sha-256=:{digest}:\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        rest.len()
    );
    let sent = if is_first { &rest[..rest.len() / 2] } else { rest };
    [head.as_bytes(), sent].concat()
}

fn sha256_in_base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    let hex = Digest::sha256_of(bytes).encoded().to_string();
    let raw: Vec<u8> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    base64::engine::general_purpose::STANDARD.encode(raw)
}

/// The records of the tests as OSV's archives have them, with some that make it large.
fn archive() -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (number, record) in ADVISORIES.lines().enumerate() {
        zip.start_file(format!("{number}.json"), stored).unwrap();
        zip.write_all(record.as_bytes()).unwrap();
    }
    let filler = format!(
        r#"{{"id":"PYSEC-X","modified":"2026-01-01T00:00:00Z","details":"{}"}}"#,
        "x".repeat(300_000)
    );
    zip.start_file("filler.json", stored).unwrap();
    zip.write_all(filler.as_bytes()).unwrap();
    zip.finish().unwrap().into_inner()
}

fn update(directory: &Path, mirrors: &[&Mirror], ecosystem: &str) -> Outcome {
    let mut arguments = vec!["db", "update", "--db", "db", "--ecosystem", ecosystem];
    for mirror in mirrors {
        arguments.extend(["--mirror", &mirror.address]);
    }
    run_in(directory, &[], &arguments)
}

#[test]
fn a_download_goes_on_where_it_broke_and_what_is_unchanged_is_not_fetched_again() {
    let scratch = tempfile::tempdir().unwrap();
    let (empty, mirror) = (Mirror::start(Says::NothingIsHere), Mirror::start(Says::ItsChecksum));
    let first = update(scratch.path(), &[&empty, &mirror], "PyPI");
    assert_eq!(first.code, 0, "{}", first.stderr);
    assert_eq!(empty.requests().len(), 1, "what is not there is not asked for again");
    let requests = mirror.requests();
    assert_eq!(requests.len(), 2, "{requests:?}");
    assert!(header(&requests[1], "range").is_some(), "{}", requests[1]);
    assert!(first.stderr.contains("were there before"), "{}", first.stderr);
    let status = || run_in(scratch.path(), &[], &["db", "status", "--db", "db", "-o", "json"]).json();
    let first_status = status();
    assert_eq!(first_status["records"], 3);
    assert_eq!(first_status["shards"][0]["ageDays"], 0, "it is as fresh as the download");

    // As if it had been downloaded a while ago: that it is unchanged makes it fresh again.
    let downloaded_long_ago = r#"{"PyPI.zip": {"time": "2020-01-01T00:00:00Z"}}"#;
    std::fs::write(scratch.path().join("db/sources.json"), downloaded_long_ago).unwrap();
    let mirrors = [("PLIMSOLL_ADVISORIES_MIRRORS", mirror.address.as_str())];
    let again = run_in(scratch.path(), &mirrors, &["db", "update", "--db", "db", "--ecosystem", "PyPI"]);
    assert_eq!(status()["digest"], first_status["digest"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert!(again.stderr.contains("PyPI: unchanged"), "{}", again.stderr);
    assert_eq!(header(mirror.requests().last().unwrap(), "if-none-match"), Some("\"v1\""));
}

#[test]
fn an_archive_with_another_check_sum_changes_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let mirror = Mirror::start(Says::AnotherChecksum);
    let failed = update(scratch.path(), &[&mirror], "PyPI");
    assert_eq!(failed.code, 3, "{}", failed.stderr);
    assert!(failed.stderr.contains("another check sum"), "{}", failed.stderr);
    assert_eq!(run_in(scratch.path(), &[], &["db", "status", "--db", "db"]).code, 3);
}

#[test]
fn what_no_mirror_has_is_told() {
    let scratch = tempfile::tempdir().unwrap();
    let mirror = Mirror::start(Says::NothingIsHere);
    let failed = update(scratch.path(), &[&mirror], "Debian");
    assert_eq!(failed.code, 3, "{}", failed.stderr);
    assert!(failed.last_line().contains("the advisories of Debian are not updated"), "{}", failed.stderr);
    assert_eq!(update(scratch.path(), &[&mirror], "../etc").code, 2);
}
