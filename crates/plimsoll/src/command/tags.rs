mod details;
mod history;

use std::sync::Arc;

use clap::Args;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use plimsoll_oci::{Reference, RegistryHost, Tag};
use plimsoll_transport::{Access, Repository, Source as _, WarningCollector};
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;
use crate::terminal::{Column, Page, Report, Table, bytes};
use details::TagDetails;
use history::TagHistory;

/// Tags that are asked about one by one unless the user wants it: registries count and limit such requests.
const DETAILED_TAGS_MAX: usize = 50;

/// Tags that are asked about at the same time.
const PARALLEL_MAX: usize = 8;

/// List the tags of a repository, or how they moved
///
/// Each tag is asked for its digest, size and platform, unless there are more than 50.
#[derive(Debug, Args)]
pub(crate) struct Tags {
    /// The repository: a reference without tag, such as localhost:5000/team/app
    repository: String,
    /// With --history: the moves of this tag only
    #[arg(requires = "history")]
    tag: Option<Tag>,
    /// Show who moved the tags when; Plimsoll's registry keeps that
    #[arg(long)]
    history: bool,
    /// Show the names, and ask for nothing else
    #[arg(long, conflicts_with = "history")]
    names_only: bool,
    /// Ask for each tag, however many there are
    #[arg(long, conflicts_with_all = ["history", "names_only"])]
    details: bool,
    #[command(flatten)]
    registries: RegistryArguments,
}

impl Tags {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let reference = self.read_repository(context)?;
        let warnings = Arc::new(WarningCollector::default());
        let places = self.registries.places(context, warnings.clone())?;
        let repository =
            places.registries.repository(&reference.registry, &reference.repository, &Access::Pull);
        let outcome = if self.history {
            context.block_on(history::read(&repository, self.tag.as_ref())).map(Answer::History)
        } else {
            context.block_on(self.list(&repository)).map(Answer::List)
        };
        for (host, text) in warnings.take() {
            context.terminal().warn(&format!("{host}: {text}"));
        }
        match outcome? {
            Answer::History(history) => context.terminal().print(&history),
            Answer::List(list) => {
                if !list.is_detailed && !self.names_only && !list.tags.is_empty() {
                    let count = list.tags.len();
                    context.terminal().note(&format!("digests of {count} tags are shown with --details"));
                }
                context.terminal().print(&list)
            }
        }
    }

    fn read_repository(&self, context: &mut Context) -> Result<Reference, Failure> {
        let text = &self.repository;
        if names_a_registry(text) {
            let host = text.trim_end_matches('/');
            return Err(Failure::usage(format!("`{text}` names a registry, and not a repository"))
                .help(format!("plimsoll ls {host}")));
        }
        let (reference, filled_in) = Reference::parse_normalized(text).map_err(|error| {
            Failure::usage(format!("`{text}` does not name a repository"))
                .because(&error)
                .help("plimsoll tags localhost:5000/team/app")
        })?;
        if reference.tag.is_some() || reference.digest.is_some() {
            let bare = format!("{}/{}", reference.registry, reference.repository);
            return Err(Failure::usage(format!("`{text}` names an image, and not a repository"))
                .help(format!("plimsoll tags {bare}")));
        }
        if filled_in {
            context.terminal().note(&format!("`{text}` is read as `{reference}`"));
        }
        Ok(reference)
    }

    async fn list(&self, repository: &Repository) -> Result<TagList, Failure> {
        let (evidence_tags, names): (Vec<Tag>, Vec<Tag>) =
            repository.tags().await?.into_iter().partition(Tag::is_evidence);
        let is_detailed = self.details || !self.names_only && names.len() <= DETAILED_TAGS_MAX;
        let tags = if is_detailed {
            let one = |name: Tag| details::read(repository, name);
            stream::iter(names).map(one).buffered(PARALLEL_MAX).try_collect().await?
        } else {
            names.into_iter().map(TagDetails::name_only).collect()
        };
        Ok(TagList {
            api_version: "plimsoll/v1",
            kind: "TagList",
            repository: repository.place(),
            tags,
            evidence_tags,
            is_detailed,
        })
    }
}

/// Whether a text is a host alone. One without a dot may also be an image with its tag, as in `debian:12`.
fn names_a_registry(text: &str) -> bool {
    let host = text.trim_end_matches('/');
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let is_address = name == "localhost" || name.starts_with('[') || name.contains('.');
    is_address && !host.contains('/') && host.parse::<RegistryHost>().is_ok()
}

/// The line that stands for the `sha256-…` tags: they are long, and few people ask for them.
fn hidden_evidence(count: usize, word: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("and {count} {word}{plural} of evidence, shown with -o wide")
}

enum Answer {
    History(TagHistory),
    List(TagList),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TagList {
    api_version: &'static str,
    kind: &'static str,
    repository: String,
    tags: Vec<TagDetails>,
    /// The `sha256-…` tags: they are no images of their own.
    evidence_tags: Vec<Tag>,
    #[serde(skip)]
    is_detailed: bool,
}

impl Report for TagList {
    fn draw(&self, page: &mut Page) {
        if self.tags.is_empty() {
            page.line("no tags");
        } else if self.is_detailed {
            self.draw_details(page);
        } else {
            let mut table = Table::new(&[Column::Left("TAG")]);
            self.tags.iter().for_each(|tag| table.row([tag.name.as_str()]));
            page.table(&table);
        }
        self.draw_evidence(page);
    }
}

impl TagList {
    fn draw_details(&self, page: &mut Page) {
        let mut table = Table::new(&[
            Column::Left("TAG"),
            Column::Left("DIGEST"),
            Column::Right("SIZE"),
            Column::Left("PLATFORM"),
        ]);
        for tag in &self.tags {
            let digest = tag.digest.map_or_else(
                || "-".to_owned(),
                |digest| if page.is_wide() { digest.to_string() } else { digest.short() },
            );
            let size = tag.size_bytes.map_or_else(|| "-".to_owned(), bytes);
            table.row([tag.name.to_string(), digest, size, tag.describe_content()]);
        }
        page.table(&table);
    }

    fn draw_evidence(&self, page: &mut Page) {
        if page.is_wide() {
            for tag in &self.evidence_tags {
                page.line(tag.as_str());
            }
        } else if !self.evidence_tags.is_empty() {
            page.line(&hidden_evidence(self.evidence_tags.len(), "tag"));
        }
    }
}
