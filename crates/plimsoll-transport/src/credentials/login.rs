use std::fs::File;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::auth_file::{AuthFile, encode_auth, malformed, read_limited};
use super::helper::{helper_document, tell_helper};
use super::login_key::normalize_key;
use super::{Credential, CredentialError, CredentialHelper, HelperVerb, LoginKey};
use crate::TransportError;
use crate::file_stream::blocking;
use crate::replace_file::replace_file;

/// The mode of a file with credentials: for its owner alone.
const FILE_MODE: u32 = 0o600;

/// Where a login was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredLogin {
    /// In the file, unencrypted.
    File(PathBuf),
    /// With this helper program, which the file names.
    Helper(String),
}

/// Keeps a login in a Docker `config.json`, or with the helper that the file names for this registry.
pub async fn store_login(
    file: &Path,
    key: &LoginKey,
    credential: &Credential,
    runner: &dyn CredentialHelper,
) -> Result<StoredLogin, TransportError> {
    if let Some(helper) = helper_in(file, key).await? {
        let document = helper_document(&key.server(), credential)?;
        tell_helper(runner, file, &helper, HelperVerb::Store, &document).await?;
        return Ok(StoredLogin::Helper(helper));
    }
    let (path, server, credential) = (file.to_owned(), key.server(), credential.clone());
    blocking(move || write_entry(&path, &server, &credential)).await?;
    Ok(StoredLogin::File(file.to_owned()))
}

/// Forgets a login; the value tells whether the file had one. A helper that the file names forgets it too.
pub async fn erase_login(
    file: &Path,
    key: &LoginKey,
    runner: &dyn CredentialHelper,
) -> Result<bool, TransportError> {
    if let Some(helper) = helper_in(file, key).await? {
        tell_helper(runner, file, &helper, HelperVerb::Erase, key.server().as_bytes()).await?;
    }
    let (path, server) = (file.to_owned(), key.server());
    blocking(move || erase_entry(&path, &server)).await
}

/// The servers and users of the logins that the file itself holds.
pub async fn list_logins(file: &Path) -> Result<Vec<(String, String)>, TransportError> {
    let path = file.to_owned();
    blocking(move || Ok(logins_of(&path)?)).await
}

async fn helper_in(file: &Path, key: &LoginKey) -> Result<Option<String>, TransportError> {
    let (path, key) = (file.to_owned(), key.clone());
    blocking(move || Ok(AuthFile::read(&path)?.and_then(|content| content.helper(&key)))).await
}

/// It blocks.
pub(crate) fn logins_of(path: &Path) -> Result<Vec<(String, String)>, CredentialError> {
    let Some(content) = AuthFile::read(path)? else { return Ok(Vec::new()) };
    let user_of = |credential: Credential| match credential {
        Credential::Password { username, .. } => username,
        Credential::IdentityToken(_) | Credential::RegistryToken(_) => {
            super::helper::TOKEN_USERNAME.to_owned()
        }
    };
    let entries = content.entries(path)?;
    Ok(entries.into_iter().map(|(server, credential)| (server, user_of(credential))).collect())
}

/// Writes one entry of `auths`. It blocks.
pub(crate) fn write_entry(path: &Path, server: &str, credential: &Credential) -> Result<(), TransportError> {
    let entry = match credential {
        Credential::Password { username, password } => json!({ "auth": encode_auth(username, password) }),
        Credential::IdentityToken(token) => json!({ "identitytoken": token.expose() }),
        Credential::RegistryToken(_) => return Err(CredentialError::NotKept("registry token").into()),
    };
    edit(path, |auths| {
        remove_server(auths, server);
        auths.insert(server.to_owned(), entry);
        true
    })
    .map(|_| ())
}

/// Removes one entry of `auths`; the value tells whether there was one. It blocks.
pub(crate) fn erase_entry(path: &Path, server: &str) -> Result<bool, TransportError> {
    edit(path, |auths| remove_server(auths, server))
}

fn remove_server(auths: &mut Map<String, Value>, server: &str) -> bool {
    let before = auths.len();
    let wanted = normalize_key(server);
    auths.retain(|key, _| normalize_key(key) != wanted);
    auths.len() < before
}

/// Changes `auths` and nothing else in the file. The directory is locked meanwhile, and a link to the file is
/// followed, so that a file kept elsewhere stays there.
fn edit(path: &Path, change: impl FnOnce(&mut Map<String, Value>) -> bool) -> Result<bool, TransportError> {
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let directory = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory).map_err(TransportError::io("create", directory))?;
    let lock = File::open(directory).map_err(TransportError::io("open", directory))?;
    lock.lock().map_err(TransportError::io("lock", directory))?;
    let mut document = read_object(&path)?;
    let changed = match auths_of(&mut document) {
        Some(auths) => change(auths),
        None => {
            let problem = "`auths` is not an object".to_owned();
            return Err(CredentialError::Malformed { file: path, problem }.into());
        }
    };
    if changed {
        let bytes = serde_json::to_vec_pretty(&document).expect("JSON values serialise");
        replace_file(&path, &bytes, FILE_MODE)?;
    }
    Ok(changed)
}

fn read_object(path: &Path) -> Result<Map<String, Value>, CredentialError> {
    match read_limited(path)? {
        Some(bytes) if !bytes.iter().all(u8::is_ascii_whitespace) => {
            serde_json::from_slice(&bytes).map_err(|error| malformed(path, &error))
        }
        _ => Ok(Map::new()),
    }
}

fn auths_of(document: &mut Map<String, Value>) -> Option<&mut Map<String, Value>> {
    let auths = document.entry("auths").or_insert_with(|| json!({}));
    if auths.is_null() {
        *auths = json!({});
    }
    auths.as_object_mut()
}
