//! `COPY` and `ADD` of a stage.

use std::sync::Arc;

use plimsoll_dockerfile::Document;
use plimsoll_dockerfile::ignore::IgnoreFile;
use plimsoll_dockerfile::instruction::{Heredoc, Instruction, Keyword};

use super::Stage;
use crate::BuildError;
use crate::assemble::CopySource;
use crate::copy::permissions::Permissions;
use crate::copy::{Copy, collect, collect_unpacked};
use crate::files::spool::{self, SpoolWriter};
use crate::files::{Contents, Item};

/// The options that are understood.
const FLAGS: [&str; 9] =
    ["from", "chown", "chmod", "link", "parents", "exclude", "unpack", "keep-git-dir", "checksum"];

impl Stage<'_> {
    pub(super) fn copy(&mut self, instruction: &Instruction, document: &Document) -> Result<(), BuildError> {
        if let Some(unknown) = instruction.flags.iter().find(|flag| !FLAGS.contains(&flag.name.as_str())) {
            return Err(BuildError::wrong(format!("--{} is not understood", unknown.name)));
        }
        let copy = self.read(instruction, document)?;
        let told = told(instruction, &copy);
        self.assembly.watch.step(&told);
        let (items, contents) = self.collect(instruction, &copy)?;
        self.push_layer(&format!("{told} # buildkit"), &items, &contents)
    }

    fn read(&mut self, instruction: &Instruction, document: &Document) -> Result<Copy, BuildError> {
        let mut words = Vec::new();
        for word in instruction.words() {
            words.push(self.variables.expand(&word.text)?);
        }
        let destination = words.pop().ok_or_else(|| BuildError::wrong("it names no destination"))?;
        let is_text = |word: &String| word.starts_with("<<");
        let mut texts = Vec::new();
        for heredoc in &instruction.heredocs {
            texts.push((heredoc.delimiter.clone(), self.text_of(heredoc, document)?));
        }
        words.retain(|word| !is_text(word));
        let mut exclude = String::new();
        for flag in instruction.flags("exclude") {
            exclude.push_str(&self.variables.expand(flag.value.as_deref().unwrap_or_default())?);
            exclude.push('\n');
        }
        let expand = |name: &str| instruction.flag(name).map(|text| self.variables.expand(text)).transpose();
        let (chown, chmod) = (expand("chown")?, expand("chmod")?);
        Ok(Copy {
            sources: words,
            texts,
            destination,
            working_directory: self.image.config.text("WorkingDir").to_owned(),
            owner: chown.map(|text| self.owner(&text)).transpose()?,
            permissions: chmod.map(|text| Permissions::parse(&text)).transpose()?,
            exclude: IgnoreFile::parse(exclude.as_bytes())
                .map_err(|error| BuildError::wrong(format!("--exclude: {error}")))?,
            keeps_parents: instruction.is_on("parents"),
            is_linked: instruction.is_on("link"),
        })
    }

    /// The lines of a here-document.
    fn text_of(&self, heredoc: &Heredoc, document: &Document) -> Result<Arc<[u8]>, BuildError> {
        let mut text = document.text(heredoc.body).into_owned();
        if heredoc.strips_tabs {
            text = text.split_inclusive('\n').map(|line| line.trim_start_matches('\t')).collect();
        }
        if heredoc.is_expanded {
            text = self.variables.expand_text(&text)?;
        }
        Ok(Arc::from(text.into_bytes()))
    }

    fn collect(
        &mut self,
        instruction: &Instruction,
        copy: &Copy,
    ) -> Result<(Vec<Item>, Contents), BuildError> {
        self.tree()?;
        let stage = self.tree.as_ref().ok_or_else(|| BuildError::wrong("the image has no files"))?;
        let unpacks = instruction.is(Keyword::Add) && instruction.flag("unpack") != Some("false");
        match self.assembly.copy_source(instruction)? {
            CopySource::Local(local) if unpacks => {
                let mut spool = SpoolWriter::new(&self.assembly.store)?;
                let items = collect_unpacked(copy, &local, stage, &mut spool)?;
                let failed = |source| BuildError::Content { path: "the spool".to_owned(), source };
                Ok((items, Contents { local: Some(local), spool: Some(spool.finish().map_err(failed)?) }))
            }
            CopySource::Local(local) => {
                let items = collect(copy, &*local, stage)?;
                Ok((items, Contents { local: Some(local), spool: None }))
            }
            CopySource::Image { tree, layers } => {
                let mut items = collect(copy, &*tree, stage)?;
                let spool = spool::fetch(&mut items, &layers, &self.assembly.store)?;
                Ok((items, Contents { local: None, spool }))
            }
        }
    }
}

/// The instruction as the history tells it.
fn told(instruction: &Instruction, copy: &Copy) -> String {
    let mut told = instruction.keyword.map_or("COPY", Keyword::name).to_owned();
    for name in ["chown", "chmod"] {
        if let Some(value) = instruction.flag(name) {
            told.push_str(&format!(" --{name}={value}"));
        }
    }
    let texts = copy.texts.iter().map(|(name, _)| format!("<<{name}"));
    for source in texts.chain(copy.sources.iter().cloned()).chain([copy.destination.clone()]) {
        told.push(' ');
        told.push_str(&source);
    }
    told
}
