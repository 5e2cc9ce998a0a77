//! One stage without commands: its instructions, carried out one after the other upon its base.

mod copying;
mod settings;
mod told;
mod variables;

use std::sync::Arc;

use plimsoll_dockerfile::instruction::{Instruction, Keyword};
use plimsoll_image::LayerListing;
use serde_json::json;

use self::variables::Variables;
use crate::BuildError;
use crate::assemble::Assembly;
use crate::base;
use crate::config::Config;
use crate::copy::owner::{Accounts, Owner};
use crate::files::layered::LayeredTree;
use crate::files::{Content, Contents, Files as _, Item, cleaned, join, resolve, spool};
use crate::layer::{Layer, listing_of, write_layer};
use crate::plan::first_line;
use crate::store::Store;

/// Largest list of users or groups that is read.
const ACCOUNTS_BYTES_MAX: u64 = 4 << 20;

/// An image as it is while stages are built on it.
#[derive(Clone, Debug)]
pub(crate) struct StageImage {
    pub(crate) config: Config,
    pub(crate) layers: Vec<StageLayer>,
}

/// A layer, with what it holds once somebody asked.
#[derive(Clone, Debug)]
pub(crate) struct StageLayer {
    pub(crate) layer: Layer,
    pub(crate) listing: Option<Arc<LayerListing>>,
}

impl StageImage {
    /// The files of the image.
    pub(crate) fn tree(&mut self, name: &str, store: &Store) -> Result<LayeredTree, BuildError> {
        let mut listings = Vec::with_capacity(self.layers.len());
        for layer in &mut self.layers {
            let listing = match &layer.listing {
                Some(listing) => Arc::clone(listing),
                None => Arc::new(base::list(&layer.layer, store)?),
            };
            layer.listing = Some(Arc::clone(&listing));
            listings.push(listing);
        }
        Ok(LayeredTree::of(name.to_owned(), listings.iter().map(|listing| &**listing)))
    }

    pub(crate) fn layers(&self) -> Vec<Layer> {
        self.layers.iter().map(|layer| layer.layer.clone()).collect()
    }
}

/// A stage that is being built.
pub(crate) struct Stage<'a> {
    assembly: &'a mut Assembly,
    image: StageImage,
    variables: Variables,
    /// The files of the image, as long as no layer came after they were merged.
    tree: Option<LayeredTree>,
    /// Whether this stage has said what is run: `ENTRYPOINT` then leaves it.
    has_command: bool,
}

impl<'a> Stage<'a> {
    pub(crate) fn on(image: StageImage, assembly: &'a mut Assembly) -> Self {
        let escape = assembly.plan.document.escape();
        let variables = Variables::of(&image.config, escape);
        Self { assembly, image, variables, tree: None, has_command: false }
    }

    /// Carries out what the base left to be done.
    pub(crate) fn triggers(&mut self) -> Result<(), BuildError> {
        let triggers = self.image.config.list("OnBuild");
        self.image.config.unset("OnBuild");
        for trigger in triggers {
            let document = plimsoll_dockerfile::parse(trigger.as_str());
            let unusable = |what: &str| {
                BuildError::wrong(format!("the base asks to `ONBUILD {}`: {what}", first_line(&trigger)))
            };
            if let Some(error) = document.errors().first() {
                return Err(unusable(&error.message));
            }
            for instruction in document.instructions() {
                let is_allowed =
                    !matches!(instruction.keyword, Some(Keyword::From | Keyword::Onbuild) | None);
                if !is_allowed {
                    return Err(unusable("that may not be asked"));
                }
                self.instruction(instruction, &document)?;
            }
        }
        Ok(())
    }

    /// Carries out an instruction.
    pub(crate) fn instruction(
        &mut self,
        instruction: &Instruction,
        document: &plimsoll_dockerfile::Document,
    ) -> Result<(), BuildError> {
        let Some(keyword) = instruction.keyword else {
            return Err(BuildError::wrong("there is no such instruction"));
        };
        match keyword {
            Keyword::Add | Keyword::Copy => self.copy(instruction, document),
            Keyword::Workdir => self.working_directory(instruction),
            Keyword::Run | Keyword::From => {
                Err(BuildError::wrong(format!("{} is not for the assembler", keyword.name())))
            }
            _ => self.setting(keyword, instruction, document),
        }
    }

    pub(crate) fn finish(self) -> StageImage {
        self.image
    }

    fn step(&mut self, told: &str, layer: Option<&Layer>) {
        let created = self.assembly.created.clone();
        self.image.config.step(told, &created, layer.map(|layer| &layer.diff_id));
    }

    /// Writes a layer and puts it upon the image; without items there is none.
    fn push_layer(&mut self, told: &str, items: &[Item], contents: &Contents) -> Result<(), BuildError> {
        if items.is_empty() {
            self.step(told, None);
            return Ok(());
        }
        let layer = write_layer(items, contents, self.assembly.settings, &self.assembly.store)?;
        let listing = Some(Arc::new(listing_of(items, &layer)?));
        self.step(told, Some(&layer));
        self.image.layers.push(StageLayer { layer, listing });
        self.tree = None;
        Ok(())
    }

    /// The files of the image as they are now.
    fn tree(&mut self) -> Result<&LayeredTree, BuildError> {
        if self.tree.is_none() {
            self.tree = Some(self.image.tree("the image", &self.assembly.store)?);
        }
        self.tree.as_ref().ok_or_else(|| BuildError::wrong("the image has no files"))
    }

    /// Sets where commands start, and makes the directory if it is not there.
    fn working_directory(&mut self, instruction: &Instruction) -> Result<(), BuildError> {
        let text = instruction.words().iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
        let text = self.variables.expand(&text)?;
        let before = self.image.config.text("WorkingDir").to_owned();
        let path = if text.starts_with('/') { text } else { format!("{before}/{text}") };
        let path = cleaned(path.as_bytes());
        let shown = format!("/{}", String::from_utf8_lossy(&path));
        self.image.config.set("WorkingDir", json!(shown));
        let owner = match self.image.config.text("User").to_owned() {
            user if user.is_empty() || path.is_empty() => Owner::default(),
            user => self.owner(&user)?,
        };
        let items = self.missing_directories(&path, owner)?;
        self.push_layer(&format!("WORKDIR {shown}"), &items, &Contents::default())
    }

    fn missing_directories(&mut self, path: &[u8], owner: Owner) -> Result<Vec<Item>, BuildError> {
        let tree = self.tree()?;
        let real = resolve(tree, path, true)?;
        let mut items = Vec::new();
        let mut directory = Vec::new();
        for name in crate::files::components(&real) {
            directory = join(&directory, name);
            match tree.look(&directory)?.map(|entry| entry.kind) {
                None => items.push(Item {
                    path: directory.clone(),
                    kind: plimsoll_image::Kind::Directory,
                    mode: 0o755,
                    uid: owner.uid,
                    gid: owner.gid,
                    ..Item::default()
                }),
                Some(plimsoll_image::Kind::Directory) => {}
                Some(_) => {
                    let shown = String::from_utf8_lossy(&directory).into_owned();
                    return Err(BuildError::wrong(format!("`/{shown}` is a file in the image")));
                }
            }
        }
        Ok(items)
    }

    /// Who is meant by the words of `--chown` and `USER`.
    fn owner(&mut self, text: &str) -> Result<Owner, BuildError> {
        self.tree()?;
        let tree = self.tree.as_ref().ok_or_else(|| BuildError::wrong("the image has no files"))?;
        let lists = Lists { tree, layers: self.image.layers(), store: &self.assembly.store };
        Owner::parse(text, &lists)
    }
}

/// The lists of users and groups in an image.
struct Lists<'s> {
    tree: &'s LayeredTree,
    layers: Vec<Layer>,
    store: &'s Store,
}

impl Lists<'_> {
    fn read(&self, path: &[u8]) -> Result<Option<String>, BuildError> {
        let real = resolve(self.tree, path, true)?;
        let Some(entry) = self.tree.look(&real)? else { return Ok(None) };
        if entry.size_bytes > ACCOUNTS_BYTES_MAX || !matches!(entry.content, Content::Layer { .. }) {
            let shown = String::from_utf8_lossy(path).into_owned();
            return Err(BuildError::wrong(format!(
                "`/{shown}` of the image is no file of at most {ACCOUNTS_BYTES_MAX} bytes"
            )));
        }
        let mut items = [Item { size_bytes: entry.size_bytes, content: entry.content, ..Item::default() }];
        let contents = Contents { spool: spool::fetch(&mut items, &self.layers, self.store)?, local: None };
        let mut text = Vec::new();
        for item in &items {
            let read = contents
                .open(item)
                .and_then(|mut content| std::io::Read::read_to_end(&mut content, &mut text));
            read.map_err(|source| BuildError::Content {
                path: String::from_utf8_lossy(path).into_owned(),
                source,
            })?;
        }
        Ok(Some(String::from_utf8_lossy(&text).into_owned()))
    }
}

impl Accounts for Lists<'_> {
    fn users(&self) -> Result<Option<String>, BuildError> {
        self.read(b"etc/passwd")
    }

    fn groups(&self) -> Result<Option<String>, BuildError> {
        self.read(b"etc/group")
    }
}
