use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use clap::Args;

use super::file::{self, FILE_BYTES_MAX};
use super::quantity::Read;
use super::table::{SETTINGS, Setting, environment_name, nearest_key};
use crate::environment::Environment;
use crate::failure::Failure;

/// The arguments of commands that use the settings.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct SettingsArguments {
    /// Read this configuration file and no other
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Keep database and objects in this directory
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// Listen on this address; may be given several times
    #[arg(long, value_name = "ADDR")]
    listen: Vec<String>,
    /// Set any setting; `plimsoll config show` lists them
    #[arg(long = "set", value_name = "KEY=VALUE")]
    assignments: Vec<String>,
}

/// The value of every setting as it was found, with where it was found: flags win over the environment, that over
/// files, and those over defaults.
#[derive(Clone, Debug)]
pub(crate) struct Layered(BTreeMap<&'static str, (Value, Origin)>);

/// A value as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    One(String),
    Many(Vec<String>),
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    File { path: PathBuf, line: usize },
    Environment(String),
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => f.write_str(name),
            Self::Flag(flag) => f.write_str(flag),
        }
    }
}

impl Layered {
    /// Reads the settings from everywhere, the weakest first.
    pub(crate) fn read(arguments: &SettingsArguments, environment: &Environment) -> Result<Self, Failure> {
        let mut found = Self::defaults();
        for (path, must_exist) in files(arguments, environment) {
            found.add_file(&path, must_exist)?;
        }
        found.add_environment(environment);
        found.add_arguments(arguments)?;
        Ok(found)
    }

    /// Every setting with its value as it may be shown, in the table's order.
    pub(crate) fn shown(&self) -> impl Iterator<Item = (&'static Setting, Vec<String>, &Origin)> {
        SETTINGS.iter().map(|setting| {
            let (value, origin) = &self.0[setting.key];
            (setting, value.items(setting).map(|item| setting.shown(item)).collect(), origin)
        })
    }

    /// Where the value of `key` comes from.
    pub(crate) fn origin(&self, key: &str) -> &Origin {
        &self.0[key].1
    }

    /// The value of `key`, which has one, in its true form.
    pub(super) fn required<T>(&self, key: &'static str, read: fn(&str) -> Read<T>) -> Result<T, Failure> {
        self.optional(key, read)?.ok_or_else(|| {
            Failure::usage(format!("`{key}` has no value"))
                .at(self.origin(key).to_string())
                .help(format!("plimsoll config show --set {key}=VALUE"))
        })
    }

    /// The value of `key`, if it has one, in its true form.
    pub(super) fn optional<T>(
        &self,
        key: &'static str,
        read: fn(&str) -> Read<T>,
    ) -> Result<Option<T>, Failure> {
        let (value, origin) = &self.0[key];
        match value {
            Value::One(text) if text.is_empty() => Ok(None),
            Value::One(text) => read(text).map(Some).map_err(|wanted| misfit(key, text, wanted, origin)),
            Value::Many(_) => Err(misfit(key, "a list", "one value", origin)),
        }
    }

    /// The values of `key`, each in its true form.
    pub(super) fn list<T>(&self, key: &'static str, read: fn(&str) -> Read<T>) -> Result<Vec<T>, Failure> {
        let (value, origin) = &self.0[key];
        let setting = Setting::find(key).expect("keys are those of the table");
        value
            .items(setting)
            .map(|item| read(item).map_err(|wanted| misfit(key, item, wanted, origin)))
            .collect()
    }

    fn defaults() -> Self {
        let default =
            |setting: &Setting| (setting.key, (Value::One(setting.default.to_owned()), Origin::Default));
        Self(SETTINGS.iter().map(default).collect())
    }

    fn add_file(&mut self, path: &Path, must_exist: bool) -> Result<(), Failure> {
        let text = match read_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !must_exist => return Ok(()),
            Err(error) => {
                let failure = Failure::usage("cannot read the configuration file");
                return Err(failure.at(path.display().to_string()).because(&error));
            }
            Ok(text) => text,
        };
        for (setting, value, origin) in file::parse(path, &text)? {
            self.0.insert(setting.key, (value, origin));
        }
        Ok(())
    }

    fn add_environment(&mut self, environment: &Environment) {
        for setting in SETTINGS {
            let name = environment_name(setting.key);
            if let Some(text) = environment.text(&name) {
                self.0.insert(setting.key, (Value::One(text.to_owned()), Origin::Environment(name)));
            }
        }
    }

    fn add_arguments(&mut self, arguments: &SettingsArguments) -> Result<(), Failure> {
        if let Some(directory) = &arguments.data_dir {
            self.add_flag("data_dir", Value::One(directory.clone()), "--data-dir");
        }
        if !arguments.listen.is_empty() {
            self.add_flag("listen", Value::Many(arguments.listen.clone()), "--listen");
        }
        for assignment in &arguments.assignments {
            let (key, value) = assignment.split_once('=').ok_or_else(|| {
                Failure::usage(format!("`--set {assignment}` has no `=`"))
                    .help("plimsoll config show --set gc.grace=1h")
            })?;
            let setting = Setting::find(key).ok_or_else(|| unknown(key))?;
            self.add_flag(setting.key, Value::One(value.to_owned()), "--set");
        }
        Ok(())
    }

    fn add_flag(&mut self, key: &'static str, value: Value, flag: &str) {
        self.0.insert(key, (value, Origin::Flag(flag.to_owned())));
    }
}

impl Value {
    /// The items of a list; a single text holds them with commas between. Other settings are one item.
    fn items(&self, setting: &Setting) -> impl Iterator<Item = &str> {
        let items: Vec<&str> = match self {
            Self::One(text) if setting.is_list => text.split(',').map(str::trim).collect(),
            Self::One(text) => vec![text],
            Self::Many(items) => items.iter().map(String::as_str).collect(),
        };
        items.into_iter().filter(|item| !item.is_empty())
    }
}

/// Variables that look like settings and are none, with the ones that may have been meant. They cannot be refused:
/// Kubernetes sets `PLIMSOLL_PORT` and others by itself for a service of that name.
pub(crate) fn suspicious_variables(environment: &Environment) -> Vec<(String, String)> {
    let known = |name: &str| {
        matches!(name, "PLIMSOLL_CONFIG" | "PLIMSOLL_LOG")
            || SETTINGS.iter().any(|setting| environment_name(setting.key) == name)
    };
    let suspect = |name: &str| {
        let near = SETTINGS
            .iter()
            .map(|setting| environment_name(setting.key))
            .find(|known| strsim::damerau_levenshtein(known, name) <= 2)?;
        Some((name.to_owned(), near))
    };
    environment.names_with("PLIMSOLL_").filter(|name| !known(name)).filter_map(suspect).collect()
}

/// The files to read, the weakest first, and whether each must be there.
fn files(arguments: &SettingsArguments, environment: &Environment) -> Vec<(PathBuf, bool)> {
    if let Some(path) = arguments.config.clone().or_else(|| environment.path("PLIMSOLL_CONFIG")) {
        return vec![(path, true)];
    }
    let of_user = environment.configuration_home().map(|home| home.join("plimsoll/config.yaml"));
    let mut files = vec![(PathBuf::from("/etc/plimsoll/config.yaml"), false)];
    files.extend(of_user.map(|path| (path, false)));
    files.push((PathBuf::from("plimsoll.yaml"), false));
    files
}

fn read_file(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::other(format!("it has more than {FILE_BYTES_MAX} bytes")));
    }
    Ok(text)
}

fn unknown(key: &str) -> Failure {
    let failure = Failure::usage(format!("there is no setting `{key}`"));
    match nearest_key(key) {
        Some(near) => failure.help(format!("did you mean `{near}`?")),
        None => failure.help("plimsoll config show"),
    }
}

/// A value that is not what its key wants. A secret is not repeated.
fn misfit(key: &'static str, value: &str, wanted: &str, origin: &Origin) -> Failure {
    let shown = Setting::find(key).map(|setting| setting.shown(value)).unwrap_or_default();
    Failure::usage(format!("`{key}` is `{shown}`, and should be {wanted}")).at(origin.to_string())
}
