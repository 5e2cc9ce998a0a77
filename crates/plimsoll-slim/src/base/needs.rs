use std::collections::BTreeSet;
use std::io::{self, Read as _, SeekFrom};

use plimsoll_image::{FileTree, Kind};
use plimsoll_oci::ImageConfig;
use plimsoll_sbom::{Content, Linkage};

/// Bytes of a program that are looked through for versions of symbols.
const PROGRAM_BYTES_MAX: u64 = 256 << 20;

/// What one program or library asks of the system that it runs on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProgramNeeds {
    /// The loader that it names.
    pub loader: Option<String>,
    /// The libraries that it names.
    pub libraries: Vec<String>,
    /// Its own name as a library.
    pub soname: Option<String>,
    /// The highest version of glibc that its symbols name.
    pub glibc: Option<(u32, u32)>,
}

impl ProgramNeeds {
    /// Reads them; nothing where the file is no ELF file, or a damaged one.
    pub fn read(content: &mut dyn Content) -> io::Result<Option<Self>> {
        let Ok(Some(linkage)) = Linkage::read(content) else { return Ok(None) };
        let text = |name: &Vec<u8>| String::from_utf8_lossy(name).into_owned();
        content.seek(SeekFrom::Start(0))?;
        let mut bytes = Vec::new();
        content.take(PROGRAM_BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(Some(Self {
            loader: linkage.interpreter.as_ref().map(text),
            libraries: linkage.needed.iter().map(text).collect(),
            soname: linkage.soname.as_ref().map(text),
            glibc: highest_glibc(&bytes),
        }))
    }
}

/// The highest `GLIBC_2.34` among a program's names of symbol versions.
fn highest_glibc(bytes: &[u8]) -> Option<(u32, u32)> {
    const PREFIX: &[u8] = b"GLIBC_";
    let at = memchr::memmem::find_iter(bytes, PREFIX);
    let versions = at.filter_map(|start| {
        let rest = bytes.get(start + PREFIX.len()..)?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        let text = std::str::from_utf8(rest.get(..end.min(16))?).ok()?;
        let mut parts = text.split('.');
        let version = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        parts.next().is_none_or(|patch| patch.parse::<u32>().is_ok()).then_some(version)
    });
    versions.max()
}

/// What an image's own layers need of the base beneath them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Loaders, by their paths without the slash in front.
    pub loaders: BTreeSet<String>,
    /// Libraries that the layers do not bring themselves.
    pub libraries: BTreeSet<String>,
    /// Programs by their names, such as `python3.11`.
    pub programs: BTreeSet<String>,
    /// The version of glibc that is needed at least.
    pub glibc: Option<(u32, u32)>,
}

impl Needs {
    /// Adds up what the programs of the layers need. `tree` is the image's, and `first` its first layer above the base.
    pub fn of(programs: &[ProgramNeeds], config: &ImageConfig, tree: &FileTree<'_>, first: usize) -> Self {
        let own = own_files(tree, first);
        let sonames = programs.iter().filter_map(|program| program.soname.clone());
        let brought: BTreeSet<String> = own.libraries.into_iter().chain(sonames).collect();
        let libraries = programs.iter().flat_map(|program| program.libraries.iter().cloned());
        let loaders = programs.iter().filter_map(|program| program.loader.as_ref());
        let mut needs = Self {
            loaders: loaders.map(|path| path.trim_start_matches('/').to_owned()).collect(),
            libraries: libraries.filter(|name| !brought.contains(name)).collect(),
            programs: own.interpreters,
            glibc: programs.iter().filter_map(|program| program.glibc).max(),
        };
        if let Some(name) = started(config).filter(|name| !own.programs.contains(name)) {
            needs.programs.insert(name);
        }
        needs
    }
}

/// Files of an image's own layers, as far as they tell of needs.
#[derive(Default)]
struct OwnFiles {
    libraries: BTreeSet<String>,
    programs: BTreeSet<String>,
    /// Interpreters that the directories of the files are called after.
    interpreters: BTreeSet<String>,
}

fn own_files(tree: &FileTree<'_>, first: usize) -> OwnFiles {
    let mut own = OwnFiles::default();
    for node in tree.nodes().filter(|node| node.layer >= first && node.entry.kind != Kind::Directory) {
        let path = String::from_utf8_lossy(node.path);
        let name = path.rsplit('/').next().unwrap_or_default();
        if name.contains(".so") {
            own.libraries.insert(name.to_owned());
        }
        if node.entry.mode & 0o111 != 0 || node.entry.kind == Kind::Symlink {
            own.programs.insert(name.to_owned());
        }
        let python = path.split('/').find(|part| part.starts_with("python3.") && path.contains("-packages/"));
        own.interpreters.extend(python.map(str::to_owned));
    }
    let programs = &own.programs;
    own.interpreters.retain(|name| !programs.contains(name));
    own
}

/// The name of the program that the image starts, if it is one.
fn started(config: &ImageConfig) -> Option<String> {
    let word = config.config.entrypoint.first().or_else(|| config.config.cmd.first())?;
    word.rsplit('/').next().filter(|name| !name.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn this_very_test_needs_its_loader_and_symbols_of_a_glibc() {
        let mut program = std::fs::File::open("/proc/self/exe").unwrap();
        let needs = ProgramNeeds::read(&mut program).unwrap().unwrap();
        assert!(needs.loader.is_some() && needs.libraries.iter().any(|name| name.starts_with("libc.")));
        assert!(needs.glibc.unwrap() >= (2, 17), "{needs:?}");
        assert_eq!(ProgramNeeds::read(&mut Cursor::new(b"#!/bin/sh\n")).unwrap(), None);
    }

    #[test]
    fn the_highest_version_counts_as_numbers_do() {
        assert_eq!(highest_glibc(b"GLIBC_2.9\0GLIBC_2.34\0GLIBC_2.3.4\0GLIBC_PRIVATE\0"), Some((2, 34)));
        assert_eq!(highest_glibc(b"GLIBC_2."), None);
        assert_eq!(highest_glibc(b""), None);
    }
}
