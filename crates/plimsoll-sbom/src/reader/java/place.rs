use super::file_name::FileName;

/// Where an archive lies: the image's file, and the way through archives within it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The file's path in the image.
    file: String,
    /// The members on the way, joined by `!/`; `None` for the file itself.
    inner: Option<String>,
    /// How many archives stand around it.
    pub(super) depth: usize,
}

impl Place {
    /// The image's file itself.
    pub(super) fn file(path: &str) -> Self {
        Self { file: path.to_owned(), inner: None, depth: 0 }
    }

    /// A member of the archive that lies here.
    pub(super) fn member(&self, path: &str) -> Self {
        Self { file: self.file.clone(), inner: Some(self.inner_of(path)), depth: self.depth + 1 }
    }

    /// The way to a member, as evidence writes it.
    pub(super) fn inner_of(&self, path: &str) -> String {
        match &self.inner {
            Some(inner) => format!("{inner}!/{path}"),
            None => path.to_owned(),
        }
    }

    pub(super) fn inner(&self) -> Option<&str> {
        self.inner.as_deref()
    }

    pub(super) fn file_name(&self) -> FileName<'_> {
        FileName::parse(self.inner.as_deref().unwrap_or(&self.file))
    }
}
