use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use crate::failure::Failure;

/// How long one question may take.
const TIME_MAX: Duration = Duration::from_secs(120);
/// Most bytes of an answer.
const ANSWER_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Most bytes of a complaint that are read.
const COMPLAINT_BYTES_MAX: u64 = 64 * 1024;

/// What every question is asked with: the tree's own configuration starts no program, and nothing is locked or paged.
const CAREFULLY: [&str; 8] = [
    "--no-pager",
    "--no-optional-locks",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "log.showSignature=false",
];

/// Variables that would turn a question to another tree.
const ELSEWHERE: [&str; 7] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
];

/// The program `git`, asked about one directory.
pub(super) struct Git {
    directory: PathBuf,
}

struct Answer {
    status: ExitStatus,
    text: String,
    complaint: String,
}

impl Git {
    pub(super) fn at(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// Looks whether `directory` is in a tree; nothing if it is in none, or there is no git.
    pub(super) async fn find(directory: &Path) -> Result<Option<Self>, Failure> {
        let git = Self::at(directory);
        let answer = match git.converse(&["rev-parse", "--is-inside-work-tree"]).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            answer => answer.map_err(|error| git.cannot(&error))?,
        };
        let is_foreign = answer.complaint.contains("dubious ownership");
        match answer.status.success() {
            true => Ok((answer.text.trim() == "true").then_some(git)),
            false if is_foreign => {
                Err(Failure::usage("the source tree belongs to somebody else, and git does not trust it")
                    .at(directory.display().to_string())
                    .help(format!("git config --global --add safe.directory {}", directory.display())))
            }
            false => Ok(None),
        }
    }

    /// The full name of a commit, if there is such a one.
    pub(super) async fn find_commit(&self, name: &str) -> Result<Option<String>, Failure> {
        let commit = format!("{name}^{{commit}}");
        let found =
            self.text_if_any(&["rev-parse", "--verify", "--quiet", "--end-of-options", &commit]).await?;
        // Older versions print the word that ends the options.
        Ok(found.and_then(|text| text.lines().last().map(str::to_owned)))
    }

    /// The first line of an answer.
    pub(super) async fn line(&self, arguments: &[&str]) -> Result<String, Failure> {
        let text = self.text(arguments).await?;
        Ok(text.lines().next().unwrap_or_default().to_owned())
    }

    /// The answer to a question that has one.
    pub(super) async fn text(&self, arguments: &[&str]) -> Result<String, Failure> {
        let answer = self.converse(arguments).await.map_err(|error| self.cannot(&error))?;
        if answer.status.success() {
            return Ok(answer.text);
        }
        let why = answer.complaint.lines().next().unwrap_or("it does not say why").to_owned();
        Err(self.cannot(&io::Error::other(why)))
    }

    /// The answer to a question that may have none: git then ends with 1, or with 128 and a reason.
    pub(super) async fn text_if_any(&self, arguments: &[&str]) -> Result<Option<String>, Failure> {
        let answer = self.converse(arguments).await.map_err(|error| self.cannot(&error))?;
        Ok(answer.status.success().then_some(answer.text))
    }

    fn cannot(&self, error: &io::Error) -> Failure {
        Failure::not_evaluated("cannot ask git about the source tree")
            .at(self.directory.display().to_string())
            .because(error)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place that starts git, within limits")]
    async fn converse(&self, arguments: &[&str]) -> io::Result<Answer> {
        let mut command = Command::new("git");
        command.args(CAREFULLY).arg("-C").arg(&self.directory).args(arguments);
        for name in ELSEWHERE {
            command.env_remove(name);
        }
        let command = command
            .env("LC_ALL", "C")
            .env("GIT_TERMINAL_PROMPT", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        match tokio::time::timeout(TIME_MAX, finish(command)).await {
            Ok(answer) => answer,
            Err(_) => Err(io::Error::other(format!("it did not end in {} s", TIME_MAX.as_secs()))),
        }
    }
}

async fn finish(command: &mut Command) -> io::Result<Answer> {
    let mut child = command.spawn()?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (text, complaint) =
        tokio::try_join!(read(stdout, ANSWER_BYTES_MAX), read(stderr, COMPLAINT_BYTES_MAX))?;
    let status = child.wait().await?;
    Ok(Answer { status, text, complaint })
}

/// Reads to the end; one that has too much to say is ended by the drop of its handle.
async fn read(from: Option<impl AsyncRead + Unpin>, limit: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        from.take(limit + 1).read_to_end(&mut bytes).await?;
    }
    if bytes.len() as u64 > limit {
        return Err(io::Error::other(format!("it answers with more than {limit} bytes")));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
