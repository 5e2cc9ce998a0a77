use plimsoll_oci::{Digest, Tag};
use serde::Deserialize;

use super::connection::Call;
use super::repository::Repository;
use crate::TransportError;

/// Largest history that is read.
const HISTORY_BYTES_MAX: usize = 32 * 1024 * 1024;

/// One move of a tag.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TagMove {
    /// The tag.
    pub tag: Tag,
    /// Where it pointed before; nowhere when it was new.
    pub previous: Option<Digest>,
    /// Where it points since; nowhere when it was removed.
    pub digest: Option<Digest>,
    /// When, in milliseconds since 1970 (UTC).
    pub moved_at_unix_ms: i64,
    /// Who moved it, where the registry knows.
    pub moved_by: Option<String>,
}

#[derive(Deserialize)]
struct HistoryDocument {
    moves: Vec<TagMove>,
}

impl Repository {
    /// How tags moved, the newest first: of one tag or of all. It is an extension of Plimsoll's; a registry that does
    /// not have it gives `None`.
    pub async fn tag_history(&self, tag: Option<&Tag>) -> Result<Option<Vec<TagMove>>, TransportError> {
        let mut url = self.url("_plimsoll/tags/history")?;
        if let Some(tag) = tag {
            url.query_pairs_mut().append_pair("tag", tag.as_str());
        }
        let call = Call::get(format!("read the history of tags in {}", self.full_name()), url);
        let response = self.connection().send(&call).await?;
        match response.status().as_u16() {
            200 => {
                let body = self.connection().read_body(&call.operation, response, HISTORY_BYTES_MAX).await?;
                parse(&call.operation, &body).map(Some)
            }
            // Each registry has its own way to refuse an address that it does not know. If it lists the tags of the
            // repository, then it was only this that it did not know.
            400 | 404..=406 | 501 => self.connection().tags(self.name()).await.map(|_| None),
            _ => self.connection().expect(&call, response, &[200]).await.map(|_| None),
        }
    }
}

fn parse(operation: &str, body: &[u8]) -> Result<Vec<TagMove>, TransportError> {
    let parsed: Result<HistoryDocument, _> = serde_json::from_slice(body);
    parsed.map(|document| document.moves).map_err(|error| TransportError::Protocol {
        operation: operation.to_owned(),
        problem: format!("the answer is not a history: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_tag_has_no_previous_and_a_removed_one_no_digest() {
        let digest = Digest::sha256_of(b"a");
        let body = format!(
            r#"{{"name":"app","moves":[
                {{"tag":"1","previous":"{digest}","digest":null,"movedAtUnixMs":2,"movedBy":"ana"}},
                {{"tag":"1","previous":null,"digest":"{digest}","movedAtUnixMs":1,"movedBy":null}}]}}"#
        );
        let moves = parse("read", body.as_bytes()).unwrap();
        assert_eq!((moves[0].digest, moves[0].moved_by.as_deref()), (None, Some("ana")));
        assert_eq!((moves[1].previous, moves[1].digest), (None, Some(digest)));
        assert!(parse("read", b"{}").is_err());
    }
}
