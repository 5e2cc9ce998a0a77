use std::fmt;
use std::str::FromStr;

use futures_util::FutureExt as _;
use plimsoll_oci::{Digest, RepositoryName};
use serde_json::value::RawValue;

use super::log::Event;
use super::sql::{CatalogueError, Result, Row, Transaction, params};
use super::{Catalogue, verdicts};
use crate::{Pattern, Timestamp};

/// Longest name of a project.
const NAME_LENGTH_MAX: usize = 64;

/// The name of a project: lower-case letters, digits, `.`, `_` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct ProjectName(String);

/// Text that is no name of a project.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the name of a project begins with a lower-case letter or a digit, and goes on with these, `.`, `_` and `-`, \
     at most {NAME_LENGTH_MAX} characters"
)]
pub struct ParseProjectNameError;

/// Rules for the repositories that match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// What people call it.
    pub name: ProjectName,
    /// Which repositories.
    pub repositories: Vec<Pattern>,
    /// The policy, byte for byte as it was set.
    pub policy: String,
    /// When it was set.
    pub set_at: Timestamp,
    /// By whom.
    pub set_by: String,
}

/// What became of a project that was to be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutProject {
    /// It is set.
    Done,
    /// Nothing was done: some repositories match this pattern of another project just as closely, so that nobody could
    /// say whose rules are theirs.
    Contested {
        /// The other project.
        by: ProjectName,
        /// Its pattern.
        pattern: Pattern,
    },
}

impl ProjectName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ProjectName {
    type Err = ParseProjectNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_first = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_later = |byte: u8| is_first(byte) || b"._-".contains(&byte);
        let begins_well = text.bytes().next().is_some_and(is_first);
        let is_name = begins_well && text.len() <= NAME_LENGTH_MAX && text.bytes().all(is_later);
        if is_name { Ok(Self(text.to_owned())) } else { Err(ParseProjectNameError) }
    }
}

impl Project {
    /// Names the policy by its bytes.
    pub fn policy_digest(&self) -> Digest {
        Digest::sha256_of(self.policy.as_bytes())
    }

    /// How closely it matches a repository, if it does.
    fn closeness_to(&self, repository: &RepositoryName) -> Option<usize> {
        let matching = self.repositories.iter().filter(|pattern| pattern.matches(repository.as_str()));
        matching.map(Pattern::literal_length).max()
    }

    /// Whose rules are a repository's: the project that matches it most closely.
    pub fn governing<'p>(projects: &'p [Self], repository: &RepositoryName) -> Option<&'p Self> {
        let near = projects.iter().filter_map(|project| Some((project.closeness_to(repository)?, project)));
        near.max_by_key(|(closeness, _)| *closeness).map(|(_, project)| project)
    }

    /// The first pattern of `other` that some repository matches as closely as one of this project's.
    fn contest<'o>(&self, other: &'o Self) -> Option<&'o Pattern> {
        let is_contested = |theirs: &&Pattern| {
            let is_as_close = |ours: &&Pattern| ours.literal_length() == theirs.literal_length();
            self.repositories.iter().filter(is_as_close).any(|ours| ours.overlaps(theirs))
        };
        other.repositories.iter().find(is_contested)
    }
}

impl Catalogue {
    /// Adds a project, or changes one, unless others contest its repositories.
    pub async fn put_project(&self, project: Project) -> Result<PutProject> {
        self.write(project, |tx, project| put(tx, project).boxed()).await
    }

    /// Removes a project. Returns `false` if there is none of that name.
    pub async fn delete_project(&self, name: ProjectName, by: &str, now: Timestamp) -> Result<bool> {
        self.write((name, by.to_owned(), now), |tx, (name, by, now)| {
            async move {
                count_change(tx).await?;
                let name = name.as_str();
                let is_gone = tx.execute("DELETE FROM projects WHERE name = ?1", params![name]).await? == 1;
                if is_gone {
                    Event::ProjectRemoved { project: name }.log(tx, Some(by), *now).await?;
                    verdicts::enqueue_all(tx, *now).await?;
                }
                Ok(is_gone)
            }
            .boxed()
        })
        .await
    }

    /// All projects in order of their names.
    pub async fn list_projects(&self) -> Result<Vec<Project>> {
        self.read((), |tx, ()| list(tx).boxed()).await
    }

    /// A number that is another one after each change of the projects.
    pub async fn project_revision(&self) -> Result<i64> {
        self.read((), |tx, ()| {
            async move {
                let row = tx.row("SELECT revision FROM project_changes WHERE id = 1", &[]).await?;
                row.map_or(Ok(0), |row| row.integer(0))
            }
            .boxed()
        })
        .await
    }
}

async fn put(tx: &mut Transaction<'_>, project: &Project) -> Result<PutProject> {
    // Locks the row: of two changes at once, the second sees the first.
    count_change(tx).await?;
    let others = list(tx).await?.into_iter().filter(|other| other.name != project.name);
    for other in others {
        if let Some(pattern) = project.contest(&other) {
            return Ok(PutProject::Contested { pattern: pattern.clone(), by: other.name });
        }
    }
    let damaged =
        |error: serde_json::Error| CatalogueError::Damaged { what: "policy", found: error.to_string() };
    let repositories = serde_json::to_string(&project.repositories).map_err(damaged)?;
    tx.execute(
        "INSERT INTO projects (name, repositories, policy, set_at, set_by) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (name) DO UPDATE SET repositories = excluded.repositories, policy = excluded.policy,
             set_at = excluded.set_at, set_by = excluded.set_by",
        params![project.name.as_str(), repositories, &project.policy, project.set_at, &project.set_by],
    )
    .await?;
    let event = Event::ProjectPut {
        project: project.name.as_str(),
        repositories: &project.repositories,
        policy_digest: project.policy_digest(),
        policy: serde_json::from_str::<&RawValue>(&project.policy).map_err(damaged)?,
    };
    event.log(tx, Some(&project.set_by), project.set_at).await?;
    verdicts::enqueue_all(tx, project.set_at).await?;
    Ok(PutProject::Done)
}

async fn count_change(tx: &mut Transaction<'_>) -> Result<()> {
    let sql = "INSERT INTO project_changes (id, revision) VALUES (1, 1)
               ON CONFLICT (id) DO UPDATE SET revision = project_changes.revision + 1";
    tx.execute(sql, &[]).await.map(drop)
}

async fn list(tx: &mut Transaction<'_>) -> Result<Vec<Project>> {
    let sql = "SELECT name, repositories, policy, set_at, set_by FROM projects ORDER BY name";
    tx.rows(sql, &[]).await?.iter().map(project).collect()
}

fn project(row: &Row) -> Result<Project> {
    Ok(Project {
        name: row.parsed(0, "name of a project")?,
        repositories: row.json(1, "list of patterns")?,
        policy: row.text(2)?.to_owned(),
        set_at: row.timestamp(3)?,
        set_by: row.text(4)?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(name: &str, patterns: &[&str]) -> Project {
        Project {
            name: name.parse().unwrap(),
            repositories: patterns.iter().map(|pattern| pattern.parse().unwrap()).collect(),
            policy: "{}".to_owned(),
            set_at: Timestamp::from_unix_ms(1),
            set_by: "ana".to_owned(),
        }
    }

    #[test]
    fn the_closest_pattern_governs() {
        let projects = [project("all", &["*"]), project("team", &["team/*"]), project("app", &["team/app"])];
        let of = |name: &str| Project::governing(&projects, &name.parse().unwrap()).unwrap().name.to_string();
        assert_eq!(
            (of("other"), of("team/lib"), of("team/app")),
            ("all".into(), "team".into(), "app".into())
        );
        assert!(Project::governing(&projects[1..], &"other".parse().unwrap()).is_none());
    }

    #[test]
    fn patterns_that_are_as_close_contest_each_other() {
        let contested = |ours: &[&str], theirs: &[&str]| {
            let other = project("b", theirs);
            project("a", ours).contest(&other).map(ToString::to_string)
        };
        assert_eq!(contested(&["team/*"], &["x", "team/*"]).as_deref(), Some("team/*"));
        assert_eq!(contested(&["ab/*"], &["*/cd"]).as_deref(), Some("*/cd"), "both match `ab/cd`");
        assert_eq!(contested(&["team/*"], &["cool/*"]), None, "no repository matches both");
        assert_eq!(contested(&["team/*"], &["team/app", "*"]), None, "one is closer");
    }

    #[test]
    fn names_are_short_and_plain() {
        for wrong in ["", "-a", "A", "a/b", "a b", "é", &"a".repeat(65)] {
            assert!(wrong.parse::<ProjectName>().is_err(), "{wrong}");
        }
        assert_eq!("team-1.x_y".parse::<ProjectName>().unwrap().as_str(), "team-1.x_y");
    }
}
