use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use plimsoll_transport::{
    Credential, CredentialFiles, CredentialHelper, CredentialOrigin, ErrorKind, HelperFailure, HelperReply,
    HelperVerb, Keychain, LoginKey, Secret, StoredLogin, answer_helper_request, erase_login, list_logins,
    store_login,
};
use tempfile::TempDir;

use crate::fixture::{NoHelper, keychain};

/// Our own helper as a peer: what the binary would do as a child runs in place.
struct OwnHelper {
    file: PathBuf,
    asked: Mutex<Vec<String>>,
}

impl CredentialHelper for OwnHelper {
    fn run<'a>(
        &'a self,
        program: &'a str,
        verb: HelperVerb,
        input: &'a [u8],
    ) -> Pin<Box<dyn Future<Output = Result<HelperReply, HelperFailure>> + Send + 'a>> {
        self.asked.lock().unwrap().push(format!("{program} {}", verb.as_str()));
        let reply = match answer_helper_request(verb, input, &self.file) {
            Ok(stdout) => HelperReply { succeeded: true, stdout },
            Err(message) => HelperReply { succeeded: false, stdout: message.into_bytes() },
        };
        Box::pin(async move { Ok(reply) })
    }
}

fn password(username: &str) -> Credential {
    Credential::Password { username: username.to_owned(), password: Secret::new("p:w") }
}

fn key(host: &str) -> LoginKey {
    LoginKey::registry(host.parse().unwrap())
}

fn write(directory: &TempDir, name: &str, content: &str) -> PathBuf {
    let path = directory.path().join(name);
    std::fs::write(&path, content).unwrap();
    path
}

fn auth_json(host: &str, user: &str) -> String {
    use base64::Engine as _;
    let auth = base64::engine::general_purpose::STANDARD.encode(format!("{user}:pw"));
    format!(r#"{{"auths":{{"{host}":{{"auth":"{auth}"}}}}}}"#)
}

async fn user(keychain: &Keychain, host: &str) -> Option<String> {
    match keychain.find(&key(host)).await.unwrap()?.credential {
        Credential::Password { username, .. } => Some(username),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn dockers_file_is_asked_before_podmans() {
    let directory = tempfile::tempdir().unwrap();
    let files = CredentialFiles {
        docker_config: Some(write(&directory, "config.json", &auth_json("a.example", "docker"))),
        podman_auth: vec![
            directory.path().join("missing.json"),
            write(&directory, "auth.json", &auth_json("b.example", "podman")),
        ],
    };
    let keychain = keychain(files);
    assert_eq!(user(&keychain, "a.example").await.as_deref(), Some("docker"));
    assert_eq!(user(&keychain, "b.example").await.as_deref(), Some("podman"));
    assert_eq!(user(&keychain, "c.example").await, None);
}

#[tokio::test]
async fn a_login_keeps_the_rest_of_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = write(
        &directory,
        "config.json",
        r#"{"currentContext":"x","auths":{"https://a.example/v1/":{"auth":"b2xkOm9sZA=="}}}"#,
    );
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let stored = store_login(&file, &key("a.example"), &password("ana"), &NoHelper).await.unwrap();
    assert_eq!(stored, StoredLogin::File(file.clone()));
    store_login(&file, &key("docker.io"), &Credential::IdentityToken(Secret::new("t")), &NoHelper)
        .await
        .unwrap();

    let document: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(document["currentContext"], "x");
    assert_eq!(document["auths"].as_object().unwrap().len(), 2);
    assert_eq!(document["auths"]["https://index.docker.io/v1/"]["identitytoken"], "t");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    let logins = list_logins(&file).await.unwrap();
    let expected = [("a.example", "ana"), ("https://index.docker.io/v1/", "<token>")];
    assert_eq!(logins, expected.map(|(server, user)| (server.to_owned(), user.to_owned())));
    assert!(erase_login(&file, &key("a.example"), &NoHelper).await.unwrap());
    assert!(!erase_login(&file, &key("a.example"), &NoHelper).await.unwrap());
}

#[tokio::test]
async fn a_file_that_is_a_link_stays_where_it_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let kept = write(&directory, "dotfiles.json", "{}");
    let file = directory.path().join("config.json");
    std::os::unix::fs::symlink(&kept, &file).unwrap();
    store_login(&file, &key("a.example"), &password("ana"), &NoHelper).await.unwrap();
    assert!(std::fs::symlink_metadata(&file).unwrap().is_symlink());
    assert_eq!(list_logins(&kept).await.unwrap().len(), 1);
}

#[tokio::test]
async fn our_helper_keeps_gives_lists_and_forgets() {
    let directory = tempfile::tempdir().unwrap();
    let helper = Arc::new(OwnHelper { file: directory.path().join("own.json"), asked: Mutex::default() });
    let config =
        write(&directory, "config.json", r#"{"credsStore":"none","credHelpers":{"a.example":"plimsoll"}}"#);
    let stored = store_login(&config, &key("a.example"), &password("ana"), helper.as_ref()).await.unwrap();
    assert_eq!(stored, StoredLogin::Helper("docker-credential-plimsoll".to_owned()));
    assert!(!std::fs::read_to_string(&config).unwrap().contains("auths"));

    let files = CredentialFiles { docker_config: Some(config.clone()), podman_auth: Vec::new() };
    let keychain = Keychain::new(files, Arc::clone(&helper) as _);
    let found = keychain.find(&key("a.example")).await.unwrap().unwrap();
    assert_eq!(found.credential, password("ana"));
    assert!(
        matches!(found.origin, CredentialOrigin::Helper { ref helper, .. } if helper == "docker-credential-plimsoll")
    );
    let listed = answer_helper_request(HelperVerb::List, b"", &helper.file).unwrap();
    assert_eq!(listed, br#"{"a.example":"ana"}"#);

    erase_login(&config, &key("a.example"), helper.as_ref()).await.unwrap();
    assert!(keychain.find(&key("a.example")).await.unwrap().is_none());
    let asked = helper.asked.lock().unwrap().clone();
    let expected = ["store", "get", "erase", "get"].map(|verb| format!("docker-credential-plimsoll {verb}"));
    assert_eq!(asked, expected);
}

#[test]
fn the_helper_protocol_is_kept_in_its_words() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("own.json");
    let answer = |verb: HelperVerb, input: &[u8]| answer_helper_request(verb, input, &file);
    let nothing = answer(HelperVerb::Get, b"https://a.example/v1/\n").unwrap_err();
    assert_eq!(nothing, "credentials not found in native keychain");
    let request = br#"{"ServerURL":"https://a.example/v1/","Username":"<token>","Secret":"id"}"#;
    assert_eq!(answer(HelperVerb::Store, request).unwrap(), b"");
    let got: serde_json::Value =
        serde_json::from_slice(&answer(HelperVerb::Get, b"a.example").unwrap()).unwrap();
    assert_eq!((got["Username"].as_str(), got["Secret"].as_str()), (Some("<token>"), Some("id")));
    assert_eq!(answer(HelperVerb::Get, b" ").unwrap_err(), "no credentials server URL");
    assert!(answer(HelperVerb::Store, b"{").is_err());
    assert_eq!(answer(HelperVerb::Erase, b"a.example").unwrap(), b"");
    assert!(answer(HelperVerb::Get, b"a.example").is_err());
    assert_eq!(HelperVerb::from_word("get"), Some(HelperVerb::Get));
}

#[tokio::test]
async fn errors_name_file_and_helper_and_show_no_secret() {
    let directory = tempfile::tempdir().unwrap();
    let config = write(&directory, "config.json", r#"{"credsStore":"gone"}"#);
    let files = CredentialFiles { docker_config: Some(config.clone()), podman_auth: Vec::new() };
    let failed = keychain(files.clone()).find(&key("a.example")).await.unwrap_err();
    let message = failed.to_string();
    assert!(
        message.contains("docker-credential-gone") && message.contains(config.to_str().unwrap()),
        "{message}"
    );
    assert!(failed.help().unwrap().starts_with("install `docker-credential-gone`"));

    write(&directory, "config.json", r#"{"auths":{"a.example":{"auth":"bm9jb2xvbg=="}}}"#);
    let failed = keychain(files).find(&key("a.example")).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Denied);
    assert!(!failed.to_string().contains("nocolon") && failed.to_string().contains("a.example"), "{failed}");
}

#[tokio::test]
async fn a_new_file_is_made_with_its_directory() {
    let directory = tempfile::tempdir().unwrap();
    let file: &Path = &directory.path().join("new/config.json");
    store_login(file, &key("a.example"), &password("ana"), &NoHelper).await.unwrap();
    assert_eq!(list_logins(file).await.unwrap().len(), 1);
}
