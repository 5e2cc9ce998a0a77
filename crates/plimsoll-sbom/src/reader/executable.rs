//! Which files run: the ground of the coverage figure.

use super::{Candidate, elf};

/// Any of the three permission bits that let a file be executed.
const EXECUTE: u16 = 0o111;

/// Whether a file is a program: an ELF program or a script that may be executed, or a shared library.
///
/// Libraries need no permission to be loaded, so they are known by their names.
pub(crate) fn is_executable(candidate: &Candidate<'_>) -> bool {
    let may_execute = candidate.mode & EXECUTE != 0;
    if elf::is_program(candidate.head) {
        return may_execute || is_library_name(candidate.name);
    }
    may_execute && candidate.head.starts_with(b"#!")
}

/// `libz.so`, `libz.so.1.2.13`.
fn is_library_name(name: &str) -> bool {
    name.ends_with(".so") || name.contains(".so.")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRAM: &[u8] = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0";
    const OBJECT: &[u8] = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x01\0\x3e\0";

    fn judged(path: &str, head: &[u8], mode: u16) -> bool {
        let name = path.rsplit('/').next().unwrap_or_default();
        is_executable(&Candidate { path, name, head, size_bytes: 100, mode })
    }

    #[test]
    fn programs_and_scripts_need_the_execute_bit() {
        assert!(judged("usr/bin/ls", PROGRAM, 0o755));
        assert!(judged("usr/bin/ldd", b"#!/bin/bash\n", 0o755));
        assert!(judged("usr/bin/su", PROGRAM, 0o100));
        assert!(!judged("usr/bin/ls", PROGRAM, 0o644));
        assert!(!judged("usr/share/doc/example", b"#!/bin/bash\n", 0o644));
    }

    #[test]
    fn libraries_need_none() {
        assert!(judged("usr/lib/libz.so.1.2.13", PROGRAM, 0o644));
        assert!(judged("usr/lib/python3/_ssl.cpython-311-x86_64-linux-gnu.so", PROGRAM, 0o644));
        assert!(!judged("usr/lib/libc.so", b"/* GNU ld script", 0o644));
    }

    #[test]
    fn objects_and_data_do_not_run() {
        assert!(!judged("usr/lib/crt1.o", OBJECT, 0o755));
        assert!(!judged("usr/bin/readme", b"hello", 0o755));
    }
}
