//! nginx, Flask, Node.js and Redis of Debian, made smaller by one simple test each; then tests that no trace saw pass.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use plimsoll_testkit::{find_peer, passed_over};
use serde_json::Value;
use tempfile::TempDir;

use crate::PLIMSOLL;

/// Asks for one page, and prints the answer.
const FETCH: &str = "exec 3<>/dev/tcp/${PLIMSOLL_TARGET%:*}/${PLIMSOLL_TARGET#*:}\n\
    printf 'GET %s HTTP/1.0\\r\\n\\r\\n' \"$1\" >&3\ncat <&3\n";

/// Asks Redis whether it is there.
const PING: &str = "exec 3<>/dev/tcp/${PLIMSOLL_TARGET%:*}/${PLIMSOLL_TARGET#*:}\n\
    printf 'PING\\r\\n' >&3\nhead -c 5 <&3 | grep -q PONG\n";

const FLASK: &str = r#"from flask import Flask
app = Flask(__name__)

@app.get("/")
def index():
    return "afloat"

@app.get("/hidden")
def hidden():
    import codecs, decimal, hashlib, lzma, sqlite3, ssl, unittest, xml.etree.ElementTree, zoneinfo
    import requests
    assert ssl.create_default_context().get_ca_certs()
    assert zoneinfo.ZoneInfo("Asia/Tokyo").key == "Asia/Tokyo"
    assert codecs.encode("\u3042", "shift_jis") == b"\x82\xa0"
    assert sqlite3.connect(":memory:").execute("select 1").fetchone() == (1,)
    assert "example" in requests.Request("GET", "http://example.invalid/").prepare().url
    return "hidden things work"

app.run("0.0.0.0", 8000)
"#;

const NODE: &str = r"const assert = require('assert');
require('http').createServer((request, response) => {
  if (request.url !== '/hidden') return response.end('afloat');
  const zlib = require('zlib');
  assert(zlib.gunzipSync(zlib.gzipSync('x')).toString() === 'x');
  assert(require('tls').rootCertificates.length > 10);
  assert(new Date(0).toLocaleString('de-DE', { timeZone: 'Asia/Tokyo' }).includes('1970'));
  assert(new TextDecoder('shift_jis').decode(Uint8Array.from([0x82, 0xa0])) === '\u3042');
  assert(typeof fetch === 'function' && require('worker_threads') && require('http2'));
  response.end('hidden things work');
}).listen(8000);
process.on('SIGTERM', () => process.exit(0));
";

/// An application of Debian.
struct App<'a> {
    packages: &'a str,
    /// Files that are put beside the packages'.
    files: &'a [(&'a str, &'a str)],
    command: &'a str,
    port: &'a str,
    probes: &'a [&'a str],
    test: &'a str,
    /// What no trace saw.
    hidden_test: &'a str,
    times_smaller_min: f64,
}

impl App<'_> {
    /// Makes the image smaller, runs what is hidden on it, and looks at what is left.
    fn prove(&self) {
        let yard = tempfile::tempdir().unwrap();
        if !self.bootstrap(yard.path()) {
            return;
        }
        for (name, script) in [("fetch", FETCH), ("ping", PING)] {
            fs::write(yard.path().join(name), script).unwrap();
        }
        let report = self.slim(&yard, "rootfs:root", self.test, "out");
        let times = report["timesSmaller"].as_f64().unwrap();
        println!(
            "{}: {} -> {} bytes, {times} times",
            self.command, report["bytesBefore"], report["bytesAfter"]
        );
        assert!(times >= self.times_smaller_min, "{times} times smaller, {} wanted", self.times_smaller_min);
        self.slim(&yard, "oci:out/image", self.hidden_test, "hidden");
        nothing_to_attack_with(&yard.path().join("out/plimsoll.lock"));
    }

    #[expect(clippy::disallowed_methods, reason = "the tool that makes Debian systems")]
    fn bootstrap(&self, yard: &Path) -> bool {
        let Some(mmdebstrap) = find_peer("mmdebstrap") else { return false };
        let include = format!("--include=ca-certificates,tzdata,{}", self.packages);
        let root = yard.join("root");
        let made = Command::new(mmdebstrap.path())
            .args(["--quiet", "--variant=minbase", &include, "bookworm"])
            .arg(&root)
            .output()
            .unwrap();
        if !made.status.success() {
            passed_over(&format!("no Debian system: {}", String::from_utf8_lossy(&made.stderr)));
            return false;
        }
        for (path, content) in self.files {
            let path: PathBuf = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        true
    }

    #[expect(clippy::disallowed_methods, reason = "the tests run the built program")]
    fn slim(&self, yard: &TempDir, image: &str, test: &str, out: &str) -> Value {
        let mut command = Command::new(PLIMSOLL);
        command.args(["slim", image, "--command", self.command, "--port", self.port]);
        command.args(["--test", test, "--out", out, "-o", "json"]);
        for probe in self.probes {
            command.args(["--probe", probe]);
        }
        let output: Output = command.current_dir(yard.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// No shell, no package manager and no program that runs as another user is left.
fn nothing_to_attack_with(lock: &Path) {
    let lock: Value = serde_json::from_slice(&fs::read(lock).unwrap()).unwrap();
    let kept = lock["kept"].as_object().unwrap();
    for program in ["sh", "bash", "dash", "apt", "apt-get", "dpkg", "perl", "su", "mount", "passwd", "chsh"] {
        for directory in ["/bin", "/sbin", "/usr/bin", "/usr/sbin"] {
            let path = format!("{directory}/{program}");
            assert!(!kept.contains_key(&path), "{path} is kept: {}", kept[&path]);
        }
    }
}

#[test]
fn nginx_is_fourteen_times_smaller_and_serves_what_was_not_asked_for() {
    App {
        packages: "nginx",
        files: &[("var/www/html/hidden.svg", "<svg>hidden things work</svg>")],
        command: "nginx -g 'daemon off;'",
        port: "80",
        probes: &[],
        test: "bash fetch / | grep -q 'Welcome to nginx'",
        hidden_test: "bash fetch /hidden.svg | grep -q 'hidden things work'",
        times_smaller_min: 14.0,
    }
    .prove();
}

#[test]
fn flask_is_four_and_a_half_times_smaller_and_imports_what_was_not_imported() {
    App {
        packages: "python3-flask,python3-requests",
        files: &[("app/app.py", FLASK)],
        command: "python3 /app/app.py",
        port: "8000",
        probes: &[],
        test: "bash fetch / | grep -q afloat",
        hidden_test: "bash fetch /hidden | grep -q 'hidden things work'",
        times_smaller_min: 4.5,
    }
    .prove();
}

#[test]
fn node_is_two_and_a_half_times_smaller_and_knows_zones_and_codecs() {
    App {
        packages: "nodejs",
        files: &[("app/app.js", NODE)],
        command: "node /app/app.js",
        port: "8000",
        probes: &[],
        test: "bash fetch / | grep -q afloat",
        hidden_test: "bash fetch /hidden | grep -q 'hidden things work'",
        times_smaller_min: 2.6,
    }
    .prove();
}

#[test]
fn redis_is_eight_and_a_half_times_smaller_and_its_probe_works() {
    App {
        packages: "redis-server",
        files: &[],
        command: "redis-server --protected-mode no",
        port: "6379",
        probes: &["redis-cli ping"],
        test: "bash ping",
        hidden_test: "bash ping && bash ping",
        times_smaller_min: 8.5,
    }
    .prove();
}
