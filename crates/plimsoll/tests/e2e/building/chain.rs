use std::io::Read as _;
use std::path::Path;

use plimsoll_testkit::{find_peer, left_out};
use serde_json::Value;

use super::yard::Yard;

const SECRET: &str = "keelhaul-4711-barnacle";

/// A stage that compiles, one that nobody needs, and one that ships.
const DOCKERFILE: &str = "# escape=\\\nARG BASE\nFROM $BASE AS build\nWORKDIR /src\nCOPY hello.c .\n\
    RUN --mount=type=cache,target=/root/.cache --mount=type=secret,id=token \
    test -s /run/secrets/token && cat /run/secrets/token && touch /root/.cache/warm && tcc -nostdlib -static -o /hello hello.c\n\
    FROM $BASE AS unused\nRUN exit 1\n\
    FROM scratch\nCOPY --from=build /hello /hello\nUSER 65532:65532\nENTRYPOINT [\"/hello\"]\n";

/// It needs no library, so that it runs alone.
const PROGRAM: &str = r#"
static long call(long number, long first, long second, long third) {
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(first), "S"(second), "d"(third) : "rcx", "r11", "memory");
    return result;
}
void _start(void) {
    call(1, 1, (long)"ahoy\n", 5);
    call(60, 0, 0, 0);
}
"#;

#[test]
fn three_stages_become_a_signed_image_that_others_verify() {
    if !cfg!(target_arch = "x86_64") {
        return left_out("the program that is compiled speaks x86-64");
    }
    let yard = Yard::new();
    let Some(base) = yard.base() else { return };
    yard.file("app/Dockerfile", DOCKERFILE.as_bytes());
    yard.file("app/hello.c", PROGRAM.as_bytes());
    yard.file("token", SECRET.as_bytes());
    let name = yard.name("team/app:1");
    let base_argument = format!("BASE={base}");
    let build = |tag: &str, digest_file: &str, more: &[&str]| {
        let always = [
            "build",
            "app",
            "-t",
            tag,
            "--key",
            "release.key",
            "--build-arg",
            &base_argument,
            "--secret",
            "id=token,src=token",
            "--digest-file",
            digest_file,
            "--metadata-file",
            "metadata.json",
            "--summary",
            "summary.md",
        ];
        yard.run(&[&always[..], more].concat()).well()
    };
    let first = build(&name, "first", &[]);
    assert!(first.stderr.contains("***"), "{}", first.stderr);
    let digest = std::fs::read_to_string(yard.path().join("first")).unwrap();

    // Again, in another cache and to another place: the same image.
    let second = build("oci:out:1", "second", &["--cache-dir", "elsewhere"]);
    assert_eq!(std::fs::read_to_string(yard.path().join("second")).unwrap(), digest);

    // What is in it runs.
    let program = yard.path().join("unpacked");
    std::fs::write(&program, unpacked(&yard.path().join("out")).remove("hello").unwrap()).unwrap();
    make_executable(&program);
    assert_eq!(run(&program), "ahoy\n");

    // Others verify it, by the tag and by the digest.
    verified_by_others(&yard, &name, &digest);

    // Who built it, from what, is said.
    let got = yard.run(&["evidence", "ls", &name, "-o", "json"]).well().stdout;
    for kind in ["test-result", "cyclonedx", "provenance", "signature"] {
        assert!(got.contains(kind), "{kind}: {got}");
    }
    let base_digest = yard.run(&["inspect", &base, "-o", "json"]).well();
    let base_digest: Value = serde_json::from_str(&base_digest.stdout).unwrap();
    let base_digest = base_digest["digest"].as_str().unwrap().trim_start_matches("sha256:").to_owned();
    let metadata: Value =
        serde_json::from_slice(&std::fs::read(yard.path().join("metadata.json")).unwrap()).unwrap();
    assert_eq!(metadata["containerimage.digest"], Value::String(digest));

    // The secret is nowhere: in no output, no file that CI reads, and no blob of the registry or the layout, unpacked.
    let mut places = vec![first.stderr, first.stdout, second.stderr, second.stdout];
    places.push(std::fs::read_to_string(yard.path().join("summary.md")).unwrap());
    let mut seen = Seen { found: 0, blobs: 0, names_base: false, base: base_digest };
    for text in &places {
        seen.look(text.as_bytes());
    }
    for place in ["registry", "out", ".cache/plimsoll/build/blobs", ".cache/plimsoll/build/layers"] {
        seen.walk(&yard.path().join(place));
    }
    assert_eq!(seen.found, 0);
    assert!(seen.blobs > 10, "{} blobs", seen.blobs);
    assert!(seen.names_base, "the provenance names the base by its digest");
}

fn verified_by_others(yard: &Yard, name: &str, digest: &str) {
    yard.run(&["verify", "--key", "release.pub", name]).well();
    if let Some(cosign) = find_peer("cosign") {
        let repository = name.rsplit_once(':').unwrap().0;
        for image in [name.to_owned(), format!("{repository}@{digest}")] {
            let arguments = ["verify", "--key", "release.pub", "--insecure-ignore-tlog", &image];
            let verified = cosign
                .command()
                .args(arguments)
                .current_dir(yard.path())
                .env("HOME", yard.path())
                .output()
                .unwrap();
            assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
        }
        let attested = [
            "verify-attestation",
            "--key",
            "release.pub",
            "--type",
            "slsaprovenance1",
            "--insecure-ignore-tlog",
            name,
        ];
        let verified = cosign
            .command()
            .args(attested)
            .current_dir(yard.path())
            .env("HOME", yard.path())
            .output()
            .unwrap();
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    }
}

#[test]
fn gates_stop_a_build_before_anything_is_pushed() {
    let yard = Yard::new();
    yard.file("app/Dockerfile", b"FROM scratch\nENV TOKEN=x\nCOPY . /\n");
    let name = yard.name("team/gated:1");
    let refused = yard.run(&["build", "app", "-t", &name, "--lint-fail-on", "note"]);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert!(refused.stderr.contains("in the Dockerfile are of severity note or above"), "{}", refused.stderr);
    let unknown =
        yard.run(&["build", "app", "-t", &name, "--fail-on", "critical", "--summary", "summary.md"]);
    assert_eq!(unknown.code, Some(3), "{}", unknown.stderr);
    let summary = std::fs::read_to_string(yard.path().join("summary.md")).unwrap();
    assert!(summary.contains("**Failed:**"), "{summary}");
    assert_eq!(yard.tags("team/gated"), Vec::<String>::new());
    // Who asks for no gate is told what was not judged, and what is not signed.
    let built = yard.run(&["build", "app", "-t", &name, "-o", "json"]).well();
    let report: Value = serde_json::from_str(&built.stdout).unwrap();
    let scan = report["steps"].as_array().unwrap().iter().find(|step| step["name"] == "scan").unwrap();
    assert_eq!(scan["state"], "not-evaluated");
    assert!(built.stderr.contains("nothing is signed"), "{}", built.stderr);
    assert_eq!(yard.tags("team/gated"), ["1"]);
}

#[test]
fn wrong_words_and_files_are_told_with_what_to_do() {
    let yard = Yard::new();
    yard.file("app/Dockerfile", b"FROM scratch\nCOPY nothing /\n");
    for (arguments, code, expected) in [
        (&["build", "missing"][..], 2, "the context is no directory"),
        (&["build", "app"], 2, "Dockerfile:2: COPY nothing /"),
        (&["build", "app", "--target", "no"], 2, "no stage `no`"),
        (&["build", "app", "--secret", "src=x"], 2, "it has no id"),
        (&["build", "app", "--build-context", "a=https://example.com"], 2, "is fetched by nobody"),
        (&["build", "app", "--key", "missing.key"], 2, "cannot read the key"),
    ] {
        let ended = yard.run(arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(expected), "{arguments:?}: {}", ended.stderr);
    }
}

/// Looks for the secret, and for what should be there.
struct Seen {
    found: usize,
    blobs: usize,
    names_base: bool,
    base: String,
}

impl Seen {
    fn walk(&mut self, path: &Path) {
        let Ok(entries) = std::fs::read_dir(path) else { return };
        for entry in entries.map(Result::unwrap) {
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                self.walk(&entry.path());
            } else if kind.is_file() {
                self.blobs += 1;
                self.look(&std::fs::read(entry.path()).unwrap());
            }
        }
    }

    fn look(&mut self, bytes: &[u8]) {
        use base64::Engine as _;
        let mut plain = Vec::new();
        if bytes.starts_with(&[0x1f, 0x8b]) {
            // What is no whole archive is looked at as far as it goes.
            let _ = flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut plain);
        }
        // Statements lie in envelopes as base64.
        let envelope: Option<Value> = serde_json::from_slice(bytes).ok();
        let payload = envelope.as_ref().and_then(|envelope| envelope["dsseEnvelope"]["payload"].as_str());
        let payload = payload.map(|text| base64::engine::general_purpose::STANDARD.decode(text).unwrap());
        for content in [Some(bytes), Some(&plain), payload.as_deref()].into_iter().flatten() {
            self.found += usize::from(holds(content, SECRET));
            self.names_base |= holds(content, "slsa.dev/provenance") && holds(content, &self.base);
        }
    }
}

fn holds(content: &[u8], text: &str) -> bool {
    content.windows(text.len()).any(|window| window == text.as_bytes())
}

/// The files of all layers in a layout, by their paths.
fn unpacked(layout: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut files = std::collections::BTreeMap::new();
    for blob in std::fs::read_dir(layout.join("blobs/sha256")).unwrap() {
        let bytes = std::fs::read(blob.unwrap().path()).unwrap();
        if !bytes.starts_with(&[0x1f, 0x8b]) {
            continue;
        }
        let mut archive = tar::Archive::new(flate2::read::MultiGzDecoder::new(&*bytes));
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            files.insert(entry.path().unwrap().display().to_string(), content);
        }
    }
    files
}

fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "the program was built by the test")]
fn run(program: &Path) -> String {
    String::from_utf8(std::process::Command::new(program).output().unwrap().stdout).unwrap()
}
