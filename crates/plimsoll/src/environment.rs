use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// The environment variables of this process, read once: everything else gets them as values.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// Takes them from the process.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    pub(crate) fn of_process() -> Self {
        Self(std::env::vars_os().collect())
    }

    /// The text of a variable; `None` when it is absent, empty or not UTF-8.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(OsStr::new(name))?.to_str().filter(|text| !text.is_empty())
    }

    /// The text of a variable, which may be empty; `None` when it is absent or not UTF-8.
    pub(crate) fn text_or_empty(&self, name: &str) -> Option<&str> {
        self.0.get(OsStr::new(name))?.to_str()
    }

    /// A variable as a path; `None` when it is absent or empty.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        self.0.get(OsStr::new(name)).filter(|path| !path.is_empty()).map(PathBuf::from)
    }

    /// Whether a variable is set to something.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.get(OsStr::new(name)).is_some_and(|value| !value.is_empty())
    }

    /// The names that begin with `prefix`.
    pub(crate) fn names_with<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.keys().filter_map(|name| name.to_str()).filter(move |name| name.starts_with(prefix))
    }

    /// The user's configuration directory (XDG Base Directory Specification).
    pub(crate) fn configuration_home(&self) -> Option<PathBuf> {
        let of_xdg = self.path("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
        of_xdg.or_else(|| Some(self.path("HOME")?.join(".config")))
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}
