use percent_encoding::percent_decode_str;
use plimsoll_oci::Digest;
use plimsoll_store::Timestamp;
use plimsoll_store::catalogue::LackingRun;

use super::super::error::ErrorResponse;
use super::{LackingOf, LackingQuestion, Page};
use crate::EventsPage;
use crate::list::PAGE_MAX;

/// Most events that are looked at for one answer: each may list many images.
pub(super) const EVENTS_MAX: usize = 200;

/// Longest id of a vulnerability or package URL that is looked for.
const ASKED_BYTES_MAX: usize = 1024;

/// The parameters after the question mark.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(text: &str) -> Result<Self, ErrorResponse> {
        let decode = |part: &str| {
            let plain = part.replace('+', "%20");
            let decoded = percent_decode_str(&plain).decode_utf8().map(|text| text.into_owned());
            decoded.map_err(|_| ErrorResponse::query_invalid())
        };
        // A plus sign in an artifact type such as `application/spdx+json` is written as itself by many clients.
        let decode_value = |part: &str| {
            let decoded = percent_decode_str(part).decode_utf8().map(|text| text.into_owned());
            decoded.map_err(|_| ErrorResponse::query_invalid())
        };
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode_value(value)?))
        });
        pairs.collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn all<'q>(&'q self, name: &'q str) -> impl Iterator<Item = &'q str> {
        self.0.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn first(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn page(&self) -> Result<Page, ErrorResponse> {
        let limit = match self.first("n") {
            Some(text) => text.parse().map_err(|_| ErrorResponse::page_invalid())?,
            None => PAGE_MAX,
        };
        Ok(Page { limit, last: self.first("last").map(str::to_owned) })
    }

    pub(super) fn lacking(&self, gate: &str) -> Result<LackingQuestion, ErrorResponse> {
        let last = self.first("last");
        let of = match self.first("running") {
            Some("true") => LackingOf::Runs(last.map(run).transpose()?),
            Some(_) => return Err(ErrorResponse::query_invalid()),
            None => LackingOf::Tags(last.map(tagged).transpose()?),
        };
        Ok(LackingQuestion { gate: gate.to_owned(), of, limit: self.page()?.limit })
    }

    /// What is looked for: a vulnerability, or a component.
    pub(super) fn asked(&self) -> Result<String, ErrorResponse> {
        let asked = self.first("vulnerability").or_else(|| self.first("component"));
        let is_fit = |text: &&str| !text.is_empty() && text.len() <= ASKED_BYTES_MAX;
        asked.filter(is_fit).map(str::to_owned).ok_or_else(ErrorResponse::question_missing)
    }

    /// The fact that a page begins behind: `after=<digest>.<part>`.
    pub(super) fn fact(&self) -> Result<Option<(Digest, u32)>, ErrorResponse> {
        let Some(after) = self.first("after") else { return Ok(None) };
        let (manifest, part) = after.rsplit_once('.').ok_or_else(ErrorResponse::page_invalid)?;
        let manifest = manifest.parse().map_err(|_| ErrorResponse::page_invalid())?;
        let part = part.parse().map_err(|_| ErrorResponse::page_invalid())?;
        Ok(Some((manifest, part)))
    }

    pub(super) fn events_page(&self) -> Result<EventsPage, ErrorResponse> {
        let limit = self.page()?.limit.min(EVENTS_MAX);
        let number = |name| self.first(name).map_or(Ok(0), str::parse);
        let after = number("after").map_err(|_| ErrorResponse::event_number_invalid())?;
        let since = number("since").map_err(|_| ErrorResponse::event_number_invalid())?;
        Ok(EventsPage { after, since: Timestamp::from_unix_ms(since), limit })
    }
}

/// `REPOSITORY:TAG`.
fn tagged(last: &str) -> Result<(String, String), ErrorResponse> {
    let (repository, tag) = last.rsplit_once(':').ok_or_else(ErrorResponse::page_invalid)?;
    Ok((repository.to_owned(), tag.to_owned()))
}

/// `REPOSITORY@DIGEST@MILLISECONDS@PLACE`.
fn run(last: &str) -> Result<LackingRun, ErrorResponse> {
    let mut parts = last.splitn(4, '@');
    let (Some(repository), Some(image), Some(begun_at), Some(place)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(ErrorResponse::page_invalid());
    };
    Ok(LackingRun {
        repository: repository.parse().map_err(|_| ErrorResponse::page_invalid())?,
        image: image.parse().map_err(|_| ErrorResponse::page_invalid())?,
        place: place.to_owned(),
        begun_at: Timestamp::from_unix_ms(begun_at.parse().map_err(|_| ErrorResponse::page_invalid())?),
    })
}
