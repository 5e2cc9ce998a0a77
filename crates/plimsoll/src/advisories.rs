//! The advisories on this machine: a directory with a compiled index, and the sources that it was made from.
//!
//! | path | what |
//! |---|---|
//! | `catalogue.json` | the list of shards, the one file that is replaced: whoever reads sees the old index or the new |
//! | `sha256/<hex>` | the shards, each named by its digest |
//! | `sources/` | what was imported or downloaded, to build the index from again |

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use plimsoll_oci::Digest;
use plimsoll_vuln::artifact::SHARD_BYTES_MAX;
use plimsoll_vuln::index::{CATALOGUE_BYTES_MAX, Catalogue, Index};
use tempfile::NamedTempFile;

use crate::environment::Environment;
use crate::failure::Failure;

/// The list of shards.
const CATALOGUE: &str = "catalogue.json";
/// The directory of shards.
const SHARDS: &str = "sha256";
/// The directory of sources.
const SOURCES: &str = "sources";
/// The file that whoever changes the directory holds a lock on.
const LOCK: &str = "lock";
/// What a file is called until it is complete.
const PARTIAL_PREFIX: &str = ".partial-";

/// Where the advisories are kept.
#[derive(Clone, Debug, Args)]
pub(crate) struct AdvisoryArguments {
    /// Directory of the advisories [default: $XDG_DATA_HOME/plimsoll/advisories]
    #[arg(long, value_name = "DIR")]
    db: Option<PathBuf>,
}

impl AdvisoryArguments {
    /// The directory that was named, or the user's.
    pub(crate) fn directory(&self, environment: &Environment) -> Result<AdvisoryDirectory, Failure> {
        let of_user = || {
            let of_xdg = environment.path("XDG_DATA_HOME").filter(|path| path.is_absolute());
            let data = of_xdg.or_else(|| Some(environment.path("HOME")?.join(".local/share")))?;
            Some(data.join("plimsoll/advisories"))
        };
        let path = self.db.clone().or_else(of_user).ok_or_else(|| {
            Failure::usage("it is not known where the advisories are: neither HOME nor XDG_DATA_HOME is set")
                .help("--db DIR")
        })?;
        Ok(AdvisoryDirectory { path })
    }
}

/// How old advisories may be.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct AgeArguments {
    /// Advisories older than this prove nothing; 0 for no limit
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    db_age_max: u32,
}

impl AgeArguments {
    /// The limit in days, if there is one.
    pub(crate) fn days_max(self) -> Option<u32> {
        Some(self.db_age_max).filter(|days| *days > 0)
    }
}

/// A directory of advisories.
#[derive(Clone, Debug)]
pub(crate) struct AdvisoryDirectory {
    path: PathBuf,
}

/// Advisories that were opened, and the digest of the catalogue that lists them.
pub(crate) struct OpenAdvisories {
    pub(crate) index: Index,
    pub(crate) digest: Digest,
}

/// The right to change a directory: one process at a time has it.
pub(crate) struct AdvisoryWriter<'d> {
    directory: &'d AdvisoryDirectory,
    _lock: File,
}

impl AdvisoryDirectory {
    pub(crate) fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where sources are kept.
    pub(crate) fn sources(&self) -> PathBuf {
        self.path.join(SOURCES)
    }

    /// Where a shard is kept.
    pub(crate) fn shard(&self, digest: &Digest) -> PathBuf {
        self.path.join(SHARDS).join(digest.encoded())
    }

    /// The list of shards; `None` where no index is.
    pub(crate) fn catalogue(&self) -> Result<Option<Catalogue>, Failure> {
        let path = self.path.join(CATALOGUE);
        let json = match read_bounded(&path, CATALOGUE_BYTES_MAX as u64) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(|error| cannot("read", &path, &error))?,
        };
        let damaged = |error| {
            Failure::not_evaluated("the advisories cannot be used")
                .at(path.display().to_string())
                .because(&error)
                .help("plimsoll db update, or plimsoll db build")
        };
        Catalogue::parse(&json).map(Some).map_err(damaged)
    }

    /// The list of shards of an index that must be there.
    pub(crate) fn expect_catalogue(&self) -> Result<Catalogue, Failure> {
        self.catalogue()?.ok_or_else(|| {
            Failure::not_evaluated("there are no advisories on this machine")
                .at(self.path.display().to_string())
                .help("plimsoll db update, or plimsoll db import FILE")
        })
    }

    /// Opens the index that must be there.
    pub(crate) fn open(&self) -> Result<OpenAdvisories, Failure> {
        let catalogue = self.expect_catalogue()?;
        let mut files = Vec::new();
        for listed in &catalogue.shards {
            let path = self.shard(&listed.digest);
            files.push(self.read_shard(&listed.digest).map_err(|error| cannot("read", &path, &error))?);
        }
        let damaged = |error| {
            Failure::not_evaluated("the advisories cannot be used")
                .at(self.path.display().to_string())
                .because(&error)
                .help("plimsoll db verify")
        };
        Ok(OpenAdvisories { index: Index::open(files).map_err(damaged)?, digest: catalogue.digest() })
    }

    /// A shard's bytes, as they lie there.
    pub(crate) fn read_shard(&self, digest: &Digest) -> io::Result<Vec<u8>> {
        read_bounded(&self.shard(digest), SHARD_BYTES_MAX)
    }

    /// Takes the right to change the directory, and makes it if it is not there.
    pub(crate) fn write(&self) -> Result<AdvisoryWriter<'_>, Failure> {
        for directory in [self.path.clone(), self.path.join(SHARDS), self.sources()] {
            fs::create_dir_all(&directory).map_err(|error| cannot("create", &directory, &error))?;
        }
        let path = self.path.join(LOCK);
        let lock = File::create(&path).map_err(|error| cannot("create", &path, &error))?;
        match lock.try_lock() {
            Ok(()) => Ok(AdvisoryWriter { directory: self, _lock: lock }),
            Err(fs::TryLockError::WouldBlock) => {
                Err(Failure::not_evaluated("another process is changing the advisories")
                    .at(self.path.display().to_string()))
            }
            Err(fs::TryLockError::Error(error)) => Err(cannot("lock", &path, &error)),
        }
    }
}

impl AdvisoryWriter<'_> {
    /// Stores a shard, if it is not there already. It counts once a catalogue lists it.
    pub(crate) fn put_shard(&self, digest: &Digest, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.directory.shard(digest);
        let is_there = self.directory.read_shard(digest).is_ok_and(|there| there == bytes);
        if is_there { Ok(()) } else { replace(&path, bytes) }
    }

    /// Puts an index in the place of the old one, and takes away the shards that it does not list.
    pub(crate) fn commit(self, catalogue: &Catalogue) -> Result<(), Failure> {
        replace(&self.directory.path.join(CATALOGUE), &catalogue.to_json())?;
        let listed: BTreeSet<PathBuf> =
            catalogue.shards.iter().map(|shard| self.directory.shard(&shard.digest)).collect();
        let shards = self.directory.path.join(SHARDS);
        let entries = fs::read_dir(&shards).map_err(|error| cannot("list", &shards, &error))?;
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            if !listed.contains(&path) {
                fs::remove_file(&path).map_err(|error| cannot("remove", &path, &error))?;
            }
        }
        Ok(())
    }
}

/// Replaces a file so that a reader, or a crash, sees the old one or the new one.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut partial = partial_beside(path)?;
    partial.write_all(bytes).map_err(|error| cannot("write", path, &error))?;
    persist(partial, path)
}

/// Begins a file that will stand at `path`.
pub(crate) fn partial_beside(path: &Path) -> Result<NamedTempFile, Failure> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let partial = tempfile::Builder::new().prefix(PARTIAL_PREFIX).tempfile_in(directory);
    partial.map_err(|error| cannot("write to", directory, &error))
}

/// Makes a file durable, and gives it its name.
pub(crate) fn persist(partial: NamedTempFile, path: &Path) -> Result<(), Failure> {
    partial.as_file().sync_all().map_err(|error| cannot("write", path, &error))?;
    partial.persist(path).map_err(|error| cannot("write", path, &error.error))?;
    Ok(())
}

/// Whether a name is of a file that was never completed.
pub(crate) fn is_partial(name: &str) -> bool {
    name.starts_with(PARTIAL_PREFIX)
}

/// Reads a file of at most `limit` bytes.
pub(crate) fn read_bounded(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let count = File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if count as u64 > limit {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {limit} bytes")));
    }
    Ok(bytes)
}

/// A failure with a file.
pub(crate) fn cannot(operation: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::not_evaluated(format!("cannot {operation} `{}`", path.display())).because(error)
}

#[cfg(test)]
mod tests {
    use plimsoll_vuln::import::{Source, import};
    use plimsoll_vuln::index::Builder;

    use super::*;

    fn put(directory: &AdvisoryDirectory, id: &str) -> Catalogue {
        let record = format!(
            r#"{{"id":"{id}","modified":"2026-01-02T00:00:00Z","affected":[{{"package":{{"ecosystem":"PyPI","name":"a"}},"versions":["1"]}}]}}"#
        );
        let mut builder = Builder::new();
        let source = Source { name: "test", licence: None, time: None };
        import(&mut builder, &source, io::Cursor::new(record)).unwrap();
        let built = builder.finish().unwrap();
        let writer = directory.write().unwrap();
        for (listed, bytes) in built.catalogue.shards.iter().zip(&built.shards) {
            writer.put_shard(&listed.digest, bytes).unwrap();
        }
        writer.commit(&built.catalogue).unwrap();
        built.catalogue
    }

    #[test]
    fn a_new_index_takes_the_place_of_the_old_one_and_leaves_nothing_of_it() {
        let scratch = tempfile::tempdir().unwrap();
        let directory = AdvisoryDirectory::at(scratch.path());
        assert!(directory.catalogue().unwrap().is_none());
        put(&directory, "PYSEC-1");
        let catalogue = put(&directory, "PYSEC-2");
        let opened = directory.open().unwrap();
        assert_eq!(opened.digest, catalogue.digest());
        assert_eq!((opened.index.mentions("PYSEC-1").len(), opened.index.mentions("PYSEC-2").len()), (0, 1));
        let files = fs::read_dir(scratch.path().join(SHARDS)).unwrap().count();
        assert_eq!(files, catalogue.shards.len());
    }

    #[test]
    fn one_process_at_a_time_may_change_it() {
        let scratch = tempfile::tempdir().unwrap();
        let directory = AdvisoryDirectory::at(scratch.path());
        let writer = directory.write().unwrap();
        assert!(directory.write().is_err());
        drop(writer);
        assert!(directory.write().is_ok());
    }

    #[test]
    fn the_directory_is_the_users_unless_another_is_named() {
        let arguments = AdvisoryArguments { db: None };
        let path = |environment: &Environment| arguments.directory(environment).map(|it| it.path);
        let home = Environment::from([("HOME", "/home/a")]);
        assert_eq!(path(&home).unwrap(), Path::new("/home/a/.local/share/plimsoll/advisories"));
        let xdg = Environment::from([("HOME", "/home/a"), ("XDG_DATA_HOME", "/data")]);
        assert_eq!(path(&xdg).unwrap(), Path::new("/data/plimsoll/advisories"));
        assert!(path(&Environment::default()).is_err());
    }
}
