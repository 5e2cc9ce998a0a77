//! Names and their history: repositories, manifests, tags, uploads on their way, accounts.
//!
//! Each operation is one function over a transaction, written once for both databases. An operation either
//! happens whole and durably or not at all.

mod accounts;
mod blobs;
mod contents;
mod events;
mod evidence;
mod exceptions;
mod leases;
mod lines;
mod log;
mod manifests;
mod migrations;
mod postgres;
mod projects;
mod pushes;
mod quarantine;
mod rebuild;
mod rebuttals;
mod referrers;
mod repositories;
mod review;
mod snapshot;
mod sql;
mod sqlite;
mod tags;
mod uploads;
mod verdicts;
mod waiting;

use std::path::Path;

use futures_util::future::BoxFuture;

pub use accounts::{Action, Grant, ParseGrantError, Robot, User};
pub use blobs::{CommitBlob, StoredBlob};
pub use contents::{ImagePlace, ImageToNote, LayerAnalysis, NotedImage};
pub use events::{ComponentEvent, Telling, Told, ToldChange, ToldEvent};
pub use evidence::{
    AnyManifest, Edge, EdgeKind, EvidenceTask, EvidenceToNote, FactToNote, Held, LogRow, Node, NotedFact,
    ParseNodeError, Retracted, Run, RunToTell,
};
pub use lines::{FirstTold, HeldEvidence, HeldImage, NotedContents, PointedAt};
pub use log::{AppendLimits, Appending, LogBatch, LogEntry, LoggedPayload, Standing};
pub use manifests::{ManifestCheck, ManifestToPut, PutManifest, StoredManifest, TagCondition};
pub use postgres::PostgresConfig;
pub use projects::{ParseProjectNameError, Project, ProjectName, PutProject};
pub use pushes::StoredPush;
pub use quarantine::QuarantinedObject;
pub use rebuttals::Rebuttal;
pub use review::{DoomedObject, Swept};
pub use snapshot::{EachRow, SnapshotRow, TABLES};
pub use sql::CatalogueError;
pub use tags::{StoredTag, TagMove};
pub use uploads::{Upload, UploadId};
pub use verdicts::{DueVerdict, LackingImage, LackingRun, TellVerdict, ToldVerdicts};
pub use waiting::{Kept, Waiting};

use sql::{Result, Transaction};

/// The catalogue, in SQLite or PostgreSQL.
#[derive(Clone, Debug)]
pub struct Catalogue {
    database: Database,
}

#[derive(Clone, Debug)]
enum Database {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Postgres),
}

/// One operation on the catalogue: what is done to a transaction with some input.
///
/// PostgreSQL may ask for it to be done again, so the input is lent and not given.
type Operation<I, T> = for<'t> fn(&'t mut Transaction<'_>, &'t I) -> BoxFuture<'t, Result<T>>;

impl Catalogue {
    /// Opens the SQLite file `path`, makes it if it is missing, and brings its schema up to date.
    pub async fn open_sqlite(path: &Path) -> Result<Self> {
        Self::migrated(Database::Sqlite(sqlite::Sqlite::open(path)?)).await
    }

    /// Opens an empty catalogue in memory.
    pub async fn open_memory() -> Result<Self> {
        Self::migrated(Database::Sqlite(sqlite::Sqlite::open_memory()?)).await
    }

    /// Connects to PostgreSQL and brings the schema up to date.
    pub async fn open_postgres(config: &PostgresConfig) -> Result<Self> {
        Self::migrated(Database::Postgres(postgres::Postgres::open(config)?)).await
    }

    async fn migrated(database: Database) -> Result<Self> {
        let catalogue = Self { database };
        migrations::migrate(&catalogue, migrations::LATEST).await?;
        Ok(catalogue)
    }

    /// Whether the database answers, for readiness.
    pub async fn check(&self) -> Result<()> {
        // Asked of the one that writes, who may be gone while readers still answer.
        self.write_soft((), |tx, ()| Box::pin(async { tx.row("SELECT 1", &[]).await.map(drop) })).await
    }

    /// Looks something up.
    async fn read<I: Send + Sync + 'static, T: Send + 'static>(
        &self,
        input: I,
        look: Operation<I, T>,
    ) -> Result<T> {
        match &self.database {
            Database::Sqlite(sqlite) => sqlite.read(&input, look),
            Database::Postgres(postgres) => postgres.run(&input, look).await,
        }
    }

    /// Changes something; when this returns, the change is on disk.
    async fn write<I: Send + Sync + 'static, T: Send + 'static>(
        &self,
        input: I,
        change: Operation<I, T>,
    ) -> Result<T> {
        match &self.database {
            Database::Sqlite(sqlite) => sqlite.write(input, change, sqlite::Durability::Full).await,
            Database::Postgres(postgres) => postgres.run(&input, change).await,
        }
    }

    /// Changes something that may be lost when the machine, not just this process, stops: upload sessions, which clients
    /// begin anew.
    async fn write_soft<I: Send + Sync + 'static, T: Send + 'static>(
        &self,
        input: I,
        change: Operation<I, T>,
    ) -> Result<T> {
        match &self.database {
            Database::Sqlite(sqlite) => sqlite.write(input, change, sqlite::Durability::Soft).await,
            Database::Postgres(postgres) => postgres.run(&input, change).await,
        }
    }
}
