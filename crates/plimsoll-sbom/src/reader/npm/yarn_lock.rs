//! `yarn.lock`: Yarn 1's own format, and the YAML that later versions write. Both are read line by line, because both
//! are only ever written by Yarn.

use super::{LOCK_BYTES_MAX, component_from};
use crate::Facts;
use crate::reader::lock::Locked;
use crate::reader::{File, ReadFault, Reader};

pub(in crate::reader) const READER: Reader =
    Reader { name: "yarn-lock", wants: |file| file.name == "yarn.lock", bytes_max: LOCK_BYTES_MAX, read };

fn read(file: &mut File<'_>) -> Result<Facts, ReadFault> {
    let text = file.text()?;
    let mut locked = Locked::default();
    let mut descriptor = None;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with(|first: char| !first.is_whitespace()) {
            descriptor = first_descriptor(line);
        } else if let (Some(wanted), Some(version)) = (descriptor, version(line)) {
            // `@workspace:` is the project's own, and so is the version that Yarn gives it.
            if version != "0.0.0-use.local" {
                locked.extend(name(wanted).and_then(|name| component_from(name, version)));
            }
            descriptor = None;
        }
    }
    Ok(locked.finish())
}

/// `@scope/name@^1.0.0` of `"@scope/name@^1.0.0", "@scope/name@^1.1.0":`.
fn first_descriptor(line: &str) -> Option<&str> {
    line.strip_suffix(':')?.split(',').next().map(|first| first.trim().trim_matches('"'))
}

/// The package's name; behind an alias, `npm:real@range`, the real one.
fn name(descriptor: &str) -> Option<&str> {
    let at = name_end(descriptor)?;
    let (alias, range) = (descriptor.get(..at)?, descriptor.get(at + 1..)?);
    let real = range.strip_prefix("npm:").and_then(|real| real.get(..name_end(real)?));
    Some(real.unwrap_or(alias))
}

/// Where the name ends: at the first `@` that does not begin it.
fn name_end(descriptor: &str) -> Option<usize> {
    descriptor.char_indices().skip(1).find(|(_, character)| *character == '@').map(|(at, _)| at)
}

/// The version of `  version "1.0.0"` and `  version: 1.0.0`.
fn version(line: &str) -> Option<&str> {
    let value = line.strip_prefix("  version")?;
    value.starts_with([' ', ':']).then(|| value.trim_start_matches(':').trim().trim_matches('"'))
}
