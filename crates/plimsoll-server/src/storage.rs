//! Where the server keeps things, opened the same way by `serve` and by the commands that look after it.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use plimsoll_store::catalogue::PostgresConfig;
use plimsoll_store::objects::{LocalObjects, S3Config, S3Objects};
use plimsoll_store::{Catalogue, CatalogueError, ObjectError, ObjectKey, Objects};
use rustls_platform_verifier::ConfigVerifierExt as _;

/// Most connections to PostgreSQL that one server holds.
const CONNECTIONS_MAX: usize = 16;

/// Where things are kept.
#[derive(Clone)]
pub struct StorageConfig {
    /// The catalogue.
    pub catalogue: CatalogueConfig,
    /// The objects.
    pub objects: ObjectsConfig,
}

/// Where the catalogue is.
#[derive(Clone)]
pub enum CatalogueConfig {
    /// In a SQLite file in this directory.
    Sqlite {
        /// The directory.
        data_dir: PathBuf,
    },
    /// In PostgreSQL.
    Postgres {
        /// Its address.
        url: String,
    },
}

/// Where the objects are.
#[derive(Clone)]
pub enum ObjectsConfig {
    /// In files below this directory.
    Local {
        /// The directory.
        data_dir: PathBuf,
        /// The bytes that must stay free on its disk.
        reserve_bytes: u64,
    },
    /// In an S3-compatible service.
    S3(S3Config),
}

/// Why the storage cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The data directory cannot be made.
    #[error("cannot make the data directory `{path}`")]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The catalogue cannot be opened.
    #[error("cannot open the catalogue")]
    Catalogue(#[from] CatalogueError),
    /// The objects cannot be reached.
    #[error("cannot open the object storage")]
    Objects(#[from] ObjectError),
    /// The system's certificates cannot be used to check the database.
    #[error("cannot use the system's certificates")]
    Certificates(#[from] rustls::Error),
}

/// The opened storage.
#[derive(Clone)]
pub struct Storage {
    catalogue: Catalogue,
    objects: Arc<dyn Objects>,
}

impl Storage {
    /// Opens the storage, and makes what is missing.
    pub async fn open(config: &StorageConfig) -> Result<Self, StorageError> {
        let catalogue = open_catalogue(&config.catalogue).await?;
        let objects = open_objects(&config.objects)?;
        // Only a catalogue that holds nothing may take a storage for its own.
        if catalogue.is_empty().await? {
            objects.mark().await?;
        }
        Ok(Self { catalogue, objects })
    }

    /// The catalogue.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The first `length` bytes of an object, in memory: callers hold them to limits of their own.
    pub(crate) async fn read_whole(&self, key: ObjectKey, length: u64) -> Result<Vec<u8>, ObjectError> {
        let append = |mut whole: Vec<u8>, part: Bytes| async move {
            whole.extend_from_slice(&part);
            Ok(whole)
        };
        self.objects.read(key, 0..length).await?.try_fold(Vec::new(), append).await
    }

    /// The objects.
    pub fn objects(&self) -> &Arc<dyn Objects> {
        &self.objects
    }
}

async fn open_catalogue(config: &CatalogueConfig) -> Result<Catalogue, StorageError> {
    match config {
        CatalogueConfig::Sqlite { data_dir } => {
            let named = |source| StorageError::DataDir { path: data_dir.clone(), source };
            // The catalogue holds password hashes and the key that signs tokens.
            DirBuilder::new().recursive(true).mode(0o700).create(data_dir).map_err(named)?;
            Ok(Catalogue::open_sqlite(&data_dir.join("catalogue.sqlite")).await?)
        }
        CatalogueConfig::Postgres { url } => {
            let tls = if url.contains("sslmode=require") { Some(Arc::new(system_tls()?)) } else { None };
            let config = PostgresConfig { url: url.clone(), connections_max: CONNECTIONS_MAX, tls };
            Ok(Catalogue::open_postgres(&config).await?)
        }
    }
}

fn system_tls() -> Result<rustls::ClientConfig, rustls::Error> {
    // The first of the process wins; whoever chose one before has chosen for us too.
    let _ = rustls::crypto::ring::default_provider().install_default();
    rustls::ClientConfig::with_platform_verifier()
}

fn open_objects(config: &ObjectsConfig) -> Result<Arc<dyn Objects>, StorageError> {
    Ok(match config {
        ObjectsConfig::Local { data_dir, reserve_bytes } => {
            Arc::new(LocalObjects::open(&data_dir.join("objects"), *reserve_bytes)?)
        }
        ObjectsConfig::S3(config) => Arc::new(S3Objects::new(config.clone())?),
    })
}
