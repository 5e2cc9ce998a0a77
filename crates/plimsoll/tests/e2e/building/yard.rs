use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use plimsoll_testkit::{ServerCommand, ServerProcess, find_peer};
use tempfile::TempDir;

use crate::PLIMSOLL;
use crate::peers::bootstrap::{Bootstrap, own_suite};

/// The password of the tests' key.
const PASSWORD: &str = "rope and anchor";

/// A registry, a key, and a directory to build in.
pub(super) struct Yard {
    pub(super) server: ServerProcess,
    pub(super) directory: TempDir,
}

/// How a build ended.
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Ended {
    pub(super) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    pub(super) fn well(self) -> Self {
        assert_eq!(self.code, Some(0), "{}\n{}", self.stderr, self.stdout);
        self
    }
}

impl Yard {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let server = ServerCommand::new(PLIMSOLL, &directory.path().join("registry")).start();
        let yard = Self { server, directory };
        yard.run(&["key", "generate", "--name", "release"]).well();
        yard
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(super) fn file(&self, path: &str, content: &[u8]) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// The program, with little in its environment.
    #[expect(clippy::disallowed_methods, reason = "the tests run the built program")]
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PLIMSOLL);
        command
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", self.path())
            .env("PLIMSOLL_KEY_PASSWORD", PASSWORD)
            .stdin(Stdio::null());
        command
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(&self.command(arguments).output().unwrap())
    }

    /// A name in the registry.
    pub(super) fn name(&self, image: &str) -> String {
        format!("{}/{image}", self.server.host())
    }

    /// Puts a Debian system with a compiler into the registry; nothing where it cannot be made.
    pub(super) fn base(&self) -> Option<String> {
        find_peer("buildah")?;
        let system = system_once()?;
        let context = system.parent().unwrap().display().to_string();
        self.file("base/Dockerfile", b"FROM scratch\nADD system.tar /\nCMD [\"/bin/sh\"]\n");
        let name = self.name("base/debian:1");
        let dockerfile = self.path().join("base/Dockerfile").display().to_string();
        self.run(&[
            "build",
            "--skip",
            "lint,sbom,scan,provenance,sign",
            "-f",
            &dockerfile,
            "-t",
            &name,
            &context,
        ])
        .well();
        Some(name)
    }

    /// The tags of a repository.
    pub(super) fn tags(&self, repository: &str) -> Vec<String> {
        let listed = self.run(&["tags", &self.name(repository), "-o", "json"]);
        let document: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap_or_default();
        let tags = document["tags"].as_array().cloned().unwrap_or_default();
        tags.iter().filter_map(|tag| tag["name"].as_str().or(tag.as_str()).map(str::to_owned)).collect()
    }
}

/// The archive of a Debian system with a small C compiler, made once.
fn system_once() -> Option<&'static PathBuf> {
    static SYSTEM: OnceLock<Option<PathBuf>> = OnceLock::new();
    let make = || {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("build-base");
        std::fs::create_dir_all(&directory).unwrap();
        let lock = std::fs::File::create(directory.join("lock")).unwrap();
        lock.lock().unwrap();
        // No device is needed in an image, and none is copied.
        let options = ["--skip=output/dev"];
        Bootstrap { suite: &own_suite(), packages: &["tcc"], options: &options }.make(&directory)
    };
    SYSTEM.get_or_init(make).as_ref()
}
