//! Stages that run commands: buildah builds them as a child, and hands them over as an OCI layout.

mod child;
mod rewrite;
mod version;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use plimsoll_oci::{Descriptor, Manifest, MediaType};

use self::child::Child;
use self::version::Version;
use crate::plan::{Origin, Plan};
use crate::store::{Store, make_layout};
use crate::{BuildError, BuildRequest, NamedContext, Watch};

/// Largest `index.json` of a hand-over.
const INDEX_BYTES_MAX: u64 = 1 << 20;

/// Runs another program once, in the same manner.
pub(crate) async fn run_alone(program: &Buildah, what: &str, arguments: &[String]) -> Result<(), BuildError> {
    let temporary = tempfile::tempdir().map_err(|source| BuildError::Io {
        operation: "create a directory in",
        path: "/tmp".into(),
        source,
    })?;
    Child::in_directory(program, temporary.path()).run(what, arguments, None).await.map(drop)
}

/// Who runs commands, and what is given to them.
#[derive(Clone, Debug, Default)]
pub struct Buildah {
    /// The program, such as `buildah`; it is looked for in `PATH`.
    pub program: PathBuf,
    /// The variables that it sees, and no others.
    pub environment: Vec<(String, String)>,
    /// The ignore file that it reads for the context.
    pub ignore_file: Option<PathBuf>,
    /// Secrets that commands may mount.
    pub secrets: Vec<SecretFile>,
    /// Agents and keys that commands may mount, as `--ssh` names them.
    pub ssh: Vec<String>,
    /// Whether commands run again whose results are known.
    pub no_cache: bool,
}

/// A secret in a file.
#[derive(Clone)]
pub struct SecretFile {
    /// Its name in the Dockerfile.
    pub id: String,
    /// The file.
    pub path: PathBuf,
    /// What is in it, so that it can be left out of what is shown.
    pub value: String,
}

impl std::fmt::Debug for SecretFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretFile").field("id", &self.id).field("path", &self.path).finish_non_exhaustive()
    }
}

/// A stage that buildah is to build.
pub(crate) struct Delegated<'d> {
    pub(crate) plan: &'d Plan,
    pub(crate) request: &'d BuildRequest,
    pub(crate) stage: usize,
    /// The manifests of the images from elsewhere, by their names in the Dockerfile.
    pub(crate) bases: &'d BTreeMap<String, Descriptor>,
}

/// A stage that was built.
pub(crate) struct Done {
    pub(crate) manifest: Descriptor,
    /// Who built it.
    pub(crate) builder: String,
}

impl Delegated<'_> {
    /// Builds the stage, with all that it needs. What is in the store then is its image.
    pub(crate) async fn build(&self, store: &Store, watch: &dyn Watch) -> Result<Done, BuildError> {
        let work = store.scratch_directory()?;
        let version = Version::ask(&self.request.buildah, store, work.path()).await?;
        let child = Child::with_storage(&self.request.buildah, store, work.path()).await?;
        let ids = self.hand_in(&child, store, work.path(), watch).await?;
        let text = rewrite::rewritten(self, &ids, &version)?;
        let file = work.path().join("Dockerfile");
        write(&file, text.as_bytes())?;
        watch.step(&format!("BUILDAH {}", self.name()));
        let id_file = work.path().join("id");
        let arguments = self.arguments(&file, &id_file, &version);
        child.run(&format!("build {} with buildah", self.name()), &arguments, Some(watch)).await?;
        let id = read(&id_file)?.trim().to_owned();
        let manifest = self.take_over(&child, &id, store, work.path()).await?;
        Ok(Done { manifest, builder: format!("buildah {version}") })
    }

    fn name(&self) -> String {
        let stage = self.plan.graph.stages.get(self.stage);
        match stage.and_then(|stage| stage.name.as_deref()) {
            Some(name) => format!("stage `{name}`"),
            None => format!("stage {}", self.stage),
        }
    }

    /// Gives buildah the images that the stage needs, so that it fetches nothing itself; and tells their ids there.
    async fn hand_in(
        &self,
        child: &Child<'_>,
        store: &Store,
        work: &Path,
        watch: &dyn Watch,
    ) -> Result<BTreeMap<String, String>, BuildError> {
        let mut ids = BTreeMap::new();
        for name in self.images()? {
            let Some(manifest) = self.bases.get(&name) else { continue };
            // Old versions make an image's name of the path, and want it in small letters.
            let layout = format!("base-{}", manifest.digest.encoded());
            make_layout(&work.join(&layout), manifest, store)?;
            let from = format!("oci:{layout}");
            let output = child
                .run(&format!("hand `{name}` to buildah"), &["pull".into(), "--quiet".into(), from], None)
                .await?;
            let id = output.lines().last().unwrap_or_default().trim().to_owned();
            watch.line(&format!("{name} is {id}"));
            ids.insert(name, id);
        }
        Ok(ids)
    }

    /// The images from elsewhere that the stage needs, also through other stages.
    fn images(&self) -> Result<Vec<String>, BuildError> {
        let mut names = Vec::new();
        for index in self.stages() {
            for origin in self.plan.needs(self.plan.stage(index)?, self.request) {
                if let Origin::Image(name) = origin {
                    names.push(name);
                }
            }
        }
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// The stages that this one needs, and itself.
    fn stages(&self) -> Vec<usize> {
        let mut found = Vec::new();
        let mut open = vec![self.stage];
        while let Some(index) = open.pop() {
            if found.contains(&index) {
                continue;
            }
            found.push(index);
            let Some(stage) = self.plan.graph.stages.get(index) else { continue };
            open.extend(self.plan.needs(stage, self.request).into_iter().filter_map(|origin| match origin {
                Origin::Stage(index) => Some(index),
                _ => None,
            }));
        }
        found
    }

    fn arguments(&self, file: &Path, id_file: &Path, version: &Version) -> Vec<String> {
        let request = self.request;
        let mut arguments: Vec<String> =
            ["build", "--isolation", "chroot", "--layers", "--pull-never", "--format", "oci"]
                .map(str::to_owned)
                .into();
        let mut add = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
        for limit in child::limits().filter(|_| version.raises_limits()) {
            add("--ulimit", limit);
        }
        for (name, value) in &request.arguments {
            add("--build-arg", format!("{name}={value}"));
        }
        for secret in &request.buildah.secrets {
            add("--secret", format!("id={},src={}", secret.id, secret.path.display()));
        }
        for ssh in &request.buildah.ssh {
            add("--ssh", ssh.clone());
        }
        for (name, context) in &request.contexts {
            if let NamedContext::Directory(directory) = context {
                add("--build-context", format!("{name}={}", directory.display()));
            }
        }
        if request.platform != plimsoll_oci::Platform::host() {
            add("--platform", request.platform.to_string());
        }
        if let Some(ignore_file) = &request.buildah.ignore_file {
            add("--ignorefile", ignore_file.display().to_string());
        }
        if version.has_source_date_epoch() {
            add("--source-date-epoch", request.time.to_string());
            arguments.push("--rewrite-timestamp".to_owned());
        }
        if request.buildah.no_cache {
            arguments.push("--no-cache".to_owned());
        }
        let file = file.display().to_string();
        let id_file = id_file.display().to_string();
        let context = request.context.display().to_string();
        arguments.extend(["--iidfile".to_owned(), id_file, "--file".to_owned(), file, context]);
        arguments
    }

    /// Takes the image over into the store. One that feeds another stage only is not compressed on its way.
    async fn take_over(
        &self,
        child: &Child<'_>,
        id: &str,
        store: &Store,
        work: &Path,
    ) -> Result<Descriptor, BuildError> {
        let layout = work.join("made");
        let mut arguments = vec!["push".to_owned(), "--quiet".to_owned()];
        if self.stage != self.plan.target {
            arguments.push("--disable-compression".to_owned());
        }
        arguments.extend([id.to_owned(), format!("oci:{}", layout.display())]);
        child.run("take the image over from buildah", &arguments, None).await?;
        let manifest = sole_manifest(&layout)?;
        store.adopt(&layout.join("blobs/sha256"))?;
        Ok(manifest)
    }
}

/// The only image of a layout.
fn sole_manifest(layout: &Path) -> Result<Descriptor, BuildError> {
    let text = read(&layout.join("index.json"))?;
    let unusable = || BuildError::wrong("buildah handed over no image");
    match Manifest::parse(text.as_bytes(), Some(&MediaType::IMAGE_INDEX)) {
        Ok((Manifest::Index(index), _)) => index.manifests.into_iter().next().ok_or_else(unusable),
        _ => Err(unusable()),
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    std::fs::write(path, bytes).map_err(|source| BuildError::Io {
        operation: "write",
        path: path.to_owned(),
        source,
    })
}

fn read(path: &Path) -> Result<String, BuildError> {
    use std::io::Read as _;
    let mut text = String::new();
    let file = std::fs::File::open(path);
    let read = file.and_then(|file| file.take(INDEX_BYTES_MAX).read_to_string(&mut text));
    read.map(|_| text).map_err(|source| BuildError::Io { operation: "read", path: path.to_owned(), source })
}
