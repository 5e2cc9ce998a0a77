use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use plimsoll_build::{BuildError, BuildRequest, Buildah, Built, Compression, NamedContext, Watch, build};
use plimsoll_dockerfile::ignore::IgnoreFile;
use plimsoll_image::{FileTree, Found, Kind, LayerListing, LayerWalk, Limits, read_layer};
use plimsoll_oci::{Digest, ImageConfig, Manifest, Platform};
use plimsoll_transport::{
    CredentialFiles, CredentialHelper, HelperFailure, HelperReply, HelperVerb, Keychain, NoWarnings, Places,
    PlainHttp, RegistryClient, RegistryOptions, RetryPolicy,
};
use tempfile::TempDir;

/// A context, a store, and how to build with them.
pub(crate) struct Workshop {
    directory: TempDir,
    pub(crate) request: Box<dyn Fn(&mut BuildRequest)>,
}

/// What was said while it was built.
#[derive(Default)]
pub(crate) struct Said(Mutex<Vec<String>>);

impl Watch for Said {
    fn step(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }

    fn line(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

impl Said {
    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap().join("\n")
    }
}

impl Workshop {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("context")).unwrap();
        Self { directory, request: Box::new(|_| ()) }
    }

    pub(crate) fn context(&self) -> PathBuf {
        self.directory.path().join("context")
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.directory.path().join("store")
    }

    pub(crate) fn file(&self, path: &str, content: &[u8]) -> PathBuf {
        let path = self.context().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn request(&self, dockerfile: &str) -> BuildRequest {
        let mut request = BuildRequest {
            name: "Dockerfile".to_owned(),
            dockerfile: dockerfile.as_bytes().to_vec(),
            context: self.context(),
            ignore: IgnoreFile::default(),
            target: None,
            arguments: BTreeMap::new(),
            contexts: BTreeMap::new(),
            platform: Platform::host(),
            compression: Compression::Gzip,
            time: 0,
            store: self.store(),
            buildah: Buildah {
                program: "buildah".into(),
                environment: [("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("HOME", "/root")]
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .into(),
                ..Buildah::default()
            },
        };
        (self.request)(&mut request);
        request
    }

    pub(crate) fn build(&self, dockerfile: &str) -> Image {
        self.try_build(dockerfile).unwrap_or_else(|error| panic!("{}", told(&error)))
    }

    pub(crate) fn refuse(&self, dockerfile: &str) -> String {
        match self.try_build(dockerfile) {
            Ok(_) => panic!("it was built"),
            Err(error) => told(&error),
        }
    }

    pub(crate) fn try_build(&self, dockerfile: &str) -> Result<Image, BuildError> {
        self.build_watched(dockerfile, &Arc::new(Said::default()))
    }

    pub(crate) fn build_watched(&self, dockerfile: &str, said: &Arc<Said>) -> Result<Image, BuildError> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let said: Arc<dyn Watch> = Arc::clone(said) as _;
        let built =
            runtime.block_on(build(self.request(dockerfile), &places(self.directory.path()), said))?;
        Ok(Image::of(built))
    }
}

/// An error with all its causes, as people read it.
pub(crate) fn told(error: &BuildError) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(error) = next {
        text.push_str(&format!(": {error}"));
        next = error.source();
    }
    if let BuildError::Builder { output, .. } = error {
        text.push_str(&format!("\n{}", output.join("\n")));
    }
    text
}

/// An image that was built, with all its layers read.
pub(crate) struct Image {
    built: Option<Built>,
    store: PathBuf,
    pub(crate) digest: Digest,
    pub(crate) manifest: plimsoll_oci::ImageManifest,
    pub(crate) config: ImageConfig,
    pub(crate) config_text: String,
    layers: Vec<LayerListing>,
}

impl Image {
    fn of(built: Built) -> Self {
        let read = Self::read(&built.store, &built.manifest);
        Self { built: Some(built), ..read }
    }

    /// The only image of a layout.
    pub(crate) fn of_layout(layout: &Path) -> Self {
        let bytes = std::fs::read(layout.join("index.json")).unwrap();
        let Manifest::Index(index) = Manifest::parse(&bytes, None).unwrap().0 else { panic!("no index") };
        Self::read(layout, &index.manifests[0])
    }

    fn read(store: &Path, described: &plimsoll_oci::Descriptor) -> Self {
        let read = |digest: &Digest| std::fs::read(blob(store, digest)).unwrap();
        let bytes = read(&described.digest);
        let Manifest::Image(manifest) = Manifest::parse(&bytes, Some(&described.media_type)).unwrap().0
        else {
            panic!("an index")
        };
        let config_text = String::from_utf8(read(&manifest.config.digest)).unwrap();
        let config = ImageConfig::parse(config_text.as_bytes()).unwrap();
        let list = |descriptor: &plimsoll_oci::Descriptor| {
            let file = std::fs::File::open(blob(store, &descriptor.digest)).unwrap();
            let listing = read_layer(file, Default::default(), &Limits::default()).unwrap();
            assert_eq!(listing.measures.digest, descriptor.digest);
            listing
        };
        let layers: Vec<LayerListing> = manifest.layers.iter().map(list).collect();
        let diff_ids: Vec<_> = layers.iter().map(|layer| layer.measures.diff_id).collect();
        assert_eq!(config.rootfs.diff_ids, diff_ids);
        assert_eq!(config.layer_history().count(), layers.len());
        let (digest, store) = (described.digest, store.to_owned());
        Self { digest, store, built: None, manifest, config, config_text, layers }
    }

    pub(crate) fn store(&self) -> &Path {
        &self.store
    }

    /// How it was built.
    pub(crate) fn built(&self) -> &Built {
        self.built.as_ref().unwrap()
    }

    /// Every path with its kind, mode and owner, such as `f 644 0:0 etc/passwd`.
    pub(crate) fn files(&self) -> Vec<String> {
        let tree = FileTree::merge(&self.layers);
        let line = |node: plimsoll_image::Node<'_>| {
            let kind = match node.entry.kind {
                Kind::Directory => 'd',
                Kind::Symlink => 'l',
                Kind::HardLink => 'h',
                _ => 'f',
            };
            let link = String::from_utf8_lossy(node.entry.link);
            let arrow = if link.is_empty() { String::new() } else { format!(" -> {link}") };
            let path = String::from_utf8_lossy(node.path);
            format!("{kind} {:o} {}:{} {path}{arrow}", node.entry.mode, node.entry.uid, node.entry.gid)
        };
        tree.nodes().map(line).collect()
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        let tree = FileTree::merge(&self.layers);
        tree.nodes().map(|node| String::from_utf8_lossy(node.path).into_owned()).collect()
    }

    /// The content of a file in the topmost layer that holds it.
    pub(crate) fn content(&self, path: &str) -> String {
        for layer in self.manifest.layers.iter().rev() {
            let file = std::fs::File::open(blob(&self.store, &layer.digest)).unwrap();
            let limits = Limits::default();
            let mut walk = LayerWalk::new(file, Default::default(), &limits).unwrap();
            while let Some(found) = walk.next().unwrap() {
                let Found::Entry(entry) = found else { continue };
                if entry.path == path.as_bytes() {
                    let mut text = String::new();
                    walk.content().read_to_string(&mut text).unwrap();
                    return text;
                }
            }
        }
        panic!("no layer holds {path}");
    }

    pub(crate) fn history(&self) -> Vec<String> {
        let line = |step: &plimsoll_oci::History| {
            let mark = if step.empty_layer { "-" } else { "+" };
            format!("{mark} {}", step.created_by.clone().unwrap_or_default())
        };
        self.config.history.iter().map(line).collect()
    }
}

pub(crate) fn blob(store: &Path, digest: &Digest) -> PathBuf {
    store.join("blobs/sha256").join(digest.encoded())
}

/// Names an image that was built, as another build's base.
pub(crate) fn as_base(image: &Image) -> NamedContext {
    let name = format!("oci:{}@{}", image.store().display(), image.digest);
    NamedContext::Image(name.parse().unwrap())
}

struct NoHelpers;

impl CredentialHelper for NoHelpers {
    fn run<'a>(
        &'a self,
        program: &'a str,
        _: HelperVerb,
        _: &'a [u8],
    ) -> Pin<Box<dyn Future<Output = Result<HelperReply, HelperFailure>> + Send + 'a>> {
        panic!("the credential helper {program} is asked")
    }
}

fn places(scratch: &Path) -> Places {
    let options = RegistryOptions {
        plain_http: PlainHttp::Loopback,
        ca_pem: None,
        insecure_skip_verify: false,
        user_agent: "plimsoll/test".to_owned(),
        connect_timeout: Duration::from_secs(5),
        stall_timeout: Duration::from_secs(10),
        retry: RetryPolicy { attempts: 1, first_pause: Duration::from_millis(10) },
        warnings: Arc::new(NoWarnings),
    };
    let files = CredentialFiles { docker_config: None, podman_auth: Vec::new() };
    Places {
        registries: RegistryClient::new(options, Keychain::new(files, Arc::new(NoHelpers))).unwrap(),
        docker_socket: "/nonexistent".into(),
        podman_sockets: Vec::new(),
        scratch_directory: scratch.to_owned(),
        root_fs_platform: Platform::host(),
    }
}
