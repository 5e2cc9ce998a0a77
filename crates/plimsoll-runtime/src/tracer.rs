//! The tracer: it stops a container's processes at the calls that name files, reads the names, and lets them go on.
//!
//! A filter in the kernel chooses those calls (seccomp(2), `SECCOMP_RET_TRACE`), so that all others run at full speed.
//! The kernel stops the process before the call and waits for us: there is no queue that could overflow.

mod filter;
mod memory;
mod registers;

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::os::unix::ffi::OsStrExt as _;

use libc::c_int;
use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use plimsoll_slim::trace::Touch;
use rustix::process::{WaitOptions, WaitStatus};

use crate::call::{self, PathCall};
use crate::message::Report;

pub(crate) use filter::install;

/// Paths that are collected before they are reported.
const BATCH: usize = 512;

/// Different paths that are remembered, so that each is reported once.
const REMEMBERED_MAX: usize = 1 << 20;

/// `AT_FDCWD` as a call's argument.
const WORKING_DIRECTORY: i32 = libc::AT_FDCWD;

/// The tracer of one container.
pub(crate) struct Tracer<'a> {
    /// The first process of the container.
    init: Pid,
    records_calls: bool,
    /// Where reports go.
    report: &'a mut dyn FnMut(Report) -> io::Result<()>,
    seen: HashSet<(Vec<u8>, Touch)>,
    batch: Vec<(Vec<u8>, Touch)>,
    calls: BTreeSet<i64>,
    /// Whether some process has changed its root, so that absolute paths count from elsewhere.
    has_changed_root: bool,
}

/// How a process that is no part of the first one's family ended.
pub(crate) struct Ran {
    pub(crate) process: Pid,
    pub(crate) code: i32,
}

/// Takes a process that waits to become the container's first, and all that follow from it.
pub(crate) fn seize(process: Pid) -> nix::Result<()> {
    let options = Options::PTRACE_O_TRACESECCOMP
        | Options::PTRACE_O_TRACEFORK
        | Options::PTRACE_O_TRACEVFORK
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_TRACEEXEC
        | Options::PTRACE_O_EXITKILL;
    ptrace::seize(process, options)
}

impl<'a> Tracer<'a> {
    pub(crate) fn new(
        init: Pid,
        records_calls: bool,
        report: &'a mut dyn FnMut(Report) -> io::Result<()>,
    ) -> Self {
        Self {
            init,
            records_calls,
            report,
            seen: HashSet::new(),
            batch: Vec::new(),
            calls: BTreeSet::new(),
            has_changed_root: false,
        }
    }

    /// Traces until the first process has ended, and with it every other. Returns its exit code.
    ///
    /// `woken` is asked whenever the first process gets a signal of ours that says to look for something to do; it tells
    /// whether there was anything. `ended` hears of other children of this process.
    pub(crate) fn run(
        &mut self,
        woken: &mut dyn FnMut() -> bool,
        ended: &mut dyn FnMut(&Ran) -> io::Result<()>,
    ) -> io::Result<i32> {
        let mut code = None;
        loop {
            // `__WALL`: threads and processes alike.
            let all = WaitOptions::from_bits_retain(libc::__WALL.cast_unsigned());
            let (process, status) = match rustix::process::wait(all) {
                Ok(Some((process, status))) => (Pid::from_raw(process.as_raw_nonzero().get()), status),
                Ok(None) | Err(rustix::io::Errno::INTR) => continue,
                Err(rustix::io::Errno::CHILD) => break,
                Err(error) => return Err(error.into()),
            };
            match exit_code(status) {
                Some(ended_with) if process == self.init => code = Some(ended_with),
                Some(code) => ended(&Ran { process, code })?,
                None => self.stopped(process, status, woken)?,
            }
        }
        self.flush()?;
        (self.report)(Report::Calls(std::mem::take(&mut self.calls).into_iter().collect()))?;
        code.ok_or_else(|| io::Error::other("the container's first process was lost"))
    }

    fn stopped(
        &mut self,
        process: Pid,
        status: WaitStatus,
        woken: &mut dyn FnMut() -> bool,
    ) -> io::Result<()> {
        let raw = status.as_raw();
        let (signal, event) = ((raw >> 8) & 0xff, raw >> 16);
        let passed_on = match event {
            libc::PTRACE_EVENT_SECCOMP => {
                self.called(process)?;
                None
            }
            // New processes, programs that begin, and stops of whole groups, which end at once.
            1.. => None,
            _ => self.signal_for(process, signal, woken)?,
        };
        match ptrace::cont(process, passed_on) {
            // Killed meanwhile: its end is told next.
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The signal that a process is to get.
    fn signal_for(
        &mut self,
        process: Pid,
        number: c_int,
        woken: &mut dyn FnMut() -> bool,
    ) -> io::Result<Option<Signal>> {
        if process == self.init && number == libc::SIGURG && woken() {
            return Ok(None);
        }
        match Signal::try_from(number) {
            Ok(signal) => Ok(Some(signal)),
            Err(_) => {
                let what = format!("real-time signal {number} cannot be passed on to a traced process");
                (self.report)(Report::Lost(what))?;
                Ok(None)
            }
        }
    }

    /// A process is about to make a call that the filter chose.
    fn called(&mut self, process: Pid) -> io::Result<()> {
        let (number, arguments) = match registers::call(process) {
            Ok(call) => call,
            Err(Errno::ESRCH) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        if self.records_calls {
            self.calls.insert(number);
        }
        for path_call in call::paths_of(number) {
            self.named(process, path_call, &arguments)?;
        }
        if number == call::CONNECT {
            self.connected(process, &arguments)?;
        }
        self.has_changed_root |= number == libc::SYS_chroot;
        Ok(())
    }

    fn named(&mut self, process: Pid, call: &PathCall, arguments: &[u64; 6]) -> io::Result<()> {
        let address = arguments.get(call.path).copied().unwrap_or_default();
        if address == 0 {
            // The call is about an open file.
            return Ok(());
        }
        let path = match memory::read_path(process, address) {
            Ok(path) => path,
            Err(error) => return self.unreadable(process, call.number, error),
        };
        if path.is_empty() {
            return Ok(());
        }
        let directory = call.directory.and_then(|at| arguments.get(at).copied());
        match self.absolute(process, directory, path) {
            Ok(path) => self.touch(path, call.touch(arguments)),
            // The directory's number means nothing: the call fails.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// A path as the root of the container sees it.
    fn absolute(&self, process: Pid, directory: Option<u64>, path: Vec<u8>) -> io::Result<Vec<u8>> {
        if path.starts_with(b"/") {
            return match self.has_changed_root {
                true => Ok([link(process, "root")?, path].concat()),
                false => Ok(path),
            };
        }
        // The kernel looks at the lower half of the register alone.
        let number = directory.map_or(WORKING_DIRECTORY, |register| {
            u32::try_from(register & u64::from(u32::MAX)).unwrap_or_default().cast_signed()
        });
        let base = match number {
            WORKING_DIRECTORY => link(process, "cwd")?,
            number => link(process, &format!("fd/{number}"))?,
        };
        Ok([&base[..], b"/", &path].concat())
    }

    /// A socket with a path is to be reached.
    fn connected(&mut self, process: Pid, arguments: &[u64; 6]) -> io::Result<()> {
        let [_, address, length, ..] = *arguments;
        match memory::read_unix_address(process, address, length) {
            Ok(Some(path)) => match self.absolute(process, None, path) {
                Ok(path) => self.touch(path, Touch::Connect),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                Err(error) => Err(error),
            },
            Ok(None) => Ok(()),
            Err(error) => self.unreadable(process, libc::SYS_connect, error),
        }
    }

    /// A name that cannot be read. Where the kernel cannot read it either the call fails and nothing is missed.
    fn unreadable(&mut self, process: Pid, number: i64, error: Errno) -> io::Result<()> {
        match error {
            Errno::ESRCH | Errno::EFAULT => Ok(()),
            error => (self.report)(Report::Lost(format!(
                "the path of call {number} of process {process} cannot be read: {error}"
            ))),
        }
    }

    fn touch(&mut self, path: Vec<u8>, touch: Touch) -> io::Result<()> {
        if self.seen.len() >= REMEMBERED_MAX {
            return (self.report)(Report::Lost(format!("more than {REMEMBERED_MAX} different paths")));
        }
        if self.seen.insert((path.clone(), touch)) {
            self.batch.push((path, touch));
        }
        if self.batch.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        match std::mem::take(&mut self.batch) {
            batch if batch.is_empty() => Ok(()),
            batch => (self.report)(Report::Touched(batch)),
        }
    }
}

/// Where one of a process's links in `/proc` leads.
fn link(process: Pid, name: &str) -> io::Result<Vec<u8>> {
    let target = std::fs::read_link(format!("/proc/{process}/{name}"))?;
    let target = target.as_os_str().as_bytes();
    let target = target.strip_suffix(b" (deleted)").unwrap_or(target);
    Ok(if target == b"/" { Vec::new() } else { target.to_vec() })
}

/// The exit code of a process that has ended.
fn exit_code(status: WaitStatus) -> Option<i32> {
    let of_signal = || status.terminating_signal().map(|signal| 128 + signal);
    status.exit_status().or_else(of_signal)
}
