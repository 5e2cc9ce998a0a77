//! What a record says about one shard, before the shard is written.

use plimsoll_sbom::symbol::{package_hash, symbol_hash};

use crate::Ecosystem;
use crate::osv::{Affected, Import};

use super::intervals::{self, Interval, Reading};
use super::refusal::Refusal;
use super::versions::{VersionId, Versions};

/// A package's versions that are affected, under one set of qualifiers.
#[derive(Clone, Debug, Default)]
pub(super) struct EntryDraft {
    pub(super) package: String,
    pub(super) qualifiers: Qualifiers,
    pub(super) intervals: Vec<Interval>,
    /// Versions that are named one by one and lie in no interval.
    pub(super) versions: Vec<VersionId>,
    /// The same, where the ecosystem's order knows nothing of them.
    pub(super) unordered: Vec<String>,
}

/// What must hold besides the version.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Qualifiers {
    /// The vendor says that the package never was affected.
    pub(super) is_not_affected: bool,
    pub(super) label: Option<String>,
    pub(super) symbols: Vec<u32>,
    pub(super) imports: Vec<String>,
    pub(super) module_streams: Vec<String>,
    pub(super) architectures: Vec<String>,
    pub(super) systems: Vec<String>,
}

/// An entry, with what of it was left out.
pub(super) struct EntryReading {
    pub(super) entry: EntryDraft,
    pub(super) left_out: Option<Refusal>,
}

impl EntryDraft {
    /// Reads what is affected. `streams` are the rpm modules that the record's title names.
    pub(super) fn read(
        affected: &Affected<'_>,
        ecosystem: Ecosystem<'_>,
        versions: &mut Versions,
        streams: &[&str],
    ) -> Result<EntryReading, Refusal> {
        let mut entry = Self { qualifiers: Qualifiers::read(affected), ..Self::default() };
        let left_out = entry.read_ranges(affected, versions);
        entry.read_versions(affected, versions);
        if entry.is_modular(versions) {
            entry.qualifiers.module_streams.extend(streams.iter().map(|stream| (*stream).to_owned()));
        }
        let is_not_affected = entry.qualifiers.is_not_affected && ecosystem.is_distribution();
        if !is_not_affected && !entry.has_versions() {
            return Err(left_out.unwrap_or(Refusal::NothingToMatch));
        }
        // A range that is of some use wins over one that says "never".
        entry.qualifiers.is_not_affected = is_not_affected && !entry.has_versions();
        Ok(EntryReading { entry, left_out })
    }

    /// Takes in what another entry of the same package and qualifiers says.
    pub(super) fn absorb(&mut self, other: &Self) {
        self.intervals.extend_from_slice(&other.intervals);
        self.versions.extend_from_slice(&other.versions);
        self.unordered.extend_from_slice(&other.unordered);
    }

    /// Gives equal content equal form.
    pub(super) fn settle(&mut self, versions: &Versions) {
        intervals::join(&mut self.intervals, versions);
        self.versions.retain(|version| !intervals::cover(&self.intervals, *version, versions));
        self.versions.sort_by(|left, right| versions.compare(*left, *right));
        self.versions.dedup_by(|left, right| versions.key(*left) == versions.key(*right));
        self.unordered.sort();
        self.unordered.dedup();
    }

    fn read_ranges(&mut self, affected: &Affected<'_>, versions: &mut Versions) -> Option<Refusal> {
        let mut left_out = None;
        for range in affected.ranges.iter().filter(|range| &*range.kind != "GIT") {
            match intervals::read(range, versions) {
                Reading::Affected(intervals) => self.intervals.extend(intervals),
                Reading::NotAffected => self.qualifiers.is_not_affected = true,
                Reading::Unparsable => left_out = Some(Refusal::UnparsableVersion),
            }
        }
        intervals::join(&mut self.intervals, versions);
        left_out
    }

    fn read_versions(&mut self, affected: &Affected<'_>, versions: &mut Versions) {
        for text in &affected.versions {
            match versions.intern(text) {
                Some(version) if intervals::cover(&self.intervals, version, versions) => {}
                Some(version) => self.versions.push(version),
                None => self.unordered.push(text.to_string()),
            }
        }
    }

    fn has_versions(&self) -> bool {
        !(self.intervals.is_empty() && self.versions.is_empty() && self.unordered.is_empty())
    }

    /// Whether a fix is the build of an rpm module, as its release says.
    fn is_modular(&self, versions: &Versions) -> bool {
        self.intervals.iter().any(|interval| match interval.to {
            intervals::Bound::Before(version) => {
                let text = versions.text(version);
                text.contains(".module_el") || text.contains(".module+el")
            }
            _ => false,
        })
    }
}

impl Qualifiers {
    fn read(affected: &Affected<'_>) -> Self {
        let specifics = affected.ecosystem_specifics();
        let word =
            affected.severity.iter().find(|severity| !severity.kind.starts_with("CVSS")).map(|s| &*s.score);
        let label = specifics.severity.as_deref().or(specifics.urgency.as_deref()).or(word);
        let mut qualifiers = Self { label: label.map(str::to_owned), ..Self::default() };
        qualifiers.read_imports(&specifics.imports);
        if let Some(affects) = &specifics.affects {
            qualifiers
                .architectures
                .extend(affects.arch.iter().map(|name| rust_architecture(name).to_owned()));
            qualifiers.systems.extend(affects.os.iter().map(|name| rust_system(name).to_owned()));
        }
        if let Some(purl) = affected.package.as_ref().and_then(|package| package.purl.as_deref()) {
            qualifiers.module_streams.extend(purl_qualifier(purl, "rpmmod").map(str::to_owned));
        }
        for list in [&mut qualifiers.architectures, &mut qualifiers.systems] {
            list.sort();
            list.dedup();
        }
        qualifiers
    }

    /// A restriction counts only where every package of the module has one.
    fn read_imports(&mut self, imports: &[Import<'_>]) {
        for import in imports {
            self.imports.push(import.path.to_string());
            if import.symbols.is_empty() {
                self.symbols.push(package_hash(&import.path));
            }
            self.symbols.extend(import.symbols.iter().map(|symbol| symbol_hash(&import.path, symbol)));
        }
        if imports.iter().all(|import| !import.goos.is_empty()) {
            self.systems.extend(imports.iter().flat_map(|import| &import.goos).map(|name| name.to_string()));
        }
        if imports.iter().all(|import| !import.goarch.is_empty()) {
            self.architectures
                .extend(imports.iter().flat_map(|import| &import.goarch).map(|name| name.to_string()));
        }
        self.symbols.sort_unstable();
        self.symbols.dedup();
        self.imports.sort();
        self.imports.dedup();
    }
}

fn purl_qualifier<'p>(purl: &'p str, name: &str) -> Option<&'p str> {
    let (_, qualifiers) = purl.split_once('?')?;
    let qualifiers = qualifiers.split_once('#').map_or(qualifiers, |(qualifiers, _)| qualifiers);
    qualifiers
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// Go's name, which images use, of a processor that Rust names.
fn rust_architecture(name: &str) -> &str {
    match name {
        "x86_64" => "amd64",
        "x86" => "386",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64",
        "riscv64gc" => "riscv64",
        other => other,
    }
}

/// Go's name, which images use, of a system that Rust names.
fn rust_system(name: &str) -> &str {
    match name {
        "macos" => "darwin",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(ecosystem: &str, json: &str) -> (Result<EntryDraft, Refusal>, Versions) {
        let ecosystem = Ecosystem::parse(ecosystem).unwrap();
        let mut versions = Versions::new(ecosystem.order());
        let affected = serde_json::from_str(json).unwrap();
        let entry = EntryDraft::read(&affected, ecosystem, &mut versions, &["nodejs:12"])
            .map(|reading| reading.entry);
        (entry, versions)
    }

    #[test]
    fn listed_versions_that_a_range_covers_are_not_kept() {
        let json = r#"{"versions":["1.0","1.5","3.0","3.0.0","\u00e9"],
            "ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"2.0"}]}]}"#;
        let (entry, versions) = read("PyPI", json);
        let mut entry = entry.unwrap();
        entry.settle(&versions);
        assert_eq!(entry.versions.iter().map(|id| versions.text(*id)).collect::<Vec<_>>(), ["3.0"]);
        assert_eq!(entry.unordered, ["é"]);
    }

    #[test]
    fn only_a_distribution_can_say_that_it_never_was_affected() {
        let json = r#"{"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"0"}]}]}"#;
        assert!(read("Debian:12", json).0.unwrap().qualifiers.is_not_affected);
        assert_eq!(read("npm", json).0.unwrap_err(), Refusal::NothingToMatch);
    }

    #[test]
    fn a_module_s_stream_qualifies_its_builds_only() {
        let json = |fixed: &str| {
            format!(
                r#"{{"ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"0"}},{{"fixed":"{fixed}"}}]}}]}}"#
            )
        };
        let modular = read("AlmaLinux:8", &json("1:12.16.1-1.module_el8.4.0+2521+c668cc9f")).0.unwrap();
        assert_eq!(modular.qualifiers.module_streams, ["nodejs:12"]);
        assert!(read("AlmaLinux:8", &json("1:1.2-3.el8")).0.unwrap().qualifiers.module_streams.is_empty());
    }

    #[test]
    fn go_packages_without_symbols_stand_for_all_of_theirs() {
        let json = r#"{"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}],"ecosystem_specific":{"imports":[
            {"path":"m/a","symbols":["F","T.M"],"goos":["windows"]},{"path":"m/b"}]}}"#;
        let qualifiers = read("Go", json).0.unwrap().qualifiers;
        let mut expected = vec![symbol_hash("m/a", "F"), symbol_hash("m/a", "T.M"), package_hash("m/b")];
        expected.sort_unstable();
        assert_eq!(qualifiers.symbols, expected);
        assert!(qualifiers.systems.is_empty(), "the second package is affected on every system");
    }

    #[test]
    fn a_range_in_git_alone_matches_no_package() {
        let json = r#"{"ranges":[{"type":"GIT","events":[{"introduced":"0"},{"fixed":"abc"}]}]}"#;
        assert_eq!(read("PyPI", json).0.unwrap_err(), Refusal::NothingToMatch);
    }
}
