use std::fs;
use std::path::{Path, PathBuf};

use plimsoll_testkit::{Peer, find_peer};

/// A repository of git, called `app`, whose first commit is ana's.
pub(super) struct SourceRepository {
    git: Peer,
    directory: PathBuf,
}

impl SourceRepository {
    /// Makes it in `home`, as if it was fetched from `remote`.
    pub(super) fn new(home: &Path, remote: &str, dockerfile: &str) -> Option<Self> {
        let repository = Self { git: find_peer("git")?, directory: home.join("app") };
        fs::create_dir_all(repository.directory.join("web")).unwrap();
        repository.git(&["init", "--quiet", "--initial-branch", "main"]);
        repository.git(&["remote", "add", "origin", remote]);
        fs::write(repository.directory.join("Dockerfile"), dockerfile).unwrap();
        fs::write(repository.directory.join("web/package-lock.json"), "{}").unwrap();
        repository.commit("ana", "begin");
        Some(repository)
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn git(&self, arguments: &[&str]) -> String {
        let mut command = self.git.command();
        let output = command.args(arguments).current_dir(&self.directory).env_clear().output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// The commit that is checked out.
    pub(super) fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    /// Commits everything, in the name of `who`.
    pub(super) fn commit(&self, who: &str, message: &str) {
        let (name, email) = (format!("user.name={who}"), format!("user.email={who}@example.org"));
        self.git(&["add", "--all"]);
        self.git(&["-c", &name, "-c", &email, "commit", "--quiet", "--message", message]);
    }

    /// The path on which the program under test finds git.
    pub(super) fn search_path(&self) -> &str {
        self.git.path().parent().and_then(Path::to_str).unwrap()
    }
}
