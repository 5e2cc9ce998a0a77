//! The closure over real file systems.

mod disk;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use plimsoll_slim::Cause;
use plimsoll_slim::closure::{Closure, Kept, Ownership, Seed, Setting};
use plimsoll_slim::file_system::FileSystem;

use disk::OnDisk;

fn close(system: &FileSystem, root: &str, command: &[&str]) -> Kept {
    let mut contents = OnDisk(PathBuf::from(root));
    let ownership = Ownership::default();
    let setting = Setting { directory: "/".into(), ..Setting::default() };
    let mut closure = Closure::new(system, &mut contents, &ownership, &setting);
    let words = command.iter().map(|word| (*word).to_owned()).collect();
    closure.add_seeds(&[Seed { cause: Cause::Entrypoint, words }]);
    closure.finish()
}

fn paths(system: &FileSystem, kept: &Kept) -> BTreeSet<String> {
    kept.files.keys().map(|id| format!("/{}", String::from_utf8_lossy(&system.node(*id).path))).collect()
}

/// What the loader of this machine maps for a program, links followed.
#[expect(clippy::disallowed_methods, reason = "a program of the machine that the test is held against")]
fn mapped(program: &str) -> Vec<String> {
    let output = Command::new("/usr/bin/ldd").arg(program).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let paths = text.lines().filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')));
    paths.map(|path| std::fs::canonicalize(path).unwrap().display().to_string()).collect()
}

#[test]
fn the_closure_of_programs_of_this_machine_holds_all_that_its_loader_maps() {
    let wanted = |top: &str| matches!(top, "bin" | "lib" | "lib64" | "sbin" | "usr" | "etc");
    let system = disk::file_system("/".as_ref(), wanted);
    for program in ["/bin/sh", "/usr/bin/find", "/usr/bin/tar", "/usr/bin/gcc"] {
        let kept = paths(&system, &close(&system, "/", &[program]));
        let mapped = mapped(program);
        assert!(mapped.len() > 1, "{program} is linked dynamically");
        for path in mapped {
            assert!(kept.contains(&path), "{program} maps {path}, which is not kept");
        }
        assert!(!kept.contains("/usr/bin/perl"), "{program} brings no others");
    }
}
