use jiff::Timestamp;
use plimsoll_oci::{Digest, Tag};
use plimsoll_transport::{Repository, Source as _, TagMove};
use serde::Serialize;

use super::hidden_evidence;
use crate::failure::Failure;
use crate::terminal::{Column, Page, Report, Table};

/// How the tags of a repository moved, the newest move first.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TagHistory {
    api_version: &'static str,
    kind: &'static str,
    repository: String,
    moves: Vec<Move>,
    #[serde(skip)]
    is_of_one_tag: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Move {
    tag: Tag,
    moved_at: Option<Timestamp>,
    previous: Option<Digest>,
    digest: Option<Digest>,
    moved_by: Option<String>,
}

/// Asks the registry; one that keeps no history could not be evaluated.
pub(super) async fn read(repository: &Repository, tag: Option<&Tag>) -> Result<TagHistory, Failure> {
    let moves = repository.tag_history(tag).await?.ok_or_else(|| {
        Failure::not_evaluated("this registry keeps no history of tags")
            .at(repository.place())
            .help(format!("plimsoll tags {}", repository.place()))
    })?;
    if moves.is_empty() {
        // No moves, or no repository: only the list of tags tells which.
        repository.tags().await?;
    }
    Ok(TagHistory {
        api_version: "plimsoll/v1",
        kind: "TagHistory",
        repository: repository.place(),
        moves: moves.into_iter().map(Move::from).collect(),
        is_of_one_tag: tag.is_some(),
    })
}

impl From<TagMove> for Move {
    fn from(one: TagMove) -> Self {
        Self {
            tag: one.tag,
            moved_at: Timestamp::from_millisecond(one.moved_at_unix_ms).ok(),
            previous: one.previous,
            digest: one.digest,
            moved_by: one.moved_by,
        }
    }
}

impl Report for TagHistory {
    fn draw(&self, page: &mut Page) {
        if self.moves.is_empty() {
            return page.line("no moves");
        }
        let is_wide = page.is_wide();
        let is_shown = |one: &&Move| is_wide || self.is_of_one_tag || !one.tag.is_evidence();
        let shown: Vec<&Move> = self.moves.iter().filter(is_shown).collect();
        let mut table = Table::new(&[
            Column::Left("MOVED AT (UTC)"),
            Column::Left("TAG"),
            Column::Left("FROM"),
            Column::Left("TO"),
            Column::Left("BY"),
        ]);
        shown.iter().for_each(|one| table.row(one.cells(is_wide)));
        page.table(&table);
        if self.moves.len() > shown.len() {
            page.line(&hidden_evidence(self.moves.len() - shown.len(), "move"));
        }
    }
}

impl Move {
    fn cells(&self, is_wide: bool) -> [String; 5] {
        let place = |digest: Option<Digest>, nowhere: &str| match digest {
            Some(digest) if is_wide => digest.to_string(),
            Some(digest) => digest.short(),
            None => nowhere.to_owned(),
        };
        let time = |time: Timestamp| time.strftime("%Y-%m-%d %H:%M:%S").to_string();
        [
            self.moved_at.map_or_else(|| "?".to_owned(), time),
            self.tag.to_string(),
            place(self.previous, "new"),
            place(self.digest, "removed"),
            self.moved_by.clone().unwrap_or_else(|| "-".to_owned()),
        ]
    }
}
