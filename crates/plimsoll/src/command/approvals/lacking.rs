//! The images that do not pass a gate, as their registry keeps track of it.

use plimsoll_oci::{Digest, RegistryHost, RepositoryName, Tag};
use plimsoll_transport::{Insight, Places};
use serde::{Deserialize, Serialize};

use super::places::Scope;
use crate::failure::Failure;
use crate::terminal::{Column, Page, Report, Table};

/// Most images of one answer.
const IMAGES_MAX: usize = 1_000_000;

/// A page as the server answers it, and all of them together.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Lacking {
    api_version: String,
    kind: String,
    gate: String,
    images: Vec<LackingImage>,
    /// Where the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LackingImage {
    repository: RepositoryName,
    tag: Tag,
    digest: Digest,
    /// Whether something happened since it was judged.
    is_waiting: bool,
}

/// Asks the server; `None` if the registry does not keep track of approvals.
pub(super) async fn ask(
    places: &Places,
    host: &RegistryHost,
    gate: &str,
    scope: &Scope,
) -> Result<Option<Lacking>, Failure> {
    let mut all: Option<Lacking> = None;
    loop {
        let last = all.as_ref().and_then(|all| all.last.as_deref());
        let json = match places.registries.lacking(host, gate, last).await? {
            Insight::Document(json) => json,
            Insight::Waiting | Insight::NotServed => return Ok(None),
        };
        let mut page: Lacking = serde_json::from_slice(&json).map_err(|error| {
            let failure = Failure::not_evaluated("the server's answer is not understood");
            failure.because(&error).at(host.to_string())
        })?;
        page.images.retain(|image| scope.holds(&image.repository));
        let page = match all.take() {
            None => page,
            Some(mut all) => {
                all.images.append(&mut page.images);
                Lacking { last: page.last, ..all }
            }
        };
        if page.last.is_none() || page.images.len() >= IMAGES_MAX {
            return Ok(Some(page));
        }
        all = Some(page);
    }
}

impl Report for Lacking {
    fn draw(&self, page: &mut Page) {
        if self.images.is_empty() {
            return page.line(&format!("every image that has to passes {}", self.gate));
        }
        let mut table = Table::new(&[Column::Left("IMAGE"), Column::Left("DIGEST"), Column::Left("STATE")]);
        for image in &self.images {
            let digest = if page.is_wide() { image.digest.to_string() } else { image.digest.short() };
            let state = if image.is_waiting { "is being judged again" } else { "does not pass" };
            table.row([format!("{}:{}", image.repository, image.tag), digest, state.to_owned()]);
        }
        page.table(&table);
    }
}
