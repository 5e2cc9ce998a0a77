//! Where and when images of a line ran, as it was told to the registry.

use std::collections::HashMap;

use plimsoll_index::lineage::{Clock, Source};
use plimsoll_oci::{Digest, RepositoryName};
use plimsoll_store::catalogue::Run;
use plimsoll_store::{CatalogueError, Timestamp};

use super::{Member, moment};
use crate::scan::Scanner;

/// Runs that are looked at, the earliest.
const RUNS_MAX: usize = 100_000;

/// The runs of the members.
#[derive(Debug, Default)]
pub(super) struct Runs(Vec<(Digest, Run)>);

impl Scanner {
    /// The runs of the members. A container is known by the digest of its manifest or of its config.
    pub(super) async fn runs_of_members(
        &self,
        repository: &RepositoryName,
        members: &[Member],
    ) -> Result<Runs, CatalogueError> {
        let configs = members.iter().filter_map(|member| Some((member.config?, member.digest)));
        let own = members.iter().map(|member| (member.digest, member.digest));
        let images: HashMap<Digest, Digest> = configs.chain(own).collect();
        let digests: Vec<Digest> = images.keys().copied().collect();
        let runs = self.parts.storage.catalogue().runs_of(repository, &digests, RUNS_MAX).await?;
        let named = runs.into_iter().filter_map(|run| Some((*images.get(&run.told.image)?, run)));
        Ok(Runs(named.collect()))
    }
}

impl Runs {
    /// When one of the members was first seen to run, and when none was any more.
    pub(super) fn clocks(&self, members: &[Member]) -> (Option<Clock>, Option<Clock>) {
        let is_one = |image: &Digest| members.iter().any(|member| member.digest == *image);
        let own = || self.0.iter().filter(|(image, _)| is_one(image)).map(|(_, run)| &run.told);
        let first = own().min_by_key(|run| run.begun_at);
        let still = own().any(|run| run.ended_at.is_none());
        let last = own().filter(|_| !still).max_by_key(|run| run.ended_at);
        let clock = |at: Timestamp, place: &str| Clock {
            at: moment(at),
            source: Source::Observation { place: place.to_owned() },
        };
        let gone = last.and_then(|run| Some(clock(run.ended_at?, &run.place)));
        (first.map(|run| clock(run.begun_at, &run.place)), gone)
    }
}
