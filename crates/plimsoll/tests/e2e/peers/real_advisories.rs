use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use plimsoll_testkit::left_out;
use serde_json::Value;

use super::Shore;
use super::bounded::run;

/// The advisories of the distributions, languages and programs that the images of these tests have, and what is exploited.
const SOURCES: [&str; 8] = ["bitnami", "crates", "debian", "go", "kev", "maven-ghsa", "npm", "pypi"];

/// Real advisories, compiled once for all tests.
pub(super) struct RealAdvisories {
    directory: PathBuf,
    /// Keeps another run from compiling them anew in the meantime.
    _lock: File,
}

impl RealAdvisories {
    /// The advisories, where they are at hand.
    pub(super) fn found() -> Option<&'static Self> {
        static FOUND: OnceLock<Option<RealAdvisories>> = OnceLock::new();
        FOUND.get_or_init(Self::compile).as_ref()
    }

    fn compile() -> Option<Self> {
        if !records().exists() {
            left_out(&format!("no advisories in {}", records().display()));
            return None;
        }
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("real-advisories");
        fs::create_dir_all(&directory).unwrap();
        let lock = File::create(directory.join("lock")).unwrap();
        lock.lock().unwrap();
        let files = SOURCES.map(|name| records().join(format!("{name}.jsonl.zst")));
        let mut build = plimsoll(&directory);
        run(build.args(["db", "build", "--out"]).arg(directory.join("db")).args(files));
        Some(Self { directory, _lock: lock })
    }

    /// The directory of the compiled index.
    pub(super) fn db(&self) -> PathBuf {
        self.directory.join("db")
    }

    /// Pushes them to the server, and waits until they are in force.
    pub(super) fn push(&self, shore: &Shore) {
        let db = self.db();
        let host = shore.server.host();
        run(plimsoll(shore.home()).args(["db", "push", "--plain-http", host, "--db"]).arg(db));
        let started = std::time::Instant::now();
        while !shore.server.log().contains("advisories are in force") {
            assert!(started.elapsed() < super::PATIENCE, "{}", shore.server.log());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

/// Where the records are.
pub(super) fn records() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/advisories")
}

/// The program under test, which keeps everything in `home`.
#[expect(clippy::disallowed_methods, reason = "the program under test")]
pub(super) fn plimsoll(home: &Path) -> Command {
    let mut command = Command::new(crate::PLIMSOLL);
    command.env_clear().env("HOME", home).current_dir(home);
    command
}

/// What a command prints, as JSON.
pub(super) fn json(command: &mut Command) -> Value {
    serde_json::from_str(&run(command)).unwrap()
}
