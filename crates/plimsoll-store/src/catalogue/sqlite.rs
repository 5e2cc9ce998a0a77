//! The catalogue in one SQLite file: readers on the thread that asks, and one thread that writes.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql, params_from_iter};
use tokio::sync::oneshot;

use super::Operation;
use super::sql::{CatalogueError, Result, Row, Transaction, Value};

/// How long a writer of another process, such as a second `plimsoll` command, is waited for.
const BUSY_WAIT: std::time::Duration = std::time::Duration::from_secs(30);

/// Most operations that share one commit.
const BATCH_MAX: usize = 64;

/// A SQLite database.
#[derive(Clone, Debug)]
pub(super) struct Sqlite(Arc<Inner>);

#[derive(Debug)]
enum Inner {
    File {
        path: PathBuf,
        readers: Mutex<Vec<Connection>>,
        writer: Sender<Job>,
    },
    /// A database in memory has one connection, used in turn.
    Memory(Mutex<Connection>),
}

/// What must outlive what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Durability {
    /// The change survives the end of this process.
    Soft,
    /// The change survives the end of the machine: it is on disk before the caller goes on.
    Full,
}

/// A change that waits for the writer.
struct Job {
    durability: Durability,
    change: Box<dyn FnOnce(&mut Connection) -> Answer + Send>,
}

/// What tells the caller, once it is known whether the commit held.
type Answer = Box<dyn FnOnce(Result<()>) + Send>;

impl Sqlite {
    pub(super) fn open(path: &Path) -> Result<Self> {
        keep_private(path)?;
        let connection = connect(path)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        let (writer, jobs) = channel();
        thread::Builder::new()
            .name("catalogue-writer".into())
            .spawn(move || write_in_batches(connection, &jobs))
            .map_err(|error| CatalogueError::Unreachable(format!("cannot start its writer: {error}")))?;
        Ok(Self(Arc::new(Inner::File { path: path.to_owned(), readers: Mutex::default(), writer })))
    }

    pub(super) fn open_memory() -> Result<Self> {
        let connection = Connection::open_in_memory()?;
        configure(&connection)?;
        Ok(Self(Arc::new(Inner::Memory(Mutex::new(connection)))))
    }

    /// Reads on the thread that asks: a look-up by key takes microseconds, less than handing it to another thread.
    pub(super) fn read<I, T>(&self, input: &I, look: Operation<I, T>) -> Result<T> {
        let (path, readers) = match &*self.0 {
            Inner::Memory(connection) => {
                return run(&mut connection.lock().expect("no panic with the lock"), input, look);
            }
            Inner::File { path, readers, .. } => (path, readers),
        };
        let idle = readers.lock().expect("no panic with the lock").pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => connect(path)?,
        };
        let found = snapshot(&mut connection, input, look);
        if connection.is_autocommit() {
            readers.lock().expect("no panic with the lock").push(connection);
        }
        found
    }

    pub(super) async fn write<I, T>(
        &self,
        input: I,
        change: Operation<I, T>,
        durability: Durability,
    ) -> Result<T>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
    {
        let writer = match &*self.0 {
            Inner::Memory(connection) => {
                let connection = &mut connection.lock().expect("no panic with the lock");
                return savepoint(connection, &input, change);
            }
            Inner::File { writer, .. } => writer,
        };
        let (answer, answered) = oneshot::channel();
        let change = Box::new(move |connection: &mut Connection| {
            let outcome = savepoint(connection, &input, change);
            Box::new(move |committed: Result<()>| {
                let _ = answer.send(committed.and(outcome));
            }) as Answer
        });
        writer.send(Job { durability, change }).map_err(|_| CatalogueError::Closed)?;
        answered.await.map_err(|_| CatalogueError::Closed)?
    }
}

/// Makes the file, if it is missing, for its owner alone; SQLite gives the files beside it the same mode.
fn keep_private(path: &Path) -> Result<()> {
    let made = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    made.map(drop)
        .map_err(|error| CatalogueError::Unreachable(format!("cannot open `{}`: {error}", path.display())))
}

fn connect(path: &Path) -> Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    configure(&connection)?;
    Ok(connection)
}

fn configure(connection: &Connection) -> Result<()> {
    connection.busy_timeout(BUSY_WAIT)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(128);
    // Without this guarantee SQLite plans a statement anew for each new parameter, which takes longer than running it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Takes changes as they come, and commits those that wait together: many pushes share one wait for the disk.
fn write_in_batches(mut connection: Connection, jobs: &Receiver<Job>) {
    let mut set_to = None;
    while let Ok(first) = jobs.recv() {
        let mut batch = vec![first];
        batch.extend(jobs.try_iter().take(BATCH_MAX - 1));
        let durability = batch.iter().map(|job| job.durability).max().unwrap_or(Durability::Full);
        if set_to != Some(durability) {
            let level = if durability == Durability::Full { "full" } else { "normal" };
            set_to = connection.pragma_update(None, "synchronous", level).ok().map(|()| durability);
        }
        commit_together(&mut connection, batch);
    }
}

fn commit_together(connection: &mut Connection, batch: Vec<Job>) {
    if let Err(error) = connection.execute_batch("BEGIN IMMEDIATE") {
        // The callers find that nobody answers. Their changes must not run outside a transaction.
        tracing::error!(%error, "the catalogue cannot begin a transaction");
        return;
    }
    let answers: Vec<Answer> = batch.into_iter().map(|job| (job.change)(connection)).collect();
    let committed = connection.execute_batch("COMMIT").map_err(named);
    if committed.is_err() && !connection.is_autocommit() {
        let _ = connection.execute_batch("ROLLBACK");
    }
    let failure = committed.err().map(|error| error.to_string());
    let is_full = failure.as_deref().is_some_and(|text| text == CatalogueError::Full.to_string());
    for answer in answers {
        answer(match &failure {
            None => Ok(()),
            Some(_) if is_full => Err(CatalogueError::Full),
            Some(reason) => Err(CatalogueError::Unreachable(format!("the commit failed: {reason}"))),
        });
    }
}

/// Runs a look-up that sees one state of the database throughout.
fn snapshot<I, T>(connection: &mut Connection, input: &I, look: Operation<I, T>) -> Result<T> {
    connection.prepare_cached("BEGIN")?.execute([]).map_err(named)?;
    let found = run(connection, input, look);
    let ended = connection.prepare_cached("COMMIT").and_then(|mut commit| commit.execute([]));
    found.and_then(|found| ended.map(|_| found).map_err(named))
}

/// Runs a change so that its failure leaves the changes of others in the batch alone.
fn savepoint<I, T>(connection: &mut Connection, input: &I, change: Operation<I, T>) -> Result<T> {
    connection.prepare_cached("SAVEPOINT operation")?.execute([]).map_err(named)?;
    let outcome = run(connection, input, change);
    if outcome.is_err() {
        connection.execute_batch("ROLLBACK TO operation").map_err(named)?;
    }
    connection.prepare_cached("RELEASE operation")?.execute([]).map_err(named)?;
    outcome
}

/// An operation on SQLite never waits for anything but SQLite, so one poll carries it to its end.
fn run<I, T>(connection: &mut Connection, input: &I, operation: Operation<I, T>) -> Result<T> {
    let mut transaction = Transaction::Sqlite(connection);
    let running: BoxFuture<'_, Result<T>> = operation(&mut transaction, input);
    running.now_or_never().expect("an operation on SQLite has nothing to wait for")
}

pub(super) fn rows(connection: &Connection, sql: &'static str, params: &[Value]) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    each_row(connection, sql, params, |row| {
        rows.push(row);
        true
    })?;
    Ok(rows)
}

pub(super) fn each_row(
    connection: &Connection,
    sql: &'static str,
    params: &[Value],
    mut each: impl FnMut(Row) -> bool,
) -> Result<bool> {
    let mut statement = connection.prepare_cached(strip(sql)).map_err(named)?;
    let columns = statement.column_count();
    let mut answer = statement.query(params_from_iter(params)).map_err(named)?;
    while let Some(row) = answer.next().map_err(named)? {
        let values = (0..columns).map(|column| row.get_ref(column).map(value));
        if !each(Row(values.collect::<rusqlite::Result<_>>().map_err(named)?)) {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) fn execute(connection: &Connection, sql: &'static str, params: &[Value]) -> Result<u64> {
    let mut statement = connection.prepare_cached(strip(sql)).map_err(named)?;
    statement.execute(params_from_iter(params)).map(|changed| changed as u64).map_err(named)
}

pub(super) fn execute_script(connection: &Connection, script: &str) -> Result<()> {
    let script = script
        .replace("{identity}", "INTEGER PRIMARY KEY AUTOINCREMENT")
        .replace("{text}", "TEXT")
        .replace("{bytes}", "BLOB");
    connection.execute_batch(&script).map_err(named)
}

/// Row locks are for databases with more than one writer; statements carry them at their end.
fn strip(sql: &'static str) -> &'static str {
    sql.split_once(" FOR UPDATE").map_or(sql, |(statement, _)| statement)
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(integer) => Value::Integer(integer),
        ValueRef::Real(_) => Value::Null,
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(integer) => ValueRef::Integer(*integer),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn named(error: rusqlite::Error) -> CatalogueError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => CatalogueError::Full,
        _ => CatalogueError::Sqlite(error),
    }
}
