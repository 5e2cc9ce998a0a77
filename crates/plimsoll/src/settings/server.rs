//! The settings in the words of the server.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use plimsoll_analyser::AnalyserConfig;
use plimsoll_registry::auth::AuthConfig;
use plimsoll_registry::{ImmutableTags, RegistryConfig};
use plimsoll_server::{
    BuildsConfig, CatalogueConfig, ObjectsConfig, ScanConfig, ServerConfig, StorageConfig, tls_from_pem,
};
use plimsoll_store::objects::S3Config;
use plimsoll_transport::DocumentClient;

use super::{Database, Objects, S3, Settings, Tls};
use crate::analyser_role::analyser_config;
use crate::environment::Environment;
use crate::failure::Failure;

/// Who the token service's tokens are for. Clients only repeat it.
const SERVICE: &str = "plimsoll";

/// How often a failed call to the object storage is made again.
const S3_RETRIES_MAX: usize = 4;

/// How long a call to the object storage may stand still.
const S3_STALL: Duration = Duration::from_secs(20);

impl Settings {
    /// Everything that a server is told.
    pub(crate) fn server(&self, environment: &Environment) -> Result<ServerConfig, Failure> {
        Ok(ServerConfig {
            listen: self.listen.clone(),
            metrics_listen: self.metrics_listen,
            tls: self.tls.as_ref().map(read_tls).transpose()?,
            external_url: self.external_url.clone(),
            storage: self.storage(),
            registry: self.registry()?,
            auth: AuthConfig {
                anonymous_pull: self.auth.anonymous_pull,
                token_ttl: self.auth.token_ttl,
                service: SERVICE.to_owned(),
            },
            log_origin: self.log_origin.clone(),
            builds: self.builds()?,
            scan: self.scan.is_enabled.then(|| self.scan(environment)),
            gc_interval: self.gc.interval,
            shutdown_delay: self.shutdown_delay,
            shutdown_grace: self.shutdown_grace,
        })
    }

    /// Nothing where nobody's tokens are believed.
    fn builds(&self) -> Result<Option<BuildsConfig>, Failure> {
        if self.token_issuers.is_empty() {
            return Ok(None);
        }
        let documents = DocumentClient::new(concat!("plimsoll/", env!("CARGO_PKG_VERSION")))?;
        Ok(Some(BuildsConfig { issuers: self.token_issuers.clone(), documents }))
    }

    fn scan(&self, environment: &Environment) -> ScanConfig {
        let children_max = self.scan.children_max;
        let days = |age: Duration| u32::try_from(age.as_secs() / 86_400).unwrap_or(u32::MAX);
        ScanConfig {
            // Beside what it keeps, and on a disk: a container may have no other place.
            analyser: AnalyserConfig {
                children_max,
                spool: self.data_dir.clone(),
                ..analyser_config(environment)
            },
            advisories: self.scan.advisories.clone(),
            age_days_max: self.scan.age_max.map(days),
            events_keep: self.scan.events_keep,
        }
    }

    /// Where the server keeps things.
    pub(crate) fn storage(&self) -> StorageConfig {
        let data_dir = self.data_dir.clone();
        StorageConfig {
            catalogue: match &self.database {
                Database::Embedded => CatalogueConfig::Sqlite { data_dir: data_dir.clone() },
                Database::Postgres(url) => CatalogueConfig::Postgres { url: url.expose().to_owned() },
            },
            objects: match &self.objects {
                Objects::Files => {
                    ObjectsConfig::Local { data_dir, reserve_bytes: self.storage_reserve_bytes }
                }
                Objects::S3(s3) => ObjectsConfig::S3(s3_config(s3)),
            },
        }
    }

    /// How the registry behaves.
    pub(crate) fn registry(&self) -> Result<RegistryConfig, Failure> {
        let immutable_tags = self.immutable_tags.iter().map(|rule| {
            let misfit = |error| Failure::usage("`immutable_tags` holds no pattern").because(&error);
            Ok(ImmutableTags {
                repositories: rule.repositories.parse().map_err(misfit)?,
                tags: rule.tags.parse().map_err(misfit)?,
            })
        });
        Ok(RegistryConfig {
            grace: self.gc.grace,
            hold: self.gc.hold,
            upload_ttl: self.upload_ttl,
            immutable_tags: immutable_tags.collect::<Result<_, Failure>>()?,
            redirect: self.redirect,
        })
    }
}

fn s3_config(s3: &S3) -> S3Config {
    S3Config {
        bucket: s3.bucket.clone(),
        prefix: s3.prefix.clone(),
        endpoint: s3.endpoint.clone(),
        region: s3.region.clone(),
        access_key_id: s3.access_key.as_ref().map(|key| key.id.clone()),
        secret_access_key: s3.access_key.as_ref().map(|key| key.secret.expose().to_owned()),
        allow_http: s3.allow_http,
        virtual_hosted_style: s3.virtual_hosted,
        retries_max: S3_RETRIES_MAX,
        stall: S3_STALL,
    }
}

fn read_tls(tls: &Tls) -> Result<Arc<rustls::ServerConfig>, Failure> {
    let read = |path: &Path| {
        let unreadable =
            Failure::usage("cannot read a file of the server's TLS").at(path.display().to_string());
        fs::read(path).map_err(|error| unreadable.because(&error))
    };
    tls_from_pem(&read(&tls.cert)?, &read(&tls.key)?).map_err(|error| {
        Failure::usage("the server's certificate cannot be used")
            .at(tls.cert.display().to_string())
            .because(&error)
    })
}
