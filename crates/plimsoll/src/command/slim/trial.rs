//! The team's tests on a root file system.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use plimsoll_runtime::{Container, ContainerConfig, HostTest, Isolation, Program, Recording, RootFs, User};
use plimsoll_slim::closure::Contents as _;
use plimsoll_slim::trace::Trace;

use super::GRACE;
use super::arguments::Limits;
use super::image::Unpacked;
use crate::failure::Failure;

/// Longest list of users or groups that is read.
const LIST_BYTES_MAX: u64 = 4 << 20;

/// How much of what a test said is shown.
const SAID_LINES_MAX: usize = 20;

/// What is run, and how long it may take: the same on the image and on the smaller one.
pub(super) struct Trial<'a> {
    container: ContainerConfig,
    program: Program,
    wanted_user: Option<String>,
    ports: Vec<u16>,
    probes: Vec<Vec<String>>,
    test: &'a str,
    limits: &'a Limits,
    stop_signal: i32,
    workshop: PathBuf,
}

/// How it went.
pub(super) struct Tried {
    /// The container's own exit code.
    pub(super) code: i32,
    /// What the container did.
    pub(super) trace: Trace,
    /// The exit code of each probe.
    pub(super) probe_codes: Vec<i32>,
    /// Why the test did not pass.
    pub(super) test_failure: Option<TestFailure>,
}

/// A test that did not pass.
pub(super) struct TestFailure {
    /// How it ended.
    pub(super) why: String,
    /// The last lines of what it said.
    pub(super) said: Vec<String>,
}

impl<'a> Trial<'a> {
    pub(super) fn new(
        unpacked: &mut Unpacked,
        command: Vec<String>,
        (ports, probes): (&[u16], Vec<Vec<String>>),
        test: &'a str,
        limits: &'a Limits,
        (container, workshop): (ContainerConfig, &Path),
    ) -> Result<Self, Failure> {
        let config = &unpacked.config.config;
        let exposed =
            config.exposed_ports.iter().filter_map(|port| port.trim_end_matches("/tcp").parse().ok());
        let ports = if ports.is_empty() { exposed.collect() } else { ports.to_vec() };
        let wanted = config.user.clone().unwrap_or_default();
        let [passwd, group] = ["etc/passwd", "etc/group"].map(|path| list(&mut unpacked.rootfs, path));
        let user = User::find(&wanted, &passwd, &group)
            .map_err(|error| Failure::not_evaluated("cannot start the image").because(&error))?;
        let directory = config.working_dir.clone().filter(|path| path.starts_with('/'));
        let program = Program {
            words: command,
            environment: config.env.clone(),
            directory: directory.unwrap_or_else(|| "/".to_owned()),
            user,
        };
        let wanted_user = Some(wanted).filter(|_| !container.isolation.has_users());
        let stop_signal = config.stop_signal.as_deref().map_or(Ok(TERMINATE), signal)?;
        let workshop = workshop.to_owned();
        Ok(Self { container, program, wanted_user, ports, probes, test, limits, stop_signal, workshop })
    }

    /// What a person should know of how the container is run.
    pub(super) fn remarks(&self) -> Vec<String> {
        let mut remarks = vec![format!("the container has {}", self.container.isolation)];
        if let Some(user) =
            self.wanted_user.as_ref().filter(|user| !matches!(user.as_str(), "" | "0" | "root"))
        {
            remarks.push(format!("it runs as its root instead of `{user}`: only root can map several users"));
        }
        if self.ports.is_empty() {
            remarks.push("the image exposes no port, so the test is told no address".to_owned());
        }
        remarks
    }

    pub(super) fn words(&self) -> &[String] {
        &self.program.words
    }

    pub(super) fn isolation(&self) -> Isolation {
        self.container.isolation
    }

    /// Whether the container is a server, which ends because we say so.
    pub(super) fn is_server(&self) -> bool {
        !self.ports.is_empty()
    }

    /// Starts the container, runs test and probes, and ends it.
    pub(super) fn run(&self, rootfs: &RootFs, recording: Recording, name: &str) -> Result<Tried, Failure> {
        let broken = |error: &dyn std::error::Error| {
            Failure::not_evaluated(format!("cannot test the {name}")).because(error)
        };
        let scratch = self.workshop.join(format!("written by the {name}").replace(' ', "-"));
        std::fs::create_dir(&scratch).map_err(|error| broken(&error))?;
        let log = self.workshop.join("log");
        let mut container =
            Container::start(&self.container, rootfs, &scratch, &self.program, &self.ports, recording, &log)
                .map_err(|error| broken(&error))?;
        // One that is no server may be through before anybody looks.
        if self.is_server() {
            container.wait_until_ready(self.limits.start()).map_err(|error| broken(&error))?;
        }
        let test_failure = self.test(&container).map_err(|error| broken(&error))?;
        let mut probe_codes = Vec::new();
        for probe in &self.probes {
            let code = container.run(probe, self.limits.test()).map_err(|error| broken(&error))?;
            probe_codes.push(code);
        }
        // One that is no server ends by itself; it has had the time of the test, and gets some more.
        if !self.is_server() {
            container.wait_until_ended(GRACE).map_err(|error| broken(&error))?;
        }
        let ended = container.stop(self.stop_signal, GRACE).map_err(|error| broken(&error))?;
        Ok(Tried { code: ended.code, trace: ended.trace, probe_codes, test_failure })
    }

    /// Runs the team's test; tells why it did not pass.
    fn test(&self, container: &Container) -> std::io::Result<Option<TestFailure>> {
        let place = self.workshop.join("said by the test");
        let output = File::create(&place)?;
        let mut variables = Vec::new();
        let names: Vec<String> = self.ports.iter().map(|port| format!("PLIMSOLL_TARGET_{port}")).collect();
        for ((index, port), name) in container.ports().iter().enumerate().zip(&names) {
            let address = format!("127.0.0.1:{port}");
            if index == 0 {
                variables.push(("PLIMSOLL_TARGET", address.clone()));
            }
            variables.push((name, address));
        }
        let time_max = self.limits.test();
        let why = match (HostTest { line: self.test, variables: &variables, time_max }).run(&output)? {
            Some(status) if status.success() => return Ok(None),
            Some(status) => status.to_string(),
            None => format!("it did not end within {} s", time_max.as_secs()),
        };
        let bytes = std::fs::read(&place)?;
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        let last = lines.get(lines.len().saturating_sub(SAID_LINES_MAX)..).unwrap_or_default();
        Ok(Some(TestFailure { why, said: last.iter().map(|line| (*line).to_owned()).collect() }))
    }
}

/// `SIGTERM`.
const TERMINATE: i32 = 15;

/// The number of a config's `StopSignal`: a name with or without `SIG`, or the number itself.
fn signal(text: &str) -> Result<i32, Failure> {
    const NAMES: &[(&str, i32)] = &[
        ("HUP", 1),
        ("INT", 2),
        ("QUIT", 3),
        ("KILL", 9),
        ("USR1", 10),
        ("USR2", 12),
        ("TERM", TERMINATE),
        ("WINCH", 28),
    ];
    let name = text.trim_start_matches("SIG");
    let named = NAMES.iter().find(|(known, _)| *known == name).map(|(_, number)| *number);
    named.or_else(|| text.parse().ok().filter(|number| (1..=31).contains(number))).ok_or_else(|| {
        Failure::not_evaluated(format!("the image is stopped by `{text}`, which is no signal that is known"))
    })
}

fn list(rootfs: &mut RootFs, path: &str) -> String {
    let mut text = String::new();
    // An image without users has root all the same.
    let _ = rootfs.open(path.as_bytes()).map(|file| file.take(LIST_BYTES_MAX).read_to_string(&mut text));
    text
}
