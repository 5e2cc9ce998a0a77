//! The call that a stopped process is about to make.

use nix::Result;
use nix::sys::ptrace;
use nix::unistd::Pid;

/// Its number and its arguments.
#[cfg(target_arch = "x86_64")]
pub(super) fn call(process: Pid) -> Result<(i64, [u64; 6])> {
    let registers = ptrace::getregs(process)?;
    let arguments = [registers.rdi, registers.rsi, registers.rdx, registers.r10, registers.r8, registers.r9];
    Ok((registers.orig_rax.cast_signed(), arguments))
}

/// Its number and its arguments.
#[cfg(target_arch = "aarch64")]
pub(super) fn call(process: Pid) -> Result<(i64, [u64; 6])> {
    let registers = ptrace::getregs(process)?;
    let [a, b, c, d, e, f, _, _, number, ..] = registers.regs;
    Ok((number.cast_signed(), [a, b, c, d, e, f]))
}
