//! The run of a CI system that built something, as its environment or its token tells of it.

mod claims;
mod environment;

use jiff::Timestamp;

pub use self::claims::{CiKind, RunError};

/// A run of a CI system. What is not known is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildRun {
    /// Which system, such as `github`.
    pub system: String,
    /// Who builds: the definition of the build, or what carries it out, as a URI.
    pub builder: Option<String>,
    /// The definition that was started, as a URI. It may have called another one, the builder.
    pub workflow: Option<String>,
    /// The run, as a URI.
    pub invocation: Option<String>,
    /// The source repository, as a URL.
    pub repository: Option<String>,
    /// The commit.
    pub commit: Option<String>,
    /// The branch or tag, such as `refs/heads/main`.
    pub git_ref: Option<String>,
    /// What started it, such as `push`.
    pub event: Option<String>,
    /// Who started it.
    pub actor: Option<Actor>,
    /// Whose machine it runs on, such as `github-hosted`.
    pub runner: Option<String>,
    /// The deployment environment that it runs for.
    pub environment: Option<String>,
    /// When it began.
    pub started_on: Option<Timestamp>,
}

/// Who started a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actor {
    /// The name of the account.
    pub login: Option<String>,
    /// Its e-mail address.
    pub email: Option<String>,
}

impl Actor {
    /// Somebody, if anything is known of them.
    pub(crate) fn of(login: Option<String>, email: Option<String>) -> Option<Self> {
        (login.is_some() || email.is_some()).then_some(Self { login, email })
    }
}

impl BuildRun {
    /// Reads the environment of a CI system; nothing where there is none that is known.
    ///
    /// `variable` gives the value of a variable that is set to something.
    pub fn of_environment(variable: &dyn Fn(&str) -> Option<String>) -> Option<Self> {
        environment::read(variable)
    }
}

/// The full name of a tag or else of a branch.
pub(crate) fn full_ref(tag: Option<String>, branch: Option<String>) -> Option<String> {
    let of_tag = tag.map(|tag| format!("refs/tags/{tag}"));
    of_tag.or_else(|| branch.map(|branch| format!("refs/heads/{branch}")))
}

/// A commit's name; CI systems also write `HEAD` where it is not known yet.
pub(crate) fn full_commit(text: &str) -> Option<String> {
    let is_hash = matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| text.to_ascii_lowercase())
}
