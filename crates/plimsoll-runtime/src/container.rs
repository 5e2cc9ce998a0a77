//! A container that runs and is traced, as its caller sees it.

mod log;

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use plimsoll_slim::trace::Trace;

use crate::isolation::Isolation;
use crate::message::{Inside, Order, Report, Request, receive, send};
use crate::rootfs::RootFs;
use crate::user::User;

/// How long the supervisor may take for anything that no program in the container has a part in.
const SUPERVISOR_TIME_MAX: Duration = Duration::from_secs(30);

/// How this program is run again.
#[derive(Clone, Debug)]
pub struct ContainerConfig {
    /// The program, which calls [`supervise`](crate::supervise) when it is run with `supervisor`.
    pub program: PathBuf,
    /// The words that make it the supervisor.
    pub supervisor: Vec<String>,
    /// How users of the image stand for users of the machine.
    pub isolation: Isolation,
}

/// A command of an image, in its setting.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its words.
    pub words: Vec<String>,
    /// The environment, each `NAME=value`.
    pub environment: Vec<String>,
    /// The working directory.
    pub directory: String,
    /// Whom it runs as.
    pub user: User,
}

/// What is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recording {
    /// The paths that are asked for. All other calls run at full speed.
    Paths,
    /// The paths, and which system calls are made. Every call costs a stop.
    PathsAndCalls,
}

/// A container that runs. When it is dropped, it ends.
#[derive(Debug)]
pub struct Container {
    supervisor: Child,
    requests: Option<ChildStdin>,
    reports: Receiver<Report>,
    ports: Vec<u16>,
    trace: Trace,
    lost: Vec<String>,
    ended: Option<i32>,
    log: PathBuf,
}

/// A container that has ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Its exit code, 128 and more after a signal.
    pub code: i32,
    /// What it did.
    pub trace: Trace,
}

/// Why a container could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    /// The supervisor could not be run or spoken to.
    #[error("cannot run the supervisor of the container")]
    Supervisor(#[source] io::Error),
    /// The container could not be started.
    #[error("cannot start the container: {0}")]
    Start(String),
    /// It ended before it was of use.
    #[error("the container ended with code {code} before it was ready{log}")]
    EndedEarly {
        /// Its exit code.
        code: i32,
        /// The last lines of what it wrote.
        log: String,
    },
    /// Nothing listened in time.
    #[error("nothing in the container listens on its ports after {} s{log}", .after.as_secs())]
    NotReady {
        /// How long was waited.
        after: Duration,
        /// The last lines of what it wrote.
        log: String,
    },
    /// A command beside the first took too long.
    #[error("`{command}` in the container did not end within {} s", .after.as_secs())]
    TooSlow {
        /// The command.
        command: String,
        /// How long was waited.
        after: Duration,
    },
    /// Something happened that could not be read, so the trace is not whole.
    #[error("the trace is not whole: {0}")]
    Lost(String),
}

impl Container {
    /// Starts a command in a root file system. What it writes to its files goes to `scratch`, an empty directory on a
    /// disk; what it says goes to `log`.
    pub fn start(
        config: &ContainerConfig,
        rootfs: &RootFs,
        scratch: &Path,
        program: &Program,
        ports: &[u16],
        recording: Recording,
        log: &Path,
    ) -> Result<Self, ContainerError> {
        own(scratch, config.isolation).map_err(ContainerError::Supervisor)?;
        let output = File::create(log).map_err(ContainerError::Supervisor)?;
        let mut supervisor = spawn(config, output).map_err(ContainerError::Supervisor)?;
        let missing = || ContainerError::Supervisor(io::Error::other("it has no pipes"));
        let stdout = supervisor.stdout.take().ok_or_else(missing)?;
        let stdin = supervisor.stdin.take().ok_or_else(missing)?;
        let mut container = Self {
            supervisor,
            requests: Some(stdin),
            reports: listen(stdout),
            ports: Vec::new(),
            trace: Trace::default(),
            lost: Vec::new(),
            ended: None,
            log: log.to_owned(),
        };
        let order = Order {
            rootfs: rootfs.directory().to_owned(),
            scratch: scratch.to_owned(),
            program: inside(program, config.isolation),
            ports: ports.to_vec(),
            records_calls: recording == Recording::PathsAndCalls,
            beside: None,
        };
        container.begin(config.isolation, order)?;
        Ok(container)
    }

    /// The ports of this machine that lead to the container's, in the order in which they were asked for.
    pub fn ports(&self) -> &[u16] {
        &self.ports
    }

    /// Waits until something listens on every port.
    pub fn wait_until_ready(&mut self, time_max: Duration) -> Result<(), ContainerError> {
        let is_ready = |report: &Report| *report == Report::Ready;
        match self.wait_for(is_ready, time_max)? {
            Some(_) => Ok(()),
            None => Err(ContainerError::NotReady { after: time_max, log: log::tail(&self.log) }),
        }
    }

    /// Runs a command beside the first, as a probe does, and returns its exit code.
    pub fn run(&mut self, words: &[String], time_max: Duration) -> Result<i32, ContainerError> {
        self.ask(&Request::Run { words: words.to_vec() })?;
        let has_run = |report: &Report| matches!(report, Report::Ran { .. });
        match self.wait_for(has_run, time_max)? {
            Some(Report::Ran { code }) => Ok(code),
            _ => Err(ContainerError::TooSlow { command: words.join(" "), after: time_max }),
        }
    }

    /// Waits for a container that ends by itself; one that does not is no error.
    pub fn wait_until_ended(&mut self, time_max: Duration) -> Result<(), ContainerError> {
        let until = Instant::now() + time_max;
        while self.ended.is_none() && self.next(until)?.is_some() {}
        Ok(())
    }

    /// Ends the container with a signal, and by force after `grace`. Returns what it did.
    pub fn stop(mut self, signal: i32, grace: Duration) -> Result<Ended, ContainerError> {
        let grace_ms = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
        if self.ended.is_none() {
            // A container that ended by itself hears nothing.
            let _ = self.ask(&Request::Stop { signal, grace_ms });
        }
        let time_max = grace + SUPERVISOR_TIME_MAX;
        let until = Instant::now() + time_max;
        while self.ended.is_none() {
            match self.next(until)? {
                Some(_) => {}
                None => return Err(ContainerError::Supervisor(io::Error::other("it does not end"))),
            }
        }
        if let Some(lost) = self.lost.first() {
            return Err(ContainerError::Lost(lost.clone()));
        }
        Ok(Ended { code: self.ended.unwrap_or_default(), trace: std::mem::take(&mut self.trace) })
    }

    fn begin(&mut self, isolation: Isolation, order: Order) -> Result<(), ContainerError> {
        self.ask(&Request::Start(Box::new(order)))?;
        let silent = || ContainerError::Start("the supervisor does not answer".to_owned());
        self.wait_for(|report| *report == Report::Unshared, SUPERVISOR_TIME_MAX)?.ok_or_else(silent)?;
        self.write_maps(isolation).map_err(|error| {
            ContainerError::Start(format!("the users of the image cannot be mapped: {error}"))
        })?;
        self.ask(&Request::Mapped)?;
        let started = |report: &Report| matches!(report, Report::Started { .. });
        if let Some(Report::Started { ports }) = self.wait_for(started, SUPERVISOR_TIME_MAX)? {
            self.ports = ports;
            return Ok(());
        }
        Err(silent())
    }

    fn write_maps(&self, isolation: Isolation) -> io::Result<()> {
        let (users, groups) = isolation.maps();
        let process = format!("/proc/{}", self.supervisor.id());
        if !isolation.has_users() {
            // Without it nobody but root may map a group (user_namespaces(7)).
            std::fs::write(format!("{process}/setgroups"), "deny")?;
        }
        std::fs::write(format!("{process}/uid_map"), users)?;
        std::fs::write(format!("{process}/gid_map"), groups)
    }

    fn ask(&mut self, request: &Request) -> Result<(), ContainerError> {
        let requests = self.requests.as_mut().ok_or_else(|| io::Error::other("it was told to end"));
        requests.and_then(|requests| send(requests, request)).map_err(ContainerError::Supervisor)
    }

    /// Waits for a report, and takes in all that come before it. `None` when it does not come in time.
    fn wait_for(
        &mut self,
        wanted: impl Fn(&Report) -> bool,
        time_max: Duration,
    ) -> Result<Option<Report>, ContainerError> {
        let until = Instant::now() + time_max;
        if let Some(code) = self.ended {
            return Err(ContainerError::EndedEarly { code, log: log::tail(&self.log) });
        }
        while let Some(report) = self.next(until)? {
            if wanted(&report) {
                return Ok(Some(report));
            }
            if let Some(code) = self.ended {
                return Err(ContainerError::EndedEarly { code, log: log::tail(&self.log) });
            }
        }
        Ok(None)
    }

    /// The next report; `None` when the time is over.
    fn next(&mut self, until: Instant) -> Result<Option<Report>, ContainerError> {
        let left = until.saturating_duration_since(Instant::now());
        let report = match self.reports.recv_timeout(left) {
            Ok(report) => report,
            Err(RecvTimeoutError::Timeout) => return Ok(None),
            Err(RecvTimeoutError::Disconnected) => {
                let what = format!("it has ended without a word{}", log::tail(&self.log));
                return Err(ContainerError::Supervisor(io::Error::other(what)));
            }
        };
        match &report {
            Report::Touched(paths) => {
                for (path, touch) in paths {
                    self.trace.touched.entry(path.clone()).or_default().insert(*touch);
                }
            }
            Report::Calls(numbers) => self.trace.calls.extend(numbers),
            Report::Lost(what) => self.lost.push(what.clone()),
            Report::Ended { code } => self.ended = Some(*code),
            Report::Failed(what) => {
                return Err(ContainerError::Start(format!("{what}{}", log::tail(&self.log))));
            }
            _ => {}
        }
        Ok(Some(report))
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // With its standard input the supervisor loses its caller, and ends the container.
        self.requests = None;
        let _ = self.supervisor.kill();
        let _ = self.supervisor.wait();
    }
}

fn inside(program: &Program, isolation: Isolation) -> Inside {
    let mut environment = program.environment.clone();
    let has = |environment: &[String], name: &str| environment.iter().any(|text| text.starts_with(name));
    if !has(&environment, "PATH=") {
        environment.push("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned());
    }
    if !has(&environment, "HOME=") {
        environment.push(format!("HOME={}", program.user.home));
    }
    Inside {
        words: program.words.clone(),
        environment,
        directory: program.directory.clone(),
        user: isolation.user(&program.user),
        takes_groups: isolation.has_users(),
    }
}

/// Makes a directory one that the container's root may write to.
fn own(directory: &Path, isolation: Isolation) -> io::Result<()> {
    if let Some(id) = isolation.on_disk(0) {
        std::os::unix::fs::chown(directory, Some(id), Some(id))?;
    }
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that starts a supervisor, whose time is bounded"
)]
fn spawn(config: &ContainerConfig, log: File) -> io::Result<Child> {
    Command::new(&config.program)
        .args(&config.supervisor)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
}

/// Reads reports on a thread of their own, so that the supervisor never waits for us.
fn listen(stdout: ChildStdout) -> Receiver<Report> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut stdout = BufReader::new(stdout);
        while let Ok(Some(report)) = receive::<Report>(&mut stdout) {
            if sender.send(report).is_err() {
                return;
            }
        }
    });
    receiver
}
