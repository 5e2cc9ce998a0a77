//! Which images do not pass a gate of their project: approvals that are missing, over the whole registry.

use std::collections::BTreeMap;

use plimsoll_attest::PolicyDocument;
use plimsoll_oci::RepositoryName;
use plimsoll_store::CatalogueError;
use plimsoll_store::catalogue::{LackingImage, LackingRun, Project, ProjectName};

use crate::Registry;
use crate::access::CanList;

/// Most images on a page.
const PAGE_MAX: usize = 10_000;

/// Images that are looked at together.
const BATCH: usize = 2_000;

/// A page of images that do not pass a gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LackingPage {
    /// The images.
    pub images: Vec<LackingImage>,
    /// The repository and the tag after which the next page begins, if there is one.
    pub next: Option<(String, String)>,
}

impl Registry {
    /// The tagged images, among those that the caller may see, that do not pass a gate which their project has. What was
    /// told last counts, so that nothing is judged here: an image that waits to be judged again says so.
    pub async fn images_lacking(
        &self,
        can_list: &CanList,
        gate: &str,
        last: Option<(String, String)>,
        limit: usize,
    ) -> Result<LackingPage, CatalogueError> {
        let limit = limit.clamp(1, PAGE_MAX);
        let projects = self.catalogue().list_projects().await?;
        let mut asked = Asked { can_list, projects: &projects, gated: gated(&projects, gate), latest: None };
        let mut page = LackingPage { images: Vec::new(), next: None };
        let mut after = last;
        loop {
            let batch = self.catalogue().images_lacking(gate, after.clone(), BATCH).await?;
            let end = batch.last().filter(|_| batch.len() == BATCH).map(place);
            let images = batch
                .into_iter()
                .filter(|image| !image.tag.is_evidence() && asked.is_about(&image.repository));
            for image in images {
                if page.images.len() == limit {
                    page.next = page.images.last().map(place);
                    return Ok(page);
                }
                page.images.push(image);
            }
            let Some(end) = end else { return Ok(page) };
            after = Some(end);
            // Somebody who may see little makes this go through much.
            tokio::task::yield_now().await;
        }
    }
}

impl Registry {
    /// The runs that have not ended, as far as was told, of images that do not pass a gate, among those that the caller
    /// may see; and the run after which the next page begins, if there is one. The tags of such an image may have moved on.
    pub async fn runs_lacking(
        &self,
        can_list: &CanList,
        gate: &str,
        last: Option<LackingRun>,
        limit: usize,
    ) -> Result<(Vec<LackingRun>, Option<LackingRun>), CatalogueError> {
        let limit = limit.clamp(1, PAGE_MAX);
        let projects = self.catalogue().list_projects().await?;
        let mut asked = Asked { can_list, projects: &projects, gated: gated(&projects, gate), latest: None };
        let (mut runs, mut after): (Vec<LackingRun>, _) = (Vec::new(), last);
        loop {
            let batch = self.catalogue().runs_lacking(gate, after.clone(), BATCH).await?;
            let end = batch.last().filter(|_| batch.len() == BATCH).cloned();
            for run in batch.into_iter().filter(|run| asked.is_about(&run.repository)) {
                if runs.len() == limit {
                    let next = runs.last().cloned();
                    return Ok((runs, next));
                }
                runs.push(run);
            }
            let Some(end) = end else { return Ok((runs, None)) };
            after = Some(end);
            tokio::task::yield_now().await;
        }
    }
}

/// Which repositories are asked about: the caller may see them, and their project has the gate.
struct Asked<'a> {
    can_list: &'a CanList,
    projects: &'a [Project],
    gated: BTreeMap<&'a ProjectName, bool>,
    /// The last answer: images come repository by repository.
    latest: Option<(RepositoryName, bool)>,
}

impl Asked<'_> {
    fn is_about(&mut self, repository: &RepositoryName) -> bool {
        if let Some((latest, answer)) = &self.latest
            && latest == repository
        {
            return *answer;
        }
        let has_gate = |project: &Project| self.gated.get(&project.name).copied().unwrap_or_default();
        let answer = self.can_list.may_see(repository)
            && Project::governing(self.projects, repository).is_some_and(has_gate);
        self.latest = Some((repository.clone(), answer));
        answer
    }
}

/// After which a page begins.
fn place(image: &LackingImage) -> (String, String) {
    (image.repository.to_string(), image.tag.to_string())
}

/// Whether each project has the gate. A policy that is not understood has none that anybody could pass.
fn gated<'p>(projects: &'p [Project], gate: &str) -> BTreeMap<&'p ProjectName, bool> {
    let has_gate = |project: &Project| {
        let document: Result<PolicyDocument, _> = serde_json::from_str(&project.policy);
        document.map_or(true, |document| document.gate_names().any(|name| name == gate))
    };
    projects.iter().map(|project| (&project.name, has_gate(project))).collect()
}
