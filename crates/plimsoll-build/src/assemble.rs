//! The whole of a build: what is needed is fetched, commands are handed to buildah, and the rest is assembled.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use plimsoll_dockerfile::expand::Variables as _;
use plimsoll_dockerfile::graph::{BuildChoice, Scope};
use plimsoll_dockerfile::instruction::Instruction;
use plimsoll_oci::{Descriptor, Digest, ImageConfig, Manifest, MediaType};
use plimsoll_transport::{ImageName, LayoutSink, Places};
use serde_json::json;

use crate::base;
use crate::buildah::Delegated;
use crate::config::Config;
use crate::files::layered::LayeredTree;
use crate::files::local::LocalTree;
use crate::layer::{Layer, LayerSettings};
use crate::plan::{Origin, Plan, is_command};
use crate::stage::{Stage, StageImage};
use crate::store::Store;
use crate::{BaseUsed, BuildError, BuildRequest, Built, NamedContext, Watch};

/// Largest manifest that is read back.
const MANIFEST_BYTES_MAX: usize = 5 << 20;

/// Builds an image. It is then in the store, whole, and under no name.
pub async fn build(
    request: BuildRequest,
    places: &Places,
    watch: Arc<dyn Watch>,
) -> Result<Built, BuildError> {
    let plan = Plan::of(&request)?;
    let no_store = |source| BuildError::Image {
        operation: "keep",
        image: format!("oci:{}", request.store.display()),
        source: Box::new(source),
    };
    LayoutSink::open(&request.store).await.map_err(no_store)?;
    let store = Arc::new(Store::open(&request.store)?);
    let fetched = fetch_all(&plan, &request, places, &store, watch.as_ref()).await?;
    let delegated = delegated(&plan, &request, &fetched.images)?;
    let here = plan.needed(&delegated, &request);
    let mut stages = BTreeMap::new();
    let mut builder = None;
    let mut made = None;
    for index in here.iter().filter(|index| delegated.contains(index)) {
        let order = Delegated { plan: &plan, request: &request, stage: *index, bases: &fetched.manifests };
        let done = order.build(&store, watch.as_ref()).await?;
        builder = Some(done.builder);
        stages.insert(*index, base::open(&done.manifest, &store).await?);
        made = (*index == plan.target).then_some(done.manifest).or(made);
    }
    let directory = request.store.clone();
    let bases = fetched.bases;
    let is_assembled = made.is_none();
    let manifest = match made {
        Some(manifest) => manifest,
        None => {
            let pending = here.difference(&delegated).copied().collect();
            let assembly = Assembly::new(request, plan, Arc::clone(&store), watch, fetched.images, stages)?;
            let worker = tokio::task::spawn_blocking(move || assembly.run(pending));
            worker.await.map_err(|error| BuildError::wrong(format!("the assembler ended: {error}")))??
        }
    };
    let config = config_of(&manifest, &store)?;
    Ok(Built { manifest, config, store: directory, bases, is_assembled, builder, lock: store })
}

fn config_of(manifest: &Descriptor, store: &Store) -> Result<Digest, BuildError> {
    let bytes = store.read_blob(manifest, MANIFEST_BYTES_MAX)?;
    match Manifest::parse(&bytes, Some(&manifest.media_type)) {
        Ok((Manifest::Image(image), _)) => Ok(image.config.digest),
        _ => Err(BuildError::wrong(format!("`{}` is no image", manifest.digest))),
    }
}

/// The images from elsewhere.
struct Fetched {
    images: BTreeMap<String, StageImage>,
    manifests: BTreeMap<String, Descriptor>,
    bases: Vec<BaseUsed>,
}

async fn fetch_all(
    plan: &Plan,
    request: &BuildRequest,
    places: &Places,
    store: &Arc<Store>,
    watch: &dyn Watch,
) -> Result<Fetched, BuildError> {
    let mut fetched = Fetched { images: BTreeMap::new(), manifests: BTreeMap::new(), bases: Vec::new() };
    for index in plan.needed(&BTreeSet::new(), request) {
        let stage = plan.stage(index)?;
        for origin in plan.needs(stage, request) {
            let Origin::Image(name) = origin else { continue };
            if fetched.images.contains_key(&name) {
                continue;
            }
            let at = |error| plan.at(stage.instructions.start, request, error);
            let place = place_of(&name, request).map_err(at)?;
            watch.step(&format!("FETCH {place}"));
            let manifest =
                base::fetch(&place, &request.platform, places, store.directory()).await.map_err(at)?;
            let image = base::open(&manifest, store).await.map_err(at)?;
            fetched.bases.push(BaseUsed {
                written: name.clone(),
                name: place.to_string(),
                digest: manifest.digest,
            });
            fetched.images.insert(name.clone(), image);
            fetched.manifests.insert(name, manifest);
        }
    }
    Ok(fetched)
}

/// Where an image is that the Dockerfile names.
fn place_of(name: &str, request: &BuildRequest) -> Result<ImageName, BuildError> {
    if let Some(NamedContext::Image(place)) = request.contexts.get(name) {
        return Ok(place.clone());
    }
    let reference = plimsoll_oci::Reference::parse_normalized(name);
    let unnamed = |error| BuildError::wrong(format!("`{name}` names no stage and no image: {error}"));
    let (reference, filled_in) = reference.map_err(unnamed)?;
    Ok(ImageName::Registry { reference, filled_in })
}

/// The stages that are handed on: with commands of their own, or with such that their base asks for.
fn delegated(
    plan: &Plan,
    request: &BuildRequest,
    images: &BTreeMap<String, StageImage>,
) -> Result<BTreeSet<usize>, BuildError> {
    let mut delegated = plan.with_commands();
    for (index, stage) in plan.graph.stages.iter().enumerate() {
        let Origin::Image(name) = plan.base(stage, request) else { continue };
        let triggers = images.get(&name).map(|image| image.config.list("OnBuild")).unwrap_or_default();
        let asks = |trigger: &String| {
            plimsoll_dockerfile::parse(trigger.as_str()).instructions().iter().any(is_command)
        };
        if triggers.iter().any(asks) {
            delegated.insert(index);
        }
    }
    Ok(delegated)
}

/// Where a `COPY` takes its files from.
pub(crate) enum CopySource {
    Local(Arc<LocalTree>),
    Image { tree: Arc<LayeredTree>, layers: Vec<Layer> },
}

/// What the stages that are assembled have in common.
pub(crate) struct Assembly {
    request: BuildRequest,
    pub(crate) plan: Arc<Plan>,
    pub(crate) store: Arc<Store>,
    pub(crate) watch: Arc<dyn Watch>,
    pub(crate) settings: LayerSettings,
    /// The time of every step.
    pub(crate) created: String,
    images: BTreeMap<String, StageImage>,
    stages: BTreeMap<usize, StageImage>,
    locals: BTreeMap<Option<String>, Arc<LocalTree>>,
    trees: BTreeMap<Origin, Arc<LayeredTree>>,
    globals: Scope,
}

impl Assembly {
    fn new(
        request: BuildRequest,
        plan: Plan,
        store: Arc<Store>,
        watch: Arc<dyn Watch>,
        images: BTreeMap<String, StageImage>,
        stages: BTreeMap<usize, StageImage>,
    ) -> Result<Self, BuildError> {
        let seconds = i64::try_from(request.time).ok();
        let time = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
        let time =
            time.ok_or_else(|| BuildError::wrong(format!("{} s after 1970 is no time", request.time)))?;
        let globals = Scope::global(
            &plan.document,
            BuildChoice { target: None, arguments: Some(&plan.arguments), is_platform_unknown: false },
        );
        Ok(Self {
            settings: LayerSettings { time: request.time, compression: request.compression },
            created: time.to_string(),
            plan: Arc::new(plan),
            request,
            store,
            watch,
            images,
            stages,
            locals: BTreeMap::new(),
            trees: BTreeMap::new(),
            globals,
        })
    }

    /// Assembles the stages, each after those that it needs, and writes the target's manifest.
    fn run(mut self, mut pending: BTreeSet<usize>) -> Result<Descriptor, BuildError> {
        while !pending.is_empty() {
            let ready = pending.iter().copied().find(|index| self.is_ready(*index));
            let Some(index) = ready else {
                return Err(BuildError::wrong("stages need each other in a circle"));
            };
            let image = self.stage(index)?;
            self.stages.insert(index, image);
            pending.remove(&index);
        }
        let target = self.stages.remove(&self.plan.target);
        let target = target.ok_or_else(|| BuildError::wrong("the target was not built"))?;
        self.write(&target)
    }

    fn is_ready(&self, index: usize) -> bool {
        let needs = self.plan.stage(index).map(|stage| self.plan.needs(stage, &self.request));
        needs.unwrap_or_default().iter().all(|origin| match origin {
            Origin::Stage(needed) => self.stages.contains_key(needed),
            _ => true,
        })
    }

    fn stage(&mut self, index: usize) -> Result<StageImage, BuildError> {
        let plan = Arc::clone(&self.plan);
        let described = plan.stage(index)?;
        let from = described.instructions.start;
        let base = self.base(&plan.base(described, &self.request));
        let base = base.map_err(|error| plan.at(from, &self.request, error))?;
        let mut failed = None;
        let mut stage = Stage::on(base, self);
        match stage.triggers() {
            Err(error) => failed = Some((from, error)),
            Ok(()) => {
                for (at, instruction) in plan.instructions(described) {
                    if let Err(error) = stage.instruction(instruction, &plan.document) {
                        failed = Some((at, error));
                        break;
                    }
                }
            }
        }
        let image = stage.finish();
        match failed {
            Some((at, error)) => Err(plan.at(at, &self.request, error)),
            None => Ok(image),
        }
    }

    fn base(&self, origin: &Origin) -> Result<StageImage, BuildError> {
        let found = match origin {
            Origin::Scratch => {
                return Ok(StageImage {
                    config: Config::of_scratch(&self.request.platform),
                    layers: Vec::new(),
                });
            }
            Origin::Stage(index) => self.stages.get(index),
            Origin::Image(name) => self.images.get(name),
            Origin::Directory(name) => {
                let what = format!("`{name}` is a directory, and no stage can begin with it");
                return Err(BuildError::wrong(what).help("copy from it: COPY --from=NAME"));
            }
        };
        found.cloned().ok_or_else(|| BuildError::wrong("its base is missing"))
    }

    /// The value of an argument from before the first stage, of those that are declared there.
    pub(crate) fn global(&self, name: &str) -> Result<Option<String>, BuildError> {
        Ok(self.globals.value(name).map(str::to_owned))
    }

    /// Where an instruction copies from.
    pub(crate) fn copy_source(&mut self, instruction: &Instruction) -> Result<CopySource, BuildError> {
        let Some(from) = instruction.flag("from") else { return self.local(None).map(CopySource::Local) };
        let origin = self.origin(from);
        match &origin {
            Origin::Directory(name) => self.local(Some(name.clone())).map(CopySource::Local),
            Origin::Scratch => Ok(CopySource::Image {
                tree: Arc::new(LayeredTree::of(from.to_owned(), [])),
                layers: Vec::new(),
            }),
            Origin::Stage(_) | Origin::Image(_) => {
                let store = Arc::clone(&self.store);
                let known = self.trees.get(&origin).cloned();
                let image = match &origin {
                    Origin::Stage(index) => self.stages.get_mut(index),
                    Origin::Image(name) => self.images.get_mut(name),
                    _ => None,
                };
                let image = image
                    .ok_or_else(|| BuildError::wrong(format!("`{from}` names no stage and no image")))?;
                let tree = match known {
                    Some(tree) => tree,
                    None => Arc::new(image.tree(&format!("`{from}`"), &store)?),
                };
                let layers = image.layers();
                self.trees.insert(origin, Arc::clone(&tree));
                Ok(CopySource::Image { tree, layers })
            }
        }
    }

    fn origin(&self, from: &str) -> Origin {
        let name = from.to_lowercase();
        match self.request.contexts.get(from) {
            Some(NamedContext::Directory(_)) => return Origin::Directory(from.to_owned()),
            Some(NamedContext::Image(_)) => return Origin::Image(from.to_owned()),
            None => {}
        }
        let stages = &self.plan.graph.stages;
        let by_name = stages.iter().rposition(|stage| stage.name.as_deref() == Some(&name));
        let by_number = || from.parse().ok().filter(|index| *index < stages.len());
        match by_name.or_else(by_number) {
            Some(index) => Origin::Stage(index),
            None if from == "scratch" => Origin::Scratch,
            None => Origin::Image(from.to_owned()),
        }
    }

    fn local(&mut self, name: Option<String>) -> Result<Arc<LocalTree>, BuildError> {
        if let Some(known) = self.locals.get(&name) {
            return Ok(Arc::clone(known));
        }
        let given = name.as_ref().and_then(|name| self.request.contexts.get(name));
        let opened = match given {
            Some(NamedContext::Directory(directory)) => LocalTree::open_root(directory, Default::default())?,
            _ => LocalTree::open_root(&self.request.context, self.request.ignore.clone())?,
        };
        let opened = Arc::new(opened);
        self.locals.insert(name, Arc::clone(&opened));
        Ok(opened)
    }

    /// Writes config and manifest.
    fn write(&self, image: &StageImage) -> Result<Descriptor, BuildError> {
        let config = image.config.to_bytes(&self.created)?;
        ImageConfig::parse(&config)
            .map_err(|error| BuildError::wrong(format!("the image cannot be: {error}")))?;
        let config = self.store.put_blob(MediaType::IMAGE_CONFIG, &config)?;
        let layers: Vec<Descriptor> = image.layers().into_iter().map(|layer| layer.descriptor).collect();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::IMAGE_MANIFEST,
            "config": config,
            "layers": layers,
        });
        let bytes = manifest.to_string().into_bytes();
        if bytes.len() > MANIFEST_BYTES_MAX {
            return Err(BuildError::wrong("the image has too many layers for a manifest"));
        }
        self.store.put_blob(MediaType::IMAGE_MANIFEST, &bytes)
    }
}
