//! The report of a scan: what is inside an image and what is known against it, in one document for people's tools, for
//! the server's API and for the command line, so that all show the same numbers.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use plimsoll_sbom::{Distribution, ImageContents, LayerNote, Located, Unaccounted};
use serde::{Deserialize, Serialize};

use crate::feed::{Evaluation, Terms};
use crate::index::Index;
use crate::matching::{Matcher, Matches};
use crate::verdict::{Case, Coverage, Data, Found, Ignore, Subject, Verdict};
use crate::vex::{Image, Statements};

mod amend;

/// What a scan found out about one image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScanReport {
    /// `plimsoll/v1`.
    pub api_version: String,
    /// `ScanReport`.
    pub kind: String,
    /// The image as it was named.
    pub image: String,
    /// Its manifest's digest; none for a directory or an SBOM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The distribution that it says it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
    /// The image that it was built on, if its registry holds one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<BaseImage>,
    /// The layers, from the base up.
    pub layers: Vec<ReportedLayer>,
    /// What is judged: the positions in the verdict refer to these.
    pub components: Vec<ReportedComponent>,
    /// What is known against them.
    pub verdict: Verdict,
    /// The first programs that no component accounts for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unaccounted: Vec<Unaccounted>,
    /// What could not be told in full.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<LayerNote>,
}

/// The image that another was built on: its whole stack of layers is the beginning of the other's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseImage {
    /// How many layers it brings.
    pub layers: usize,
    /// Its manifest's digest; none where the reader may not see the repository that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The names by which the reader may pull it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
}

/// One layer of the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportedLayer {
    /// The digest of its uncompressed archive, measured.
    pub diff_id: String,
    /// The instruction that made it, as the image's history says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instruction: Option<String>,
    /// Whether the base image brought it; not known without a registry that holds the base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_of_base: Option<bool>,
}

/// One component of the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportedComponent {
    /// Its package URL.
    pub purl: String,
    /// The file that tells of it.
    pub path: String,
    /// The layer that brought it, counted from 0 at the base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<usize>,
    /// The reader that found it.
    pub found_by: String,
}

/// What is scanned, and by which advisories.
#[derive(Clone, Copy, Debug)]
pub struct Scan<'a> {
    /// The image as it was named.
    pub image: &'a str,
    /// How VEX statements name it.
    pub identity: &'a Image,
    /// Its manifest's digest.
    pub digest: Option<&'a str>,
    /// What is inside.
    pub contents: &'a ImageContents,
    /// The instruction of each layer, as far as the history says.
    pub instructions: &'a [Option<String>],
    /// The image that it was built on, where that is known.
    pub base: Option<&'a BaseImage>,
    /// The advisories.
    pub index: &'a Index,
    /// The digest of their catalogue or artifact.
    pub index_digest: &'a str,
    /// The time of the judgement, and how old advisories may be.
    pub terms: &'a Terms,
    /// VEX statements.
    pub statements: &'a Statements,
    /// What is ignored for now.
    pub ignores: &'a [Ignore],
}

impl ScanReport {
    /// Whether the base image brought what was found; `None` where the base is not known.
    pub fn is_of_base(&self, found: &Found) -> Option<bool> {
        let layer = self.components.get(found.place.position)?.layer?;
        self.layers.get(layer)?.is_of_base
    }
}

impl Scan<'_> {
    /// Judges the image.
    pub fn report(&self) -> ScanReport {
        let located: Vec<&Located> = self.contents.components.iter().chain(&self.contents.owned).collect();
        let matches = self.matches(&located);
        let purls: Vec<String> = located.iter().map(|located| self.purl(located)).collect();
        let subjects = self.subjects(&located, &matches, &purls);
        let executables = &self.contents.executables;
        let coverage = Coverage { executables: executables.total, accounted: executables.accounted };
        let data = Data { index: self.index_digest.to_owned(), time: self.data_time(&matches) };
        let case = Case {
            distribution: self.contents.distribution.as_ref(),
            image: self.identity,
            statements: self.statements,
            ignores: self.ignores,
            now: self.terms.now,
            coverage: Some(coverage),
            mismatches: &self.contents.mismatches,
            data: &data,
        };
        ScanReport {
            api_version: "plimsoll/v1".to_owned(),
            kind: "ScanReport".to_owned(),
            image: self.image.to_owned(),
            digest: self.digest.map(str::to_owned),
            distribution: self.contents.distribution.clone(),
            base: self.base.cloned(),
            layers: self.layers(),
            components: located.iter().zip(purls).map(|(it, purl)| self.component(it, purl)).collect(),
            verdict: Verdict::of(&subjects, &case),
            unaccounted: executables.unaccounted.clone(),
            notes: self.contents.notes.clone(),
        }
    }

    fn matches(&self, located: &[&Located]) -> Vec<Matches> {
        let mut matcher = Matcher::new(self.index, self.contents.distribution.as_ref(), self.terms);
        located.iter().map(|located| matcher.matches(&located.component)).collect()
    }

    fn purl(&self, located: &Located) -> String {
        located.component.purl(self.contents.distribution.as_ref()).to_string()
    }

    fn subjects<'s>(
        &self,
        located: &[&'s Located],
        matches: &'s [Matches],
        purls: &[String],
    ) -> Vec<Subject<'s>> {
        // Of components with the same name, the first is the owner. What is owned comes after those that own.
        let owners = purls.iter().enumerate().take(self.contents.components.len()).rev();
        let places: HashMap<&str, usize> = owners.map(|(place, purl)| (purl.as_str(), place)).collect();
        let owner = |located: &Located| places.get(located.owner.as_ref()?.to_string().as_str()).copied();
        let pairs = located.iter().zip(matches);
        pairs
            .map(|(located, matches)| Subject {
                component: &located.component,
                matches,
                owner: owner(located),
            })
            .collect()
    }

    /// The oldest of the shards that answered.
    fn data_time(&self, matches: &[Matches]) -> Option<Timestamp> {
        let answered: BTreeSet<&str> =
            matches.iter().filter_map(|matches| ecosystem(&matches.evaluation)).collect();
        answered.into_iter().filter_map(|name| self.index.shard(name)?.data_time()).min()
    }

    fn layers(&self) -> Vec<ReportedLayer> {
        let layers = self.contents.layers.iter().enumerate();
        layers
            .map(|(number, diff_id)| ReportedLayer {
                diff_id: diff_id.to_string(),
                instruction: self.instructions.get(number).cloned().flatten(),
                is_of_base: self.base.map(|base| number < base.layers),
            })
            .collect()
    }

    fn component(&self, located: &Located, purl: String) -> ReportedComponent {
        let layer = self.contents.layers.iter().position(|layer| Some(*layer) == located.layer);
        ReportedComponent { purl, path: located.path.clone(), layer, found_by: located.found_by.clone() }
    }
}

fn ecosystem(evaluation: &Evaluation) -> Option<&str> {
    match evaluation {
        Evaluation::By(ecosystem) | Evaluation::Partly { ecosystem, .. } => Some(ecosystem),
        Evaluation::NotEvaluated(_) => None,
    }
}
