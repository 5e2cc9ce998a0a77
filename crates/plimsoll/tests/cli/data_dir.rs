use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plimsoll_testkit::{ServerCommand, ServerProcess};
use tempfile::TempDir;

use crate::image_layout::{self, Layer};
use crate::{Outcome, run_in};

/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// The layers of the image that the tests keep.
pub(crate) const LAYERS: &[Layer<'_>] = &[
    Layer {
        instruction: "ADD rootfs.tar /",
        files: &[("etc/motd", b"welcome"), ("usr/lib/big", &[7; 200_000])],
    },
    Layer { instruction: "COPY app /app", files: &[("app", b"#!/bin/sh\necho hello\n")] },
];

/// A directory with a server's data in `data`, and room for other files.
pub(crate) struct DataDir {
    room: TempDir,
}

impl DataDir {
    /// An empty room.
    pub(crate) fn none() -> Self {
        Self { room: tempfile::tempdir().unwrap() }
    }

    /// A room with an image imported as `team/app:1`.
    pub(crate) fn with_image() -> Self {
        let here = Self::none();
        image_layout::write(&here.path("image"), LAYERS, |_| {});
        let imported = here.run(&["import", "oci:image:1", "team/app:1"]);
        assert_eq!(imported.code, 0, "{}", imported.stderr);
        here
    }

    /// A file in the room.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.room.path().join(name)
    }

    /// Runs the program on the data.
    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        run_in(self.room.path(), &[("USER", "tester")], &[arguments, &["--data-dir", "data"]].concat())
    }

    /// Runs the program on the data with something on standard input.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &[u8]) -> Output {
        run_with_input(self.room.path(), &[arguments, &["--data-dir", "data"]].concat(), input)
    }

    /// Makes the user `admin`, who may do everything, and returns the password.
    pub(crate) fn add_admin(&self) -> String {
        let added = self.run(&["user", "add", "admin", "--admin"]);
        assert_eq!(added.code, 0, "{}", added.stderr);
        added.stdout.trim_end().to_owned()
    }

    /// Starts a server on the data.
    pub(crate) fn serve(&self) -> Served {
        self.serve_with(&[])
    }

    /// Starts a server on the data with some settings.
    pub(crate) fn serve_with(&self, settings: &[&str]) -> Served {
        let command = ServerCommand::new(env!("CARGO_BIN_EXE_plimsoll"), &self.path("data"));
        let command = settings.iter().fold(command, |command, setting| command.set(*setting));
        Served(command.start())
    }

    /// The largest of the objects that hold blobs.
    pub(crate) fn largest_object(&self) -> PathBuf {
        let mut files = files_below(&self.path("data/objects/blobs"));
        files.sort_by_key(|file| fs::metadata(file).unwrap().len());
        files.pop().expect("there are objects")
    }
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

#[expect(clippy::disallowed_methods, reason = "the tests run the built program")]
pub(crate) fn run_with_input(directory: &Path, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program was built");
    // A program that refuses to read closes the pipe.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    child.wait_with_output().expect("the program ends")
}

/// A server that runs.
pub(crate) struct Served(ServerProcess);

/// An answer of a server.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Served {
    /// Its host and port.
    pub(crate) fn host(&self) -> &str {
        self.0.host()
    }

    /// Waits until it has written something to standard error.
    pub(crate) fn wait_for_log(&self, text: &str) {
        let started = Instant::now();
        while !self.0.log().contains(text) {
            assert!(started.elapsed() < ANSWER_MAX, "{}", self.0.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Asks it to stop, as an init system does.
    pub(crate) fn ask_to_stop(&self) {
        self.0.ask_to_stop();
    }

    /// What it wrote to standard error until it ended.
    pub(crate) fn log_to_end(mut self) -> String {
        assert!(self.0.wait(ANSWER_MAX).success());
        self.0.log_to_end()
    }

    /// Fetches a path with an `Authorization` header, or without one if that is empty.
    pub(crate) fn get(&self, path: &str, authorization: &str) -> Answer {
        self.send("GET", path, authorization, &[])
    }

    /// Sends a request, and reads the answer to its end.
    pub(crate) fn send(&self, method: &str, path: &str, authorization: &str, body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.0.host()).unwrap();
        stream.set_read_timeout(Some(ANSWER_MAX)).unwrap();
        let authorization = match authorization {
            "" => String::new(),
            value => format!("Authorization: {value}\r\n"),
        };
        let (host, length) = (self.0.host(), body.len());
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\
             Content-Type: application/octet-stream\r\nAccept: */*\r\n{authorization}\r\n"
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("a whole head");
        let body = answer.split_off(end + 4);
        let head = String::from_utf8(answer).unwrap();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Answer { status, head, body }
    }
}

/// The `Authorization` header of a name and password.
pub(crate) fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

/// The `Authorization` header of a token.
pub(crate) fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}
