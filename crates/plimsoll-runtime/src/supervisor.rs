//! The supervisor: a child of the caller that makes the namespaces, starts the container in them and traces it.

mod readiness;

use std::io::{self, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Gid, Pid, Uid, setresgid, setresuid};

use crate::forward::forward;
use crate::link_up::bring_loopback_up;
use crate::message::{Inside, Order, Report, Request, receive, send};
use crate::tracer::{self, Ran, Tracer};

/// Where reports go: several threads write them, each whole.
type Reports = Arc<Mutex<io::Stdout>>;

/// Runs the supervisor to its end: it is told what to do on standard input and reports on standard output.
///
/// `inside` are the words that make this program the container's first process.
pub fn supervise(inside: &[&str]) -> io::Result<()> {
    let reports: Reports = Arc::new(Mutex::new(io::stdout()));
    // Whoever asked sees the end of the reports, and why.
    match run(inside, &reports) {
        Ok(code) => report(&reports, &Report::Ended { code }),
        Err(error) => report(&reports, &Report::Failed(error.to_string())),
    }
}

fn run(inside: &[&str], reports: &Reports) -> io::Result<i32> {
    let mut requests = BufReader::new(io::stdin());
    let Some(Request::Start(order)) = receive(&mut requests)? else {
        return Err(io::Error::other("the supervisor was not told what to run"));
    };
    // They belong to the network that they are made in, which is still the machine's.
    let listeners = order
        .ports
        .iter()
        .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .collect::<io::Result<Vec<_>>>()
        .map_err(|error| about("open a port of this machine", error))?;
    become_root_of_nothing(reports, &mut requests)?;
    let ports =
        listeners.iter().map(|listener| Ok(listener.local_addr()?.port())).collect::<io::Result<_>>()?;
    // No thread can be started once the container's processes have numbers of their own.
    for (listener, port) in listeners.into_iter().zip(order.ports.clone()) {
        std::thread::Builder::new().spawn(move || forward(&listener, port))?;
    }
    let init: Arc<OnceLock<Pid>> = Arc::default();
    let (asked, to_run) = mpsc::channel();
    let listening = (Arc::clone(&init), Arc::clone(reports), order.ports.clone());
    std::thread::Builder::new().spawn(move || readiness::tell(&listening.0, &listening.1, &listening.2))?;
    let obeying = Arc::clone(&init);
    std::thread::Builder::new().spawn(move || obey(requests, &obeying, &asked))?;
    unshare(CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWUTS)
        .map_err(|error| about("make namespaces for processes", error))?;
    let first = start(inside, &order)?;
    let _ = init.set(first);
    report(reports, &Report::Started { ports })?;
    trace(inside, &order, first, &to_run, reports)
}

/// Leaves the machine's users and network: from here on this process is root among the image's users and nobody among
/// the machine's.
fn become_root_of_nothing(reports: &Reports, requests: &mut BufReader<io::Stdin>) -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWUSER).map_err(|error| {
        about("make a namespace for users (the kernel may forbid it to other users than root)", error)
    })?;
    report(reports, &Report::Unshared)?;
    let Some(Request::Mapped) = receive(requests)? else {
        return Err(io::Error::other("the caller has ended"));
    };
    // Where only one user is mapped it may be another than root; it has every right in the namespace all the same.
    let root = (Uid::from_raw(0), Gid::from_raw(0));
    let is_root_mapped =
        std::fs::read_to_string("/proc/self/uid_map")?.split_whitespace().next() == Some("0");
    if is_root_mapped {
        setresgid(root.1, root.1, root.1).map_err(|error| about("become root of the namespace", error))?;
        setresuid(root.0, root.0, root.0).map_err(|error| about("become root of the namespace", error))?;
    }
    // It is forgotten when a process changes its user.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    unshare(CloneFlags::CLONE_NEWNET).map_err(|error| about("make a network", error))?;
    bring_loopback_up().map_err(|error| about("bring the container's loopback link up", error))
}

/// Starts a process in the container that waits until it is traced and told what to become.
fn start(inside: &[&str], order: &Order) -> io::Result<Pid> {
    let mut child = spawn(inside).map_err(|error| about("run this program once more", error))?;
    let process = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
    tracer::seize(process).map_err(|error| about("trace the container", error))?;
    if let Some(mut stdin) = child.stdin.take() {
        send(&mut stdin, order)?;
    }
    Ok(process)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that starts a container's process, in its namespaces"
)]
fn spawn(inside: &[&str]) -> io::Result<Child> {
    // What it writes goes where this process's complaints go: standard output is for reports.
    Command::new("/proc/self/exe")
        .args(inside)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(io::stderr())
        .stderr(Stdio::inherit())
        .spawn()
}

fn trace(
    inside: &[&str],
    order: &Order,
    first: Pid,
    to_run: &mpsc::Receiver<Vec<String>>,
    reports: &Reports,
) -> io::Result<i32> {
    let mut tell = |message: Report| report(reports, &message);
    let started: std::cell::RefCell<Vec<Pid>> = std::cell::RefCell::default();
    let mut woken = || {
        let mut was_asked = false;
        while let Ok(words) = to_run.try_recv() {
            was_asked = true;
            let program = Inside { words, ..order.program.clone() };
            let beside = Order { program, beside: Some(first.as_raw()), ..order.clone() };
            match start(inside, &beside) {
                Ok(process) => started.borrow_mut().push(process),
                // The caller waits for an answer.
                Err(error) => drop(report(reports, &Report::Failed(error.to_string()))),
            }
        }
        was_asked
    };
    let mut ended = |ran: &Ran| {
        let is_ours = started.borrow().contains(&ran.process);
        if is_ours { report(reports, &Report::Ran { code: ran.code }) } else { Ok(()) }
    };
    Tracer::new(first, order.records_calls, &mut tell).run(&mut woken, &mut ended)
}

/// Does as the caller says, until it says no more; then the container ends.
fn obey(mut requests: BufReader<io::Stdin>, init: &OnceLock<Pid>, to_run: &mpsc::Sender<Vec<String>>) {
    loop {
        match receive(&mut requests) {
            Ok(Some(Request::Run { words })) => {
                let _ = to_run.send(words);
                // It wakes the tracer, which swallows it.
                kill(init, libc::SIGURG);
            }
            Ok(Some(Request::Stop { signal, grace_ms })) => {
                kill(init, signal);
                // The first process of a container gets no signal that it does not catch (pid_namespaces(7)).
                if init.get().is_some_and(|init| catches(*init, signal)) {
                    std::thread::sleep(Duration::from_millis(grace_ms));
                }
                return kill(init, libc::SIGKILL);
            }
            Ok(Some(_)) => {}
            // The caller is gone.
            Ok(None) | Err(_) => return kill(init, libc::SIGKILL),
        }
    }
}

/// Whether a process has a handler for a signal (proc_pid_status(5), `SigCgt`).
fn catches(process: Pid, signal: i32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or(u64::MAX);
    caught.checked_shr(signal.unsigned_abs().saturating_sub(1)).is_some_and(|set| set & 1 == 1)
}

/// Sends a signal to the container's first process; one that has ended needs none.
fn kill(init: &OnceLock<Pid>, signal: i32) {
    if let (Some(init), Ok(signal)) = (init.get(), nix::sys::signal::Signal::try_from(signal)) {
        let _ = nix::sys::signal::kill(*init, signal);
    }
}

pub(crate) fn report(reports: &Reports, message: &Report) -> io::Result<()> {
    let mut stdout = reports.lock().map_err(|_| io::Error::other("a thread that reported has failed"))?;
    send(&mut *stdout, message)?;
    stdout.flush()
}

fn about(what: &str, error: impl Into<io::Error>) -> io::Error {
    let error = error.into();
    io::Error::new(error.kind(), format!("cannot {what}: {error}"))
}
