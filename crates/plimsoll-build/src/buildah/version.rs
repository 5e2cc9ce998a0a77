use std::fmt;
use std::path::Path;

use super::Buildah;
use super::child::Child;
use crate::BuildError;
use crate::store::Store;

/// A version of buildah.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    major: u32,
    minor: u32,
    patch: u32,
}

impl Version {
    /// Asks the program for its version; that there is none is told here.
    pub(super) async fn ask(buildah: &Buildah, store: &Store, work: &Path) -> Result<Self, BuildError> {
        let output = Child::plain(buildah, store, work)?
            .run("ask buildah for its version", &["--version".to_owned()], None)
            .await?;
        Self::parse(&output).ok_or_else(|| {
            BuildError::wrong(format!(
                "`{}` does not tell a version of buildah: {}",
                buildah.program.display(),
                output.trim()
            ))
        })
    }

    /// Reads `buildah version 1.28.2 (…)`.
    fn parse(output: &str) -> Option<Self> {
        let word = output.split_whitespace().nth(2)?;
        let mut numbers = word.split(['.', '-', '+']).map(str::parse);
        let mut next = || numbers.next()?.ok();
        Some(Self { major: next()?, minor: next()?, patch: next().unwrap_or(0) })
    }

    /// Whether it understands here-documents.
    pub(super) fn has_heredocs(&self) -> bool {
        (self.major, self.minor) >= (1, 33)
    }

    /// Whether it tries to raise the limits of commands.
    pub(super) fn raises_limits(&self) -> bool {
        (self.major, self.minor) >= (1, 40)
    }

    /// Whether it can give the image and its files a time.
    pub(super) fn has_source_date_epoch(&self) -> bool {
        (self.major, self.minor) >= (1, 41)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared() {
        let old =
            Version::parse("buildah version 1.28.2 (image-spec 1.1.0-rc2, runtime-spec 1.0.2-dev)").unwrap();
        assert_eq!(old.to_string(), "1.28.2");
        assert!(!old.has_heredocs());
        assert!(Version::parse("buildah version 1.43.2-dev (x)").unwrap().has_source_date_epoch());
        assert_eq!(Version::parse("nonsense"), None);
    }
}
