mod report;

use std::sync::Arc;
use std::time::Instant;

use clap::{Args, ValueEnum};
use plimsoll_oci::{Digest, Platform};
use plimsoll_transport::{
    CopyOptions, CopyReport, Evidence, ImageName, OpenSource, ParseImageNameError, Places, PlatformSelection,
    Platforms, Progress, Recompressed, Source, Target, TransportError, WarningCollector, copy,
    count_evidence,
};

use crate::context::Context;
use crate::failure::{Failure, Verdict};
use crate::places::{RegistryArguments, say_what_was_filled_in};
use crate::reading::find_image;
use crate::terminal::Step;
use report::Copied;

/// Copy an image between registries, layouts and archives
///
/// What the destination has is not sent again: a copy that broke off is resumed by running it again. With -r
/// everything that refers to the image goes along, and what refers to that.
#[derive(Debug, Args)]
pub(crate) struct Cp {
    /// From: a reference, oci:DIR[:TAG], docker-archive:FILE, rootfs:DIR, docker:REF or podman:REF
    source: String,
    /// To: a reference, oci:DIR[:TAG] or docker-archive:FILE[:REF]
    destination: String,
    #[command(flatten)]
    copying: CopyArguments,
}

/// The arguments of all commands that copy.
#[derive(Clone, Debug, Args)]
pub(crate) struct CopyArguments {
    /// Take along what refers to the image: signatures, SBOMs and attestations
    #[arg(short, long)]
    recursive: bool,
    /// Of an index only this image, such as linux/arm64; given twice, a new index of both is made
    #[arg(long, value_name = "OS/ARCH")]
    platform: Vec<Platform>,
    /// Compress the layers anew: the image has another digest then, which nothing vouches for yet
    #[arg(long, value_name = "HOW", value_enum, conflicts_with = "recursive")]
    compression: Option<NewCompression>,
    /// How many blobs travel at the same time
    #[arg(long, value_name = "COUNT", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    parallel: u8,
    #[command(flatten)]
    registries: RegistryArguments,
}

/// What layers are compressed with anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum NewCompression {
    /// Zstandard, at the level that builders use
    Zstd,
}

impl Cp {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let from = read_name(&self.source, context)?;
        let to = read_name(&self.destination, context)?;
        let with_evidence = format!("plimsoll cp -r {} {}", self.source, self.destination);
        self.copying.copy(&from, &to, &with_evidence, context)
    }
}

/// Reads what the user wrote for an image, and says what was filled in.
pub(super) fn read_name(text: &str, context: &mut Context) -> Result<ImageName, Failure> {
    let name: ImageName = text.parse().map_err(|error: ParseImageNameError| {
        let is_path = ["/", "./", "../", "~"].iter().any(|start| text.starts_with(start));
        let help = if is_path { format!("a layout is written oci:{text}") } else { advice(&error) };
        Failure::usage(format!("`{text}` does not name an image")).because(&error).help(help)
    })?;
    say_what_was_filled_in(&name, text, context);
    Ok(name)
}

fn advice(error: &ParseImageNameError) -> String {
    match error {
        ParseImageNameError::DockerUrl(bare) => format!("write {bare}"),
        _ => "plimsoll cp --help".to_owned(),
    }
}

impl CopyArguments {
    /// Copies, and tells what was done. `with_evidence` is the command that takes the evidence along.
    pub(super) fn copy(
        &self,
        from: &ImageName,
        to: &ImageName,
        with_evidence: &str,
        context: &mut Context,
    ) -> Result<(), Failure> {
        let warnings = Arc::new(WarningCollector::default());
        let places = self.registries.places(context, warnings.clone())?;
        // The result line tells what a line of progress would, so the step is dropped and not done.
        let step = context.terminal().step("copying");
        let started = Instant::now();
        let outcome = context.block_on(self.transfer(&places, from, to, &step));
        let took = started.elapsed();
        drop(step);
        for (host, text) in warnings.take() {
            context.terminal().warn(&format!("{host}: {text}"));
        }
        let transfer = outcome.map_err(say_how_to_resume)?;
        if self.compression.is_some() {
            let digest = transfer.report.root.digest;
            let text = format!("the image is {digest} now: signatures of the other do not vouch for it");
            context.terminal().note(&text);
        }
        self.say_what_stayed(&transfer, to, with_evidence, context);
        context.terminal().print(&Copied::new(from, to, &transfer, took))
    }

    async fn transfer(
        &self,
        places: &Places,
        from: &ImageName,
        to: &ImageName,
        step: &Step,
    ) -> Result<Transfer, Failure> {
        let (open, index) = self.choose_platforms(places.open_source(from).await?).await?;
        let open = self.compress(open, places).await?;
        check_digest(&open, to).await?;
        let sink = places.open_sink(to, Some(from)).await?;
        let options = CopyOptions {
            target: open.target.clone(),
            tag: sink.tag.clone(),
            platforms: Platforms::All,
            evidence: if self.recursive { Evidence::All } else { Evidence::None },
            parallel_blobs: self.parallel.into(),
            progress: Arc::new(ProgressBar(step.clone())),
        };
        let report = copy(open.source.as_ref(), sink.sink.as_ref(), &options).await?;
        let left_behind = if self.recursive {
            Ok(report.evidence_left_behind)
        } else {
            count_about_image(open.source.as_ref(), report.root.digest).await
        };
        let left_with_index = count_evidence(open.source.as_ref(), index.as_slice()).await;
        Ok(Transfer { report, left_behind, left_with_index })
    }

    /// The source with the image that is to be copied: one for the platform, or a new index of those for several.
    /// The digest is that of the index which is not copied itself.
    async fn choose_platforms(&self, open: OpenSource) -> Result<(OpenSource, Option<Digest>), Failure> {
        if self.platform.is_empty() {
            return Ok((open, None));
        }
        let named = open.source.resolve(&open.target).await?.digest;
        let chosen = match self.platform.as_slice() {
            [wanted] => {
                let image = find_image(&open, Some(wanted)).await?;
                OpenSource { target: Target::Digest(image.raw.digest), ..open }
            }
            several => PlatformSelection::of(open, several).await?.open(),
        };
        let is_other = chosen.target != Target::Digest(named);
        Ok((chosen, is_other.then_some(named)))
    }

    /// The source with the layers compressed anew, if that is asked.
    async fn compress(&self, open: OpenSource, places: &Places) -> Result<OpenSource, Failure> {
        match self.compression {
            None => Ok(open),
            Some(NewCompression::Zstd) => Ok(Recompressed::of(open, &places.scratch_directory).await?.open()),
        }
    }

    fn say_what_stayed(
        &self,
        transfer: &Transfer,
        to: &ImageName,
        with_evidence: &str,
        context: &mut Context,
    ) {
        let terminal = context.terminal();
        if let Ok(1..) = transfer.left_with_index {
            terminal.note("what vouches for the whole index was left behind: it does not vouch for a part");
        }
        match &transfer.left_behind {
            Ok(0) => {}
            Ok(count) if self.recursive => {
                terminal.warn(&format!("{} left behind: `{to}` keeps the image alone", referrers(*count)));
            }
            Ok(count) => {
                terminal
                    .note(&format!("{} left behind; take along with: {with_evidence}", referrers(*count)));
            }
            Err(error) => terminal.note(&format!("whether referrers were left behind is not known: {error}")),
        }
    }
}

fn referrers(count: usize) -> String {
    if count == 1 { "1 referrer was".to_owned() } else { format!("{count} referrers were") }
}

/// A destination that is named with a digest can only become what has that digest.
async fn check_digest(open: &OpenSource, to: &ImageName) -> Result<(), Failure> {
    let ImageName::Registry { reference, .. } = to else { return Ok(()) };
    let Some(wanted) = reference.digest else { return Ok(()) };
    let found = open.source.resolve(&open.target).await?.digest;
    if found == wanted {
        return Ok(());
    }
    let what = format!("the image has digest {found}, and cannot be stored as {wanted}");
    Err(Failure::usage(what).at(to.to_string()).help("name the destination with a tag"))
}

fn say_how_to_resume(failure: Failure) -> Failure {
    match failure.verdict {
        Verdict::Interrupted => failure.help("run it again: what has arrived is not sent again"),
        _ => failure,
    }
}

/// How much evidence there is about an image and the images in it.
async fn count_about_image(source: &dyn Source, root: Digest) -> Result<usize, TransportError> {
    let manifest = source.manifest(&root).await?.parse()?;
    let children = manifest.children().iter().map(|child| child.digest);
    let subjects: Vec<Digest> = std::iter::once(root).chain(children).collect();
    count_evidence(source, &subjects).await
}

/// What a copy did.
struct Transfer {
    report: CopyReport,
    /// How much evidence about what was copied is still at the source only.
    left_behind: Result<usize, TransportError>,
    /// How much there is about an index of which a part was copied.
    left_with_index: Result<usize, TransportError>,
}

/// Shows a copy's bytes on the terminal.
pub(super) struct ProgressBar(pub(super) Step);

impl Progress for ProgressBar {
    fn started(&self, total_bytes: u64) {
        self.0.expect(total_bytes);
    }

    fn advanced(&self, bytes: u64) {
        self.0.advance(bytes);
    }

    fn finished(&self) {}
}
