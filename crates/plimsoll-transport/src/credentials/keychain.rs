use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::auth_file::AuthFile;
use super::helper::ask_helper;
use super::{Credential, CredentialError, CredentialHelper, CredentialOrigin, FoundCredential, LoginKey};
use crate::TransportError;
use crate::file_stream::blocking;

/// The files to look into. The binary fills it in from the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CredentialFiles {
    /// Docker's `config.json`: in `DOCKER_CONFIG`, else in `~/.docker`.
    pub docker_config: Option<PathBuf>,
    /// Podman's `auth.json`: `REGISTRY_AUTH_FILE`, then `$XDG_RUNTIME_DIR/containers/auth.json`.
    pub podman_auth: Vec<PathBuf>,
}

impl CredentialFiles {
    fn in_order(&self) -> impl Iterator<Item = &PathBuf> {
        self.docker_config.iter().chain(&self.podman_auth)
    }
}

/// Finds the credential for a registry or repository.
///
/// Docker's file is asked before Podman's. In each, the registry's own helper (`credHelpers`) is asked first, else the helper
/// for all (`credsStore`), then the entries of the file (`auths`), the most specific path first. The first answer counts.
#[derive(Clone)]
pub struct Keychain {
    given: Option<Credential>,
    files: CredentialFiles,
    helper: Arc<dyn CredentialHelper>,
}

impl Keychain {
    /// Looks into `files`, and runs the helpers they name with `helper`.
    pub fn new(files: CredentialFiles, helper: Arc<dyn CredentialHelper>) -> Self {
        Self { given: None, files, helper }
    }

    /// The same, but with one credential for everything, as when the user gave it on the command line.
    pub fn with_given(self, credential: Credential) -> Self {
        Self { given: Some(credential), ..self }
    }

    /// The credential for `key`, if there is one.
    pub async fn find(&self, key: &LoginKey) -> Result<Option<FoundCredential>, TransportError> {
        if let Some(credential) = self.given.clone() {
            return Ok(Some(FoundCredential { credential, origin: CredentialOrigin::Given }));
        }
        for file in self.files.in_order() {
            if let Some(found) = self.find_in(file, key).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    async fn find_in(&self, file: &Path, key: &LoginKey) -> Result<Option<FoundCredential>, TransportError> {
        let path = file.to_owned();
        let Some(content) = blocking(move || Ok(AuthFile::read(&path)?)).await? else { return Ok(None) };
        if let Some(helper) = content.helper(key)
            && let Some(credential) = self.ask(file, &helper, key).await?
        {
            let origin = CredentialOrigin::Helper { file: file.to_owned(), helper };
            return Ok(Some(FoundCredential { credential, origin }));
        }
        let entry = content.entry(file, key)?;
        Ok(entry.map(|(key, credential)| FoundCredential {
            credential,
            origin: CredentialOrigin::File { file: file.to_owned(), key },
        }))
    }

    async fn ask(
        &self,
        file: &Path,
        helper: &str,
        key: &LoginKey,
    ) -> Result<Option<Credential>, CredentialError> {
        ask_helper(self.helper.as_ref(), file, helper, &key.server()).await
    }
}
