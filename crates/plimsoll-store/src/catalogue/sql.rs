//! The few words that operations speak to either database.
//!
//! Statements are written in SQLite's dialect with `?1` parameters; [`postgres`] translates the two
//! or three turns of phrase that differ.

use plimsoll_oci::{Digest, MediaType, RepositoryName, Tag};
use serde::de::DeserializeOwned;

use crate::Timestamp;
use crate::objects::ObjectKey;

use super::{postgres, sqlite};

/// The outcome of an operation on the catalogue.
pub(crate) type Result<T, E = CatalogueError> = std::result::Result<T, E>;

/// Why an operation on the catalogue failed.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// SQLite refused.
    #[error("the catalogue's SQLite file refused an operation")]
    Sqlite(#[from] rusqlite::Error),
    /// PostgreSQL refused.
    #[error("the catalogue's PostgreSQL database refused an operation")]
    Postgres(#[source] tokio_postgres::Error),
    /// No connection to PostgreSQL could be had.
    #[error("no connection to the catalogue's PostgreSQL database: {0}")]
    Unreachable(String),
    /// The disk under the catalogue is full.
    #[error("the catalogue's disk is full")]
    Full,
    /// Something in the catalogue does not have the form it was written in.
    #[error("the catalogue holds a damaged {what}: `{found}`")]
    Damaged {
        /// What should be there.
        what: &'static str,
        /// What is there.
        found: String,
    },
    /// The schema is newer than this program.
    #[error(
        "the catalogue has schema version {found}, newer than {known}, the latest that this program knows"
    )]
    Newer {
        /// The version found.
        found: i64,
        /// The latest known.
        known: i64,
    },
    /// Another transaction was quicker; nothing was changed.
    #[error("another change to the same rows came first")]
    Overtaken,
    /// The catalogue was closed, or could not begin a transaction, while the operation waited.
    #[error("the catalogue did not take the operation")]
    Closed,
}

/// A value going into or coming out of the database.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

macro_rules! value_from {
    ($($from:ty: $value:ident => $into:expr;)*) => {$(
        impl From<$from> for Value {
            fn from($value: $from) -> Self {
                $into
            }
        }
    )*};
}

value_from! {
    i64: value => Self::Integer(value);
    u64: value => Self::Integer(i64::try_from(value).unwrap_or(i64::MAX));
    usize: value => Self::Integer(i64::try_from(value).unwrap_or(i64::MAX));
    &str: value => Self::Text(value.to_owned());
    String: value => Self::Text(value);
    &String: value => Self::Text(value.clone());
    Vec<u8>: value => Self::Bytes(value);
    &[u8]: value => Self::Bytes(value.to_vec());
    Timestamp: value => Self::Integer(value.unix_ms());
    Digest: value => Self::Text(value.to_string());
    &Digest: value => Self::Text(value.to_string());
    &MediaType: value => Self::Text(value.to_string());
    &RepositoryName: value => Self::Text(value.to_string());
    &Tag: value => Self::Text(value.to_string());
    ObjectKey: value => Self::Text(value.to_string());
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Makes the parameter list of a statement.
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::catalogue::sql::Value::from($value)),*] };
}
pub(crate) use params;

/// Items as one parameter, for `IN (SELECT value FROM json_each(?n))`. Their texts need no escape in JSON.
pub(crate) fn json_list(items: &[impl std::fmt::Display]) -> String {
    let quoted: Vec<String> = items.iter().map(|item| format!("\"{item}\"")).collect();
    format!("[{}]", quoted.join(","))
}

/// One row of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row(pub(crate) Vec<Value>);

impl Row {
    pub(crate) fn integer(&self, column: usize) -> Result<i64> {
        match &self.0[column] {
            Value::Integer(integer) => Ok(*integer),
            other => Err(damaged("number", other)),
        }
    }

    pub(crate) fn size(&self, column: usize) -> Result<u64> {
        let integer = self.integer(column)?;
        u64::try_from(integer).map_err(|_| damaged("size", &self.0[column]))
    }

    /// The number of something of which there are not too many.
    pub(crate) fn small(&self, column: usize) -> Result<u32> {
        let integer = self.integer(column)?;
        u32::try_from(integer).map_err(|_| damaged("number", &self.0[column]))
    }

    pub(crate) fn timestamp(&self, column: usize) -> Result<Timestamp> {
        self.integer(column).map(Timestamp::from_unix_ms)
    }

    pub(crate) fn text(&self, column: usize) -> Result<&str> {
        match &self.0[column] {
            Value::Text(text) => Ok(text),
            other => Err(damaged("text", other)),
        }
    }

    pub(crate) fn take_bytes(&mut self, column: usize) -> Result<Vec<u8>> {
        match std::mem::replace(&mut self.0[column], Value::Null) {
            Value::Bytes(bytes) => Ok(bytes),
            other => Err(damaged("byte string", &other)),
        }
    }

    /// Text in the form of a type of its own.
    pub(crate) fn parsed<T: std::str::FromStr>(&self, column: usize, what: &'static str) -> Result<T> {
        self.text(column)?.parse().map_err(|_| damaged(what, &self.0[column]))
    }

    /// Text holding JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self, column: usize, what: &'static str) -> Result<T> {
        serde_json::from_str(self.text(column)?).map_err(|_| damaged(what, &self.0[column]))
    }

    pub(crate) fn is_null(&self, column: usize) -> bool {
        self.0[column] == Value::Null
    }

    /// Reads a column that may be empty.
    pub(crate) fn optional<'r, T>(
        &'r self,
        column: usize,
        read: impl FnOnce(&'r Self, usize) -> Result<T>,
    ) -> Result<Option<T>> {
        if self.is_null(column) { Ok(None) } else { read(self, column).map(Some) }
    }

    pub(crate) fn digest(&self, column: usize) -> Result<Digest> {
        self.parsed(column, "digest")
    }

    pub(crate) fn object_key(&self, column: usize) -> Result<ObjectKey> {
        self.parsed(column, "object key")
    }
}

fn damaged(what: &'static str, found: &Value) -> CatalogueError {
    let found: String = format!("{found:?}").chars().take(200).collect();
    CatalogueError::Damaged { what, found }
}

/// A transaction of either database.
pub(crate) enum Transaction<'c> {
    Sqlite(&'c mut rusqlite::Connection),
    Postgres(deadpool_postgres::Transaction<'c>),
}

impl Transaction<'_> {
    /// All rows of the answer.
    pub(crate) async fn rows(&mut self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite(connection) => sqlite::rows(connection, sql, params),
            Self::Postgres(transaction) => postgres::rows(transaction, sql, params).await,
        }
    }

    /// The first row of the answer.
    pub(crate) async fn row(&mut self, sql: &'static str, params: &[Value]) -> Result<Option<Row>> {
        Ok(self.rows(sql, params).await?.into_iter().next())
    }

    /// Carries out a statement and counts the rows it changed.
    pub(crate) async fn execute(&mut self, sql: &'static str, params: &[Value]) -> Result<u64> {
        match self {
            Self::Sqlite(connection) => sqlite::execute(connection, sql, params),
            Self::Postgres(transaction) => postgres::execute(transaction, sql, params).await,
        }
    }

    /// Carries out the statements of a migration.
    pub(crate) async fn execute_script(&mut self, script: &str) -> Result<()> {
        match self {
            Self::Sqlite(connection) => sqlite::execute_script(connection, script),
            Self::Postgres(transaction) => postgres::execute_script(transaction, script).await,
        }
    }

    /// Keeps every other change of the catalogue out until the end. SQLite has one writer anyway.
    pub(crate) async fn lock_schema(&mut self) -> Result<()> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(transaction) => postgres::lock_schema(transaction).await,
        }
    }

    /// Keeps other transactions from numbering what is followed by its number until the end of this one. A number that
    /// is committed after a higher one would be passed over by whoever follows. SQLite has one writer anyway.
    pub(crate) async fn lock_numbers(&mut self) -> Result<()> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(transaction) => postgres::lock_numbers(transaction).await,
        }
    }

    /// Hands every row of the answer to `each` as it comes, until it says `false`. Returns whether all were taken.
    pub(crate) async fn each_row(
        &mut self,
        sql: &'static str,
        each: impl FnMut(Row) -> bool + Send,
    ) -> Result<bool> {
        match self {
            Self::Sqlite(connection) => sqlite::each_row(connection, sql, &[], each),
            Self::Postgres(transaction) => postgres::each_row(transaction, sql, each).await,
        }
    }

    /// Makes all look-ups of this transaction see the database as it is now. In SQLite they do anyway.
    pub(crate) async fn see_one_moment(&mut self) -> Result<()> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(transaction) => postgres::see_one_moment(transaction).await,
        }
    }

    /// Lets new rows be numbered after those that were put back with their numbers. SQLite does so itself.
    pub(crate) async fn count_on_after_restore(&mut self) -> Result<()> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(transaction) => postgres::count_on_after_restore(transaction).await,
        }
    }
}
