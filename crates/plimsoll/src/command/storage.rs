//! How the commands that look after a server's storage open it. They work beside a running server, and without one.

use std::error::Error;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use clap::Args;
use plimsoll_registry::Registry;
use plimsoll_registry::access::{Identity, ShownBy};
use plimsoll_server::Storage;
use plimsoll_store::catalogue::Grant;

use crate::context::Context;
use crate::environment::Environment;
use crate::failure::Failure;
use crate::settings::{Database, Layered, Objects, Settings, SettingsArguments};

/// The catalogue's file in the data directory.
const CATALOGUE_FILE: &str = "catalogue.sqlite";

/// How many rows are looked at together.
const PAGE: usize = 1000;

/// Which server's storage is meant.
#[derive(Debug, Args)]
// Nothing listens here.
#[command(mut_arg("listen", |argument| argument.hide(true)))]
pub(super) struct StorageArguments {
    #[command(flatten)]
    settings: SettingsArguments,
}

/// What must be there before a command begins: nobody wants an empty catalogue made for a misspelt directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// A catalogue.
    Catalogue,
    /// Objects, whose catalogue may be lost.
    Objects,
    /// Nothing.
    Nothing,
}

/// A storage that was named and not opened yet.
pub(super) struct Place {
    pub(super) settings: Settings,
}

/// A storage with the registry's operations over it.
pub(super) struct Opened {
    pub(super) storage: Storage,
    pub(super) registry: Registry,
}

impl StorageArguments {
    /// Reads the settings, and looks whether what is expected is there.
    pub(super) fn find(&self, expected: Expected, context: &mut Context) -> Result<Place, Failure> {
        let settings = Settings::of(&Layered::read(&self.settings, context.environment())?)?;
        let place = Place { settings };
        place.check_owner(context)?;
        place.check(expected)?;
        Ok(place)
    }
}

impl Place {
    /// Opens it. Call this within the runtime that uses it.
    pub(super) async fn open(&self) -> Result<Opened, Failure> {
        let storage = Storage::open(&self.settings.storage()).await.map_err(|error| {
            Failure::not_evaluated("cannot open the server's storage").at(self.described()).because(&error)
        })?;
        let registry = storage.registry(self.settings.registry()?);
        Ok(Opened { storage, registry })
    }

    /// How messages call it.
    pub(super) fn described(&self) -> String {
        match self.settings.database {
            Database::Embedded => self.settings.data_dir.display().to_string(),
            Database::Postgres(_) => "the database of `database.url`".to_owned(),
        }
    }

    /// The flag that leads other commands here too.
    pub(super) fn flag(&self) -> String {
        format!("--data-dir {}", self.settings.data_dir.display())
    }

    /// The directory that something of it lies in, if anything does.
    pub(super) fn directory(&self) -> Option<&Path> {
        let is_remote = matches!(self.settings.database, Database::Postgres(_))
            && matches!(self.settings.objects, Objects::S3(_));
        (!is_remote).then_some(self.settings.data_dir.as_path())
    }

    fn check(&self, expected: Expected) -> Result<(), Failure> {
        let is_embedded = matches!(self.settings.database, Database::Embedded);
        let wanted = match expected {
            Expected::Catalogue if is_embedded => self.settings.data_dir.join(CATALOGUE_FILE),
            Expected::Catalogue | Expected::Objects => match self.directory() {
                Some(directory) => directory.to_owned(),
                None => return Ok(()),
            },
            Expected::Nothing => return Ok(()),
        };
        match wanted.try_exists() {
            Ok(true) => Ok(()),
            Ok(false) => Err(Failure::not_evaluated("there is no registry in this directory")
                .at(self.settings.data_dir.display().to_string())
                .help("name the server's directory with --data-dir, or see `plimsoll config show --origin`")),
            // What may not be read may well be there.
            Err(error) => Err(Failure::not_evaluated("cannot look into the server's directory")
                .at(wanted.display().to_string())
                .because(&error)),
        }
    }

    /// Files made by another user may be out of the server's reach. Those that root makes always are.
    fn check_owner(&self, context: &mut Context) -> Result<(), Failure> {
        let Some(directory) = self.directory() else { return Ok(()) };
        let Ok(metadata) = directory.metadata() else { return Ok(()) };
        let (caller, owner) = (rustix::process::geteuid(), metadata.uid());
        if caller.as_raw() == owner {
            return Ok(());
        }
        let shown = directory.display();
        if caller.is_root() {
            let what =
                format!("this directory belongs to user {owner}, who could not change what root makes there");
            let group = metadata.gid();
            return Err(Failure::usage(what).at(shown.to_string()).help(format!(
                "run it as that user: env -u HOME setpriv --reuid {owner} --regid {group} --clear-groups plimsoll …"
            )));
        }
        context.terminal().warn(&format!(
            "`{shown}` belongs to user {owner}: run this as that user, or the server may be unable to write what is \
             made now"
        ));
        Ok(())
    }
}

impl Opened {
    /// The bytes of all contents, for a bar of progress.
    pub(super) async fn content_bytes(&self) -> Result<u64, Failure> {
        let (mut total, mut last) = (0_u64, None);
        loop {
            let page = self.storage.catalogue().stored_blobs(last, PAGE).await;
            let page = page.map_err(cannot("list the blobs"))?;
            let Some(end) = page.last() else { return Ok(total) };
            last = Some(end.digest);
            total = page.iter().fold(total, |total, blob| total.saturating_add(blob.size));
        }
    }
}

/// A failure of the storage that was met while something was done.
pub(super) fn cannot<E: Error>(operation: &str) -> impl FnOnce(E) -> Failure {
    move |error| Failure::not_evaluated(format!("cannot {operation}")).because(&error)
}

/// Whoever sits at the command line may do everything to the storage: the file system let them.
pub(super) fn local_identity(environment: &Environment) -> Identity {
    let (name, grants) = (local_name(environment), vec![Grant::all()]);
    Identity::new(name, grants, ShownBy::NotAsked)
}

/// The name in histories: `local:` cannot begin a user's name.
pub(super) fn local_name(environment: &Environment) -> String {
    let name = ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(|name| environment.text(name));
    name.map_or_else(
        || format!("local:{}", rustix::process::getuid().as_raw()),
        |name| format!("local:{name}"),
    )
}
