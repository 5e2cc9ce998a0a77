//! An image made smaller by the built program: a web server on a system of files that nobody needs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use plimsoll_testkit::find_peer;
use serde_json::Value;
use tempfile::TempDir;

use crate::PLIMSOLL;

/// Asks the container for a page by the machine's own means.
const FETCH: &str = "exec 3<>/dev/tcp/${PLIMSOLL_TARGET%:*}/${PLIMSOLL_TARGET#*:}\n\
    printf 'GET %s HTTP/1.0\\r\\n\\r\\n' \"$1\" >&3\ncat <&3\n";

/// A web server, its pages, and much besides.
struct Yard {
    directory: TempDir,
}

impl Yard {
    fn open() -> Option<Self> {
        let busybox = find_peer("busybox")?;
        let yard = Self { directory: tempfile::tempdir().unwrap() };
        fs::write(yard.directory.path().join("fetch"), FETCH).unwrap();
        yard.copy(busybox.path(), "usr/bin/busybox");
        for library in libraries(busybox.path()) {
            yard.copy(Path::new(&library), library.trim_start_matches('/'));
        }
        yard.put("srv/www/index.html", "afloat");
        yard.put("srv/www/other.html", "never asked for");
        yard.put("usr/share/site/index.html", "shared");
        yard.put("usr/share/site/other.html", "asked for once");
        yard.put("usr/share/doc/ballast", &"stone ".repeat(100_000));
        yard.put("etc/passwd", "root:x:0:0::/root:/bin/sh\nwww:x:33:33::/:/bin/sh\n");
        yard.put("usr/bin/su", "runs as root");
        let su = fs::Permissions::from_mode(0o4755);
        fs::set_permissions(yard.root().join("usr/bin/su"), su).unwrap();
        Some(yard)
    }

    fn root(&self) -> std::path::PathBuf {
        self.directory.path().join("root")
    }

    fn put(&self, path: &str, content: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn copy(&self, from: &Path, to: &str) {
        let to = self.root().join(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    }

    /// What was unpacked and is still there.
    fn left_over(&self) -> usize {
        fs::read_dir(self.directory.path().join("workshop")).unwrap().count()
    }

    /// Makes `image` smaller, with its results in a directory of that name.
    fn slim(&self, image: &str, out: &str, pages: &str, test: &str) -> Output {
        let server = format!("/usr/bin/busybox httpd -f -p 8080 -h {pages}");
        let words = ["slim", image, "--command", &server, "--port", "8080", "--test", test, "--out", out];
        self.plimsoll(&[&words[..], &["-o", "json"]].concat())
    }

    #[expect(clippy::disallowed_methods, reason = "the tests run the built program")]
    fn plimsoll(&self, words: &[&str]) -> Output {
        let workshop = self.directory.path().join("workshop");
        fs::create_dir_all(&workshop).unwrap();
        // The image's users reach their files through it.
        for directory in [self.directory.path(), &workshop] {
            fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let mut command = Command::new(PLIMSOLL);
        command.args(words).current_dir(self.directory.path()).env("TMPDIR", &workshop).output().unwrap()
    }

    fn lock(&self, out: &str) -> Value {
        let text = fs::read(self.directory.path().join(out).join("plimsoll.lock")).unwrap();
        serde_json::from_slice(&text).unwrap()
    }
}

#[expect(clippy::disallowed_methods, reason = "the machine's loader tells what its program needs")]
fn libraries(program: &Path) -> Vec<String> {
    let output = Command::new("ldd").arg(program).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')))
        .map(str::to_owned)
        .collect()
}

#[track_caller]
fn passed(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_server_keeps_what_it_needs_with_all_its_pages_and_the_image_is_the_same_each_time() {
    let Some(yard) = Yard::open() else { return };
    let test = "bash fetch /index.html | grep -q afloat";
    let first = passed(&yard.slim("rootfs:root", "first", "/srv/www", test));
    let second = passed(&yard.slim("rootfs:root", "second", "/srv/www", test));
    assert_eq!(yard.left_over(), 0);
    assert_eq!(first["smallerDigest"], second["smallerDigest"]);
    assert_ne!(first["smallerDigest"], first["imageDigest"]);
    let lock = yard.lock("first");
    for (path, reason) in [
        ("/usr/bin/busybox", "entrypoint:"),
        ("/srv/www/index.html", "traced:open"),
        ("/srv/www/other.html", "application:"),
        ("/etc/passwd", "system"),
    ] {
        let reasons = lock["kept"][path].to_string();
        assert!(reasons.contains(reason), "{path}: {reasons}");
    }
    for path in ["/usr/bin/su", "/usr/share/doc/ballast", "/usr/share/site/index.html"] {
        assert!(lock["removed"][path].is_string(), "{path}: {}", lock["removed"]);
    }
    let allowed = fs::read_to_string(yard.directory.path().join("first/seccomp.json")).unwrap();
    assert!(allowed.contains("\"listen\"") && !allowed.contains("\"ptrace\""), "{allowed}");

    // The smaller image is an image: another test, which no trace saw, passes on it.
    let other = "bash fetch /other.html | grep -q never";
    passed(&yard.slim("oci:first/image", "third", "/srv/www", other));
    let why = yard.plimsoll(&["slim", "explain", "/usr/bin/su", "--lock", "first/plimsoll.lock"]);
    assert!(String::from_utf8_lossy(&why.stdout).contains("--keep /usr/bin/su"), "{}", said(&why));
}

#[test]
fn a_file_that_is_asked_for_later_is_named_and_nothing_is_written() {
    let Some(yard) = Yard::open() else { return };
    // The first run asks for one page, and the next for another.
    let test = "if mkdir again; then bash fetch /index.html; else bash fetch /other.html; fi | grep -q -e shared -e once";
    let output = yard.slim("rootfs:root", "out", "/usr/share/site", test);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("--keep /usr/share/site/other.html"), "{}", said(&output));
    assert!(!yard.directory.path().join("out").exists());
}

#[test]
fn a_test_that_fails_on_the_image_itself_judges_nothing() {
    let Some(yard) = Yard::open() else { return };
    let output = yard.slim("rootfs:root", "out", "/srv/www", "echo run aground; false");
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("run aground"), "{}", said(&output));
    assert!(!yard.directory.path().join("out").exists());
}

#[test]
fn a_server_that_does_not_start_says_why() {
    let Some(yard) = Yard::open() else { return };
    let words =
        ["slim", "rootfs:root", "--command", "/usr/bin/busybox nothing", "--port", "1", "--test", "true"];
    let output = yard.plimsoll(&words);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("applet not found"), "{}", said(&output));
}

#[test]
fn the_container_sees_neither_the_machine_nor_its_network() {
    let Some(yard) = Yard::open() else { return };
    let secret = yard.directory.path().join("secret");
    fs::write(&secret, "of the machine").unwrap();
    yard.put(
        "usr/bin/look",
        "#!/usr/bin/busybox sh\nbusybox test ! -e /SECRET || busybox httpd -f -p 1\n\
         busybox ip link | busybox grep -q eth && exit 1\nbusybox kill -9 1\nexec busybox httpd -f -p 8080 -h /srv/www\n",
    );
    let look = yard.root().join("usr/bin/look");
    let text = fs::read_to_string(&look)
        .unwrap()
        .replace("SECRET", secret.to_str().unwrap().trim_start_matches('/'));
    fs::write(&look, text).unwrap();
    fs::set_permissions(&look, fs::Permissions::from_mode(0o755)).unwrap();
    let test = "bash fetch /index.html | grep -q afloat";
    let words =
        ["slim", "rootfs:root", "--command", "look", "--port", "8080", "--test", test, "--start-time", "20"];
    let output = yard.plimsoll(&words);
    assert!(output.status.success(), "{}", said(&output));
}
