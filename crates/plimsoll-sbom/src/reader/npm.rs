//! JavaScript packages: installed ones by their `package.json`, intended ones by the lock files of npm, Yarn and pnpm.

use serde::Deserialize;
use serde_json::Value;

use super::lock::is_text;
use super::{Candidate, File, ReadFault, Reader};
use crate::{Component, Facts, Owned, OwnedFiles, PackageType};

mod package_lock;
mod pnpm_lock;
mod yarn_lock;

pub(super) use package_lock::READER as PACKAGE_LOCK;
pub(super) use pnpm_lock::READER as PNPM_LOCK;
pub(super) use yarn_lock::READER as YARN_LOCK;

/// Large monorepos have lock files of some megabytes.
const LOCK_BYTES_MAX: u64 = 10 << 20;

pub(super) const READER: Reader =
    Reader { name: "npm-package", wants: is_installed, bytes_max: 1 << 20, read };

/// What a `package.json` says of itself. Node reads what it needs and passes over the rest, whatever its type.
#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    name: Value,
    #[serde(default)]
    version: Value,
    #[serde(default)]
    license: Value,
    #[serde(default)]
    licenses: Value,
}

/// Whether it is the `package.json` of a package: directly in `node_modules/name` or `node_modules/@scope/name`. Those
/// in a package's own directories only tell Node how to load what is beside them.
fn is_installed(file: &Candidate<'_>) -> bool {
    file.name == "package.json" && package_directory(file.path).is_some()
}

fn package_directory(path: &str) -> Option<&str> {
    let (directory, _) = path.rsplit_once('/')?;
    let mut upwards = directory.rsplit('/');
    let name = upwards.next()?;
    let above = upwards.next()?;
    let modules = if above.starts_with('@') { upwards.next()? } else { above };
    (modules == "node_modules" && !name.starts_with(['.', '@'])).then_some(directory)
}

fn read(file: &mut File<'_>) -> Result<Facts, ReadFault> {
    let bytes = file.bytes()?;
    let json = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let manifest: Manifest =
        serde_json::from_slice(json).map_err(|error| ReadFault::malformed(error.to_string()))?;
    let (Some(name), Some(version)) = (manifest.name.as_str(), manifest.version.as_str()) else {
        return Ok(Facts::default());
    };
    let Some(mut component) = component(name, version) else { return Ok(Facts::default()) };
    component.licenses = licenses(&manifest);
    let mut facts = Facts::default();
    if let Some(directory) = package_directory(file.path) {
        let files = Owned::Beneath(directory.to_owned());
        facts.owned.push(OwnedFiles { package: component.full_name(), files });
    }
    facts.components.push(component);
    Ok(facts)
}

/// A package with its scope apart; `None` for what no registry would take.
fn component(name: &str, version: &str) -> Option<Component> {
    let (namespace, own) = match name.split_once('/') {
        Some((scope, own)) if scope.len() > 1 && scope.starts_with('@') && !own.contains('/') => {
            (Some(scope), own)
        }
        Some(_) => return None,
        None => (None, name),
    };
    if !is_text(name) || own.is_empty() || !is_text(version) {
        return None;
    }
    let mut component = Component::new(PackageType::Npm, own, version.trim_start_matches(['v', '=']));
    component.namespace = namespace.map(str::to_owned);
    Some(component)
}

/// A package that a lock file takes from there: a version that is none is a place, and a version is not known.
fn component_from(name: &str, version: &str) -> Option<Component> {
    if version.starts_with(|first: char| first.is_ascii_digit()) && !version.contains(':') {
        return component(name, version);
    }
    if let Some((name, version)) = version.strip_prefix("npm:").and_then(|alias| alias.rsplit_once('@')) {
        return component(name, version);
    }
    let mut component = component(name, "0").filter(|_| is_text(version))?;
    component.version = String::new();
    component.properties.insert(Component::ORIGIN.to_owned(), version.to_owned());
    Some(component)
}

/// The expression, or what old packages write: an object, or a list of them.
fn licenses(manifest: &Manifest) -> Vec<String> {
    let one = |value: &Value| value.as_str().or_else(|| value.get("type")?.as_str()).map(str::to_owned);
    let listed = manifest.licenses.as_array().into_iter().flatten();
    let names = one(&manifest.license).into_iter().chain(listed.filter_map(one));
    names.filter(|name| !name.is_empty() && name.len() <= 200).take(10).collect()
}

#[cfg(test)]
mod tests;
