//! A seccomp profile of the calls that were seen, as container engines read it (runtime-spec, `config-linux.md`,
//! "Seccomp"; Docker's profiles have the same form).

mod names;

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// Calls that engines make before the program begins, that every C library makes at its start, or that newer ones make in
/// place of older ones. A profile without them breaks with the next update of a library and tells nobody why.
const ALWAYS: &[&str] = &[
    "access",
    "arch_prctl",
    "brk",
    "capget",
    "capset",
    "chdir",
    "clock_gettime",
    "clock_nanosleep",
    "clone",
    "clone3",
    "close",
    "close_range",
    "dup",
    "dup2",
    "dup3",
    "epoll_pwait",
    "epoll_pwait2",
    "execve",
    "exit",
    "exit_group",
    "faccessat",
    "faccessat2",
    "fchdir",
    "fcntl",
    "fstat",
    "fstatfs",
    "futex",
    "futex_waitv",
    "getcwd",
    "getdents64",
    "getegid",
    "geteuid",
    "getgid",
    "getpid",
    "getppid",
    "getrandom",
    "gettid",
    "getuid",
    "lseek",
    "madvise",
    "membarrier",
    "mmap",
    "mprotect",
    "mremap",
    "munmap",
    "nanosleep",
    "newfstatat",
    "openat",
    "openat2",
    "pipe2",
    "poll",
    "ppoll",
    "prctl",
    "pread64",
    "prlimit64",
    "pselect6",
    "pwrite64",
    "read",
    "readlinkat",
    "readv",
    "restart_syscall",
    "rseq",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigtimedwait",
    "sched_getaffinity",
    "sched_yield",
    "sendfile",
    "set_robust_list",
    "set_tid_address",
    "setgid",
    "setgroups",
    "setuid",
    "sigaltstack",
    "statx",
    "tgkill",
    "uname",
    "wait4",
    "waitid",
    "write",
    "writev",
];

/// The profile: what was seen and what every program needs is allowed, and everything else fails.
pub fn seccomp_profile(seen: &BTreeSet<i64>) -> Value {
    let seen_names = seen.iter().filter_map(|number| names::name(*number));
    let allowed: BTreeSet<&str> = seen_names.chain(ALWAYS.iter().copied()).collect();
    json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 38,
        "architectures": architectures(),
        "syscalls": [{ "names": allowed, "action": "SCMP_ACT_ALLOW" }],
    })
}

/// The architecture of the calls that were seen, and those whose programs it runs too.
fn architectures() -> &'static [&'static str] {
    match std::env::consts::ARCH {
        "x86_64" => &["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
        "aarch64" => &["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_allows_what_was_seen_and_what_every_program_needs() {
        let profile = seccomp_profile(&BTreeSet::from([libc::SYS_socket, libc::SYS_read]));
        let names: Vec<&str> = profile["syscalls"][0]["names"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap())
            .collect();
        assert!(names.contains(&"socket") && names.contains(&"clone3") && !names.contains(&"ptrace"));
        assert!(names.is_sorted(), "{names:?}");
    }
}
