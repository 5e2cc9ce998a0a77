//! Ruby gems: the specifications that RubyGems writes for what it installed, and Bundler's `Gemfile.lock`.
//!
//! A specification is Ruby, but RubyGems writes only plain assignments, which are read as such and never run.

use super::lock::is_text;
use super::{File, ReadFault, Reader};
use crate::{Component, Facts, Owned, OwnedFiles, PackageType};

mod gemfile_lock;
mod specification;

pub(super) use gemfile_lock::READER as GEMFILE_LOCK;
use specification::Specification;

pub(super) const READER: Reader = Reader {
    name: "gem-specification",
    wants: |file| file.name.ends_with(".gemspec") && Installation::of(file.path).is_some(),
    bytes_max: 1 << 20,
    read,
};

/// Where a specification lies within a gem directory.
struct Installation<'a> {
    /// The gem directory, with its slash; empty for the root.
    base: &'a str,
    /// The specification's name: gem, version and, where it matters, platform.
    full_name: &'a str,
    /// Whether it comes with Ruby itself, so that its files lie in Ruby's own library.
    is_default: bool,
}

impl<'a> Installation<'a> {
    fn of(path: &'a str) -> Option<Self> {
        let (directory, file) = path.rsplit_once('/')?;
        let full_name = file.strip_suffix(".gemspec")?;
        let (directory, is_default) = match directory.strip_suffix("/default") {
            Some(directory) => (directory, true),
            None => (directory, false),
        };
        let base = directory.strip_suffix("specifications")?;
        (base.is_empty() || base.ends_with('/')).then_some(Self { base, full_name, is_default })
    }
}

fn read(file: &mut File<'_>) -> Result<Facts, ReadFault> {
    let text = file.text()?;
    let Some(installation) = Installation::of(file.path) else { return Ok(Facts::default()) };
    let specification = Specification::parse(&text);
    let component = component(&specification, installation.full_name)
        .ok_or_else(|| ReadFault::malformed("it names no gem and no version"))?;
    let mut facts = Facts::default();
    if !installation.is_default {
        let files = Owned::Beneath(format!("{}gems/{}", installation.base, installation.full_name));
        facts.owned.push(OwnedFiles { package: component.name.clone(), files });
    }
    facts.components.push(component);
    Ok(facts)
}

/// What the specification says, with the file's name for what it leaves out or computes.
fn component(specification: &Specification, full_name: &str) -> Option<Component> {
    let told = parted(full_name);
    let name = specification.name.as_deref().or(told.map(|(name, _)| name))?;
    let version = specification.version.as_deref().or(told.map(|(_, version)| version))?;
    if !is_text(name) || !is_text(version) {
        return None;
    }
    let mut component = Component::new(PackageType::Gem, name, version);
    component.architecture = specification.platform.clone().filter(|platform| platform != "ruby");
    component.licenses.clone_from(&specification.licenses);
    Some(component)
}

/// Gem and version of `name-1.2.3[-platform]`: the version begins behind the first hyphen that a digit follows.
fn parted(full_name: &str) -> Option<(&str, &str)> {
    let begins = |at: &usize| {
        full_name.get(at + 1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let at = full_name.match_indices('-').map(|(at, _)| at).find(begins)?;
    let version = full_name.get(at + 1..)?.split('-').next()?;
    Some((full_name.get(..at)?, version))
}

#[cfg(test)]
mod tests;
