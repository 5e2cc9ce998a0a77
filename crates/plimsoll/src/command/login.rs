pub(super) mod file;

use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use clap::Args;
use plimsoll_oci::RegistryHost;
use plimsoll_transport::{
    Credential, CredentialFiles, ErrorKind, Keychain, LoginKey, Secret, StoredLogin, TransportError,
    WarningCollector, store_login,
};
use serde::Serialize;

use crate::context::Context;
use crate::credential_helper::HelperPrograms;
use crate::failure::{Failure, Verdict};
use crate::places::{RegistryArguments, credential_files};
use crate::prompt;
use crate::terminal::{Page, Report};
use file::AuthFileArgument;

/// Largest password or token that is read.
const PASSWORD_BYTES_MAX: u64 = 64 * 1024;

/// Log in to a registry
///
/// User and password are checked with the registry, and then kept where Docker and Podman keep theirs: with the
/// credential helper that the file names, else in the file. Plimsoll is such a helper too: link the program as
/// docker-credential-plimsoll, and set "credsStore": "plimsoll".
#[derive(Debug, Args)]
pub(crate) struct Login {
    /// The registry, such as localhost:5000 or docker.io
    registry: String,
    /// The user; asked for if not given
    #[arg(short, long, value_name = "USER")]
    username: Option<String>,
    /// Read the password from standard input
    #[arg(long, requires = "username")]
    password_stdin: bool,
    #[command(flatten)]
    auth_file: AuthFileArgument,
    #[command(flatten)]
    registries: RegistryArguments,
}

impl Login {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let registry = read_registry(&self.registry)?;
        let file = self.auth_file.for_writing(context.environment())?;
        let (username, password) = self.read_credential(&registry, context)?;
        let credential = Credential::Password { username: username.clone(), password };
        self.check(&registry, &credential, context)?;
        let key = LoginKey::registry(registry);
        let stored =
            context.block_on(async { Ok(store_login(&file, &key, &credential, &HelperPrograms).await?) })?;
        let kept_in = match &stored {
            StoredLogin::Helper(program) => program.clone(),
            StoredLogin::File(file) => {
                let file = file.display().to_string();
                context.terminal().warn(&format!("the password is kept unencrypted in {file}"));
                file
            }
        };
        if !self.auth_file.is_given() {
            warn_if_hidden(&key, &credential, context)?;
        }
        context.terminal().print(&LoggedIn {
            api_version: "plimsoll/v1",
            kind: "Login",
            registry: key.registry.to_string(),
            username,
            kept_in,
        })
    }

    fn read_credential(
        &self,
        registry: &RegistryHost,
        context: &mut Context,
    ) -> Result<(String, Secret), Failure> {
        if self.password_stdin {
            return Ok((self.username.clone().unwrap_or_default(), password_from_stdin()?));
        }
        if !prompt::is_possible() {
            let user = self.username.as_deref().unwrap_or("USER");
            return Err(Failure::usage("there is no terminal to ask for the password")
                .help(format!("plimsoll login {registry} -u {user} --password-stdin < FILE")));
        }
        let username = match &self.username {
            Some(username) => username.clone(),
            None => prompt::ask(&format!("user for {registry}: "), context)?,
        };
        let password = prompt::ask_secret(&format!("password of {username}: "), context)?;
        if username.is_empty() || password.is_empty() {
            return Err(Failure::usage("user or password is empty"));
        }
        Ok((username, password))
    }

    /// Asks the registry whether it takes the password. Its no is an answer, and not a failure to get one.
    fn check(
        &self,
        registry: &RegistryHost,
        credential: &Credential,
        context: &mut Context,
    ) -> Result<(), Failure> {
        let warnings = Arc::new(WarningCollector::default());
        let places = self.registries.places(context, warnings.clone())?;
        let checked =
            context.block_on(async { Ok(places.registries.check_login(registry, credential).await) })?;
        for (host, text) in warnings.take() {
            context.terminal().warn(&format!("{host}: {text}"));
        }
        checked.map_err(|error| self.refusal(error, registry))
    }

    fn refusal(&self, error: TransportError, registry: &RegistryHost) -> Failure {
        if error.kind() != ErrorKind::Denied {
            return Failure::from(error).at(registry.to_string());
        }
        Failure::new(Verdict::GateFailed, "the registry does not take this user and password")
            .at(registry.to_string())
            .because(&error)
            .help("nothing was stored; check both and try again")
    }
}

/// The registry's host; people paste addresses too.
pub(super) fn read_registry(text: &str) -> Result<RegistryHost, Failure> {
    let bare = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text);
    let parsed = bare.trim_end_matches('/').parse();
    parsed.map_err(|error| {
        Failure::usage(format!("`{text}` does not name a registry"))
            .because(&error)
            .help("plimsoll login localhost:5000")
    })
}

fn password_from_stdin() -> Result<Secret, Failure> {
    let mut text = String::new();
    let unreadable = |error| Failure::usage("cannot read the password from standard input").because(&error);
    io::stdin().take(PASSWORD_BYTES_MAX + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > PASSWORD_BYTES_MAX {
        return Err(Failure::usage(format!("the password is longer than {PASSWORD_BYTES_MAX} bytes")));
    }
    // One line end belongs to the text file, and not to the password.
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let password = line.strip_suffix('\r').unwrap_or(line);
    if password.is_empty() {
        return Err(Failure::usage("there is no password on standard input"));
    }
    Ok(Secret::new(password))
}

/// Warns when a login of an earlier file would be found before the new one.
fn warn_if_hidden(key: &LoginKey, stored: &Credential, context: &mut Context) -> Result<(), Failure> {
    let keychain = Keychain::new(credential_files(context.environment()), Arc::new(HelperPrograms));
    let found = context.block_on(async { Ok(keychain.find(key).await?) })?;
    match found {
        Some(first) if first.credential != *stored => {
            context.terminal().warn(&format!("{} is found before the new login", first.origin));
        }
        _ => {}
    }
    Ok(())
}

/// The logins of one file.
pub(super) fn keychain_of(file: &Path) -> Keychain {
    let files = CredentialFiles { docker_config: Some(file.to_owned()), podman_auth: Vec::new() };
    Keychain::new(files, Arc::new(HelperPrograms))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LoggedIn {
    api_version: &'static str,
    kind: &'static str,
    registry: String,
    username: String,
    kept_in: String,
}

impl Report for LoggedIn {
    fn draw(&self, page: &mut Page) {
        page.line(&format!("logged in to {} as {}", self.registry, self.username));
    }
}
