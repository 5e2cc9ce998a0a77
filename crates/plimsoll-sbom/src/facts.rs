use serde::{Deserialize, Serialize};

use crate::{Component, Distribution};

/// What one file of a layer tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The components that it names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<Component>,
    /// The files that it says belong to a package.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owned: Vec<OwnedFiles>,
    /// The distribution that it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
    /// What a person should know: what was left out, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
}

/// Files that belong to a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnedFiles {
    /// The package's name, as the component that it belongs to is called, with dpkg's `:arch` where it writes one.
    pub package: String,
    /// Which files.
    pub files: Owned,
}

/// A set of files of the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owned {
    /// These paths, in their normal form: no slash in front.
    Paths(Vec<String>),
    /// All that lies beneath this directory.
    Beneath(String),
}

/// Something about a file that could not be told in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Lower case, without a full stop.
    pub text: String,
    /// Whether components may be missing: something that tells of them could not be read, or not in full.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_unread: bool,
}

impl Note {
    /// A note that says this.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_unread: false }
    }

    /// A note that components may be missing.
    pub fn unread(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_unread: true }
    }
}

impl Facts {
    /// Whether the file told nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Facts of nothing but components.
    pub fn of_components(components: Vec<Component>) -> Self {
        Self { components, ..Self::default() }
    }
}
