//! Finding out who asks: passwords, robot tokens, tokens of the token service, or nobody in particular.

mod bearer;
mod password;
mod robot_token;
mod verified;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plimsoll_store::catalogue::{Action, Grant};
use plimsoll_store::{Catalogue, CatalogueError, Pattern};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::Clock;
use crate::access::{Identity, ShownBy};

pub use bearer::{ScopedToken, TokenKey};
pub use password::{PasswordError, hash_password};
pub use robot_token::{ParseRobotTokenError, RobotToken};
use verified::Verified;

/// How many passwords are checked at once: each check takes 19 MiB, and time on purpose.
const PASSWORD_CHECKS_MAX: usize = 2;

/// How many passwords wait to be checked at most; more are told to try again.
const PASSWORD_QUEUE_MAX: usize = 200;

/// Longest accepted `Authorization` header.
const HEADER_BYTES_MAX: usize = 16 * 1024;

/// How callers are told apart.
#[derive(Clone, Debug)]
pub struct AuthConfig {
    /// Whether anybody may pull.
    pub anonymous_pull: bool,
    /// How long a token of the token service is good.
    pub token_ttl: Duration,
    /// Who the tokens are for: the name of this service.
    pub service: String,
}

/// Where a request came from, as far as that decides what it may do without credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The address at the other end of the connection.
    pub peer: IpAddr,
    /// Whether the request went through a proxy that says so, or names a host that is not this machine.
    pub is_forwarded: bool,
}

impl Origin {
    /// Whether it certainly came from this machine.
    fn is_local(self) -> bool {
        self.peer.to_canonical().is_loopback() && !self.is_forwarded
    }
}

/// Why a caller is not known.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// Credentials are needed.
    #[error("credentials are needed")]
    Missing,
    /// The credentials are wrong.
    #[error("the credentials are wrong or have expired")]
    Wrong,
    /// Nobody may come in yet but from this machine.
    #[error("this registry has no users yet and answers only to its own machine")]
    NoUsersYet,
    /// Too many passwords wait to be checked.
    #[error("too many sign in at this moment")]
    Busy,
    /// The catalogue failed.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
}

/// Checks credentials.
#[derive(Clone)]
pub struct Authenticator {
    parts: Arc<Parts>,
}

struct Parts {
    catalogue: Catalogue,
    clock: Clock,
    config: AuthConfig,
    key: TokenKey,
    verified: Verified,
    robots_used: verified::RobotsUsed,
    /// Once there was a user the door stays shut, also if the last one is removed.
    has_users: AtomicBool,
    password_checks: Semaphore,
    password_queue: Semaphore,
}

impl Authenticator {
    /// Prepares checking, with the key that all replicas share.
    pub async fn new(catalogue: Catalogue, clock: Clock, config: AuthConfig) -> Result<Self, CatalogueError> {
        let key = TokenKey::shared(&catalogue).await?;
        let has_users = AtomicBool::new(catalogue.has_users().await?);
        let parts = Parts {
            catalogue,
            clock,
            config,
            key,
            verified: Verified::default(),
            robots_used: verified::RobotsUsed::default(),
            has_users,
            password_checks: Semaphore::new(PASSWORD_CHECKS_MAX),
            password_queue: Semaphore::new(PASSWORD_QUEUE_MAX),
        };
        Ok(Self { parts: Arc::new(parts) })
    }

    /// Who the tokens are for.
    pub fn service(&self) -> &str {
        &self.parts.config.service
    }

    /// How long a token is good.
    pub fn token_ttl(&self) -> Duration {
        self.parts.config.token_ttl
    }

    /// Whether anybody may still come in from this machine without credentials.
    pub async fn is_open(&self) -> Result<bool, CatalogueError> {
        if self.parts.has_users.load(Ordering::Acquire) {
            return Ok(false);
        }
        let has_users = self.parts.catalogue.has_users().await?;
        self.parts.has_users.fetch_or(has_users, Ordering::AcqRel);
        Ok(!has_users)
    }

    /// Finds out who sends a request with this `Authorization` header.
    pub async fn identify(&self, authorization: Option<&str>, origin: Origin) -> Result<Identity, AuthError> {
        match authorization {
            None => self.identify_nobody(origin).await,
            Some(header) if header.len() > HEADER_BYTES_MAX => Err(AuthError::Wrong),
            Some(header) => match header.split_once(' ') {
                Some((scheme, rest)) if scheme.eq_ignore_ascii_case("basic") => {
                    let (name, password) = decode_basic(rest.trim()).ok_or(AuthError::Wrong)?;
                    self.identify_by_password(&name, &password).await
                }
                Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => {
                    self.identify_by_token(rest.trim()).await
                }
                _ => Err(AuthError::Wrong),
            },
        }
    }

    async fn identify_nobody(&self, origin: Origin) -> Result<Identity, AuthError> {
        if self.is_open().await? {
            return if origin.is_local() { Ok(Identity::not_asked()) } else { Err(AuthError::NoUsersYet) };
        }
        if self.parts.config.anonymous_pull { Ok(anybody()) } else { Err(AuthError::Missing) }
    }

    async fn identify_by_token(&self, token: &str) -> Result<Identity, AuthError> {
        if RobotToken::looks_like_one(token) {
            return self.identify_robot(token).await;
        }
        let token =
            self.parts.key.verify(token, self.service(), (self.parts.clock)()).ok_or(AuthError::Wrong)?;
        let ScopedToken { name, grants, listable, .. } = token;
        Ok(Identity { name, grants, listable, shown_by: ShownBy::ScopedToken })
    }

    async fn identify_by_password(&self, name: &str, password: &str) -> Result<Identity, AuthError> {
        if RobotToken::looks_like_one(password) {
            return self.identify_robot(password).await;
        }
        let now = (self.parts.clock)();
        if let Some(identity) = self.parts.verified.find(name, password, now) {
            return Ok(identity);
        }
        let user = self.parts.catalogue.find_user(name).await?;
        let _turn = self.turn_to_check_password().await?;
        // Others may have shown the same password while this request waited.
        if let Some(identity) = self.parts.verified.find(name, password, now) {
            return Ok(identity);
        }
        let hash = user.as_ref().map(|user| user.password_hash.clone());
        let matches = password::check(hash, password.to_owned()).await;
        let user = user.filter(|_| matches).ok_or(AuthError::Wrong)?;
        let identity = Identity::new(user.name, user.grants, ShownBy::Credentials);
        self.parts.verified.remember(name, password, &identity, now);
        Ok(identity)
    }

    /// Waits for a turn, unless too many wait already.
    async fn turn_to_check_password(&self) -> Result<SemaphorePermit<'_>, AuthError> {
        let _place = self.parts.password_queue.try_acquire().map_err(|_| AuthError::Busy)?;
        self.parts.password_checks.acquire().await.map_err(|_| AuthError::Busy)
    }

    async fn identify_robot(&self, token: &str) -> Result<Identity, AuthError> {
        let token: RobotToken = token.parse().map_err(|_| AuthError::Wrong)?;
        let now = (self.parts.clock)();
        let robot = self.parts.catalogue.find_robot_by_token(&token.hash()).await?.ok_or(AuthError::Wrong)?;
        if robot.expires_at.is_some_and(|expires_at| expires_at <= now) {
            return Err(AuthError::Wrong);
        }
        self.parts.robots_used.note(&robot.name, now);
        let name = format!("robot:{}", robot.name);
        Ok(Identity::new(name, robot.grants, ShownBy::Credentials))
    }

    /// Makes a token with those of the wanted rights that the identity has. `wants_list` asks for the names of what the
    /// identity may pull, `wants_all` for every right, which only who has it gets.
    pub fn issue_token(
        &self,
        identity: &Identity,
        wanted: &[Grant],
        wants_list: bool,
        wants_all: bool,
    ) -> ScopedToken {
        let now = (self.parts.clock)();
        let mut grants: Vec<Grant> = wanted.iter().filter_map(|wanted| narrowed(identity, wanted)).collect();
        grants.extend(identity.grants.iter().filter(|grant| wants_all && **grant == Grant::all()).cloned());
        ScopedToken {
            name: identity.name.clone(),
            grants,
            listable: if wants_list { identity.listable.clone() } else { Vec::new() },
            service: self.service().to_owned(),
            expires_at: now.plus(self.token_ttl()),
        }
    }

    /// The token as text.
    pub fn sign(&self, token: &ScopedToken) -> String {
        self.parts.key.sign(token)
    }

    /// Writes down which robots used their tokens since the last time.
    pub async fn write_down_robots_used(&self) -> Result<(), CatalogueError> {
        let used = self.parts.robots_used.take();
        if used.is_empty() { Ok(()) } else { self.parts.catalogue.note_robots_used(used).await }
    }
}

/// Nobody in particular, who may pull.
fn anybody() -> Identity {
    let grant = Grant { repositories: Pattern::any(), actions: [Action::Pull].into() };
    Identity::new("anonymous".to_owned(), vec![grant], ShownBy::Nothing)
}

/// What of a wanted right, which names one repository, the identity has.
fn narrowed(identity: &Identity, wanted: &Grant) -> Option<Grant> {
    let repository = wanted.repositories.to_string().parse().ok()?;
    let actions: std::collections::BTreeSet<Action> =
        wanted.actions.iter().copied().filter(|action| identity.may(&repository, *action)).collect();
    (!actions.is_empty()).then(|| Grant { repositories: wanted.repositories.clone(), actions })
}

fn decode_basic(text: &str) -> Option<(String, String)> {
    let bytes = STANDARD.decode(text).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}
