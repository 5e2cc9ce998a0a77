use std::path::PathBuf;

use clap::Args;

use crate::environment::Environment;
use crate::failure::Failure;
use crate::places::credential_files;

/// Which file keeps the logins.
#[derive(Debug, Args)]
pub(in crate::command) struct AuthFileArgument {
    /// Keep the login in this file, and not where Docker or Podman keep theirs
    #[arg(long, value_name = "FILE")]
    authfile: Option<PathBuf>,
}

impl AuthFileArgument {
    pub(in crate::command) fn is_given(&self) -> bool {
        self.authfile.is_some()
    }

    /// The file for a new login: the one that the user named here or in the environment, else Docker's.
    pub(in crate::command) fn for_writing(&self, environment: &Environment) -> Result<PathBuf, Failure> {
        if let Some(file) = &self.authfile {
            return Ok(file.clone());
        }
        let files = credential_files(environment);
        let named = environment.path("REGISTRY_AUTH_FILE").filter(|_| !environment.has("DOCKER_CONFIG"));
        named.or(files.docker_config).or_else(|| files.podman_auth.into_iter().next()).ok_or_else(|| {
            Failure::usage("there is no place to keep logins: HOME is not set")
                .help("name a file with --authfile")
        })
    }

    /// Every file in which a login would be found.
    pub(in crate::command) fn for_erasing(&self, environment: &Environment) -> Vec<PathBuf> {
        if let Some(file) = &self.authfile {
            return vec![file.clone()];
        }
        let files = credential_files(environment);
        files.docker_config.into_iter().chain(files.podman_auth).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written<const N: usize>(variables: [(&str, &str); N]) -> Option<String> {
        let file = AuthFileArgument { authfile: None }.for_writing(&variables.into());
        file.ok().map(|file| file.display().to_string())
    }

    #[test]
    fn a_login_goes_where_the_user_says_and_else_to_dockers_file() {
        let home = ("HOME", "/h");
        assert_eq!(written([home]).unwrap(), "/h/.docker/config.json");
        assert_eq!(written([home, ("DOCKER_CONFIG", "/d")]).unwrap(), "/d/config.json");
        assert_eq!(written([home, ("REGISTRY_AUTH_FILE", "/a.json")]).unwrap(), "/a.json");
        let both = [("REGISTRY_AUTH_FILE", "/a.json"), ("DOCKER_CONFIG", "/d")];
        assert_eq!(written(both).unwrap(), "/d/config.json");
        assert_eq!(written([("XDG_RUNTIME_DIR", "/r")]).unwrap(), "/r/containers/auth.json");
        assert_eq!(written([]), None);
    }
}
