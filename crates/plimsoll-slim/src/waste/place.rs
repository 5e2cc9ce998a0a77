//! What a file is by the directory that it lies in: caches, documentation, files for compilers.

use super::kind::WasteKind;

/// Directories whose content is a cache, with what it is. The first that fits decides.
const CACHES: &[(&str, WasteKind)] = &[
    ("var/lib/apt/lists/", WasteKind::AptLists),
    ("var/cache/apt/", WasteKind::AptCache),
    ("var/cache/apk/", WasteKind::ApkCache),
    ("etc/apk/cache/", WasteKind::ApkCache),
    ("var/cache/dnf/", WasteKind::RpmCache),
    ("var/cache/yum/", WasteKind::RpmCache),
    ("var/cache/libdnf5/", WasteKind::RpmCache),
    ("root/.cache/pip/", WasteKind::PipCache),
    ("root/.npm/", WasteKind::NpmCache),
    ("root/.cache/yarn/", WasteKind::NpmCache),
    ("usr/local/share/.cache/yarn/", WasteKind::NpmCache),
    ("root/.local/share/pnpm/store/", WasteKind::NpmCache),
    ("root/.cache/go-build/", WasteKind::GoCache),
    ("root/go/pkg/mod/", WasteKind::GoCache),
    ("go/pkg/mod/", WasteKind::GoCache),
    ("root/.cargo/registry/", WasteKind::CargoCache),
    ("usr/local/cargo/registry/", WasteKind::CargoCache),
    ("root/.cache/", WasteKind::HomeCache),
    ("var/cache/debconf/", WasteKind::AptCache),
    ("tmp/", WasteKind::Temporary),
    ("var/tmp/", WasteKind::Temporary),
    ("var/log/apt/", WasteKind::Logs),
    ("var/log/dpkg.log", WasteKind::Logs),
    ("var/log/bootstrap.log", WasteKind::Logs),
    ("var/log/alternatives.log", WasteKind::Logs),
];

pub(super) fn cache(path: &[u8]) -> Option<WasteKind> {
    let by_directory = CACHES.iter().find(|(beginning, _)| path.starts_with(beginning.as_bytes()));
    let is_bytecode = || path.ends_with(b".pyc") && contains(path, b"/__pycache__/");
    by_directory.map(|(_, kind)| *kind).or_else(|| is_bytecode().then_some(WasteKind::Bytecode))
}

/// Directories of headers. A language's own headers lie beneath them too.
const HEADERS: &[&str] = &["usr/include/", "usr/local/include/"];

pub(super) fn build_file(path: &[u8]) -> Option<WasteKind> {
    let is_header = HEADERS.iter().any(|directory| path.starts_with(directory.as_bytes()));
    let is_library = path.starts_with(b"usr/") || path.starts_with(b"lib");
    let is_linked = is_library && [&b".a"[..], b".la", b"/crt1.o"].iter().any(|end| path.ends_with(end));
    (is_header || is_linked).then_some(WasteKind::BuildFiles)
}

pub(super) fn document(path: &[u8]) -> Option<WasteKind> {
    let share = path.strip_prefix(b"usr/share/").or_else(|| path.strip_prefix(b"usr/local/share/"))?;
    let is_in = |directory: &[u8]| share.starts_with(directory);
    if is_in(b"man/") || is_in(b"info/") {
        Some(WasteKind::Manuals)
    } else if is_in(b"doc/") || is_in(b"doc-base/") || is_in(b"gtk-doc/") || is_in(b"lintian/") {
        // The terms under which a package may be passed on go along with it.
        (!share.ends_with(b"/copyright")).then_some(WasteKind::Documents)
    } else if is_in(b"locale/") && contains(share, b"/LC_MESSAGES/") {
        Some(WasteKind::Translations)
    } else {
        None
    }
}

fn contains(path: &[u8], part: &[u8]) -> bool {
    path.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_is_known_for_what_it_holds() {
        for (path, kind) in [
            ("var/lib/apt/lists/deb_main_Packages", Some(WasteKind::AptLists)),
            ("root/.cache/pip/http/a", Some(WasteKind::PipCache)),
            ("root/.cache/other/a", Some(WasteKind::HomeCache)),
            ("app/__pycache__/a.cpython-311.pyc", Some(WasteKind::Bytecode)),
            ("app/a.pyc", None),
            ("tmp/build.log", Some(WasteKind::Temporary)),
            ("tmpfiles/x", None),
            ("home/go/pkg/mod/x", None),
        ] {
            assert_eq!(cache(path.as_bytes()), kind, "{path}");
        }
    }

    #[test]
    fn licences_stay_where_documents_go() {
        assert_eq!(document(b"usr/share/doc/bash/README"), Some(WasteKind::Documents));
        assert_eq!(document(b"usr/share/doc/bash/copyright"), None);
        assert_eq!(document(b"usr/share/man/man1/ls.1.gz"), Some(WasteKind::Manuals));
        assert_eq!(document(b"usr/share/locale/de/LC_MESSAGES/tar.mo"), Some(WasteKind::Translations));
        assert_eq!(document(b"usr/share/locale/locale.alias"), None);
    }

    #[test]
    fn headers_and_static_libraries_are_for_compilers() {
        assert_eq!(build_file(b"usr/lib/x86_64-linux-gnu/libm.a"), Some(WasteKind::BuildFiles));
        assert_eq!(build_file(b"usr/local/include/python3.11/Python.h"), Some(WasteKind::BuildFiles));
        assert_eq!(build_file(b"srv/data/notes.a"), None);
    }
}
