use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;

use super::login_key::normalize_key;
use super::{Credential, CredentialError, LoginKey};
use crate::Secret;

/// Largest credential file that is read.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Base64 with or without padding: both are found in the wild.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Docker's `config.json` or Podman's `auth.json`, as far as credentials go.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct AuthFile {
    auths: Option<BTreeMap<String, AuthEntry>>,
    cred_helpers: Option<BTreeMap<String, String>>,
    creds_store: Option<String>,
}

/// One entry of `auths`; an empty one says that a helper has the credential.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AuthEntry {
    auth: Option<Secret>,
    username: Option<String>,
    password: Option<Secret>,
    identitytoken: Option<Secret>,
    registrytoken: Option<Secret>,
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

impl AuthFile {
    /// Reads the file; there may be none. It blocks.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, CredentialError> {
        match read_limited(path)? {
            Some(bytes) => Self::parse(path, &bytes).map(Some),
            None => Ok(None),
        }
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self, CredentialError> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        serde_json::from_slice(bytes).map_err(|error| malformed(path, &error))
    }

    /// The helper program for this registry: its own, else the one for all.
    pub(crate) fn helper(&self, key: &LoginKey) -> Option<String> {
        let host = LoginKey::registry(key.registry.clone()).candidates().pop()?;
        let own = self.cred_helpers.iter().flatten().find(|(server, _)| normalize_key(server) == host);
        let name = own.map(|(_, name)| name).or(self.creds_store.as_ref())?;
        (!name.is_empty()).then(|| format!("docker-credential-{name}"))
    }

    /// The credential that the file itself holds, and the key it stands under.
    pub(crate) fn entry(
        &self,
        path: &Path,
        key: &LoginKey,
    ) -> Result<Option<(String, Credential)>, CredentialError> {
        for candidate in key.candidates() {
            for (server, entry) in self.auths.iter().flatten() {
                if normalize_key(server) == candidate
                    && let Some(credential) = entry.credential(path, server)?
                {
                    return Ok(Some((server.clone(), credential)));
                }
            }
        }
        Ok(None)
    }

    /// Every entry that holds a credential.
    pub(crate) fn entries(&self, path: &Path) -> Result<Vec<(String, Credential)>, CredentialError> {
        let mut found = Vec::new();
        for (server, entry) in self.auths.iter().flatten() {
            if let Some(credential) = entry.credential(path, server)? {
                found.push((server.clone(), credential));
            }
        }
        Ok(found)
    }
}

impl AuthEntry {
    fn credential(&self, path: &Path, server: &str) -> Result<Option<Credential>, CredentialError> {
        let present = |secret: &Option<Secret>| secret.clone().filter(|secret| !secret.is_empty());
        if let Some(token) = present(&self.registrytoken) {
            return Ok(Some(Credential::RegistryToken(token)));
        }
        if let Some(token) = present(&self.identitytoken) {
            return Ok(Some(Credential::IdentityToken(token)));
        }
        if let Some(auth) = present(&self.auth) {
            let decoded = decode_auth(auth.expose());
            let problem = || format!("`auth` of `{server}` is not `user:password` in base64");
            return decoded
                .map(Some)
                .ok_or_else(|| CredentialError::Malformed { file: path.to_owned(), problem: problem() });
        }
        let plain = self.username.clone().zip(present(&self.password));
        Ok(plain.map(|(username, password)| Credential::Password { username, password }))
    }
}

/// Reads `user:password`; old versions of Docker padded it with zero bytes.
fn decode_auth(auth: &str) -> Option<Credential> {
    let decoded = String::from_utf8(BASE64.decode(auth.trim()).ok()?).ok()?;
    let (username, password) = decoded.trim_end_matches('\0').split_once(':')?;
    Some(Credential::Password { username: username.to_owned(), password: Secret::new(password) })
}

/// Writes `user:password` as `auths` hold it.
pub(crate) fn encode_auth(username: &str, password: &Secret) -> String {
    BASE64.encode(format!("{username}:{}", password.expose()))
}

/// The bytes of a file, if there is one.
pub(crate) fn read_limited(path: &Path) -> Result<Option<Vec<u8>>, CredentialError> {
    let io_error = |source| CredentialError::Io { operation: "read", file: path.to_owned(), source };
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(io_error(error)),
    };
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(io_error)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let problem = format!("it is larger than {FILE_BYTES_MAX} bytes");
        return Err(CredentialError::Malformed { file: path.to_owned(), problem });
    }
    Ok(Some(bytes))
}

/// Says where the JSON is wrong, and not what stands there.
pub(crate) fn malformed(path: &Path, error: &serde_json::Error) -> CredentialError {
    let problem = format!("no valid JSON of this form at line {}, column {}", error.line(), error.column());
    CredentialError::Malformed { file: PathBuf::from(path), problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> LoginKey {
        let (registry, repository) = text.split_once('/').unwrap();
        LoginKey { registry: registry.parse().unwrap(), repository: Some(repository.parse().unwrap()) }
    }

    fn parse(json: &str) -> AuthFile {
        AuthFile::parse(Path::new("config.json"), json.as_bytes()).unwrap()
    }

    fn user_of(file: &AuthFile, name: &str) -> Option<String> {
        match file.entry(Path::new("config.json"), &key(name)).unwrap()?.1 {
            Credential::Password { username, .. } => Some(username),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_path_beats_its_registry() {
        let auth = |user: &str| encode_auth(user, &Secret::new("p:w"));
        let file = parse(&format!(
            r#"{{"auths":{{"r.example":{{"auth":"{}"}},"r.example/team":{{"auth":"{}"}},
                "https://index.docker.io/v1/":{{"auth":"{}"}}}}}}"#,
            auth("all"),
            auth("team"),
            auth("hub"),
        ));
        assert_eq!(user_of(&file, "r.example/team/app").as_deref(), Some("team"));
        assert_eq!(user_of(&file, "r.example/teams/app").as_deref(), Some("all"));
        assert_eq!(user_of(&file, "docker.io/library/debian").as_deref(), Some("hub"));
        assert_eq!(user_of(&file, "other.example/a"), None);
    }

    #[test]
    fn a_registry_helper_beats_the_store() {
        let file = parse(r#"{"credsStore":"pass","credHelpers":{"r.example":"plimsoll"},"auths":null}"#);
        assert_eq!(file.helper(&key("r.example/a")).as_deref(), Some("docker-credential-plimsoll"));
        assert_eq!(file.helper(&key("s.example/a")).as_deref(), Some("docker-credential-pass"));
    }

    #[test]
    fn unpadded_and_zero_padded_auth_is_read() {
        let decoded = |text: &str| decode_auth(&BASE64.encode(text).replace('=', ""));
        let expected = Credential::Password { username: "u".into(), password: Secret::new("p") };
        assert_eq!(decoded("u:p"), Some(expected.clone()));
        assert_eq!(decoded("u:p\0\0"), Some(expected));
        assert_eq!(decoded("nocolon"), None);
    }

    #[test]
    fn an_error_names_the_file_and_shows_no_secret() {
        let error = AuthFile::parse(Path::new("/x/config.json"), br#"{"auths":{"a":{"auth":12345}}}"#);
        let message = error.unwrap_err().to_string();
        assert!(message.contains("/x/config.json") && !message.contains("12345"), "{message}");
    }

    proptest::proptest! {
        #[test]
        fn any_auth_is_decoded_or_refused_without_panic(text in ".{0,60}") {
            let _ = decode_auth(&text);
        }

        #[test]
        fn auth_round_trips(user in "[^:\0]{0,20}", password in "[^\0]{0,20}") {
            let password = Secret::new(password);
            let decoded = decode_auth(&encode_auth(&user, &password));
            proptest::prop_assert_eq!(decoded, Some(Credential::Password { username: user, password }));
        }
    }
}
