//! The system calls that name files, and where in their arguments the names stand.

use plimsoll_slim::trace::Touch;

/// `AT_SYMLINK_NOFOLLOW`.
const AT_NOFOLLOW: u64 = 0x100;

/// A system call that names a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PathCall {
    /// Its number.
    pub(crate) number: i64,
    /// Which argument is the directory that the path counts from; the working directory without one.
    pub(crate) directory: Option<usize>,
    /// Which argument points to the path.
    pub(crate) path: usize,
    /// What is done.
    pub(crate) touch: Touch,
    /// The argument and the bits in it that say that a link at the end is not followed.
    pub(crate) unfollowed: Option<(usize, u64)>,
}

impl PathCall {
    /// What is done, as the arguments say.
    pub(crate) fn touch(&self, arguments: &[u64; 6]) -> Touch {
        let is_unfollowed = |(at, mask): (usize, u64)| arguments.get(at).is_some_and(|bits| bits & mask != 0);
        match (self.touch, self.unfollowed.is_some_and(is_unfollowed)) {
            (Touch::Look | Touch::Open, true) => Touch::LookAtLink,
            (touch, _) => touch,
        }
    }
}

const fn at(number: i64, directory: usize, path: usize, touch: Touch) -> PathCall {
    PathCall { number, directory: Some(directory), path, touch, unfollowed: None }
}

const fn plain(number: i64, path: usize, touch: Touch) -> PathCall {
    PathCall { number, directory: None, path, touch, unfollowed: None }
}

const fn unless(call: PathCall, argument: usize, bits: u64) -> PathCall {
    PathCall { unfollowed: Some((argument, bits)), ..call }
}

/// `O_NOFOLLOW` of this architecture.
const O_NOFOLLOW: u64 = libc::O_NOFOLLOW.unsigned_abs() as u64;

/// Every call that names a file; some name two.
pub(crate) const PATH_CALLS: &[PathCall] = &[
    unless(at(libc::SYS_openat, 0, 1, Touch::Open), 2, O_NOFOLLOW),
    at(libc::SYS_openat2, 0, 1, Touch::Open),
    unless(at(libc::SYS_newfstatat, 0, 1, Touch::Look), 3, AT_NOFOLLOW),
    unless(at(libc::SYS_statx, 0, 1, Touch::Look), 2, AT_NOFOLLOW),
    at(libc::SYS_faccessat, 0, 1, Touch::Look),
    unless(at(libc::SYS_faccessat2, 0, 1, Touch::Look), 3, AT_NOFOLLOW),
    at(libc::SYS_readlinkat, 0, 1, Touch::LookAtLink),
    at(libc::SYS_execveat, 0, 1, Touch::Run),
    plain(libc::SYS_execve, 0, Touch::Run),
    plain(libc::SYS_chdir, 0, Touch::Enter),
    plain(libc::SYS_chroot, 0, Touch::Enter),
    plain(libc::SYS_statfs, 0, Touch::Look),
    plain(libc::SYS_truncate, 0, Touch::Change),
    at(libc::SYS_name_to_handle_at, 0, 1, Touch::Look),
    plain(libc::SYS_inotify_add_watch, 1, Touch::Look),
    at(libc::SYS_mkdirat, 0, 1, Touch::Change),
    at(libc::SYS_mknodat, 0, 1, Touch::Change),
    at(libc::SYS_unlinkat, 0, 1, Touch::LookAtLink),
    at(libc::SYS_renameat2, 0, 1, Touch::LookAtLink),
    at(libc::SYS_renameat2, 2, 3, Touch::LookAtLink),
    at(libc::SYS_linkat, 0, 1, Touch::LookAtLink),
    at(libc::SYS_fchmodat, 0, 1, Touch::Change),
    unless(at(libc::SYS_fchownat, 0, 1, Touch::Change), 4, AT_NOFOLLOW),
    at(libc::SYS_utimensat, 0, 1, Touch::Change),
    plain(libc::SYS_getxattr, 0, Touch::Look),
    plain(libc::SYS_lgetxattr, 0, Touch::LookAtLink),
    plain(libc::SYS_listxattr, 0, Touch::Look),
    plain(libc::SYS_llistxattr, 0, Touch::LookAtLink),
    plain(libc::SYS_setxattr, 0, Touch::Change),
];

/// The older forms of the same calls, which newer architectures never had.
#[cfg(target_arch = "x86_64")]
pub(crate) const OLD_PATH_CALLS: &[PathCall] = &[
    unless(plain(libc::SYS_open, 0, Touch::Open), 1, O_NOFOLLOW),
    plain(libc::SYS_creat, 0, Touch::Change),
    plain(libc::SYS_stat, 0, Touch::Look),
    plain(libc::SYS_lstat, 0, Touch::LookAtLink),
    plain(libc::SYS_access, 0, Touch::Look),
    plain(libc::SYS_readlink, 0, Touch::LookAtLink),
    plain(libc::SYS_mkdir, 0, Touch::Change),
    plain(libc::SYS_rmdir, 0, Touch::LookAtLink),
    plain(libc::SYS_unlink, 0, Touch::LookAtLink),
    plain(libc::SYS_rename, 0, Touch::LookAtLink),
    plain(libc::SYS_rename, 1, Touch::LookAtLink),
    at(libc::SYS_renameat, 0, 1, Touch::LookAtLink),
    at(libc::SYS_renameat, 2, 3, Touch::LookAtLink),
    plain(libc::SYS_link, 0, Touch::LookAtLink),
    plain(libc::SYS_chmod, 0, Touch::Change),
    plain(libc::SYS_chown, 0, Touch::Change),
    plain(libc::SYS_lchown, 0, Touch::LookAtLink),
    plain(libc::SYS_utime, 0, Touch::Change),
    plain(libc::SYS_utimes, 0, Touch::Change),
    at(libc::SYS_futimesat, 0, 1, Touch::Change),
];

/// The older forms of the same calls, which this architecture never had.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) const OLD_PATH_CALLS: &[PathCall] = &[];

/// The call by which a socket with a path is reached.
pub(crate) const CONNECT: i64 = libc::SYS_connect;

/// Ways to open files that the tracer would not see. They answer that the kernel does not have them, as many kernels
/// and every container engine do, so that programs go the usual way.
pub(crate) const UNSEEN: &[i64] = &[libc::SYS_io_uring_setup, libc::SYS_open_by_handle_at];

/// The ways in which a call names files.
pub(crate) fn paths_of(number: i64) -> impl Iterator<Item = &'static PathCall> {
    PATH_CALLS.iter().chain(OLD_PATH_CALLS).filter(move |call| call.number == number)
}
