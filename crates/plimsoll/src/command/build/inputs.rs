//! From the command line to what is to be built.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use plimsoll_build::{BuildRequest, Buildah, NamedContext};
use plimsoll_dockerfile::ignore::IgnoreFile;
use plimsoll_oci::Platform;
use plimsoll_transport::ImageName;

use super::secrets::Secrets;
use super::{Build, InputArguments};
use crate::command::lint::{self, Dockerfile};
use crate::context::Context;
use crate::environment::Environment;
use crate::failure::Failure;

/// What commands may know of the environment: how to find programs and files, and how to get out.
const VARIABLES: &[&str] = &[
    "PATH",
    "HOME",
    "XDG_RUNTIME_DIR",
    "XDG_DATA_HOME",
    "SSH_AUTH_SOCK",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
];
/// The time of everything in the image (<https://reproducible-builds.org/specs/source-date-epoch>).
const TIME_VARIABLE: &str = "SOURCE_DATE_EPOCH";

/// What is to be built, and what it was read from.
pub(super) struct Inputs {
    pub(super) dockerfile: Dockerfile,
    pub(super) directory: PathBuf,
    pub(super) arguments: BTreeMap<String, String>,
    pub(super) text: Vec<u8>,
    ignore: Option<(PathBuf, IgnoreFile)>,
    /// Kept until the build is over.
    secrets: Secrets,
}

impl Inputs {
    pub(super) fn read(build: &Build, context: &Context) -> Result<Self, Failure> {
        let named = &build.directory;
        if !named.is_dir() {
            return Err(Failure::usage("the context is no directory")
                .at(named.display().to_string())
                .help("plimsoll build DIR"));
        }
        let path = build.inputs.file.as_deref().unwrap_or(named);
        let dockerfile = lint::find_one(path, Some(named))?;
        let ignore = lint::ignore_file(named, &dockerfile.path)?;
        let directory =
            std::path::absolute(named).map_err(|error| crate::advisories::cannot("find", named, &error))?;
        Ok(Self {
            text: dockerfile.read()?,
            dockerfile,
            directory,
            arguments: arguments(&build.inputs.build_args, context.environment()),
            ignore,
            secrets: Secrets::open(&build.inputs.secrets, context)?,
        })
    }

    pub(super) fn request(
        &self,
        build: &InputArguments,
        environment: &Environment,
    ) -> Result<BuildRequest, Failure> {
        let (ignore_file, ignore) = self.ignore.clone().unzip();
        let ignore_file = ignore_file.map(|path| std::path::absolute(&path).unwrap_or(path));
        Ok(BuildRequest {
            name: self.dockerfile.name.clone(),
            dockerfile: self.text.clone(),
            context: self.directory.clone(),
            ignore: ignore.unwrap_or_default(),
            target: build.target.clone(),
            arguments: self.arguments.clone(),
            contexts: contexts(&build.build_contexts)?,
            platform: build.platform.clone().unwrap_or_else(Platform::host),
            compression: build.compression.into(),
            time: self.time(environment)?,
            store: store(build.cache_dir.as_deref(), environment)?,
            buildah: Buildah {
                program: build.buildah.clone(),
                environment: variables(environment),
                ignore_file,
                secrets: self.secrets.files.clone(),
                ssh: build.ssh.clone(),
                no_cache: build.no_cache,
            },
        })
    }

    fn time(&self, environment: &Environment) -> Result<u64, Failure> {
        let given = self.arguments.get(TIME_VARIABLE).map(String::as_str);
        let Some(text) = given.or_else(|| environment.text(TIME_VARIABLE)) else { return Ok(0) };
        let wrong = |_| Failure::usage(format!("{TIME_VARIABLE} is `{text}`, and no number of seconds"));
        text.parse().map_err(wrong)
    }
}

/// The values of arguments; one without a value has that of the environment, if there is one.
fn arguments(given: &[String], environment: &Environment) -> BTreeMap<String, String> {
    let pair = |text: &String| match text.split_once('=') {
        Some((name, value)) => Some((name.to_owned(), value.to_owned())),
        None => Some((text.clone(), environment.text_or_empty(text)?.to_owned())),
    };
    given.iter().filter_map(pair).collect()
}

pub(in crate::command) fn variables(environment: &Environment) -> Vec<(String, String)> {
    let value = |name: &&str| Some(((*name).to_owned(), environment.text(name)?.to_owned()));
    VARIABLES.iter().filter_map(value).collect()
}

pub(in crate::command) fn store(named: Option<&Path>, environment: &Environment) -> Result<PathBuf, Failure> {
    let of_user = || {
        let of_xdg = environment.path("XDG_CACHE_HOME").filter(|path| path.is_absolute());
        Some(of_xdg.or_else(|| Some(environment.path("HOME")?.join(".cache")))?.join("plimsoll/build"))
    };
    let unknown = || {
        Failure::usage("it is not known where to keep what is built: neither HOME nor XDG_CACHE_HOME is set")
            .help("--cache-dir DIR")
    };
    let store = named.map(Path::to_owned).or_else(of_user).ok_or_else(unknown)?;
    std::path::absolute(&store).map_err(|error| crate::advisories::cannot("find", &store, &error))
}

fn contexts(given: &[(String, String)]) -> Result<BTreeMap<String, NamedContext>, Failure> {
    given.iter().map(|(name, place)| Ok((name.clone(), named_context(place)?))).collect()
}

fn named_context(place: &str) -> Result<NamedContext, Failure> {
    let image = place
        .strip_prefix("docker-image://")
        .or_else(|| place.strip_prefix("container-image://"))
        .map(str::to_owned);
    let image = image.or_else(|| place.strip_prefix("oci-layout://").map(|rest| format!("oci:{rest}")));
    if let Some(image) = image {
        let wrong = |error| Failure::usage(format!("`{place}` does not name an image")).because(&error);
        return image.parse::<ImageName>().map(NamedContext::Image).map_err(wrong);
    }
    if place.contains("://") {
        return Err(Failure::usage(format!("`{place}` is fetched by nobody here"))
            .help("fetch it first, and name the directory"));
    }
    let path = PathBuf::from(place);
    match std::path::absolute(&path) {
        Ok(directory) if directory.is_dir() => Ok(NamedContext::Directory(directory)),
        _ => Err(Failure::usage("there is no such directory")
            .at(place)
            .help("an image is written docker-image://REF")),
    }
}
