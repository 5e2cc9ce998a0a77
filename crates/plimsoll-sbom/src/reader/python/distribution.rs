use super::headers::Headers;
use crate::reader::lock::is_text;
use crate::{Component, PackageType};

/// Longer than this, `License` is the licence's text and not its name.
const LICENSE_BYTES_MAX: usize = 100;

/// Where metadata lies, and what the name of its directory or file says.
pub(super) struct InfoPlace<'a> {
    pub(super) path: &'a str,
    name: &'a str,
    version: Option<&'a str>,
}

impl<'a> InfoPlace<'a> {
    /// For a file within `x-1.0.dist-info`, `x-1.0-py3.8.egg-info` or `x-1.0-py3.8.egg/EGG-INFO`.
    pub(super) fn of_member(path: &'a str) -> Option<Self> {
        let (directory, _) = path.rsplit_once('/')?;
        let own = directory.strip_suffix("/EGG-INFO").unwrap_or(directory);
        let name = own.rsplit('/').next()?;
        let is_egg = own.len() < directory.len() && name.ends_with(".egg");
        (is_egg || name.ends_with(".dist-info") || name.ends_with(".egg-info"))
            .then(|| Self::of_file(path, own))
    }

    /// For a file that is all of the metadata.
    pub(super) fn of_whole(path: &'a str) -> Self {
        Self::of_file(path, path)
    }

    fn of_file(path: &'a str, named: &'a str) -> Self {
        let name = named.rsplit('/').next().unwrap_or_default();
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let mut parts = stem.split('-');
        Self { path, name: parts.next().unwrap_or_default(), version: parts.next() }
    }

    /// The distribution's name as package URLs write it.
    pub(super) fn normal_name(&self) -> String {
        normal_name(self.name)
    }
}

/// What metadata says, with the directory's name for what it leaves out.
pub(super) fn component(place: &InfoPlace<'_>, headers: &Headers<'_>) -> Option<Component> {
    let name = headers.first("Name").unwrap_or(place.name);
    let version = headers.first("Version").or(place.version)?;
    let mut component = named(name, version)?;
    component.licenses = licenses(headers);
    Some(component)
}

/// A distribution of this name and version; `None` for what no index would take.
pub(super) fn named(name: &str, version: &str) -> Option<Component> {
    let normal = normal_name(name);
    let sound = is_text(name) && is_text(version) && !normal.is_empty();
    sound.then(|| Component::new(PackageType::Pypi, normal, version))
}

/// A name with its runs of `-`, `_` and `.` as one hyphen, in lower case (PEP 503).
fn normal_name(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for part in name.split(['-', '_', '.']).filter(|part| !part.is_empty()) {
        if !normal.is_empty() {
            normal.push('-');
        }
        normal.push_str(&part.to_lowercase());
    }
    normal
}

/// The expression where there is one (PEP 639), else the short name, else what the classifiers say.
fn licenses(headers: &Headers<'_>) -> Vec<String> {
    let short = headers.first("License").filter(|text| text.len() <= LICENSE_BYTES_MAX);
    if let Some(license) = headers.first("License-Expression").or(short) {
        return vec![license.to_owned()];
    }
    let classified = headers.all("Classifier").filter_map(|text| text.strip_prefix("License :: "));
    let names =
        classified.filter_map(|text| text.rsplit(" :: ").next()).filter(|name| *name != "OSI Approved");
    names.take(10).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalised() {
        for (name, normal) in [("Foo_Bar", "foo-bar"), ("zope.interface", "zope-interface"), ("a-._b", "a-b")]
        {
            assert_eq!(normal_name(name), normal);
        }
    }

    #[test]
    fn a_licence_is_an_expression_before_a_name_before_a_classifier() {
        let of = |text: &str| licenses(&Headers::parse(text));
        let classifiers =
            "Classifier: License :: OSI Approved\nClassifier: License :: OSI Approved :: MIT License\n";
        assert_eq!(of(classifiers), ["MIT License"]);
        assert_eq!(of(&format!("{classifiers}License: BSD\n")), ["BSD"]);
        assert_eq!(of(&format!("{classifiers}License: {}\n", "text ".repeat(50))), ["MIT License"]);
        assert_eq!(of("License: BSD\nLicense-Expression: MIT OR BSD-3-Clause\n"), ["MIT OR BSD-3-Clause"]);
    }
}
