//! A paragraph of the control format (deb822(5)), of which only the fields that make a component are kept.

use std::collections::BTreeMap;

use crate::reader::ReadFault;
use crate::reader::inventory::Inventory;
use crate::{Component, Kinship, PackageType, SourcePackage};

const WANTED: &[&str] = &["Package", "Version", "Architecture", "Status", "Source", "Maintainer", "Origin"];

/// The fields of one package.
#[derive(Default)]
pub(super) struct Stanza {
    fields: BTreeMap<&'static str, String>,
    has_lines: bool,
}

impl Stanza {
    /// Takes in a line. None of the fields that are wanted has more than one.
    pub(super) fn push_line(&mut self, line: &str) {
        self.has_lines = true;
        if line.starts_with([' ', '\t']) {
            return;
        }
        let Some((name, value)) = line.split_once(':') else { return };
        if let Some(wanted) = WANTED.iter().find(|wanted| wanted.eq_ignore_ascii_case(name)) {
            self.fields.insert(wanted, value.trim().to_owned());
        }
    }

    /// Adds the package that it describes to the inventory, if it is there.
    pub(super) fn finish(mut self, inventory: &mut Inventory) -> Result<(), ReadFault> {
        if !self.has_lines {
            return Ok(());
        }
        let Some(name) = self.take("Package") else {
            return inventory.damage("a paragraph names no package");
        };
        match State::of(self.take("Status").as_deref()) {
            State::Absent => return Ok(()),
            State::Present => {}
            State::Unfinished(state) => inventory.note(format!("the package `{name}` is {state}")),
        }
        match self.take("Version") {
            Some(version) => inventory.add(self.into_component(name, version)),
            None => inventory.damage(format!("the package `{name}` has no version")),
        }
    }

    fn take(&mut self, name: &str) -> Option<String> {
        self.fields.remove(name).filter(|value| !value.is_empty())
    }

    fn into_component(mut self, name: String, version: String) -> Component {
        let source = match self.take("Source") {
            Some(source) => parse_source(&source, &version),
            None => SourcePackage { name: name.clone(), version: version.clone() },
        };
        let mut component = Component::new(PackageType::Deb, name, version);
        component.kinship = kinship(&component.name);
        component.architecture = self.take("Architecture");
        component.source = Some(source);
        for (property, field) in [(Component::VENDOR, "Maintainer"), (Component::ORIGIN, "Origin")] {
            component.properties.extend(self.take(field).map(|value| (property.to_owned(), value)));
        }
        component
    }
}

/// What dpkg says of a package, as far as its files are concerned.
enum State {
    /// No file of it is there, but perhaps its configuration.
    Absent,
    Present,
    /// dpkg was interrupted, so that files are there and perhaps not all.
    Unfinished(String),
}

impl State {
    /// Reads `Status`, whose third word is the state. A package without one is there: distroless images have none.
    fn of(status: Option<&str>) -> Self {
        let Some(status) = status else { return Self::Present };
        match status.split_whitespace().nth(2) {
            Some("not-installed" | "config-files") => Self::Absent,
            Some("installed" | "triggers-awaited" | "triggers-pending") => Self::Present,
            Some(state) => Self::Unfinished(state.to_owned()),
            None => Self::Unfinished(format!("in the unknown state `{status}`")),
        }
    }
}

/// Reads `glibc` or `glibc (2.36-9)`, whose version is the package's own where none is written.
fn parse_source(field: &str, own_version: &str) -> SourcePackage {
    let (name, version) = match field.split_once('(') {
        Some((name, version)) => (name, version.trim_end_matches(')').trim()),
        None => (field, own_version),
    };
    SourcePackage { name: name.trim().to_owned(), version: version.to_owned() }
}

/// Packages of headers are named after the kernel whose flaws they do not bring.
fn kinship(name: &str) -> Kinship {
    let is_headers = name.starts_with("linux-libc-dev")
        || name.starts_with("linux-headers")
        || (name.starts_with("linux-") && name.contains("-headers-"))
        || name.ends_with("-kernel-headers");
    if is_headers { Kinship::HeadersOnly } else { Kinship::Installed }
}
