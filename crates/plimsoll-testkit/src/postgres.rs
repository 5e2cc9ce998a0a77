use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::passed_over;

/// A PostgreSQL server of the test's own, from the system's packages, reached by a socket in its directory.
#[derive(Debug)]
pub struct Postgres {
    directory: TempDir,
    programs: PathBuf,
}

impl Postgres {
    /// Starts a server with one empty database. Without PostgreSQL the test is passed over, aloud.
    ///
    /// # Panics
    /// When it is installed and does not start.
    pub fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            passed_over("PostgreSQL is not installed");
            return None;
        };
        let directory = tempfile::Builder::new().prefix("pg").tempdir().expect("a temporary directory");
        std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o777))
            .expect("a shared directory");
        let server = Self { directory, programs };
        let data = server.data();
        server.run("initdb", &["-D", &data, "-A", "trust", "-U", "plimsoll", "--no-sync", "-E", "UTF8"]);
        let place = server.directory.path().display();
        let options = format!("-k {place} -h '' -c fsync=off -c max_connections=200");
        let log = format!("{place}/log");
        server.run("pg_ctl", &["-D", &data, "-w", "-l", &log, "-o", &options, "start"]);
        Some(server)
    }

    /// The address of the database.
    pub fn url(&self) -> String {
        self.address("postgres")
    }

    /// Makes another empty database, and returns its address.
    ///
    /// # Panics
    /// When the database cannot be made.
    pub fn database(&self, name: &str) -> String {
        let host = self.directory.path().display().to_string();
        self.run("createdb", &["-h", &host, "-U", "plimsoll", name]);
        self.address(name)
    }

    /// Makes another empty database whose tables lie below `place`, and returns its address.
    ///
    /// # Panics
    /// When the database cannot be made.
    pub fn database_in(&self, name: &str, place: &Path) -> String {
        let tables = place.join("tables");
        std::fs::create_dir(&tables).expect("a directory for tables");
        let owner = std::fs::metadata(self.data()).expect("the server's files");
        std::os::unix::fs::chown(&tables, Some(owner.uid()), Some(owner.gid())).expect("the server's own");
        let host = self.directory.path().display().to_string();
        let sql = format!("CREATE TABLESPACE {name} LOCATION '{}'", tables.display());
        self.run("psql", &["-q", "-h", &host, "-U", "plimsoll", "-d", "postgres", "-c", &sql]);
        self.run("createdb", &["-h", &host, "-U", "plimsoll", "-D", name, name]);
        self.address(name)
    }

    fn address(&self, name: &str) -> String {
        let host = self.directory.path().display().to_string().replace('/', "%2F");
        format!("postgres://plimsoll@{host}/{name}")
    }

    fn data(&self) -> String {
        self.directory.path().join("data").display().to_string()
    }

    /// Runs one of PostgreSQL's programs. They refuse to be root, so root lets the account `postgres` run them.
    #[expect(clippy::disallowed_methods, reason = "starting the server is what this is for")]
    fn run(&self, program: &str, arguments: &[&str]) {
        let program = self.programs.join(program);
        let is_root =
            std::fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0);
        let mut command = if is_root {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(&program);
            command
        } else {
            Command::new(&program)
        };
        let ran =
            command.args(arguments).current_dir("/").stdout(Stdio::null()).stdin(Stdio::null()).status();
        assert!(ran.is_ok_and(|status| status.success()), "{} {arguments:?} failed", program.display());
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.data();
        self.run("pg_ctl", &["-D", &data, "-m", "immediate", "-w", "stop"]);
    }
}

/// Where the newest PostgreSQL's programs are, on Debian and its kin.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<PathBuf> =
        versions.filter_map(|version| Some(version.ok()?.path().join("bin"))).collect();
    found.retain(|programs| programs.join("initdb").is_file());
    found.sort();
    found.pop()
}
