//! A client of registries (distribution-spec).

mod authorization;
mod ca_file;
mod challenge;
mod connection;
mod contact;
mod endpoint;
mod evidence_graph;
mod fallback;
mod http_client;
mod insight;
mod link;
mod listing;
mod log;
mod manifests;
mod projects;
mod provenance;
mod pull_blob;
mod push_blob;
mod push_record;
mod referrers;
mod refusal;
mod repository;
mod retry;
mod tag_history;
mod token;
mod upload_body;
mod warning;

use std::sync::Arc;
use std::time::Duration;

use plimsoll_oci::{RegistryHost, RepositoryName};

use self::authorization::Authorizations;
pub use self::ca_file::read_ca_file;
use self::connection::{Call, Connection};
use self::contact::Contacts;
use self::endpoint::Endpoint;
pub use self::evidence_graph::TellRun;
pub(crate) use self::http_client::install_crypto;
pub use self::insight::Insight;
pub use self::push_record::PushRecord;
pub use self::repository::Repository;
pub use self::retry::RetryPolicy;
pub use self::tag_history::TagMove;
pub use self::warning::{NoWarnings, WarningCollector, Warnings};
use crate::{Credential, Keychain, LoginKey, TransportError};

/// How registries are spoken to.
#[derive(Clone)]
pub struct RegistryOptions {
    /// Which registries are spoken to without TLS.
    pub plain_http: PlainHttp,
    /// Certificates in PEM that are trusted besides the system's, as [`read_ca_file`] gives them.
    pub ca_pem: Option<Vec<u8>>,
    /// Take any certificate. Say it aloud when you set this.
    pub insecure_skip_verify: bool,
    /// What the client calls itself.
    pub user_agent: String,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long a peer may send or take nothing.
    pub stall_timeout: Duration,
    /// How often and after which pauses a call is tried again.
    pub retry: RetryPolicy,
    /// Who is told of the `Warning` headers that registries send.
    pub warnings: Arc<dyn Warnings>,
}

/// Which registries are spoken to without TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlainHttp {
    /// Those on this machine, as with Docker, unless they turn out to speak TLS, or certificates are given.
    Loopback,
    /// All.
    Always,
    /// None.
    Never,
}

/// What a repository is opened for; it decides which rights the token is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading.
    Pull,
    /// Reading and writing.
    Push {
        /// Another repository of the same registry, to mount blobs from.
        mount_from: Option<RepositoryName>,
    },
}

/// Speaks to registries. Clones share connections and tokens.
#[derive(Clone)]
pub struct RegistryClient {
    shared: Arc<Shared>,
}

/// What all connections of a client share.
pub(crate) struct Shared {
    http: reqwest::Client,
    options: RegistryOptions,
    keychain: Keychain,
    authorizations: Authorizations,
    contacts: Contacts,
}

impl RegistryClient {
    /// Makes a client. Proxies are taken from the environment by the HTTP library.
    pub fn new(options: RegistryOptions, keychain: Keychain) -> Result<Self, TransportError> {
        let http = http_client::build(&options)?;
        let (authorizations, contacts) = (Authorizations::default(), Contacts::default());
        Ok(Self { shared: Arc::new(Shared { http, options, keychain, authorizations, contacts }) })
    }

    /// A repository to read from or write to. Nothing is sent yet.
    pub fn repository(&self, registry: &RegistryHost, name: &RepositoryName, access: &Access) -> Repository {
        let mut scopes = vec![match access {
            Access::Pull => format!("repository:{name}:pull"),
            Access::Push { .. } => format!("repository:{name}:pull,push"),
        }];
        let mount_from = match access {
            Access::Push { mount_from: Some(from) } if from != name => Some(from.clone()),
            _ => None,
        };
        scopes.extend(mount_from.iter().map(|from| format!("repository:{from}:pull")));
        let key = LoginKey { registry: registry.clone(), repository: Some(name.clone()) };
        Repository::new(self.connect(key, scopes), name.clone(), mount_from)
    }

    /// The names of all repositories that the registry shows.
    pub async fn catalogue(&self, registry: &RegistryHost) -> Result<Vec<RepositoryName>, TransportError> {
        let key = LoginKey::registry(registry.clone());
        self.connect(key, vec!["registry:catalog:*".to_owned()]).catalogue().await
    }

    /// Checks that the registry takes `credential`.
    ///
    /// A registry that lets anybody in does not ask, so a password is then offered to it unasked.
    pub async fn check_login(
        &self,
        registry: &RegistryHost,
        credential: &Credential,
    ) -> Result<(), TransportError> {
        let given = Shared {
            http: self.shared.http.clone(),
            options: self.shared.options.clone(),
            keychain: self.shared.keychain.clone().with_given(credential.clone()),
            authorizations: Authorizations::default(),
            contacts: self.shared.contacts.clone(),
        };
        let key = LoginKey::registry(registry.clone());
        let connection = Self { shared: Arc::new(given) }.connect(key, Vec::new());
        let call = Call::get(format!("log in to {registry}"), connection.url("/v2/")?);
        let response = connection.send(&call).await?;
        connection.expect(&call, response, &[200]).await?;
        if !connection.was_asked_for_credential().await {
            connection.offer_password(&call, credential).await?;
        }
        Ok(())
    }

    /// The HTTP client itself, for files that are in no registry.
    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.shared.http
    }

    pub(crate) fn options(&self) -> &RegistryOptions {
        &self.shared.options
    }

    fn connect(&self, key: LoginKey, scopes: Vec<String>) -> Connection {
        let contact = self.shared.contacts.with(key.registry.as_str());
        let endpoint = Endpoint::of(&key.registry, &self.shared.options, contact);
        Connection::new(Arc::clone(&self.shared), endpoint, key, scopes)
    }
}
