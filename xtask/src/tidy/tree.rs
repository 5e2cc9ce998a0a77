use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// A file longer than this is data, not something that people write and check.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The text files of the workspace, without build output.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) files: Vec<TextFile>,
}

/// One text file; its path is relative to the root of the workspace.
#[derive(Debug)]
pub(super) struct TextFile {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

impl Tree {
    pub(super) fn read(root: &Path) -> anyhow::Result<Self> {
        let mut files = Vec::new();
        let mut directories = vec![root.to_owned()];
        while let Some(directory) = directories.pop() {
            let listing = || format!("listing `{}`", directory.display());
            for entry in directory.read_dir().with_context(listing)? {
                let entry = entry.with_context(listing)?;
                let path = entry.path();
                let kind = entry.file_type().with_context(listing)?;
                if kind.is_dir() && is_written_by_people(&path) {
                    directories.push(path);
                } else if kind.is_file() && entry.metadata().with_context(listing)?.len() <= FILE_BYTES_MAX {
                    files.extend(read_text(root, &path)?);
                }
            }
        }
        files.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(Self { files })
    }

    pub(super) fn text_of(&self, path: &Path) -> Option<&str> {
        self.files.iter().find(|file| file.path == path).map(|file| file.text.as_str())
    }

    pub(super) fn rust_files(&self) -> impl Iterator<Item = &TextFile> {
        self.files.iter().filter(|file| file.is_rust())
    }

    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let files = files
            .iter()
            .map(|(path, text)| TextFile { path: path.into(), text: (*text).to_owned() })
            .collect();
        Self { files }
    }
}

impl TextFile {
    pub(super) fn is_rust(&self) -> bool {
        self.path.extension().is_some_and(|extension| extension == "rs")
    }

    /// Whether a shell runs it: by its name, or by its first line.
    pub(super) fn is_script(&self) -> bool {
        self.path.extension().is_some_and(|extension| extension == "sh")
            || self.path == Path::new("Makefile")
            || self.text.starts_with("#!/")
    }

    /// Whether all of it is test code.
    pub(super) fn is_test(&self) -> bool {
        self.path.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "benches")))
            || self.path.file_stem().is_some_and(|stem| stem == "tests")
    }

    /// The text up to the test module at its end.
    pub(super) fn product_text(&self) -> &str {
        if self.is_test() {
            return "";
        }
        self.text.find("\n#[cfg(test)]\nmod tests").map_or(self.text.as_str(), |end| &self.text[..end])
    }
}

fn is_written_by_people(directory: &Path) -> bool {
    let name = directory.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_hidden = name.starts_with('.') && name != ".ci" && name != ".cargo";
    !is_hidden && name != "target" && name != "plimsoll-data"
}

/// Reads a file, or passes over it when it is not text.
fn read_text(root: &Path, path: &Path) -> anyhow::Result<Option<TextFile>> {
    let bytes = std::fs::read(path).with_context(|| format!("reading `{}`", path.display()))?;
    let relative = path.strip_prefix(root).unwrap_or(path).to_owned();
    Ok(String::from_utf8(bytes).ok().map(|text| TextFile { path: relative, text }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_output_and_binary_files_are_not_read() {
        let root = tempfile::tempdir().unwrap();
        for directory in ["src", "target", ".git", ".ci"] {
            std::fs::create_dir(root.path().join(directory)).unwrap();
            std::fs::write(root.path().join(directory).join("a.rs"), "fn a() {}\n").unwrap();
        }
        std::fs::write(root.path().join("src/b.bin"), [0xff, 0xfe]).unwrap();
        let tree = Tree::read(root.path()).unwrap();
        let paths: Vec<&str> = tree.files.iter().map(|file| file.path.to_str().unwrap()).collect();
        assert_eq!(paths, [".ci/a.rs", "src/a.rs"]);
    }

    #[test]
    fn the_test_module_is_not_product_text() {
        let tree =
            Tree::of(&[("crates/a/src/x.rs", "fn a() {}\n\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n")]);
        assert_eq!(tree.files[0].product_text(), "fn a() {}\n");
        assert_eq!(Tree::of(&[("crates/a/tests/x.rs", "fn a() {}")]).files[0].product_text(), "");
    }
}
