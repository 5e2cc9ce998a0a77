//! What the child gives up before it reads its first byte.

use std::collections::BTreeMap;
use std::io;

use rustix::process::{Resource, Rlimit, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, sock_filter,
};

/// Address space: many times what the analyser needs, and far from what a machine has.
const ADDRESS_SPACE_BYTES_MAX: u64 = 2 << 30;

/// Processor time for one layer. The largest that is allowed needs a few minutes.
const CPU_SECONDS_MAX: u64 = 1800;

/// One file of the spool, or the record.
const FILE_BYTES_MAX: u64 = 128 << 30;

/// The bit of `O_TMPFILE` that no other flag of `open` has.
const O_TMPFILE_BIT: u64 = 0o20_000_000;

/// Calls that make or reach what the analyser has no use for: sockets, programs, processes, names of files, namespaces,
/// and the kernel's own doors.
const REFUSED: &[i64] = &[
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_clone,
    libc::SYS_clone3,
    libc::SYS_openat2,
    libc::SYS_open_by_handle_at,
    libc::SYS_linkat,
    libc::SYS_unlinkat,
    libc::SYS_renameat2,
    libc::SYS_symlinkat,
    libc::SYS_mkdirat,
    libc::SYS_mknodat,
    libc::SYS_fchmodat,
    libc::SYS_fchownat,
    libc::SYS_truncate,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kill,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_io_uring_setup,
    libc::SYS_userfaultfd,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_kexec_load,
];

/// The older forms of the same calls, which newer architectures never had.
#[cfg(target_arch = "x86_64")]
const REFUSED_OLD: &[i64] = &[
    libc::SYS_open,
    libc::SYS_creat,
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_link,
    libc::SYS_unlink,
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_symlink,
    libc::SYS_mkdir,
    libc::SYS_rmdir,
    libc::SYS_mknod,
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_lchown,
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_OLD: &[i64] = &[];

/// Gives up, for all threads of this process, what reading a layer does not need: the network, other programs, other processes, and every file but those
/// without a name in the spool. What the kernel cannot take away is an error: then nothing is read.
pub(crate) fn enter() -> io::Result<()> {
    enter_by(seccompiler::apply_filter_all_threads)
}

fn enter_by(apply: fn(&[sock_filter]) -> seccompiler::Result<()>) -> io::Result<()> {
    for (resource, max) in [
        (Resource::As, ADDRESS_SPACE_BYTES_MAX),
        (Resource::Cpu, CPU_SECONDS_MAX),
        (Resource::Fsize, FILE_BYTES_MAX),
        (Resource::Core, 0),
    ] {
        setrlimit(resource, Rlimit { current: Some(max), maximum: Some(max) })?;
    }
    let program = filter().map_err(io::Error::other)?;
    // It also rules out new privileges, which an unprivileged filter needs.
    apply(&program).map_err(io::Error::other)
}

fn filter() -> Result<BpfProgram, seccompiler::BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        REFUSED.iter().chain(REFUSED_OLD).map(|call| (*call, Vec::new())).collect();
    rules.insert(libc::SYS_openat, vec![opens_something_named()?]);
    SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(libc::EPERM.unsigned_abs()),
        TargetArch::try_from(std::env::consts::ARCH)?,
    )?
    .try_into()
}

fn opens_something_named() -> Result<SeccompRule, seccompiler::BackendError> {
    let flags = 2;
    let without_tmpfile =
        SeccompCondition::new(flags, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(O_TMPFILE_BIT), 0)?;
    SeccompRule::new(vec![without_tmpfile])
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io;
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::unix::fs::OpenOptionsExt as _;
    use std::os::unix::net::UnixStream;
    use std::path::Path;
    use std::process::Command;

    use plimsoll_sbom::Spool as _;
    use rustix::process::{getpid, getrlimit, test_kill_process};

    use super::*;
    use crate::spool::UnnamedFiles;

    fn refused<T>(outcome: io::Result<T>) -> bool {
        outcome.is_err_and(|error| error.raw_os_error() == Some(libc::EPERM))
    }

    /// The filter is for ever, so a thread is given to it that nobody needs.
    #[test]
    fn nothing_is_reached_but_unnamed_files_in_the_spool() {
        let spool = tempfile::tempdir().unwrap();
        let known = spool.path().join("known");
        std::fs::write(&known, "here before").unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| try_everything(spool.path(), &known)).join().unwrap();
        });
        assert_eq!(std::fs::read_dir(spool.path()).unwrap().count(), 1);
    }

    #[expect(clippy::disallowed_methods, reason = "a program that must not start")]
    fn try_everything(spool: &Path, known: &Path) {
        let mut opened_before = File::open(known).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut files = UnnamedFiles::in_directory(spool).unwrap();
        enter_by(seccompiler::apply_filter).unwrap();

        assert!(refused(TcpStream::connect(address)), "connections out");
        assert!(refused(TcpListener::bind("127.0.0.1:0")) && refused(listener.accept()), "connections in");
        assert!(refused(UdpSocket::bind("127.0.0.1:0")) && refused(UnixStream::pair()), "other sockets");
        assert!(refused(Command::new("/bin/true").spawn()), "programs");
        assert!(refused(std::thread::Builder::new().spawn(|| {})), "threads");
        assert!(refused(test_kill_process(getpid()).map_err(io::Error::from)), "signals");
        assert!(refused(File::open(known)), "reading a file by its name");
        assert!(
            refused(File::open("/proc/self/mem")) && refused(File::open("/dev/null")),
            "the system's files"
        );
        let making = File::options().write(true).create_new(true).open(spool.join("new"));
        assert!(refused(making), "making a file");
        let pointing = File::options().read(true).custom_flags(libc::O_PATH).open(known);
        assert!(refused(pointing), "other ways to open");
        assert!(refused(std::fs::remove_file(known)) && refused(std::fs::rename(known, "moved")), "names");
        assert!(refused(std::fs::create_dir(spool.join("folder"))), "folders");
        assert!(refused(std::os::unix::fs::symlink(known, spool.join("link"))), "links");

        let mut unnamed = files.open().unwrap();
        io::Write::write_all(&mut unnamed, b"kept for a moment").unwrap();
        let mut text = String::new();
        io::Read::read_to_string(&mut opened_before, &mut text).unwrap();
        assert_eq!(text, "here before");
        assert_eq!(getrlimit(Resource::As).maximum, Some(ADDRESS_SPACE_BYTES_MAX));
        assert_eq!(getrlimit(Resource::Core).maximum, Some(0));
    }
}
