use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long a server may take until it listens.
const START_MAX: Duration = Duration::from_secs(20);

/// How to start the built program as a server.
#[derive(Clone, Debug)]
pub struct ServerCommand {
    program: PathBuf,
    data_dir: PathBuf,
    listen: String,
    settings: Vec<String>,
}

impl ServerCommand {
    /// A server on a port that the system chooses. The program is `env!("CARGO_BIN_EXE_plimsoll")`.
    pub fn new(program: &str, data_dir: &Path) -> Self {
        let (program, data_dir) = (PathBuf::from(program), data_dir.to_owned());
        Self { program, data_dir, listen: "127.0.0.1:0".to_owned(), settings: Vec::new() }
    }

    /// With a setting, as `KEY=VALUE`.
    pub fn set(mut self, setting: impl Into<String>) -> Self {
        self.settings.push(setting.into());
        self
    }

    /// With a fixed address, so that clients find the server again after a restart.
    pub fn listen_at(mut self, host: &str) -> Self {
        host.clone_into(&mut self.listen);
        self
    }

    /// Starts the server, and waits until it listens. The data has a name that only the directory it is started in
    /// understands, as with `make run`.
    ///
    /// # Panics
    /// When it does not.
    #[expect(clippy::disallowed_methods, reason = "running the built program is what this is for")]
    pub fn start(&self) -> ServerProcess {
        let (above, name) =
            self.data_dir.parent().zip(self.data_dir.file_name()).expect("a directory's path");
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .current_dir(above)
            .arg("serve")
            .arg("--data-dir")
            .arg(name)
            .args(["--listen", &self.listen]);
        for setting in &self.settings {
            command.args(["--set", setting]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        ServerProcess::of(command.spawn().expect("the program starts"))
    }
}

/// The built program as a server in a process of its own. It is killed when this is dropped.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    host: String,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl ServerProcess {
    fn of(mut child: Child) -> Self {
        let stderr = child.stderr.take().expect("standard error is a pipe");
        let log = Arc::new(Mutex::new(String::new()));
        let (reader, host) = keep_log(stderr, log.clone());
        let mut server = Self { child, host: String::new(), log, reader: Some(reader) };
        match host.recv_timeout(START_MAX) {
            Ok(host) => server.host = host,
            Err(_) => panic!("the server does not listen: {}", server.log()),
        }
        server
    }

    /// Its host and port, as they stand in a reference.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://{}", self.host)
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to standard error so far.
    ///
    /// # Panics
    /// When the thread that reads it panicked.
    pub fn log(&self) -> String {
        self.log.lock().expect("no panic with the lock").clone()
    }

    /// Everything that it wrote to standard error, once it has ended.
    ///
    /// # Panics
    /// When the thread that reads it panicked.
    pub fn log_to_end(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("no panic while reading");
        }
        self.log()
    }

    /// The most memory it ever held, in bytes.
    ///
    /// # Panics
    /// When the system does not tell.
    pub fn peak_memory_bytes(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak");
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kibibytes * 1024
    }

    /// The processes that it has started and not yet reaped.
    pub fn children(&self) -> Vec<u32> {
        children_of(self.child.id())
    }

    /// Asks it to stop, as an init system does.
    ///
    /// # Panics
    /// When it is not running.
    pub fn ask_to_stop(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("the server runs");
    }

    /// Waits until it has stopped by itself.
    ///
    /// # Panics
    /// When it does not stop in time.
    pub fn wait(&mut self, at_most: Duration) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            assert!(started.elapsed() < at_most, "the server does not stop: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills it without warning, and returns when it is gone.
    ///
    /// # Panics
    /// When it ended before.
    pub fn kill(mut self) {
        let ended = self.child.try_wait().expect("a child");
        assert_eq!(ended, None, "the server ended by itself: {}", self.log());
        self.end();
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.end();
    }
}

/// The processes that a process has started and not yet reaped (proc_pid_stat(5), field 4).
pub fn children_of(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| parent_of(*id) == Some(parent)).collect()
}

fn parent_of(id: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The program's name, in parentheses, may hold anything.
    let (_, behind_name) = stat.rsplit_once(')')?;
    behind_name.split_whitespace().nth(1)?.parse().ok()
}

/// Reads a server's standard error to its end, and sends on the host that it names.
fn keep_log(stderr: ChildStderr, log: Arc<Mutex<String>>) -> (JoinHandle<()>, Receiver<String>) {
    let (found, host) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let address = line.split_once("listening on ").and_then(|(_, address)| address.split_once("://"));
            if let Some((_, host)) = address {
                let _ = found.send(host.trim().to_owned());
            }
            let mut log = log.lock().expect("no panic with the lock");
            log.push_str(&line);
            log.push('\n');
        }
    });
    (reader, host)
}

/// An address on loopback whose port the system gives to nobody else while a server restarts, and this function neither.
///
/// # Panics
/// When no port is free.
pub fn lasting_address() -> String {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    // Below the ports that connections get by themselves (ip_local_port_range), and not the same in each process.
    let first = 20_000 + std::process::id() % 8_000;
    let ports = std::iter::repeat_with(|| first + TAKEN.fetch_add(1, Ordering::Relaxed));
    let is_free = |port: &u32| std::net::TcpListener::bind(format!("127.0.0.1:{port}")).is_ok();
    let free = ports.take_while(|port| *port < 32_000).find(is_free);
    format!("127.0.0.1:{}", free.expect("a free port"))
}
