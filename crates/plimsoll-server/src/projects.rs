//! The rules of projects, read once and kept until they change: whichever replica changes them counts that up.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use plimsoll_attest::{LogVerifier, Policy, PolicyDocument};
use plimsoll_oci::{Digest, RepositoryName};
use plimsoll_store::catalogue::{Project, ProjectName};
use plimsoll_store::{Catalogue, CatalogueError};

/// The projects as the catalogue has them.
#[derive(Clone)]
pub(crate) struct Projects {
    parts: Arc<Parts>,
}

struct Parts {
    catalogue: Catalogue,
    /// The server's own log, which is believed on the time besides those that a policy names.
    log: LogVerifier,
    known: Mutex<Arc<Known>>,
}

/// The projects of one revision.
#[derive(Default)]
struct Known {
    revision: i64,
    projects: Vec<Project>,
    rules: BTreeMap<ProjectName, Arc<Rules>>,
}

/// What holds for a repository.
pub(crate) struct Rules {
    /// The project's name.
    pub(crate) project: ProjectName,
    /// The policy, which also believes this server's log.
    pub(crate) policy: Policy,
    /// The digest of the policy's document.
    pub(crate) digest: Digest,
}

impl Projects {
    pub(crate) fn new(catalogue: Catalogue, log: LogVerifier) -> Self {
        Self { parts: Arc::new(Parts { catalogue, log, known: Mutex::default() }) }
    }

    /// The rules for a repository, if some project has any.
    pub(crate) async fn rules_for(
        &self,
        repository: &RepositoryName,
    ) -> Result<Option<Arc<Rules>>, CatalogueError> {
        let known = self.known().await?;
        let governing = Project::governing(&known.projects, repository);
        Ok(governing.and_then(|project| known.rules.get(&project.name)).cloned())
    }

    async fn known(&self) -> Result<Arc<Known>, CatalogueError> {
        let revision = self.parts.catalogue.project_revision().await?;
        let kept = self.parts.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if kept.revision == revision {
            return Ok(kept);
        }
        // What is changed between the two questions is seen next time: the revision kept is the older one.
        let projects = self.parts.catalogue.list_projects().await?;
        let rules = projects.iter().filter_map(|project| self.read(project)).collect();
        let known = Arc::new(Known { revision, projects, rules });
        *self.parts.known.lock().unwrap_or_else(PoisonError::into_inner) = known.clone();
        Ok(known)
    }

    /// A policy that an earlier version took and this one does not lets nothing pass.
    fn read(&self, project: &Project) -> Option<(ProjectName, Arc<Rules>)> {
        let document: Result<PolicyDocument, _> = serde_json::from_str(&project.policy);
        let policy = document.map_err(|error| error.to_string());
        let policy =
            policy.and_then(|document| Policy::try_from(&document).map_err(|error| error.to_string()));
        match policy {
            Ok(mut policy) => {
                policy.trust = policy.trust.with_log(self.parts.log.clone());
                policy.require_something();
                let (name, digest) = (project.name.clone(), project.policy_digest());
                Some((name.clone(), Arc::new(Rules { project: name, policy, digest })))
            }
            Err(error) => {
                tracing::error!(project = %project.name, %error, "the policy of a project is not understood");
                None
            }
        }
    }
}
