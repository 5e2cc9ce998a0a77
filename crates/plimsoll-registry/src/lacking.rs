//! Which images do not pass a gate of their project: approvals that are missing, over the whole registry.

use std::collections::BTreeMap;

use plimsoll_attest::PolicyDocument;
use plimsoll_oci::RepositoryName;
use plimsoll_store::CatalogueError;
use plimsoll_store::catalogue::{LackingImage, Project, ProjectName};

use crate::Registry;
use crate::access::CanList;

/// Most images on a page.
const PAGE_MAX: usize = 1_000;

/// Images that are looked at together.
const BATCH: usize = 1_000;

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
        let gated = gated(&projects, gate);
        let is_asked_about = |repository: &RepositoryName| {
            can_list.may_see(repository)
                && Project::governing(&projects, repository)
                    .is_some_and(|project| gated.get(&project.name).copied().unwrap_or_default())
        };
        let mut page = LackingPage { images: Vec::new(), next: None };
        let mut after = last;
        loop {
            let batch = self.catalogue().images_lacking(gate, after.clone(), BATCH).await?;
            let is_last = batch.len() < BATCH;
            for image in batch {
                let place = (image.repository.to_string(), image.tag.to_string());
                if !image.tag.is_evidence() && is_asked_about(&image.repository) {
                    if page.images.len() == limit {
                        page.next = after;
                        return Ok(page);
                    }
                    page.images.push(image);
                }
                after = Some(place);
            }
            if is_last {
                return Ok(page);
            }
            // Somebody who may see little makes this go through much.
            tokio::task::yield_now().await;
        }
    }
}

/// Whether each project has the gate. A policy that is not understood has none that anybody could pass.
fn gated<'p>(projects: &'p [Project], gate: &str) -> BTreeMap<&'p ProjectName, bool> {
    let has_gate = |project: &Project| {
        let document: Result<PolicyDocument, _> = serde_json::from_str(&project.policy);
        document.map_or(true, |document| document.gate_names().any(|name| name == gate))
    };
    projects.iter().map(|project| (&project.name, has_gate(project))).collect()
}
