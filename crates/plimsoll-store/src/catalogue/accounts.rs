use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use futures_util::FutureExt as _;
use plimsoll_oci::RepositoryName;
use serde::{Deserialize, Serialize};

use crate::{Pattern, Timestamp};

use super::Catalogue;
use super::log::Event;
use super::sql::{CatalogueError, Result, Row, params};

/// What somebody may do in a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Read manifests, blobs, tags and referrers.
    Pull,
    /// Add manifests and blobs, and move tags.
    Push,
    /// Delete tags, manifests and blobs.
    Delete,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 3] = [Self::Pull, Self::Push, Self::Delete];

    /// The word of the token service's scopes (distribution's token authentication specification).
    pub fn name(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Delete => "delete",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A right: some actions in the repositories that match a pattern. Written `team/*:pull,push`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Which repositories.
    pub repositories: Pattern,
    /// Which actions.
    pub actions: BTreeSet<Action>,
}

impl Grant {
    /// Everything everywhere.
    pub fn all() -> Self {
        Self { repositories: Pattern::any(), actions: Action::ALL.into() }
    }

    /// Whether it allows `action` in `repository`.
    pub fn allows(&self, repository: &RepositoryName, action: Action) -> bool {
        self.actions.contains(&action) && self.repositories.matches(repository.as_str())
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let actions: Vec<&str> = self.actions.iter().map(|action| action.name()).collect();
        write!(f, "{}:{}", self.repositories, actions.join(","))
    }
}

/// Text that is not a grant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a grant is `repositories:actions`, such as `team/*:pull,push`; actions are `pull`, `push`, `delete` or `*`"
)]
pub struct ParseGrantError;

impl FromStr for Grant {
    type Err = ParseGrantError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (repositories, actions) = text.rsplit_once(':').ok_or(ParseGrantError)?;
        let actions = match actions {
            "*" => Action::ALL.into(),
            words => words.split(',').map(parse_action).collect::<Result<_, _>>()?,
        };
        Ok(Self { repositories: repositories.parse().map_err(|_| ParseGrantError)?, actions })
    }
}

fn parse_action(word: &str) -> Result<Action, ParseGrantError> {
    Action::ALL.into_iter().find(|action| action.name() == word.trim()).ok_or(ParseGrantError)
}

/// A person with a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name to sign in with.
    pub name: String,
    /// The password's hash in PHC string form.
    pub password_hash: String,
    /// What the person may do.
    pub grants: Vec<Grant>,
    /// Since when.
    pub created_at: Timestamp,
}

/// A machine with a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Robot {
    /// Its name.
    pub name: String,
    /// The SHA-256 hash of its token.
    pub token_hash: String,
    /// What it may do.
    pub grants: Vec<Grant>,
    /// When its token ends.
    pub expires_at: Option<Timestamp>,
    /// Since when.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When its token was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

impl Catalogue {
    /// Whether there is any user.
    pub async fn has_users(&self) -> Result<bool> {
        self.read((), |tx, ()| {
            async move { Ok(tx.row("SELECT 1 FROM users LIMIT 1", &[]).await?.is_some()) }.boxed()
        })
        .await
    }

    /// Looks up a user.
    pub async fn find_user(&self, name: &str) -> Result<Option<User>> {
        self.read(name.to_owned(), |tx, name| {
            async move {
                let row = tx
                    .row(
                        "SELECT name, password_hash, grants, created_at FROM users WHERE name = ?1",
                        params![name],
                    )
                    .await?;
                row.as_ref().map(user).transpose()
            }
            .boxed()
        })
        .await
    }

    /// All users in order of their names.
    pub async fn list_users(&self) -> Result<Vec<User>> {
        self.read((), |tx, ()| {
            async move {
                let rows = tx
                    .rows("SELECT name, password_hash, grants, created_at FROM users ORDER BY name", &[])
                    .await?;
                rows.iter().map(user).collect()
            }
            .boxed()
        })
        .await
    }

    /// Adds a user, or changes the password and the rights of one.
    pub async fn put_user(&self, user: User) -> Result<()> {
        self.write(user, |tx, user| {
            async move {
                tx.execute(
                    "INSERT INTO users (name, password_hash, grants, created_at) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (name) DO UPDATE
                     SET password_hash = excluded.password_hash, grants = excluded.grants",
                    params![&user.name, &user.password_hash, grants_text(&user.grants)?, user.created_at],
                )
                .await?;
                let event = Event::UserPut { user: &user.name, grants: &user.grants };
                event.log(tx, None, user.created_at).await.map(drop)
            }
            .boxed()
        })
        .await
    }

    /// Removes a user. Returns `false` if there is none of that name.
    pub async fn delete_user(&self, name: &str, now: Timestamp) -> Result<bool> {
        self.write((name.to_owned(), now), |tx, (name, now)| {
            async move {
                let is_gone = tx.execute("DELETE FROM users WHERE name = ?1", params![name]).await? == 1;
                if is_gone {
                    Event::UserRemoved { user: name }.log(tx, None, *now).await?;
                }
                Ok(is_gone)
            }
            .boxed()
        })
        .await
    }

    /// Looks up a robot by the hash of its token.
    pub async fn find_robot_by_token(&self, token_hash: &str) -> Result<Option<Robot>> {
        self.read(token_hash.to_owned(), |tx, token_hash| {
            async move {
                let row = tx
                    .row(
                        "SELECT name, token_hash, grants, expires_at, created_at, created_by, last_used_at
                         FROM robots WHERE token_hash = ?1",
                        params![token_hash],
                    )
                    .await?;
                row.as_ref().map(robot).transpose()
            }
            .boxed()
        })
        .await
    }

    /// All robots in order of their names.
    pub async fn list_robots(&self) -> Result<Vec<Robot>> {
        self.read((), |tx, ()| {
            async move {
                let rows = tx
                    .rows(
                        "SELECT name, token_hash, grants, expires_at, created_at, created_by, last_used_at
                         FROM robots ORDER BY name",
                        &[],
                    )
                    .await?;
                rows.iter().map(robot).collect()
            }
            .boxed()
        })
        .await
    }

    /// Adds a robot. Returns `false`, and does nothing, if there is one of that name.
    pub async fn add_robot(&self, robot: Robot) -> Result<bool> {
        self.write(robot, |tx, robot| {
            async move {
                let added = tx
                    .execute(
                        "INSERT INTO robots (name, token_hash, grants, expires_at, created_at, created_by)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (name) DO NOTHING",
                        params![
                            &robot.name,
                            &robot.token_hash,
                            grants_text(&robot.grants)?,
                            robot.expires_at,
                            robot.created_at,
                            &robot.created_by
                        ],
                    )
                    .await?;
                if added == 1 {
                    let event = Event::RobotAdded { robot: &robot.name, grants: &robot.grants };
                    event.log(tx, Some(&robot.created_by), robot.created_at).await?;
                }
                Ok(added == 1)
            }
            .boxed()
        })
        .await
    }

    /// Removes a robot. Returns `false` if there is none of that name.
    pub async fn delete_robot(&self, name: &str, now: Timestamp) -> Result<bool> {
        self.write((name.to_owned(), now), |tx, (name, now)| {
            async move {
                let is_gone = tx.execute("DELETE FROM robots WHERE name = ?1", params![name]).await? == 1;
                if is_gone {
                    Event::RobotRemoved { robot: name }.log(tx, None, *now).await?;
                }
                Ok(is_gone)
            }
            .boxed()
        })
        .await
    }

    /// Notes that robots used their tokens. Called now and then with what has gathered, never in a request.
    pub async fn note_robots_used(&self, used: Vec<(String, Timestamp)>) -> Result<()> {
        self.write_soft(used, |tx, used| {
            async move {
                for (name, at) in used {
                    tx.execute("UPDATE robots SET last_used_at = ?2 WHERE name = ?1", params![name, *at])
                        .await?;
                }
                Ok(())
            }
            .boxed()
        })
        .await
    }

    /// A secret that all replicas share: the one that is there, or else `fresh`.
    pub async fn shared_secret(&self, name: &str, fresh: Vec<u8>) -> Result<Vec<u8>> {
        self.write((name.to_owned(), fresh), |tx, (name, fresh)| {
            async move {
                tx.execute(
                    "INSERT INTO secrets (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING",
                    params![name, fresh.as_slice()],
                )
                .await?;
                let row = tx.row("SELECT value FROM secrets WHERE name = ?1", params![name]).await?;
                let damaged = || CatalogueError::Damaged { what: "secret", found: name.clone() };
                row.ok_or_else(damaged)?.take_bytes(0)
            }
            .boxed()
        })
        .await
    }
}

fn grants_text(grants: &[Grant]) -> Result<String> {
    serde_json::to_string(grants)
        .map_err(|error| CatalogueError::Damaged { what: "list of grants", found: error.to_string() })
}

fn user(row: &Row) -> Result<User> {
    Ok(User {
        name: row.text(0)?.to_owned(),
        password_hash: row.text(1)?.to_owned(),
        grants: row.json(2, "list of grants")?,
        created_at: row.timestamp(3)?,
    })
}

fn robot(row: &Row) -> Result<Robot> {
    Ok(Robot {
        name: row.text(0)?.to_owned(),
        token_hash: row.text(1)?.to_owned(),
        grants: row.json(2, "list of grants")?,
        expires_at: row.optional(3, Row::timestamp)?,
        created_at: row.timestamp(4)?,
        created_by: row.text(5)?.to_owned(),
        last_used_at: row.optional(6, Row::timestamp)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_read_as_it_is_written() {
        let grant: Grant = "team/*:pull,push".parse().unwrap();
        assert!(grant.allows(&"team/app".parse().unwrap(), Action::Push));
        assert!(!grant.allows(&"team/app".parse().unwrap(), Action::Delete));
        assert!(!grant.allows(&"other/app".parse().unwrap(), Action::Pull));
        assert_eq!(grant.to_string(), "team/*:pull,push");
        assert_eq!("*:*".parse(), Ok(Grant::all()));
    }

    #[test]
    fn half_a_grant_is_refused() {
        for text in ["", "team/*", "team/*:", "team/*:fly", ":pull"] {
            assert_eq!(text.parse::<Grant>(), Err(ParseGrantError), "{text}");
        }
    }
}
