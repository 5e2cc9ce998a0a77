//! The schema, one step at a time. A step that was released is never changed: a new one is added.

use futures_util::FutureExt as _;

use super::Catalogue;
use super::sql::{CatalogueError, Result, Transaction, params};

/// The steps in order; the first leads to version 1.
const STEPS: [&str; 12] = [
    include_str!("../../migrations/0001-content.sql"),
    include_str!("../../migrations/0002-accounts.sql"),
    include_str!("../../migrations/0003-contents.sql"),
    include_str!("../../migrations/0004-events.sql"),
    include_str!("../../migrations/0006-log.sql"),
    include_str!("../../migrations/0007-projects.sql"),
    include_str!("../../migrations/0008-lines.sql"),
    include_str!("../../migrations/0009-verdicts.sql"),
    include_str!("../../migrations/0010-exceptions.sql"),
    include_str!("../../migrations/0011-evidence.sql"),
    include_str!("../../migrations/0012-rebuttals.sql"),
    include_str!("../../migrations/0013-running.sql"),
];

/// The version that the last step leads to.
pub(super) const LATEST: usize = STEPS.len();

/// Brings the schema from whatever version it has to `target`.
pub(super) async fn migrate(catalogue: &Catalogue, target: usize) -> Result<()> {
    catalogue.write(target, |tx, target| migrate_in(tx, *target).boxed()).await
}

async fn migrate_in(tx: &mut Transaction<'_>, target: usize) -> Result<()> {
    tx.lock_schema().await?;
    tx.execute_script("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY)").await?;
    let newest = tx.row("SELECT COALESCE(MAX(version), 0) FROM schema_version", &[]).await?;
    let found = newest.map_or(Ok(0), |row| row.integer(0))?;
    let known = i64::try_from(LATEST).unwrap_or(i64::MAX);
    if found > known {
        return Err(CatalogueError::Newer { found, known });
    }
    for (step, version) in STEPS.iter().zip(1_i64..).take(target) {
        if version > found {
            tx.execute_script(step).await?;
            tx.execute("INSERT INTO schema_version (version) VALUES (?1)", params![version]).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use plimsoll_testkit::Postgres as PostgresServer;

    use super::super::{Database, PostgresConfig, postgres, sqlite};
    use super::*;

    /// What a version's own program would have left, by the version from which it is possible.
    const LEFT_BEHIND: [(usize, &str); 11] = [
        (1, "INSERT INTO repositories (id, name, created_at) VALUES (7, 'team/app', 1)"),
        (2, "INSERT INTO users (name, password_hash, grants, created_at) VALUES ('ana', 'hash', '[]', 1)"),
        (3, "INSERT INTO components (fingerprint, body) VALUES ('a', '{}')"),
        (4, "INSERT INTO advisory_changes (to_artifact, begun_at, told_at) VALUES ('sha256:0', 1, 2)"),
        (5, "INSERT INTO log_pending (leaf_hash, entry) VALUES ('a', '{}')"),
        (6, "INSERT INTO project_changes (id, revision) VALUES (1, 1)"),
        (
            7,
            "INSERT INTO tag_history (repository_id, tag, digest, moved_at, moved_by) VALUES (7, 'v', 'sha256:0', 1, 'ana')",
        ),
        (8, "INSERT INTO verdicts (repository, digest, told) VALUES ('team/app', 'sha256:0', '{}')"),
        (9, "INSERT INTO exceptions (repository_id, manifest, subject) VALUES (7, 'sha256:1', 'sha256:0')"),
        (10, "INSERT INTO evidence_queue (manifest, due_at, attempts) VALUES ('sha256:0', 1, 0)"),
        (
            11,
            "INSERT INTO rebuttals (repository, image, bundle, json) VALUES ('a', 'sha256:0', 'sha256:1', '')",
        ),
    ];

    fn memory() -> Catalogue {
        Catalogue { database: Database::Sqlite(sqlite::Sqlite::open_memory().unwrap()) }
    }

    fn postgres(server: &PostgresServer, name: &str) -> Catalogue {
        let config = PostgresConfig { url: server.database(name), connections_max: 2, tls: None };
        Catalogue { database: Database::Postgres(postgres::Postgres::open(&config).unwrap()) }
    }

    async fn run(catalogue: &Catalogue, script: &'static str) {
        catalogue.write(script, |tx, script| tx.execute_script(script).boxed()).await.unwrap();
    }

    async fn count(catalogue: &Catalogue, sql: &'static str) -> i64 {
        let row = catalogue.read(sql, |tx, sql| tx.row(sql, &[]).boxed()).await.unwrap();
        row.unwrap().integer(0).unwrap()
    }

    /// Goes from `version`, with what its program left behind, to the latest.
    async fn comes_from(catalogue: Catalogue, version: usize) {
        migrate(&catalogue, version).await.unwrap();
        for (since, statement) in LEFT_BEHIND {
            if version >= since {
                run(&catalogue, statement).await;
            }
        }
        migrate(&catalogue, LATEST).await.unwrap();
        migrate(&catalogue, LATEST).await.unwrap();
        let expected = i64::from(version >= 1);
        assert_eq!(count(&catalogue, "SELECT COUNT(*) FROM repositories").await, expected);
        let expected = i64::from(version >= 2);
        assert_eq!(count(&catalogue, "SELECT COUNT(*) FROM users").await, expected);
        let versions = count(&catalogue, "SELECT COUNT(*) FROM schema_version").await;
        assert_eq!(versions, i64::try_from(LATEST).unwrap(), "each step is taken once");
    }

    #[tokio::test]
    async fn every_earlier_version_is_brought_up_to_date_in_sqlite() {
        for version in 0..=LATEST {
            comes_from(memory(), version).await;
        }
    }

    #[tokio::test]
    async fn every_earlier_version_is_brought_up_to_date_in_postgres() {
        let Some(server) = PostgresServer::start() else { return };
        for version in 0..=LATEST {
            comes_from(postgres(&server, &format!("from_{version}")), version).await;
        }
    }

    #[tokio::test]
    async fn replicas_that_start_together_migrate_once() {
        let Some(server) = PostgresServer::start() else { return };
        let catalogue = postgres(&server, "together");
        let (one, two) = tokio::join!(migrate(&catalogue, LATEST), migrate(&catalogue, LATEST));
        one.and(two).unwrap();
    }

    #[tokio::test]
    async fn a_schema_of_the_future_is_left_alone() {
        let catalogue = memory();
        migrate(&catalogue, LATEST).await.unwrap();
        run(&catalogue, "INSERT INTO schema_version (version) VALUES (1000)").await;
        assert!(matches!(migrate(&catalogue, LATEST).await, Err(CatalogueError::Newer { found: 1000, .. })));
    }
}
