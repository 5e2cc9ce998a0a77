use std::collections::{BTreeMap, BTreeSet};

use plimsoll_index::lineage::{Answer, Base, Build, Occurrence, Question};
use plimsoll_oci::{Digest, ImageConfig, Manifest};
use plimsoll_registry::access::CanList;
use plimsoll_sbom::{ImageContents, Kinship, Located};
use plimsoll_store::catalogue::PointedAt;
use plimsoll_store::{CatalogueError, Timestamp};
use plimsoll_vuln::index::Index;
use plimsoll_vuln::matching::Matcher;

use super::{Case, Member};
use crate::scan::{ImageReport, Scanner, terms};

/// The annotation and label by which an image names what it was built on (image-spec, `annotations.md`).
const BASE_NAME: &str = "org.opencontainers.image.base.name";

/// A build at the edge of an interval.
#[derive(Clone, Debug, Default)]
pub(super) struct EdgeBuild {
    /// What it is made of.
    pub(super) build: Build,
    /// When a tag pointed at its base for the first time.
    pub(super) base_seen: Option<Timestamp>,
}

/// Such builds, by their places in the line.
pub(super) type EdgeBuilds = BTreeMap<usize, EdgeBuild>;

impl Scanner {
    /// Reads what a member is made of.
    pub(super) async fn edge_build(
        &self,
        case: &Case,
        member: &Member,
        can_list: &CanList,
    ) -> Result<EdgeBuild, CatalogueError> {
        let ImageReport::Known(contents) = self.contents(member.digest).await? else {
            return Ok(EdgeBuild::default());
        };
        let config = self.parts.images.config_of(member.digest).await?;
        let (base, base_seen) = self.base_of(member, &contents, config.as_ref(), can_list).await?;
        let (held, others) = self.occurrences(case, &contents);
        let build = Build {
            layers: contents.layers,
            instructions: config.map(|config| config.layer_instructions()).unwrap_or_default(),
            base,
            origin: member.origin.clone(),
            held,
            others,
        };
        Ok(EdgeBuild { build, base_seen })
    }

    /// What a member was built on, under the names that the asker may see.
    async fn base_of(
        &self,
        member: &Member,
        contents: &ImageContents,
        config: Option<&ImageConfig>,
        can_list: &CanList,
    ) -> Result<(Option<Base>, Option<Timestamp>), CatalogueError> {
        let Some(found) = self.base(member.digest, contents, can_list).await? else {
            return Ok((None, None));
        };
        let digest: Option<Digest> = found.digest.and_then(|digest| digest.parse().ok());
        let pointed = self.names_of(digest, member.pushed, can_list).await?;
        let base = Base {
            layers: found.layers,
            digest,
            declared: match &member.bases {
                Some(bases) => Some(bases.clone()),
                None => self.declared_base(member.digest, config).await?,
            },
            tags: pointed.iter().map(|it| format!("{}:{}", it.repository, it.tag)).collect(),
        };
        Ok((Some(base), pointed.iter().map(|it| it.since).min()))
    }

    /// The tags that pointed at an image before some time, as far as the asker may see their repositories.
    async fn names_of(
        &self,
        image: Option<Digest>,
        before: Timestamp,
        can_list: &CanList,
    ) -> Result<Vec<PointedAt>, CatalogueError> {
        let catalogue = self.parts.storage.catalogue();
        let mut pointed = catalogue.tags_that_pointed_at(image.into_iter().collect()).await?;
        pointed.retain(|it| it.since <= before && can_list.may_see(&it.repository));
        Ok(pointed)
    }

    /// The base that an image names itself.
    async fn declared_base(
        &self,
        image: Digest,
        config: Option<&ImageConfig>,
    ) -> Result<Option<String>, CatalogueError> {
        let stored = self.parts.storage.catalogue().manifest_anywhere(image).await?;
        let annotated = stored.and_then(|stored| {
            let (manifest, _) = Manifest::parse(&stored.bytes, Some(&stored.media_type)).ok()?;
            manifest.annotations().get(BASE_NAME).cloned()
        });
        Ok(annotated.or_else(|| config?.config.labels.get(BASE_NAME).cloned()))
    }

    /// Where an image holds what is asked about, and what else it has under the same names.
    fn occurrences(&self, case: &Case, contents: &ImageContents) -> (Vec<Occurrence>, Vec<Occurrence>) {
        let terms = terms(self.parts.age_days_max);
        let index: &Index = &case.in_force.index;
        let matcher = Matcher::new(index, contents.distribution.as_ref(), &terms);
        let mut matcher = matcher.without_summaries().without_upgrades();
        let (mut held, mut others) = (BTreeSet::new(), BTreeSet::new());
        for located in concerned(&case.question, contents) {
            let is_held = matches!(case.question.answer(&located.component, &mut matcher), Answer::Held(_));
            let side = if is_held { &mut held } else { &mut others };
            side.insert(occurrence(located, contents));
        }
        (held.into_iter().collect(), others.into_iter().collect())
    }
}

fn concerned<'c>(question: &Question, contents: &'c ImageContents) -> impl Iterator<Item = &'c Located> {
    contents.components.iter().filter(|located| question.concerns(&located.component))
}

fn occurrence(located: &Located, contents: &ImageContents) -> Occurrence {
    let component = &located.component;
    Occurrence {
        package_type: component.package_type,
        name: component.full_name(),
        version: component.version.clone(),
        path: located.path.clone(),
        layer: contents.layers.iter().position(|layer| Some(*layer) == located.layer),
        is_locked: component.kinship == Kinship::Locked,
    }
}
