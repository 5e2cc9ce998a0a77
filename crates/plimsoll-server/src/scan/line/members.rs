use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::PoisonError;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use plimsoll_index::Concerned;
use plimsoll_index::lineage::{Answer, Clock, Holding, Origin};
use plimsoll_oci::{Digest, Manifest, RepositoryName, Tag};
use plimsoll_sbom::ANALYSER_VERSION;
use plimsoll_store::catalogue::{HeldImage, NotedContents, TagMove};
use plimsoll_store::{CatalogueError, Timestamp};

use crate::scan::Scanner;

/// Images of a repository that are looked at, the newest.
const MEMBERS_MAX: usize = 10_000;

/// Moves of its tags that are looked at, the newest.
const MOVES_MAX: usize = 100_000;

/// Configs that are read at a time.
const CONFIGS_AT_A_TIME: usize = 16;

/// Platforms of images that are kept at hand; then all are forgotten and read again.
const PLATFORMS_MAX: usize = 100_000;

/// The platforms of images. They never change.
pub(in crate::scan) type Platforms = HashMap<Digest, String>;

/// An image of the line.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) digest: Digest,
    /// Its config, by which runtimes know it too.
    pub(super) config: Option<Digest>,
    /// The tags that point at it, or did.
    pub(super) tags: BTreeSet<Tag>,
    /// When it was built, if somebody says.
    pub(super) built: Option<Clock>,
    /// When it was first pushed.
    pub(super) pushed: Timestamp,
    pub(super) origin: Option<Origin>,
    /// The images that it says it was built on.
    pub(super) bases: Option<String>,
    /// When its contents were found out, by the present analyser.
    pub(super) analysed: Option<Timestamp>,
    pub(super) holding: Holding,
    /// Why nobody knows.
    pub(super) unknown: Option<Unknown>,
    /// The components that hold what is asked about.
    pub(super) held: Vec<u32>,
}

/// Why nobody knows what a member holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unknown {
    /// The registry does not hold it any more.
    Deleted,
    /// It is being found out.
    Waiting,
    /// What is inside cannot be known.
    Contents(String),
    /// A component cannot be judged.
    Component(String),
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deleted => f.write_str("the registry does not hold it any more"),
            Self::Waiting => f.write_str("what is inside is still being found out"),
            Self::Contents(why) => write!(f, "what is inside is not known: {why}"),
            Self::Component(why) => f.write_str(why),
        }
    }
}

impl Scanner {
    /// The images of a repository for one platform, in no order, and whether there are more.
    pub(super) async fn members(
        &self,
        repository: &RepositoryName,
        platform: &str,
    ) -> Result<(Vec<Member>, bool), CatalogueError> {
        let catalogue = self.parts.storage.catalogue();
        let mut images = catalogue.images_of_repository(repository, MEMBERS_MAX.saturating_add(1)).await?;
        let is_truncated = images.len() > MEMBERS_MAX;
        images.truncate(MEMBERS_MAX);
        let moves = catalogue.tag_history(repository, None, MOVES_MAX).await?;
        let deleted = self.deleted(&images, &moves).await?;
        let reading = stream::iter(images).map(|image| async move {
            let is_of_line = is_container_image(&image)
                && self.platform_of(image.digest).await?.as_deref() == Some(platform);
            Ok::<_, CatalogueError>(is_of_line.then(|| Member::held(image)))
        });
        let held: Vec<Option<Member>> = reading.buffered(CONFIGS_AT_A_TIME).try_collect().await?;
        let all = held.into_iter().flatten().chain(deleted);
        let mut members: BTreeMap<Digest, Member> = all.map(|member| (member.digest, member)).collect();
        for step in moves {
            let Some(member) = step.digest.and_then(|digest| members.get_mut(&digest)) else { continue };
            member.tags.insert(step.tag);
            member.pushed = member.pushed.min(step.moved_at);
        }
        Ok((members.into_values().collect(), is_truncated))
    }

    /// What an image is made to run on; `None` if it is no image, or its config cannot be read.
    pub(super) async fn platform_of(&self, image: Digest) -> Result<Option<String>, CatalogueError> {
        let at_hand = || self.parts.platforms.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = at_hand().get(&image) {
            return Ok(Some(known.clone()));
        }
        let Some(config) = self.parts.images.config_of(image).await? else { return Ok(None) };
        let platform = config.platform.to_string();
        let mut platforms = at_hand();
        if platforms.len() >= PLATFORMS_MAX {
            platforms.clear();
        }
        platforms.insert(image, platform.clone());
        Ok(Some(platform))
    }

    /// What tags pointed at and no repository holds any more. What it was is not known, so it may have been an image of
    /// the line.
    async fn deleted(&self, images: &[HeldImage], moves: &[TagMove]) -> Result<Vec<Member>, CatalogueError> {
        let held: BTreeSet<Digest> = images.iter().map(|image| image.digest).collect();
        let named = moves.iter().filter(|step| !step.tag.is_evidence()).filter_map(|step| step.digest);
        let lost: BTreeSet<Digest> = named.filter(|digest| !held.contains(digest)).collect();
        let places = self.parts.storage.catalogue().places_of_images(lost.iter().copied().collect()).await?;
        let there: BTreeSet<Digest> = places.into_iter().map(|place| place.manifest).collect();
        Ok(lost.difference(&there).map(|digest| Member::deleted(*digest)).collect())
    }
}

impl Member {
    fn held(image: HeldImage) -> Self {
        let unknown = match &image.noted {
            Some(NotedContents { analyser, failure: None, .. }) if *analyser == ANALYSER_VERSION => None,
            Some(NotedContents { failure: Some(why), .. }) => Some(Unknown::Contents(why.clone())),
            Some(_) | None => Some(Unknown::Waiting),
        };
        Self {
            config: config_of(&image),
            pushed: image.pushed_at,
            analysed: image.noted.map(|noted| noted.analysed_at),
            unknown,
            ..Self::deleted(image.digest)
        }
    }

    fn deleted(digest: Digest) -> Self {
        Self {
            digest,
            config: None,
            tags: BTreeSet::new(),
            built: None,
            // The tags that pointed at it say when that was.
            pushed: Timestamp::from_unix_ms(i64::MAX),
            origin: None,
            bases: None,
            analysed: None,
            holding: Holding::Unknown,
            unknown: Some(Unknown::Deleted),
            held: Vec::new(),
        }
    }

    /// Takes in which of the components it has that what is asked about concerns.
    pub(super) fn judge(&mut self, components: Option<Vec<u32>>, concerned: &[Concerned]) {
        let Some(components) = components else {
            self.unknown = Some(Unknown::Waiting);
            return;
        };
        let own = concerned.iter().filter(|concerned| components.contains(&concerned.number));
        let mut unknown = None;
        for Concerned { number, component, answer } in own {
            match answer {
                Answer::Held(_) => self.held.push(*number),
                Answer::NotEvaluated(reason) => {
                    unknown = Some(format!("{}: {reason}", component.component.full_name()));
                }
                Answer::Free => {}
            }
        }
        if !self.held.is_empty() {
            self.holding = Holding::Held;
        } else if let Some(why) = unknown {
            self.unknown = Some(Unknown::Component(why));
        } else {
            self.holding = Holding::Free;
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.unknown == Some(Unknown::Waiting)
    }

    /// When it was built, or else pushed: by this the line is ordered.
    pub(super) fn place_in_time(&self) -> (i64, Timestamp, Digest) {
        let built = self.built.as_ref().map(|clock| clock.at.as_millisecond());
        (built.unwrap_or_else(|| self.pushed.unix_ms()), self.pushed, self.digest)
    }
}

fn config_of(image: &HeldImage) -> Option<Digest> {
    match Manifest::parse(&image.manifest, None) {
        Ok((Manifest::Image(manifest), _)) => Some(manifest.config.digest),
        _ => None,
    }
}

fn is_container_image(image: &HeldImage) -> bool {
    Manifest::parse(&image.manifest, None).is_ok_and(|(manifest, _)| manifest.is_container_image())
}
