use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use plimsoll_oci::Platform;
use plimsoll_transport::{
    CredentialFiles, ImageName, Keychain, Places, PlainHttp, RegistryClient, RegistryOptions, RetryPolicy,
    Warnings, read_ca_file,
};

use crate::context::Context;
use crate::credential_helper::HelperPrograms;
use crate::environment::Environment;
use crate::failure::Failure;

/// How long a connection to a registry may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a registry may send or take nothing.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// The arguments of commands that speak to registries.
#[derive(Clone, Debug, Args)]
pub(crate) struct RegistryArguments {
    /// Speak HTTP without TLS; hosts on this machine get it anyway
    #[arg(long, help_heading = "Registries")]
    plain_http: bool,
    /// Trust the certificates in this PEM file too
    #[arg(long, value_name = "FILE", help_heading = "Registries")]
    ca_file: Option<PathBuf>,
    /// Take any certificate: nobody then knows who answers
    #[arg(long, help_heading = "Registries")]
    insecure_skip_verify: bool,
}

impl RegistryArguments {
    /// All the places that images come from and go to.
    pub(crate) fn places(
        &self,
        context: &mut Context,
        warnings: Arc<dyn Warnings>,
    ) -> Result<Places, Failure> {
        if self.insecure_skip_verify {
            context.terminal().warn("certificates are not checked: nobody knows who answers");
        }
        let environment = context.environment();
        let keychain = Keychain::new(credential_files(environment), Arc::new(HelperPrograms));
        let options = RegistryOptions {
            plain_http: if self.plain_http { PlainHttp::Always } else { PlainHttp::Loopback },
            ca_pem: self.ca_pem()?,
            insecure_skip_verify: self.insecure_skip_verify,
            user_agent: concat!("plimsoll/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: CONNECT_TIMEOUT,
            stall_timeout: STALL_TIMEOUT,
            retry: RetryPolicy { attempts: 4, first_pause: Duration::from_millis(500) },
            warnings,
        };
        Ok(Places {
            registries: RegistryClient::new(options, keychain)?,
            docker_socket: docker_socket(environment),
            podman_sockets: podman_sockets(environment),
            scratch_directory: environment.path("TMPDIR").unwrap_or_else(|| PathBuf::from("/tmp")),
            root_fs_platform: Platform::host(),
        })
    }

    fn ca_pem(&self) -> Result<Option<Vec<u8>>, Failure> {
        let Some(file) = &self.ca_file else { return Ok(None) };
        Ok(read_ca_file(file).map(Some)?)
    }
}

/// Says aloud what was filled into a short name: the same word may mean another image elsewhere.
pub(crate) fn say_what_was_filled_in(name: &ImageName, text: &str, context: &mut Context) {
    if let ImageName::Registry { reference, filled_in: true } = name {
        context.terminal().note(&format!("`{text}` is read as `{reference}`"));
    }
}

/// The files that keep logins, in the order of the clients that write them.
pub(crate) fn credential_files(environment: &Environment) -> CredentialFiles {
    let docker =
        environment.path("DOCKER_CONFIG").or_else(|| Some(environment.path("HOME")?.join(".docker")));
    let of_runtime = environment.path("XDG_RUNTIME_DIR").map(|runtime| runtime.join("containers/auth.json"));
    CredentialFiles {
        docker_config: docker.map(|directory| directory.join("config.json")),
        podman_auth: environment.path("REGISTRY_AUTH_FILE").into_iter().chain(of_runtime).collect(),
    }
}

fn docker_socket(environment: &Environment) -> PathBuf {
    let host = environment.text("DOCKER_HOST").and_then(|host| host.strip_prefix("unix://"));
    PathBuf::from(host.unwrap_or("/var/run/docker.sock"))
}

fn podman_sockets(environment: &Environment) -> Vec<PathBuf> {
    let of_user = environment.path("XDG_RUNTIME_DIR").map(|runtime| runtime.join("podman/podman.sock"));
    of_user.into_iter().chain([PathBuf::from("/run/podman/podman.sock")]).collect()
}
