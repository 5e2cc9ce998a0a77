//! What a server is told by its operator: one table of settings, read from flags, environment and files, and the
//! typed form that the rest of the program is built from.

mod file;
mod layered;
mod quantity;
mod server;
mod table;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use plimsoll_oci::{RepositoryName, Tag};
use plimsoll_server::TokenIssuer;
use plimsoll_transport::Secret;

use crate::failure::Failure;

pub(crate) use layered::{Layered, SettingsArguments, suspicious_variables};
pub(crate) use quantity::size;

/// Every setting, checked.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Where the server listens.
    pub(crate) listen: Vec<SocketAddr>,
    /// Where everything lies that is kept in local files.
    pub(crate) data_dir: PathBuf,
    /// How clients reach the server, when a proxy stands before it.
    pub(crate) external_url: Option<String>,
    /// The name of the transparency log.
    pub(crate) log_origin: Option<String>,
    pub(crate) database: Database,
    pub(crate) objects: Objects,
    /// Whether blobs are served by sending clients to the object storage.
    pub(crate) redirect: bool,
    pub(crate) tls: Option<Tls>,
    pub(crate) auth: Auth,
    pub(crate) gc: Gc,
    pub(crate) scan: Scan,
    /// How long an upload may lie still.
    pub(crate) upload_ttl: Duration,
    /// Bytes that stay free on the disk: a push that would take them is refused.
    pub(crate) storage_reserve_bytes: u64,
    pub(crate) immutable_tags: Vec<ImmutableTags>,
    /// Whose tokens say how images were built.
    pub(crate) token_issuers: Vec<TokenIssuer>,
    /// Where metrics are served, if not beside everything else.
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// How long the server says that it is not ready before it takes no more requests.
    pub(crate) shutdown_delay: Duration,
    /// How long running requests may take after that.
    pub(crate) shutdown_grace: Duration,
}

/// Where the catalogue is kept.
#[derive(Clone, Debug)]
pub(crate) enum Database {
    /// In SQLite, in the data directory.
    Embedded,
    /// In PostgreSQL; the URL may hold a password.
    Postgres(Secret),
}

/// Where the bytes of blobs are kept.
#[derive(Clone, Debug)]
pub(crate) enum Objects {
    /// In files, in the data directory.
    Files,
    /// In an S3-compatible object storage.
    S3(S3),
}

/// An S3-compatible object storage.
#[derive(Clone, Debug)]
pub(crate) struct S3 {
    pub(crate) bucket: String,
    /// What all keys begin with; empty, or without slashes at its ends.
    pub(crate) prefix: String,
    /// The storage's URL, when it is not Amazon's.
    pub(crate) endpoint: Option<String>,
    pub(crate) region: String,
    pub(crate) access_key: Option<AccessKey>,
    /// Whether plain HTTP is allowed.
    pub(crate) allow_http: bool,
    /// Whether the bucket is part of the host name rather than of the path.
    pub(crate) virtual_hosted: bool,
}

/// The key to an object storage.
#[derive(Clone, Debug)]
pub(crate) struct AccessKey {
    pub(crate) id: String,
    pub(crate) secret: Secret,
}

/// The files of the server's own TLS.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

/// Who may come in, and for how long.
#[derive(Clone, Debug)]
pub(crate) struct Auth {
    /// Whether everybody may pull.
    pub(crate) anonymous_pull: bool,
    /// How long a token of the token service is good.
    pub(crate) token_ttl: Duration,
}

/// The pace of garbage collection.
#[derive(Clone, Debug)]
pub(crate) struct Gc {
    /// How long content stays after nothing refers to it any more.
    pub(crate) grace: Duration,
    /// How long a fresh blob waits for the manifest that refers to it.
    pub(crate) hold: Duration,
    /// How often the collector looks.
    pub(crate) interval: Duration,
}

/// How images are scanned.
#[derive(Clone, Debug)]
pub(crate) struct Scan {
    pub(crate) is_enabled: bool,
    /// The repository and tag of the compiled advisories.
    pub(crate) advisories: (RepositoryName, Tag),
    /// How old advisories may be; no limit without.
    pub(crate) age_max: Option<Duration>,
    /// How long events are kept.
    pub(crate) events_keep: Duration,
    /// How many layers are analysed at a time.
    pub(crate) children_max: usize,
}

/// Tags that never move once they are set. Both patterns know `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImmutableTags {
    pub(crate) repositories: String,
    pub(crate) tags: String,
}

impl Settings {
    /// Checks the values that were found, each with its origin at hand for the error.
    pub(crate) fn of(found: &Layered) -> Result<Self, Failure> {
        advisory_mirrors(found)?;
        Ok(Self {
            listen: found.list("listen", quantity::address)?,
            data_dir: found.required("data_dir", quantity::path)?,
            external_url: found.optional("external_url", quantity::http_url)?,
            log_origin: found.optional("log.origin", quantity::host_name)?,
            database: database(found)?,
            objects: objects(found)?,
            redirect: found.required("objects.redirect", quantity::boolean)?,
            tls: tls(found)?,
            auth: Auth {
                anonymous_pull: found.required("auth.anonymous_pull", quantity::boolean)?,
                token_ttl: found.required("auth.token_ttl", quantity::duration)?,
            },
            gc: Gc {
                grace: found.required("gc.grace", quantity::duration)?,
                hold: found.required("gc.hold", quantity::duration)?,
                interval: found.required("gc.interval", quantity::duration)?,
            },
            scan: Scan {
                is_enabled: found.required("scan.enabled", quantity::boolean)?,
                advisories: found.required("scan.advisories", quantity::repository_and_tag)?,
                age_max: Some(found.required("scan.age_max", quantity::duration)?)
                    .filter(|age| !age.is_zero()),
                events_keep: found.required("scan.events.keep", quantity::duration)?,
                children_max: found.required("scan.children", quantity::count)?,
            },
            upload_ttl: found.required("upload.ttl", quantity::duration)?,
            storage_reserve_bytes: found.required("storage.reserve", quantity::size)?,
            immutable_tags: found.list("immutable_tags", quantity::immutable_tags)?,
            token_issuers: found.list("ci.issuers", quantity::token_issuer)?,
            metrics_listen: found.optional("metrics.listen", quantity::address)?,
            shutdown_delay: found.required("shutdown.delay", quantity::duration)?,
            shutdown_grace: found.required("shutdown.grace", quantity::duration)?,
        })
    }
}

/// Where advisories are downloaded from instead of their publisher, in the order of asking. It is no server's setting,
/// and is checked with the rest.
pub(crate) fn advisory_mirrors(found: &Layered) -> Result<Vec<String>, Failure> {
    found.list("advisories.mirrors", quantity::http_url)
}

fn database(found: &Layered) -> Result<Database, Failure> {
    let url = found.optional("database.url", quantity::postgres_url)?;
    Ok(url.map_or(Database::Embedded, Database::Postgres))
}

fn objects(found: &Layered) -> Result<Objects, Failure> {
    let Some((bucket, prefix)) = found.optional("objects.url", quantity::s3_url)? else {
        return Ok(Objects::Files);
    };
    let id = found.optional("objects.access_key_id", quantity::text)?;
    let secret = found.optional("objects.secret_access_key", quantity::text)?;
    let pair = pair(found, ("objects.access_key_id", id), ("objects.secret_access_key", secret))?;
    Ok(Objects::S3(S3 {
        bucket,
        prefix,
        endpoint: found.optional("objects.endpoint", quantity::http_url)?,
        region: found.required("objects.region", quantity::text)?,
        access_key: pair.map(|(id, secret)| AccessKey { id, secret: Secret::new(secret) }),
        allow_http: found.required("objects.allow_http", quantity::boolean)?,
        virtual_hosted: found.required("objects.virtual_hosted", quantity::boolean)?,
    }))
}

fn tls(found: &Layered) -> Result<Option<Tls>, Failure> {
    let cert = found.optional("tls.cert", quantity::path)?;
    let key = found.optional("tls.key", quantity::path)?;
    let pair = pair(found, ("tls.cert", cert), ("tls.key", key))?;
    Ok(pair.map(|(cert, key)| Tls { cert, key }))
}

/// Two settings that make sense only together.
fn pair<T>(
    found: &Layered,
    first: (&'static str, Option<T>),
    second: (&'static str, Option<T>),
) -> Result<Option<(T, T)>, Failure> {
    let (there, missing) = match (first, second) {
        ((_, Some(first)), (_, Some(second))) => return Ok(Some((first, second))),
        ((_, None), (_, None)) => return Ok(None),
        ((there, _), (missing, None)) | ((missing, None), (there, _)) => (there, missing),
    };
    let what = format!("`{there}` is set, and `{missing}` is not");
    let help = format!("set both, for example with {}", table::environment_name(missing));
    Err(Failure::usage(what).at(found.origin(there).to_string()).help(help))
}

#[cfg(test)]
mod tests;
