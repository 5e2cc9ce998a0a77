use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use plimsoll_transport::{ImageName, ParseImageNameError};

use crate::context::Context;
use crate::places::say_what_was_filled_in;

/// What is judged: an image, or a list of components.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// An image, wherever it is; the text is what the user wrote.
    Image { name: ImageName, text: String },
    /// A CycloneDX or SPDX document.
    Sbom(PathBuf),
}

impl Subject {
    pub(super) fn say_what_was_filled_in(&self, context: &mut Context) {
        if let Self::Image { name, text } = self {
            say_what_was_filled_in(name, text, context);
        }
    }
}

impl FromStr for Subject {
    type Err = ParseImageNameError;

    /// A file that ends in `.json` is an SBOM without being called one: no image lies in such a file.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = text.strip_prefix("sbom:").filter(|path| !path.is_empty());
        let is_json = Path::new(text).extension().is_some_and(|ending| ending == "json");
        match named.or_else(|| Some(text).filter(|_| is_json && Path::new(text).is_file())) {
            Some(path) => Ok(Self::Sbom(PathBuf::from(path))),
            None => Ok(Self::Image { name: text.parse()?, text: text.to_owned() }),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image { name, .. } => name.fmt(f),
            Self::Sbom(path) => write!(f, "sbom:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_json_is_an_sbom() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("app.cdx.json");
        std::fs::write(&file, "{}").unwrap();
        let text = file.display().to_string();
        assert_eq!(text.parse::<Subject>().unwrap(), Subject::Sbom(file));
        assert_eq!("sbom:x".parse::<Subject>().unwrap(), Subject::Sbom("x".into()));
        assert!(matches!("oci:x".parse::<Subject>().unwrap(), Subject::Image { .. }));
        assert!("sbom:".parse::<Subject>().is_err());
    }
}
