use std::path::Path;
use std::pin::Pin;

use serde::Deserialize;
use serde_json::json;

use super::{Credential, CredentialError};
use crate::Secret;

/// What a helper prints when it has nothing for a server, by the protocol's reference implementation.
pub(crate) const NOT_FOUND_MESSAGE: &str = "credentials not found in native keychain";

/// The user name that marks a helper's secret as an identity token.
pub(crate) const TOKEN_USERNAME: &str = "<token>";

/// Runs credential helper programs. The binary implements it, since this crate starts no programs.
pub trait CredentialHelper: Send + Sync {
    /// Runs `program` with the verb as its argument and `input` on its standard input.
    fn run<'a>(
        &'a self,
        program: &'a str,
        verb: HelperVerb,
        input: &'a [u8],
    ) -> Pin<Box<dyn Future<Output = Result<HelperReply, HelperFailure>> + Send + 'a>>;
}

/// The protocol's four requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HelperVerb {
    /// Give the credential of a server.
    Get,
    /// Keep a credential.
    Store,
    /// Forget the credential of a server.
    Erase,
    /// List servers and users.
    List,
}

impl HelperVerb {
    /// The word on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Store => "store",
            Self::Erase => "erase",
            Self::List => "list",
        }
    }

    /// The verb with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Get, Self::Store, Self::Erase, Self::List].into_iter().find(|verb| verb.as_str() == word)
    }
}

/// What a helper program left behind.
#[derive(Clone, PartialEq, Eq)]
pub struct HelperReply {
    /// Whether it ended with exit code 0.
    pub succeeded: bool,
    /// What it printed: the answer, or the error. It may hold a secret, so there is no `Debug`.
    pub stdout: Vec<u8>,
}

/// A helper program could not be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HelperFailure(pub String);

/// The protocol's form of a credential.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct HelperCredential {
    #[serde(rename = "ServerURL", default)]
    pub(crate) server_url: String,
    pub(crate) username: String,
    pub(crate) secret: Secret,
}

impl HelperCredential {
    pub(crate) fn into_credential(self) -> Credential {
        if self.username == TOKEN_USERNAME {
            Credential::IdentityToken(self.secret)
        } else {
            Credential::Password { username: self.username, password: self.secret }
        }
    }
}

/// The protocol's form of `credential`, as JSON.
pub(crate) fn helper_document(server: &str, credential: &Credential) -> Result<Vec<u8>, CredentialError> {
    let (username, secret) = match credential {
        Credential::Password { username, password } => (username.as_str(), password),
        Credential::IdentityToken(token) => (TOKEN_USERNAME, token),
        Credential::RegistryToken(_) => return Err(CredentialError::NotKept("registry token")),
    };
    let document = json!({ "ServerURL": server, "Username": username, "Secret": secret.expose() });
    Ok(document.to_string().into_bytes())
}

/// Asks a helper that `file` names for the credential of `server`.
pub(crate) async fn ask_helper(
    runner: &dyn CredentialHelper,
    file: &Path,
    program: &str,
    server: &str,
) -> Result<Option<Credential>, CredentialError> {
    let reply = request(runner, file, program, HelperVerb::Get, server.as_bytes()).await?;
    if !reply.succeeded {
        return refusal(file, program, &reply).map(|()| None);
    }
    let parsed: Result<HelperCredential, _> = serde_json::from_slice(&reply.stdout);
    let answer = parsed.map_err(|_| failure(file, program, "its answer is not a credential"))?;
    Ok((!answer.secret.is_empty()).then(|| answer.into_credential()))
}

/// Gives a helper a request that has no answer.
pub(crate) async fn tell_helper(
    runner: &dyn CredentialHelper,
    file: &Path,
    program: &str,
    verb: HelperVerb,
    input: &[u8],
) -> Result<(), CredentialError> {
    let reply = request(runner, file, program, verb, input).await?;
    if reply.succeeded { Ok(()) } else { refusal(file, program, &reply) }
}

async fn request(
    runner: &dyn CredentialHelper,
    file: &Path,
    program: &str,
    verb: HelperVerb,
    input: &[u8],
) -> Result<HelperReply, CredentialError> {
    runner.run(program, verb, input).await.map_err(|error| failure(file, program, &error.0))
}

/// A helper that has nothing is no failure.
fn refusal(file: &Path, program: &str, reply: &HelperReply) -> Result<(), CredentialError> {
    let said = String::from_utf8_lossy(&reply.stdout);
    let said = said.trim();
    if said.contains(NOT_FOUND_MESSAGE) {
        return Ok(());
    }
    let shown: String = said.chars().take(200).collect();
    Err(failure(file, program, if shown.is_empty() { "it failed without a word" } else { &shown }))
}

fn failure(file: &Path, program: &str, problem: &str) -> CredentialError {
    CredentialError::Helper { file: file.to_owned(), helper: program.to_owned(), problem: problem.to_owned() }
}
