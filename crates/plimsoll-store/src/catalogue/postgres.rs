//! The catalogue in PostgreSQL, shared by any number of replicas.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use futures_util::TryStreamExt as _;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Config, NoTls, row::RowIndex};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::Operation;
use super::sql::{CatalogueError, Result, Row, Transaction, Value};

/// How often a transaction is done again when it met another one.
const ATTEMPTS_MAX: u32 = 10;

/// How long the database's machine may be silent before a connection counts as broken.
const PEER_SILENT_MAX: Duration = Duration::from_secs(30);

/// How to reach the database.
#[derive(Clone)]
pub struct PostgresConfig {
    /// The address, such as `postgres://user:password@host/database`.
    pub url: String,
    /// Most connections held by this process.
    pub connections_max: usize,
    /// What vouches for the server where the address says `sslmode=require`.
    pub tls: Option<Arc<rustls::ClientConfig>>,
}

/// A PostgreSQL database.
#[derive(Clone, Debug)]
pub(super) struct Postgres(Pool);

impl Postgres {
    pub(super) fn open(config: &PostgresConfig) -> Result<Self> {
        let mut address: Config = config.url.parse()?;
        address
            .connect_timeout(Duration::from_secs(5))
            .tcp_user_timeout(PEER_SILENT_MAX)
            .keepalives_idle(PEER_SILENT_MAX)
            .application_name("plimsoll");
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match (address.get_ssl_mode(), &config.tls) {
            (SslMode::Require, Some(tls)) => {
                Manager::from_config(address, MakeRustlsConnect::new((**tls).clone()), recycling)
            }
            (SslMode::Require, None) => {
                return Err(CatalogueError::Unreachable(
                    "its address requires TLS, but no certificates are there to check it with".into(),
                ));
            }
            // `prefer` would encrypt without checking who is at the other end: it is left to those who ask for TLS.
            _ => Manager::from_config(address, NoTls, recycling),
        };
        let pool = Pool::builder(manager)
            .max_size(config.connections_max)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(Duration::from_secs(30)))
            .create_timeout(Some(Duration::from_secs(10)))
            .build();
        pool.map(Self).map_err(|error| CatalogueError::Unreachable(error.to_string()))
    }

    /// Runs an operation in a transaction, again when the database found it in another's way.
    pub(super) async fn run<I, T>(&self, input: &I, operation: Operation<I, T>) -> Result<T> {
        let mut attempt = 1;
        loop {
            match self.attempt(input, operation).await {
                Err(error) if attempt < ATTEMPTS_MAX && is_worth_another_try(&error) => {
                    tokio::time::sleep(Duration::from_millis(u64::from(attempt * attempt))).await;
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn attempt<I, T>(&self, input: &I, operation: Operation<I, T>) -> Result<T> {
        let mut connection =
            self.0.get().await.map_err(|error| CatalogueError::Unreachable(chain(&error)))?;
        let mut transaction = Transaction::Postgres(connection.transaction().await?);
        let outcome = operation(&mut transaction, input).await?;
        if let Transaction::Postgres(transaction) = transaction {
            transaction.commit().await?;
        }
        Ok(outcome)
    }
}

impl From<tokio_postgres::Error> for CatalogueError {
    fn from(error: tokio_postgres::Error) -> Self {
        if error.code() == Some(&SqlState::DISK_FULL) { Self::Full } else { Self::Postgres(error) }
    }
}

fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Two transactions that cannot both happen, or a row that another one made first: done again, it sees what is there.
fn is_worth_another_try(error: &CatalogueError) -> bool {
    let error = match error {
        CatalogueError::Overtaken => return true,
        CatalogueError::Postgres(error) => error,
        _ => return false,
    };
    matches!(
        error.code(),
        Some(
            &SqlState::T_R_SERIALIZATION_FAILURE
                | &SqlState::T_R_DEADLOCK_DETECTED
                | &SqlState::UNIQUE_VIOLATION
                | &SqlState::FOREIGN_KEY_VIOLATION
        )
    )
}

type Tx<'c> = deadpool_postgres::Transaction<'c>;

pub(super) async fn rows(transaction: &Tx<'_>, sql: &'static str, params: &[Value]) -> Result<Vec<Row>> {
    let statement = transaction.prepare_cached(&translate(sql)).await?;
    let answer = transaction.query_raw(&statement, params).await?;
    answer
        .map_err(CatalogueError::from)
        .and_then(|row| std::future::ready(read_row(&row)))
        .try_collect()
        .await
}

pub(super) async fn each_row(
    transaction: &Tx<'_>,
    sql: &'static str,
    mut each: impl FnMut(Row) -> bool,
) -> Result<bool> {
    let statement = transaction.prepare_cached(&translate(sql)).await?;
    let mut answer = std::pin::pin!(transaction.query_raw(&statement, &[] as &[Value]).await?);
    while let Some(row) = answer.try_next().await? {
        if !each(read_row(&row)?) {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) async fn see_one_moment(transaction: &Tx<'_>) -> Result<()> {
    Ok(transaction.batch_execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?)
}

pub(super) async fn count_on_after_restore(transaction: &Tx<'_>) -> Result<()> {
    let script = "SELECT setval(pg_get_serial_sequence('repositories', 'id'), MAX(id)) FROM repositories;
        SELECT setval(pg_get_serial_sequence('tag_history', 'id'), MAX(id)) FROM tag_history;
        SELECT setval(pg_get_serial_sequence('advisory_changes', 'id'), MAX(id)) FROM advisory_changes;
        SELECT setval(pg_get_serial_sequence('log_pending', 'id'), MAX(id)) FROM log_pending;";
    Ok(transaction.batch_execute(script).await?)
}

pub(super) async fn execute(transaction: &Tx<'_>, sql: &'static str, params: &[Value]) -> Result<u64> {
    let statement = transaction.prepare_cached(&translate(sql)).await?;
    Ok(transaction.execute_raw(&statement, params).await?)
}

pub(super) async fn execute_script(transaction: &Tx<'_>, script: &str) -> Result<()> {
    let script = script
        .replace("{identity}", "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY")
        .replace("{text}", "TEXT COLLATE \"C\"")
        .replace("{bytes}", "BYTEA");
    Ok(transaction.batch_execute(&script).await?)
}

/// Lets one replica at a time look at the schema. The number has no meaning but to be ours.
pub(super) async fn lock_schema(transaction: &Tx<'_>) -> Result<()> {
    Ok(transaction.batch_execute("SELECT pg_advisory_xact_lock(7016213)").await?)
}

/// Lets one transaction at a time give numbers to what is followed by them.
pub(super) async fn lock_numbers(transaction: &Tx<'_>) -> Result<()> {
    Ok(transaction.batch_execute("SELECT pg_advisory_xact_lock(7016214)").await?)
}

/// Says in PostgreSQL's words what SQLite calls `?1` and `json_each(?1)`.
fn translate(sql: &'static str) -> String {
    let numbered = sql.replace('?', "$");
    let mut translated = String::with_capacity(numbered.len() + 64);
    let mut rest = numbered.as_str();
    while let Some((before, after)) = rest.split_once("json_each(") {
        let (parameter, after) = after.split_once(')').unwrap_or((after, ""));
        translated += &format!("{before}jsonb_array_elements_text({parameter}::text::jsonb) AS each (value)");
        rest = after;
    }
    translated + rest
}

fn read_row(row: &tokio_postgres::Row) -> Result<Row> {
    row.columns()
        .iter()
        .enumerate()
        .map(|(index, column)| read(row, index, column.type_()))
        .collect::<Result<_>>()
        .map(Row)
}

fn read<'r>(
    row: &'r tokio_postgres::Row,
    index: impl RowIndex + std::fmt::Display + Copy,
    kind: &Type,
) -> Result<Value> {
    let value = match *kind {
        Type::INT8 => row.try_get::<_, Option<i64>>(index)?.map(Value::Integer),
        Type::INT4 => row.try_get::<_, Option<i32>>(index)?.map(|integer| Value::Integer(integer.into())),
        Type::BOOL => row.try_get::<_, Option<bool>>(index)?.map(|truth| Value::Integer(truth.into())),
        Type::BYTEA => row.try_get::<_, Option<&'r [u8]>>(index)?.map(|bytes| Value::Bytes(bytes.to_vec())),
        _ => row.try_get::<_, Option<&'r str>>(index)?.map(|text| Value::Text(text.to_owned())),
    };
    Ok(value.unwrap_or(Value::Null))
}

impl ToSql for Value {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(integer) if *kind == Type::INT4 => i32::try_from(*integer)?.to_sql(kind, out),
            Self::Integer(integer) => integer.to_sql(kind, out),
            Self::Text(text) => text.as_str().to_sql(kind, out),
            Self::Bytes(bytes) => bytes.as_slice().to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::INT8 | Type::INT4 | Type::TEXT | Type::VARCHAR | Type::BYTEA)
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_unpacked_in_postgres_words() {
        let sql = "SELECT 1 WHERE x IN (SELECT value FROM json_each(?2)) AND y";
        let expected = "SELECT 1 WHERE x IN (SELECT value FROM jsonb_array_elements_text($2::text::jsonb) AS each (value)) AND y";
        assert_eq!(translate(sql), expected);
    }
}
