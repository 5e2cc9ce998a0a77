//! What must hold besides the version.

use plimsoll_sbom::Component;

use crate::finding::Mark;
use crate::index::{Affected, Hit};

use super::Asked;

/// The operating system of the programs that are read.
const OPERATING_SYSTEM: &str = "linux";

/// Whether an advisory speaks of the component.
pub(super) enum Qualified {
    Yes(Option<Mark>),
    No,
}

/// Holds an advisory's restrictions against a component.
pub(super) fn qualify(asked: &Asked<'_>, affected: &Affected<'_>, hit: &Hit<'_>) -> Qualified {
    let has_platform =
        is_listed(affected.operating_systems(), OPERATING_SYSTEM) && is_architecture(asked, affected);
    if !has_platform || !is_stream(asked, affected, hit) {
        return Qualified::No;
    }
    is_linked(&asked.component.symbols, affected.symbols())
}

/// Whether a list holds something, or is empty and so holds everything.
fn is_listed<'a>(mut list: impl Iterator<Item = &'a str>, wanted: &str) -> bool {
    match list.next() {
        None => true,
        Some(first) => first == wanted || list.any(|other| other == wanted),
    }
}

fn is_architecture(asked: &Asked<'_>, affected: &Affected<'_>) -> bool {
    let own = match asked.component.architecture.as_deref() {
        None | Some("noarch" | "all") => return true,
        Some("x86_64") => "amd64",
        Some("aarch64") => "arm64",
        Some("i386" | "i586" | "i686") => "386",
        Some(other) => other,
    };
    is_listed(affected.architectures(), own)
}

/// Whether the component is a build of a stream that the advisory speaks of.
///
/// Builds of a module say so in their release (`.module_el8…`, `.module+el8…`). Without streams in the advisory, its fix
/// tells whether it is for them: the same package exists within modules and outside of them, with other versions.
fn is_stream(asked: &Asked<'_>, affected: &Affected<'_>, hit: &Hit<'_>) -> bool {
    let is_modular = is_module_build(asked.version);
    let mut streams = affected.module_streams().peekable();
    if streams.peek().is_none() {
        return hit.fixed.is_none_or(|fixed| is_module_build(fixed) == is_modular);
    }
    match asked.component.properties.get(Component::MODULE_STREAM) {
        Some(label) => streams.any(|stream| is_of_stream(label, stream)),
        // Oracle leaves the label of a default stream out, and others may not keep it: the stream is not known then,
        // and counts.
        None => is_modular,
    }
}

fn is_module_build(version: &str) -> bool {
    version.contains(".module_") || version.contains(".module+")
}

/// `nodejs:18:8060020230306170237:ad008a3a` is a build of `nodejs:18`.
fn is_of_stream(label: &str, stream: &str) -> bool {
    label.strip_prefix(stream).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// Whether one of the affected functions was linked. Both lists are sorted.
fn is_linked(linked: &[u32], affected: impl Iterator<Item = u32>) -> Qualified {
    let mut affected = affected.peekable();
    if affected.peek().is_none() {
        return Qualified::Yes(None);
    }
    if linked.is_empty() {
        return Qualified::Yes(Some(Mark::WholeModule));
    }
    let has = |hash: u32| linked.binary_search(&hash).is_ok();
    if affected.any(has) { Qualified::Yes(None) } else { Qualified::No }
}
