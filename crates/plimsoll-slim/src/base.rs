//! On which other image an image could stand: what its own layers need, what another base has, and what would break.

mod needs;
mod offer;

use std::cmp::Reverse;
use std::collections::BTreeSet;

use plimsoll_oci::{ChainId, DiffId, Digest};
use serde::Serialize;

pub use needs::{Needs, ProgramNeeds};
pub use offer::Offer;

/// An image that another could stand on.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// How it is pulled.
    pub name: String,
    /// Its manifest's digest.
    pub digest: Digest,
    /// What would break; nothing where everything that the image is known to need is there.
    pub breaks: Vec<Break>,
    /// What is known against its components; absent without advisories.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub findings: Option<u64>,
    /// Bytes as stored.
    pub stored_bytes: u64,
    /// Of these, bytes of layers that whoever has the image does not have yet.
    pub missing_bytes: u64,
    /// When it was made, in seconds since 1970, as it says itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_unix: Option<i64>,
}

/// Something that an image needs and a base does not have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Break {
    /// Whether the image's programs ask for it, or only its present base has it.
    pub is_certain: bool,
    /// What is missing, for people.
    pub what: String,
}

impl Break {
    fn certain(what: String) -> Self {
        Self { is_certain: true, what }
    }

    fn possible(what: &str) -> Self {
        Self { is_certain: false, what: what.to_owned() }
    }
}

impl Candidate {
    /// Whether nothing is known to break.
    pub fn fits(&self) -> bool {
        self.breaks.iter().all(|found| !found.is_certain)
    }
}

/// How many of an image's layers a base brings: all of its own, if the image has them below its others.
pub fn layers_of_base(image: &[DiffId], base: &[DiffId]) -> Option<usize> {
    let is_beneath = !base.is_empty() && base.len() < image.len();
    let stack = ChainId::of_stack(image);
    let top = ChainId::of_stack(base).pop();
    (is_beneath && stack.get(base.len() - 1).copied() == top).then_some(base.len())
}

/// The best first: those that break nothing, with the fewest findings, then the fewest bytes to fetch, then the newest.
pub fn rank(candidates: &mut [Candidate]) {
    candidates.sort_by_key(|candidate| {
        let certain = candidate.breaks.iter().filter(|found| found.is_certain).count();
        (
            certain,
            candidate.findings.unwrap_or_default(),
            candidate.breaks.len(),
            candidate.missing_bytes,
            Reverse(candidate.created_unix),
            candidate.name.clone(),
        )
    });
}

/// What an image needs and a base does not have. `present` is the base that the image stands on now.
pub fn breaks(needs: &Needs, offer: &Offer, present: Option<&Offer>) -> Vec<Break> {
    let mut breaks = BTreeSet::new();
    let lacks = |kind: &str, names: &BTreeSet<String>, has: &BTreeSet<String>| -> Vec<Break> {
        names.difference(has).map(|name| Break::certain(format!("{kind} `{name}`"))).collect()
    };
    breaks.extend(lacks("the loader", &needs.loaders, &offer.paths_of_loaders(&needs.loaders)));
    breaks.extend(lacks("the library", &needs.libraries, &offer.libraries));
    breaks.extend(lacks("the program", &needs.programs, &offer.programs));
    if let (Some(needed), Some(has)) = (needs.glibc, offer.glibc)
        && needed > has
    {
        breaks.insert(Break::certain(format!(
            "symbols of glibc {}.{}: it has {}.{}",
            needed.0, needed.1, has.0, has.1
        )));
    }
    if let Some(present) = present {
        let may = [
            (
                present.has_certificates,
                offer.has_certificates,
                "certificates of authorities, for TLS to others",
            ),
            (present.has_time_zones, offer.has_time_zones, "the database of time zones"),
            (present.has_locales, offer.has_locales, "locales other than C"),
            (present.has_shell(), offer.has_shell(), "a shell, for scripts and shell forms"),
            (
                present.has_package_manager(),
                offer.has_package_manager(),
                "a package manager, for `RUN` to install with",
            ),
        ];
        let lost = may.into_iter().filter(|(had, has, _)| *had && !has);
        breaks.extend(lost.map(|(.., what)| Break::possible(what)));
    }
    breaks.into_iter().rev().collect()
}

#[cfg(test)]
mod tests;
