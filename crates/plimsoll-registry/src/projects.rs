//! Projects: which rules hold for which repositories.

use plimsoll_attest::{Policy, PolicyDocument, PolicyError};
use plimsoll_store::catalogue::{Project, ProjectName, PutProject};
use plimsoll_store::{CatalogueError, Pattern};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::Registry;
use crate::access::{CanGovern, CanList, CanPull};

/// Most patterns of one project.
const PATTERNS_MAX: usize = 64;

/// A project as it is handed in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewProject<'a> {
    repositories: Vec<Pattern>,
    #[serde(borrow)]
    policy: &'a RawValue,
}

/// Why a project was not set.
#[derive(Debug, thiserror::Error)]
pub enum SetProjectError {
    /// The document is not of the expected form.
    #[error("the project is not understood: {0}")]
    Shape(serde_json::Error),
    /// Its policy says nothing that can be followed.
    #[error("the policy cannot be used: {0}")]
    Policy(PolicyError),
    /// It matches nothing, or too much to be looked through.
    #[error("a project has 1 to {PATTERNS_MAX} patterns of repositories, and not {0}")]
    Patterns(usize),
    /// Another project matches some repositories just as closely.
    #[error("`{pattern}` of the project `{by}` matches some of its repositories just as closely")]
    Contested {
        /// The other project.
        by: ProjectName,
        /// Its pattern.
        pattern: Pattern,
    },
    /// The catalogue failed.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
}

impl Registry {
    /// Adds a project, or changes one. The policy is kept byte for byte.
    pub async fn set_project(
        &self,
        can_govern: &CanGovern,
        name: ProjectName,
        json: &[u8],
    ) -> Result<Project, SetProjectError> {
        let new: NewProject<'_> = serde_json::from_slice(json).map_err(SetProjectError::Shape)?;
        if !(1..=PATTERNS_MAX).contains(&new.repositories.len()) {
            return Err(SetProjectError::Patterns(new.repositories.len()));
        }
        let document: PolicyDocument =
            serde_json::from_str(new.policy.get()).map_err(SetProjectError::Shape)?;
        Policy::try_from(&document).map_err(SetProjectError::Policy)?;
        let project = Project {
            name,
            repositories: new.repositories,
            policy: new.policy.get().to_owned(),
            set_at: self.now(),
            set_by: can_govern.actor().to_owned(),
        };
        match self.catalogue().put_project(project.clone()).await? {
            PutProject::Done => Ok(project),
            PutProject::Contested { by, pattern } => Err(SetProjectError::Contested { by, pattern }),
        }
    }

    /// Removes a project. Returns `false` if there is none of that name.
    pub async fn remove_project(
        &self,
        can_govern: &CanGovern,
        name: ProjectName,
    ) -> Result<bool, CatalogueError> {
        self.catalogue().delete_project(name, can_govern.actor(), self.now()).await
    }

    /// The projects over repositories that the caller may see.
    pub async fn list_projects(&self, can_list: &CanList) -> Result<Vec<Project>, CatalogueError> {
        let mut projects = self.catalogue().list_projects().await?;
        projects.retain(|project| can_list.may_see_some_of(&project.repositories));
        Ok(projects)
    }

    /// The project whose rules are those of a repository.
    pub async fn project_of(&self, can_pull: &CanPull) -> Result<Option<Project>, CatalogueError> {
        let projects = self.catalogue().list_projects().await?;
        Ok(Project::governing(&projects, can_pull.repository()).cloned())
    }
}
