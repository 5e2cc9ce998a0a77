//! The container's side: a process that takes on the image's file system, user and command.

mod devices;

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
use rustix::process::pivot_root;

use crate::message::{Inside, Order, receive};
use crate::tracer;

/// The name of the machine that the image sees.
const HOST_NAME: &str = "plimsoll";

/// Becomes the container's process that it is told to be on standard input. It returns only if that fails.
pub fn run_inside() -> io::Error {
    match take_on() {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

fn take_on() -> io::Result<std::convert::Infallible> {
    // The supervisor tells only once it traces this process: nothing is missed.
    let Some(order) = receive::<Order>(&mut BufReader::new(io::stdin()))? else {
        return Err(io::Error::other("the supervisor has ended"));
    };
    let program = &order.program;
    match order.beside {
        Some(process) => join(process).map_err(|error| about("join the container", error))?,
        None => settle(&order)?,
    }
    become_user(program).map_err(|error| about("become the image's user", error))?;
    tracer::install(order.records_calls)
        .map_err(|error| about("install the filter of system calls", error))?;
    Err(become_program(program))
}

/// Makes the container's view of the files.
fn settle(order: &Order) -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS).map_err(|error| about("make a namespace for mounts", error))?;
    enter_root(order).map_err(|error| about("mount the image's file system", error))?;
    // A name that the image may show; it works as well without.
    let _ = std::fs::write("/proc/sys/kernel/hostname", HOST_NAME);
    provide_hosts().map_err(|error| about("write /etc/hosts", error))?;
    std::fs::create_dir_all(&order.program.directory)
        .map_err(|error| about("make the working directory", error))
}

/// Takes on the view of the files that a process of the container has.
fn join(process: i32) -> io::Result<()> {
    let namespace = File::open(format!("/proc/{process}/ns/mnt"))?;
    setns(namespace, CloneFlags::CLONE_NEWNS)?;
    std::env::set_current_dir("/")
}

/// Makes the image's files the root, under a layer that takes what is written.
fn enter_root(order: &Order) -> io::Result<()> {
    let none: Option<&str> = None;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
    let merged = order.scratch.join("merged");
    mount_overlay(order, &merged)?;
    devices::mount_beneath(&merged)?;
    std::env::set_current_dir(&merged)?;
    pivot_root(".", ".")?;
    umount2(".", MntFlags::MNT_DETACH)?;
    std::env::set_current_dir("/")
}

/// Mounts the image's files, and above them a directory for what is written.
fn mount_overlay(order: &Order, merged: &Path) -> io::Result<()> {
    let scratch = |name: &str| order.scratch.join(name);
    for name in ["upper", "work", "merged"] {
        match std::fs::create_dir(scratch(name)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    std::fs::set_permissions(scratch("upper"), std::fs::Permissions::from_mode(0o755))?;
    let options = format!(
        "lowerdir={},upperdir={},workdir={},userxattr",
        order.rootfs.display(),
        scratch("upper").display(),
        scratch("work").display()
    );
    mount(Some("overlay"), merged, Some("overlay"), MsFlags::empty(), Some(options.as_str()))?;
    Ok(())
}

/// What every engine gives a container: its own name leads to itself.
fn provide_hosts() -> io::Result<()> {
    let text = format!("127.0.0.1\tlocalhost {HOST_NAME}\n::1\tlocalhost ip6-localhost ip6-loopback\n");
    std::fs::create_dir_all("/etc")?;
    std::fs::write("/etc/hosts", text)
}

fn become_user(program: &Inside) -> nix::Result<()> {
    let user = &program.user;
    if program.takes_groups {
        let groups: Vec<Gid> = user.groups.iter().map(|group| Gid::from_raw(*group)).collect();
        setgroups(&groups)?;
    }
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    setresgid(gid, gid, gid)?;
    setresuid(uid, uid, uid)
}

#[expect(clippy::disallowed_methods, reason = "this process becomes the image's command; nothing is started")]
fn become_program(program: &Inside) -> io::Error {
    let Some((first, rest)) = program.words.split_first() else {
        return io::Error::other("the image names no command");
    };
    let environment = program.environment.iter().filter_map(|text| text.split_once('='));
    let error = Command::new(OsStr::new(first))
        .args(rest)
        .env_clear()
        .envs(environment)
        .current_dir(&program.directory)
        .stdin(Stdio::null())
        .exec();
    about(&format!("run `{first}` in the container"), error)
}

fn about(what: &str, error: impl Into<io::Error>) -> io::Error {
    let error = error.into();
    io::Error::new(error.kind(), format!("cannot {what}: {error}"))
}
