//! Credentials for registries, from the files and helper programs that Docker and Podman use.

mod auth_file;
mod helper;
mod helper_server;
mod keychain;
mod login;
mod login_key;

use std::fmt;
use std::path::PathBuf;

pub use helper::{CredentialHelper, HelperFailure, HelperReply, HelperVerb};
pub use helper_server::answer_helper_request;
pub use keychain::{CredentialFiles, Keychain};
pub use login::{StoredLogin, erase_login, list_logins, store_login};
pub use login_key::LoginKey;

use crate::Secret;

/// What proves to a registry who is asking.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Credential {
    /// A user name and a password, or what a registry takes for one.
    Password {
        /// The user.
        username: String,
        /// The password or token.
        password: Secret,
    },
    /// A refresh token, which the registry's token service turns into access tokens.
    IdentityToken(Secret),
    /// An access token, sent as it is.
    RegistryToken(Secret),
}

/// A credential with where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundCredential {
    /// The credential.
    pub credential: Credential,
    /// Where it came from, for messages.
    pub origin: CredentialOrigin,
}

/// Where a credential came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialOrigin {
    /// The caller gave it.
    Given,
    /// An entry of a file.
    File {
        /// The file.
        file: PathBuf,
        /// The entry's key.
        key: String,
    },
    /// A helper program that a file names.
    Helper {
        /// The file.
        file: PathBuf,
        /// The program.
        helper: String,
    },
}

impl fmt::Display for CredentialOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given => f.write_str("the credential given"),
            Self::File { file, key } => write!(f, "the credential of `{key}` in `{}`", file.display()),
            Self::Helper { file, helper } => {
                write!(f, "the credential from `{helper}`, which `{}` names", file.display())
            }
        }
    }
}

/// Why credentials could not be found or kept.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The file could not be read or written.
    #[error("{operation} credentials in `{}`: {source}", .file.display())]
    Io {
        /// What was being done.
        operation: &'static str,
        /// The file.
        file: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The file is not a credential file.
    #[error("`{}` is not a Docker or Podman credential file: {problem}", .file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// What was wrong. It never quotes the file.
        problem: String,
    },
    /// The helper program failed.
    #[error("credential helper `{helper}`, named in `{}`: {problem}", .file.display())]
    Helper {
        /// The file that names it.
        file: PathBuf,
        /// The program.
        helper: String,
        /// What it said.
        problem: String,
    },
    /// A credential of a kind that the file or helper cannot keep.
    #[error("a {0} cannot be kept in a credential file")]
    NotKept(&'static str),
}

impl CredentialError {
    /// What the user can do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Helper { helper, file, .. } => Some(format!(
                "install `{helper}`, or take it out of `credsStore` and `credHelpers` in {}",
                file.display()
            )),
            Self::Malformed { file, .. } => Some(format!("repair or remove {}", file.display())),
            Self::Io { .. } | Self::NotKept(_) => None,
        }
    }
}
