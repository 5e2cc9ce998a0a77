//! What stands in a stopped process's memory.

use std::io::IoSliceMut;

use nix::Result;
use nix::errno::Errno;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;

/// Longest path that the kernel takes.
const PATH_BYTES_MAX: usize = libc::PATH_MAX.unsigned_abs() as usize;

/// The smallest page of memory: nothing less is there or not there.
const PAGE_BYTES: usize = 4096;

/// Length of `sockaddr_un`.
const UNIX_ADDRESS_BYTES_MAX: usize = 110;

/// The text at an address, up to its zero.
///
/// Read to the end of one page after the other: the next one need not be there.
pub(super) fn read_path(process: Pid, address: u64) -> Result<Vec<u8>> {
    let mut path = Vec::new();
    let mut at = usize::try_from(address).map_err(|_| Errno::EFAULT)?;
    while path.len() < PATH_BYTES_MAX {
        let mut piece = [0; PAGE_BYTES];
        // Most paths are short; the whole page is read only if this one is not.
        let wanted = if path.is_empty() { 256 } else { PAGE_BYTES };
        let room = wanted.min(PAGE_BYTES - at % PAGE_BYTES);
        let piece = piece.get_mut(..room).unwrap_or_default();
        let count = read(process, at, piece)?;
        let piece = piece.get(..count).unwrap_or_default();
        match piece.iter().position(|byte| *byte == 0) {
            Some(end) => {
                path.extend_from_slice(piece.get(..end).unwrap_or_default());
                return Ok(path);
            }
            None if count == 0 => return Err(Errno::EFAULT),
            None => path.extend_from_slice(piece),
        }
        at = at.checked_add(count).ok_or(Errno::EFAULT)?;
    }
    // Longer than the kernel takes: the call fails.
    Ok(Vec::new())
}

/// The path in the address of a Unix socket; nothing for other sockets, and for names that are no paths.
pub(super) fn read_unix_address(process: Pid, address: u64, length: u64) -> Result<Option<Vec<u8>>> {
    let mut bytes = [0; UNIX_ADDRESS_BYTES_MAX];
    let length = usize::try_from(length).unwrap_or(usize::MAX).min(UNIX_ADDRESS_BYTES_MAX);
    let bytes = bytes.get_mut(..length).unwrap_or_default();
    let count = read(process, usize::try_from(address).map_err(|_| Errno::EFAULT)?, bytes)?;
    let bytes = bytes.get(..count).unwrap_or_default();
    let Some((family, path)) = bytes.split_first_chunk::<2>() else { return Ok(None) };
    let path = path.split(|byte| *byte == 0).next().unwrap_or_default();
    let is_unix = i32::from(u16::from_ne_bytes(*family)) == libc::AF_UNIX;
    Ok((is_unix && !path.is_empty()).then(|| path.to_vec()))
}

fn read(process: Pid, address: usize, into: &mut [u8]) -> Result<usize> {
    let remote = [RemoteIoVec { base: address, len: into.len() }];
    process_vm_readv(process, &mut [IoSliceMut::new(into)], &remote)
}
