//! What Python's lock files name.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::distribution::named;
use crate::reader::lock::{Locked, toml};
use crate::reader::{File, ReadFault, Reader};
use crate::{Component, Facts};

/// Large projects lock a few hundred distributions, each with the digests of some dozen wheels.
const LOCK_BYTES_MAX: u64 = 8 << 20;
/// Pipenv's is held as a tree, which takes some ten times as much.
const PIPFILE_BYTES_MAX: u64 = 2 << 20;

pub(in crate::reader) const REQUIREMENTS: Reader = Reader {
    name: "python-requirements",
    wants: |file| file.name.starts_with("requirements") && file.name.ends_with(".txt"),
    bytes_max: LOCK_BYTES_MAX,
    read: |file| Ok(locked(file.text()?.lines().filter_map(requirement))),
};

pub(in crate::reader) const PIPFILE: Reader = Reader {
    name: "pipfile-lock",
    wants: |file| file.name == "Pipfile.lock",
    bytes_max: PIPFILE_BYTES_MAX,
    read: read_pipfile,
};

pub(in crate::reader) const POETRY: Reader = Reader {
    name: "poetry-lock",
    wants: |file| matches!(file.name, "poetry.lock" | "uv.lock" | "pdm.lock"),
    bytes_max: LOCK_BYTES_MAX,
    read: read_poetry,
};

#[derive(Deserialize)]
struct Pipfile {
    #[serde(default)]
    default: BTreeMap<String, Pinned>,
    #[serde(default)]
    develop: BTreeMap<String, Pinned>,
}

#[derive(Deserialize)]
struct Pinned {
    version: Option<String>,
}

fn read_pipfile(file: &mut File<'_>) -> Result<Facts, ReadFault> {
    let pipfile: Pipfile =
        serde_json::from_slice(&file.bytes()?).map_err(|error| ReadFault::malformed(error.to_string()))?;
    let pinned = pipfile.default.into_iter().chain(pipfile.develop);
    Ok(locked(pinned.filter_map(|(name, pinned)| named(&name, pinned.version?.strip_prefix("==")?))))
}

fn read_poetry(file: &mut File<'_>) -> Result<Facts, ReadFault> {
    let text = file.text()?;
    // What lies in the project's own tree is the project itself.
    let own = |source: &str| ["editable", "virtual", "directory"].iter().any(|kind| source.contains(kind));
    let packages = toml::packages(&text).filter(|package| !package.source.is_some_and(own));
    Ok(locked(packages.filter_map(|package| named(package.name?, package.version?))))
}

fn locked(components: impl Iterator<Item = Component>) -> Facts {
    let mut locked = Locked::default();
    locked.extend(components);
    locked.finish()
}

/// A line such as `name[extra]==1.0 ; python_version < "3.8" --hash=…`. Only an exact version is one.
fn requirement(line: &str) -> Option<Component> {
    let (line, _) = line.split_once([';', '#']).unwrap_or((line, ""));
    let (name, version) = line.split_once("==")?;
    let (name, _) = name.split_once('[').unwrap_or((name, ""));
    let version = version.trim_start_matches('=').split_whitespace().next()?;
    let exact = !version.contains(['*', ',', '<', '>', '!']);
    exact.then(|| named(name.trim(), version)).flatten()
}
