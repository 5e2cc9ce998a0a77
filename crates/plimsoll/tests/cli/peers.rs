use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use plimsoll_testkit::{ServerCommand, ServerProcess, find_peer};
use tempfile::TempDir;

/// How long Debian's registry may take to start.
const START_MAX: Duration = Duration::from_secs(20);

/// The program under test as a server, with a directory of its own.
pub(crate) struct Server {
    process: ServerProcess,
    _directory: TempDir,
}

impl Server {
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let process = ServerCommand::new(env!("CARGO_BIN_EXE_plimsoll"), directory.path()).start();
        Self { process, _directory: directory }
    }

    /// Its host and port, as they stand in a reference.
    pub(crate) fn host(&self) -> &str {
        self.process.host()
    }
}

/// Debian's `docker-registry`, which knows neither referrers nor history. It ends when this is dropped.
pub(crate) struct DebianRegistry {
    child: Child,
    host: String,
    _directory: TempDir,
}

impl DebianRegistry {
    /// Starts it, where it is installed.
    pub(crate) fn start() -> Option<Self> {
        let program = find_peer("docker-registry")?;
        let directory = tempfile::tempdir().unwrap();
        // The port may be taken between finding and using it.
        for _ in 0..5 {
            let host = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
            let config = directory.path().join("config.yml");
            let data = directory.path().join("data");
            let text = format!(
                "version: 0.1\nlog: {{level: error}}\nhttp: {{addr: '{host}'}}\n\
                 storage: {{filesystem: {{rootdirectory: '{}'}}}}\n",
                data.display()
            );
            fs::write(&config, text).unwrap();
            let mut command = program.command();
            command
                .arg("serve")
                .arg(&config)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            let child = command.spawn().unwrap();
            let mut registry = Self { child, host, _directory: tempfile::tempdir().unwrap() };
            if registry.answers() {
                registry._directory = directory;
                return Some(registry);
            }
        }
        panic!("docker-registry does not start");
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    fn answers(&mut self) -> bool {
        let started = Instant::now();
        while started.elapsed() < START_MAX && self.child.try_wait().unwrap().is_none() {
            if TcpStream::connect(&self.host).is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

impl Drop for DebianRegistry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A database of rpm's own making, with a package in it.
pub(crate) fn rpm_database(directory: &Path) -> Option<Vec<u8>> {
    let (rpm, rpmbuild) = (find_peer("rpm")?, find_peer("rpmbuild")?);
    let spec = "Name: old\nVersion: 1.2\nRelease: 3\nSummary: s\nLicense: MIT\nBuildArch: noarch\n\
                %description\nd\n%files\n";
    fs::write(directory.join("old.spec"), spec).unwrap();
    let mut build = rpmbuild.command();
    build.args(["--define", &format!("_topdir {}", directory.display()), "-bb", "old.spec"]);
    let built = build.current_dir(directory).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let database = directory.join("rpmdb");
    let mut install = rpm.command();
    install.args(["--define", "_db_backend sqlite", "--dbpath", &database.display().to_string()]);
    install.args(["-i", "--justdb", "--nodeps", "RPMS/noarch/old-1.2-3.noarch.rpm"]);
    let installed = install.current_dir(directory).output().unwrap();
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    Some(fs::read(database.join("rpmdb.sqlite")).unwrap())
}
