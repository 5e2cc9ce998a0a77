use std::io::Cursor;

use super::artifact::Artifact;
use super::identity::{Evidence, Pom, identify};
use super::is_archive_name;
use super::manifest::Manifest;
use super::place::Place;
use super::properties;
use crate::reader::ReadFault;
use crate::reader::zip::{Allowance, Archive, Member};
use crate::{Component, Content, Facts, Kinship, Note};

/// Archives within archives: ears hold wars that hold jars, and a few more are somebody's.
const NESTING_MAX: usize = 8;
/// Members that are looked at, in all archives of one file.
const MEMBERS_MAX: u64 = 750_000;
/// Bytes of names that are kept while archives are looked through.
const NAME_BYTES_MAX: usize = 3 << 20;
/// Bytes of inflated archives that are held at one time: an archive is read in any order, so a compressed one within
/// another must be whole.
const HELD_BYTES_MAX: u64 = 16 << 20;
/// Bytes that are inflated, in all.
const INFLATED_BYTES_MAX: u64 = 512 << 20;
/// Bytes that the components of one file take.
const FACT_BYTES_MAX: usize = 6 << 20;
/// What a component takes beside its texts.
const COMPONENT_BYTES: usize = 1000;
/// A `pom.properties` has a hundred bytes, and the main section of a manifest comes first.
const DOCUMENT_BYTES_MAX: u64 = 64 * 1024;
/// Notes about one file.
const NOTES_MAX: usize = 20;
/// A path that an archive may write into a note or a component.
const INNER_PATH_BYTES_MAX: usize = 4096;

/// Looks through an archive and those within it.
pub(super) fn search(path: &str, content: &mut dyn Content) -> Result<Facts, ReadFault> {
    let mut search = Search {
        facts: Facts::default(),
        allowance: Allowance { members: MEMBERS_MAX, name_bytes: NAME_BYTES_MAX },
        held_bytes_left: HELD_BYTES_MAX,
        inflated_bytes_left: INFLATED_BYTES_MAX,
        fact_bytes_left: FACT_BYTES_MAX,
        silent_notes: 0,
    };
    search.archive(&Place::file(path), content)?;
    Ok(search.finish())
}

/// A search under way, with what it may still use.
struct Search {
    facts: Facts,
    allowance: Allowance,
    held_bytes_left: u64,
    inflated_bytes_left: u64,
    fact_bytes_left: usize,
    silent_notes: usize,
}

impl Search {
    fn archive(&mut self, place: &Place, content: &mut dyn Content) -> Result<(), ReadFault> {
        let mut archive = Archive::open(content)?;
        let selection = archive.select(&mut self.allowance, is_telling)?;
        refuse_overlaps(&selection.members)?;
        if selection.cut_short {
            let names = NAME_BYTES_MAX >> 20;
            let limit = format!("{MEMBERS_MAX} members in all, or {names} MiB of their names");
            self.note_fault(place, &ReadFault::Limit(limit));
        }
        let (nested, documents): (Vec<_>, Vec<_>) =
            selection.members.into_iter().partition(|member| is_archive_name(&member.path));
        let evidence = self.evidence(place, &mut archive, documents);
        self.report(place, evidence);
        for member in &nested {
            self.nested(&place.member(&member.path), &mut archive, member);
            self.allowance.name_bytes += member.path.len();
        }
        Ok(())
    }

    /// Searches an archive within an archive. One that cannot be opened still tells what its name tells.
    fn nested(&mut self, place: &Place, archive: &mut Archive<'_>, member: &Member) {
        if let Err(fault) = self.descend(place, archive, member) {
            self.note_fault(place, &fault);
            self.report(place, Evidence::default());
        }
    }

    fn descend(
        &mut self,
        place: &Place,
        archive: &mut Archive<'_>,
        member: &Member,
    ) -> Result<(), ReadFault> {
        if place.depth > NESTING_MAX {
            return Err(ReadFault::Limit(format!("{NESTING_MAX} archives within one another")));
        }
        if place.inner().is_some_and(|inner| inner.len() > INNER_PATH_BYTES_MAX) {
            return Err(ReadFault::Limit(format!("{INNER_PATH_BYTES_MAX} bytes of path")));
        }
        if let Some(mut window) = archive.stored(member)? {
            return self.archive(place, &mut window);
        }
        let held = member.size_bytes;
        self.held_bytes_left = self.held_bytes_left.checked_sub(held).ok_or_else(too_much_held)?;
        let outcome = self
            .inflated(archive, member, held)
            .and_then(|bytes| self.archive(place, &mut Cursor::new(bytes.as_slice())));
        self.held_bytes_left += held;
        outcome
    }

    /// What the archive's documents say. A document that cannot be read is noted.
    fn evidence(&mut self, place: &Place, archive: &mut Archive<'_>, documents: Vec<Member>) -> Evidence {
        let mut evidence = Evidence::default();
        for member in documents {
            self.allowance.name_bytes += member.path.len();
            if let Some(coordinates) = pom_xml(&member.path) {
                evidence.pom_paths.push(coordinates);
                continue;
            }
            let text = match self.inflated(archive, &member, DOCUMENT_BYTES_MAX) {
                Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                Err(fault) => {
                    self.note_fault(&place.member(&member.path), &fault);
                    continue;
                }
            };
            if member.path == MANIFEST {
                evidence.manifest = Manifest::parse(&text);
            } else if let Some(artifact) = properties::parse(&text) {
                evidence.poms.push(Pom { path: member.path, artifact });
            }
        }
        evidence
    }

    fn inflated(
        &mut self,
        archive: &mut Archive<'_>,
        member: &Member,
        bytes_max: u64,
    ) -> Result<Vec<u8>, ReadFault> {
        let limit = || ReadFault::Limit(format!("{} MiB to inflate in all", INFLATED_BYTES_MAX >> 20));
        if self.inflated_bytes_left < member.size_bytes.min(bytes_max) {
            return Err(limit());
        }
        let bytes = archive.read(member, bytes_max)?;
        self.inflated_bytes_left =
            self.inflated_bytes_left.checked_sub(bytes.len() as u64).ok_or_else(limit)?;
        Ok(bytes)
    }

    /// Adds the components that the archive names.
    fn report(&mut self, place: &Place, evidence: Evidence) {
        let license = evidence.manifest.bundle_license.as_deref().and_then(license);
        let identity = identify(evidence, place.file_name());
        let kinship = if place.depth == 0 { Kinship::Installed } else { Kinship::Embedded };
        if let Some(main) = identity.main {
            self.component(main, kinship, place.inner(), license);
        }
        for pom in identity.shaded {
            self.component(pom.artifact, Kinship::Embedded, Some(&place.inner_of(&pom.path)), None);
        }
    }

    fn component(
        &mut self,
        artifact: Artifact,
        kinship: Kinship,
        inner: Option<&str>,
        license: Option<String>,
    ) {
        let mut component = artifact.into_component();
        component.kinship = kinship;
        component.licenses.extend(license);
        if let Some(inner) = inner {
            component.properties.insert(Component::INNER_PATH.to_owned(), inner.to_owned());
        }
        match self.fact_bytes_left.checked_sub(COMPONENT_BYTES + inner.map_or(0, str::len)) {
            Some(left) => {
                self.fact_bytes_left = left;
                self.facts.components.push(component);
            }
            None => self.note(format!("left out {}: too many components", component.full_name())),
        }
    }

    fn note_fault(&mut self, place: &Place, fault: &ReadFault) {
        let inner: String =
            place.inner().unwrap_or("the archive").chars().take(INNER_PATH_BYTES_MAX).collect();
        self.note(format!("cannot read {inner}: {fault}"));
    }

    fn note(&mut self, text: String) {
        if self.facts.notes.len() < NOTES_MAX {
            self.facts.notes.push(Note::unread(text));
        } else {
            self.silent_notes += 1;
        }
    }

    fn finish(mut self) -> Facts {
        if self.silent_notes > 0 {
            self.facts.notes.push(Note::unread(format!("and {} more of such notes", self.silent_notes)));
        }
        self.facts
    }
}

const MANIFEST: &str = "META-INF/MANIFEST.MF";
const POM_DIRECTORY: &str = "META-INF/maven/";

/// Whether a member tells who an archive is, or is an archive itself.
fn is_telling(path: &str) -> bool {
    if path.ends_with('/') {
        return false;
    }
    path == MANIFEST
        || is_archive_name(path)
        || path.ends_with("/pom.properties") && path.contains(POM_DIRECTORY)
        || pom_xml(path).is_some()
}

/// Group and artifact of `META-INF/maven/GROUP/ARTIFACT/pom.xml`.
fn pom_xml(path: &str) -> Option<(String, String)> {
    let (_, below) = path.split_once(POM_DIRECTORY)?;
    let (group, rest) = below.split_once('/')?;
    let artifact = rest.strip_suffix("/pom.xml").filter(|artifact| !artifact.contains('/'))?;
    Some((group.to_owned(), artifact.to_owned()))
}

/// Members that share bytes are how small archives become large ones; no archiver writes them.
fn refuse_overlaps(members: &[Member]) -> Result<(), ReadFault> {
    let mut extents: Vec<_> = members.iter().map(Member::extent).collect();
    extents.sort_unstable_by_key(|extent| extent.start);
    let overlap = extents.windows(2).any(|pair| matches!(pair, [one, two] if two.start < one.end));
    if overlap { Err(ReadFault::malformed("members of it overlap")) } else { Ok(()) }
}

/// A bundle's licence: the first of a list, without its directives.
fn license(text: &str) -> Option<String> {
    let first = text.split([',', ';']).next()?.trim();
    (!first.is_empty() && first.len() <= 200).then(|| first.to_owned())
}

fn too_much_held() -> ReadFault {
    ReadFault::Limit(format!("{} MiB of inflated archives at one time", HELD_BYTES_MAX >> 20))
}
