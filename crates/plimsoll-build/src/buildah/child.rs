//! The one place that starts buildah.

use std::collections::VecDeque;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Resource, Signal, getrlimit, kill_process_group};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio::process::Command;

use super::{Buildah, SecretFile};
use crate::store::Store;
use crate::{BuildError, Watch};

/// Longest line that is shown whole.
const LINE_BYTES_MAX: u64 = 16 * 1024;
/// Last lines that are kept for an error.
const LINES_KEPT: usize = 15;
/// Most bytes of an answer that is read.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Most files and processes of a command: what a kernel that was not told otherwise has numbers for.
const PROCESSES_MAX: u64 = 32_768;
/// How long the last output is waited for once the child is gone.
const DRAIN_TIME: Duration = Duration::from_secs(5);
/// Shorter secrets are not looked for in what is shown: they would hide words at random.
const SECRET_BYTES_MIN: usize = 4;

/// How buildah is called: with storage of its own, apart from what a user builds with it.
pub(super) struct Child<'b> {
    buildah: &'b Buildah,
    storage: Vec<String>,
    temporary: String,
    /// Where it works, so that what lies there has a short name.
    work: PathBuf,
}

impl<'b> Child<'b> {
    /// Without storage, and with everything that is temporary in one directory.
    pub(super) fn in_directory(buildah: &'b Buildah, directory: &Path) -> Self {
        let temporary = directory.display().to_string();
        Self { buildah, storage: Vec::new(), temporary, work: directory.to_owned() }
    }

    /// Without storage.
    pub(super) fn plain(buildah: &'b Buildah, store: &Store, work: &Path) -> Result<Self, BuildError> {
        // Cache mounts lie in the temporary directory, so it stays from build to build.
        let temporary = store.directory().join("buildah/tmp");
        std::fs::create_dir_all(&temporary).map_err(|source| BuildError::Io {
            operation: "create",
            path: temporary.clone(),
            source,
        })?;
        Ok(Self {
            buildah,
            storage: Vec::new(),
            temporary: temporary.display().to_string(),
            work: work.to_owned(),
        })
    }

    /// With storage as overlays; or in copies, where the system has no overlays to give.
    pub(super) async fn with_storage(
        buildah: &'b Buildah,
        store: &Store,
        work: &Path,
    ) -> Result<Self, BuildError> {
        let mut child = Self::plain(buildah, store, work)?;
        let directory = store.directory().join("buildah");
        for driver in ["overlay", "vfs"] {
            let inner = |name: &str| directory.join(driver).join(name).display().to_string();
            child.storage = [
                "--root".to_owned(),
                inner("root"),
                "--runroot".to_owned(),
                inner("run"),
                "--storage-driver".to_owned(),
                driver.to_owned(),
            ]
            .into();
            let is_last = driver == "vfs";
            match child.run("open buildah's storage", &["info".to_owned()], None).await {
                Ok(_) => break,
                Err(error) if is_last => return Err(error),
                Err(error) => tracing::debug!(%error, driver, "storage cannot be used"),
            }
        }
        Ok(child)
    }

    /// Runs a command to its end, and returns what it wrote to standard output where nobody watches.
    pub(super) async fn run(
        &self,
        what: &str,
        arguments: &[String],
        watch: Option<&dyn Watch>,
    ) -> Result<String, BuildError> {
        let mut running = self.start(arguments).map_err(|error| self.not_started(what, &error))?;
        let mut heard =
            Heard { secrets: &self.buildah.secrets, watch, last: VecDeque::new(), answer: String::new() };
        let (out, err) = (running.child.stdout.take(), running.child.stderr.take());
        let status = {
            let listening = heard.listen(out, err);
            tokio::pin!(listening);
            tokio::select! {
                () = &mut listening => running.child.wait().await,
                status = running.child.wait() => {
                    // What it started may outlive it, and hold its output open.
                    running.end_others(&status);
                    let _ = tokio::time::timeout(DRAIN_TIME, listening).await;
                    status
                }
            }
        };
        let status = status.map_err(|error| self.not_started(what, &error))?;
        running.is_over = status.success();
        if status.success() {
            return Ok(heard.answer);
        }
        Err(failed(what, &self.name(), status, heard.last.into()))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the crate's one spawning function")]
    fn start(&self, arguments: &[String]) -> std::io::Result<Running> {
        let child = Command::new(&self.buildah.program)
            .args(&self.storage)
            .args(arguments)
            .current_dir(&self.work)
            .env_clear()
            .envs(self.buildah.environment.iter().map(|(name, value)| (name, value)))
            .env("TMPDIR", &self.temporary)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // What it starts is ended with it.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        Ok(Running { group: child.id(), child, is_over: false })
    }

    fn name(&self) -> String {
        let name = self.buildah.program.file_name().unwrap_or(self.buildah.program.as_os_str());
        name.to_string_lossy().into_owned()
    }

    fn not_started(&self, what: &str, error: &std::io::Error) -> BuildError {
        let program = self.buildah.program.display();
        let is_absent = error.kind() == std::io::ErrorKind::NotFound;
        let help = if is_absent {
            "apt-get install buildah; stages without RUN need no builder".to_owned()
        } else {
            format!("look at `{program}`")
        };
        let cause = if is_absent { "it is not installed".to_owned() } else { error.to_string() };
        BuildError::Builder {
            what: format!("cannot {what}: `{program}` cannot be started: {cause}"),
            output: Vec::new(),
            help,
        }
    }
}

/// The limits that commands run under: at most those of this process, which nobody may raise. New versions try that
/// where they are not told otherwise.
pub(super) fn limits() -> impl Iterator<Item = String> {
    [("nofile", Resource::Nofile), ("nproc", Resource::Nproc)].into_iter().filter_map(|(name, resource)| {
        let maximum = getrlimit(resource).maximum?.min(PROCESSES_MAX);
        Some(format!("{name}={maximum}:{maximum}"))
    })
}

/// A child with all that it started. Whoever drops it before its end, ends them all.
struct Running {
    child: tokio::process::Child,
    group: Option<u32>,
    is_over: bool,
}

impl Running {
    /// Ends what a child has left behind that did not end well.
    fn end_others(&self, status: &std::io::Result<ExitStatus>) {
        if !status.as_ref().is_ok_and(ExitStatus::success) {
            self.kill();
        }
    }

    fn kill(&self) {
        let group = self.group.and_then(|group| i32::try_from(group).ok()).and_then(Pid::from_raw);
        if let Some(group) = group {
            // It may have ended by itself.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.is_over {
            self.kill();
        }
    }
}

/// What a child wrote.
struct Heard<'h> {
    secrets: &'h [SecretFile],
    watch: Option<&'h dyn Watch>,
    last: VecDeque<String>,
    answer: String,
}

impl Heard<'_> {
    async fn listen(&mut self, out: Option<impl AsyncRead + Unpin>, err: Option<impl AsyncRead + Unpin>) {
        let (mut out, mut err) = (out.map(Lines::of), err.map(Lines::of));
        while out.is_some() || err.is_some() {
            tokio::select! {
                line = next_line(&mut out) => match line {
                    Some(line) => self.hear(&line, true),
                    None => out = None,
                },
                line = next_line(&mut err) => match line {
                    Some(line) => self.hear(&line, false),
                    None => err = None,
                },
            }
        }
    }

    fn hear(&mut self, line: &str, is_answer: bool) {
        let line = self.masked(line);
        if is_answer && self.answer.len() + line.len() < ANSWER_BYTES_MAX {
            self.answer.push_str(&line);
            self.answer.push('\n');
        }
        if let Some(watch) = self.watch {
            watch.line(&line);
        }
        if self.last.len() == LINES_KEPT {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }

    /// The line without any secret that was given to the build.
    fn masked(&self, line: &str) -> String {
        let values = self.secrets.iter().flat_map(|secret| secret.value.lines()).map(str::trim);
        let values = values.filter(|value| value.len() >= SECRET_BYTES_MIN);
        values.fold(line.to_owned(), |line, value| line.replace(value, "***"))
    }
}

/// A stream that is read by lines. What came of a line stays here while another stream is attended to.
struct Lines<R> {
    stream: BufReader<R>,
    begun: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    fn of(stream: R) -> Self {
        Self { stream: BufReader::new(stream), begun: Vec::new() }
    }
}

/// The next line, or its beginning; nothing at the end, and of a stream that is not there. Whoever stops waiting for it
/// loses nothing.
async fn next_line(lines: &mut Option<Lines<impl AsyncRead + Unpin>>) -> Option<String> {
    let Some(Lines { stream, begun }) = lines else { return std::future::pending().await };
    let room = LINE_BYTES_MAX.saturating_sub(begun.len() as u64);
    stream.take(room).read_until(b'\n', begun).await.ok()?;
    let line = std::mem::take(begun);
    (!line.is_empty()).then(|| String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned())
}

fn failed(what: &str, program: &str, status: ExitStatus, output: Vec<String>) -> BuildError {
    let ended = match (status.code(), status.signal()) {
        (Some(code), _) => format!("{program} ended with code {code}"),
        (None, Some(signal)) => format!("{program} was killed by signal {signal}"),
        (None, None) => format!("{program} ended"),
    };
    let is_full = output.iter().any(|line| line.contains("no space left on device"));
    let help = if is_full {
        "the disk is full: free some space, or build elsewhere with --cache-dir DIR; what is done is kept"
    } else if status.signal().is_some() {
        "run it again: the steps that were done are kept"
    } else {
        "the last lines above tell why; the steps before are kept for the next run"
    };
    BuildError::Builder { what: format!("cannot {what}: {ended}"), output, help: help.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_line_that_comes_in_pieces_is_heard_whole() {
        use tokio::io::AsyncWriteExt as _;
        let ((mut out, out_end), (err, err_end)) = (tokio::io::duplex(64), tokio::io::duplex(64));
        let mut heard = Heard { secrets: &[], watch: None, last: VecDeque::new(), answer: String::new() };
        let writing = async {
            out.write_all(b"buildah ").await.unwrap();
            tokio::task::yield_now().await;
            drop(err);
            tokio::task::yield_now().await;
            out.write_all(b"version 1.2.3\n").await.unwrap();
            drop(out);
        };
        tokio::join!(heard.listen(Some(out_end), Some(err_end)), writing);
        assert_eq!(heard.answer, "buildah version 1.2.3\n");
    }

    #[test]
    fn secrets_are_left_out_of_what_is_shown() {
        let secret =
            |value: &str| SecretFile { id: "t".to_owned(), path: "t".into(), value: value.to_owned() };
        let secrets = [secret("hunter2secret\n"), secret("a\n")];
        let heard = Heard { secrets: &secrets, watch: None, last: VecDeque::new(), answer: String::new() };
        assert_eq!(heard.masked("+ curl -H hunter2secret a"), "+ curl -H *** a");
    }
}
