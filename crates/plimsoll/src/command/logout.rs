use clap::Args;
use plimsoll_transport::{CredentialOrigin, LoginKey, erase_login};
use serde::Serialize;

use super::login::file::AuthFileArgument;
use super::login::{keychain_of, read_registry};
use crate::context::Context;
use crate::credential_helper::HelperPrograms;
use crate::failure::Failure;
use crate::terminal::{Page, Report};

/// Forget the login to a registry
///
/// It is taken out of every file and helper in which a login would be found.
#[derive(Debug, Args)]
pub(crate) struct Logout {
    /// The registry, such as localhost:5000 or docker.io
    registry: String,
    #[command(flatten)]
    auth_file: AuthFileArgument,
}

impl Logout {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let key = LoginKey::registry(read_registry(&self.registry)?);
        let mut erased_from = Vec::new();
        for file in self.auth_file.for_erasing(context.environment()) {
            let erased = context.block_on(async {
                let found = keychain_of(&file).find(&key).await?;
                // An entry without a password is taken out as well.
                let had_entry = erase_login(&file, &key, &HelperPrograms).await?;
                Ok(match found.map(|found| found.origin) {
                    Some(CredentialOrigin::Helper { helper, .. }) => Some(helper),
                    Some(_) => Some(file.display().to_string()),
                    None => had_entry.then(|| file.display().to_string()),
                })
            })?;
            erased_from.extend(erased);
        }
        context.terminal().print(&LoggedOut {
            api_version: "plimsoll/v1",
            kind: "Logout",
            registry: key.registry.to_string(),
            erased_from,
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LoggedOut {
    api_version: &'static str,
    kind: &'static str,
    registry: String,
    erased_from: Vec<String>,
}

impl Report for LoggedOut {
    fn draw(&self, page: &mut Page) {
        if self.erased_from.is_empty() {
            page.line(&format!("there was no login to {}", self.registry));
        } else {
            page.line(&format!("logged out of {}: {}", self.registry, self.erased_from.join(", ")));
        }
    }
}
