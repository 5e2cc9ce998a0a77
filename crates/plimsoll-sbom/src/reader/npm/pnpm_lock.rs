//! `pnpm-lock.yaml`: the keys of its `packages`, line by line, because only pnpm writes it. Their form changed with
//! the versions: `/name/1.0.0`, `/name@1.0.0(peer@2.0.0)`, `name@1.0.0`.

use super::{LOCK_BYTES_MAX, component};
use crate::reader::lock::Locked;
use crate::reader::{File, ReadFault, Reader};
use crate::{Component, Facts};

pub(in crate::reader) const READER: Reader = Reader {
    name: "pnpm-lock",
    wants: |file| matches!(file.name, "pnpm-lock.yaml" | "shrinkwrap.yaml"),
    bytes_max: LOCK_BYTES_MAX,
    read,
};

fn read(file: &mut File<'_>) -> Result<Facts, ReadFault> {
    let text = file.text()?;
    let mut locked = Locked::default();
    let section = text.lines().skip_while(|line| *line != "packages:").skip(1);
    let keys = section.take_while(|line| line.is_empty() || line.starts_with(' '));
    locked.extend(keys.filter_map(key).filter_map(package));
    Ok(locked.finish())
}

/// A line's key if it stands directly in the section.
fn key(line: &str) -> Option<&str> {
    let line = line.strip_prefix("  ").filter(|line| !line.starts_with(' '))?;
    Some(line.split_once(": ").map_or(line, |(key, _)| key).trim_end_matches(':').trim_matches(['\'', '"']))
}

fn package(key: &str) -> Option<Component> {
    let key = key.trim_start_matches('/');
    let key = key.split('(').next()?;
    let after_scope = key.strip_prefix('@').map_or(0, |_| key.find('/').map_or(0, |slash| slash + 1));
    let own = key.get(after_scope..)?;
    let end = own.find('@').filter(|_| !own.contains('/')).or_else(|| own.find('/'))?;
    let name = key.get(..after_scope + end)?;
    // Before version 6, peers follow behind an underscore.
    let version = own.get(end + 1..)?.split('_').next()?;
    let is_version = version.starts_with(|first: char| first.is_ascii_digit());
    is_version.then(|| component(name, version)).flatten()
}
