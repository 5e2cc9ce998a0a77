//! The filter that the container's processes run under, and that every process of theirs inherits.

use std::collections::BTreeMap;
use std::io;

use seccompiler::{BackendError, BpfProgram, SeccompAction, SeccompFilter, SeccompRule, TargetArch};

use crate::call;

/// Puts this process under the filter, for ever. From then on no program of it gains rights by being run: those that
/// are marked to run as another user run as the one that starts them.
pub(crate) fn install(records_calls: bool) -> io::Result<()> {
    let refuse = refusing().map_err(io::Error::other)?;
    let trace = if records_calls { tracing_all() } else { tracing_paths() }.map_err(io::Error::other)?;
    seccompiler::apply_filter(&refuse).map_err(io::Error::other)?;
    seccompiler::apply_filter(&trace).map_err(io::Error::other)
}

/// Stops at calls that name files.
fn tracing_paths() -> Result<BpfProgram, BackendError> {
    let numbers = call::PATH_CALLS.iter().chain(call::OLD_PATH_CALLS).map(|call| call.number);
    program(numbers.chain([call::CONNECT]), SeccompAction::Allow, SeccompAction::Trace(0))
}

/// Stops at every call. What a signal handler returns by is left alone: it names nothing, and every program has it.
fn tracing_all() -> Result<BpfProgram, BackendError> {
    program([libc::SYS_rt_sigreturn].into_iter(), SeccompAction::Trace(0), SeccompAction::Allow)
}

/// Answers that the kernel does not have the calls that the tracer cannot see through.
fn refusing() -> Result<BpfProgram, BackendError> {
    let unknown = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    program(call::UNSEEN.iter().copied(), SeccompAction::Allow, unknown)
}

fn program(
    numbers: impl Iterator<Item = i64>,
    others: SeccompAction,
    these: SeccompAction,
) -> Result<BpfProgram, BackendError> {
    let rules: BTreeMap<i64, Vec<SeccompRule>> = numbers.map(|number| (number, Vec::new())).collect();
    SeccompFilter::new(rules, others, these, TargetArch::try_from(std::env::consts::ARCH)?)?.try_into()
}
