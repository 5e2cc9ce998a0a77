//! Writing the list of referrers under a tag, where nothing keeps two writers apart.
//!
//! Who reads the list, adds to it and writes it back may overwrite what somebody else wrote in between, and neither
//! notices. So a writer looks again once everybody who had read the old list must be done, and enters itself again until
//! it stands there. It also brings back others whom it saw listed and who vanished.

use std::collections::HashMap;
use std::time::Duration;

use plimsoll_oci::{Descriptor, Digest, Tag, TagOrDigest};
use reqwest::StatusCode;
use reqwest::header::{ETAG, HeaderMap, HeaderName, HeaderValue, IF_MATCH};
use serde_json::Value;
use tokio::time::Instant;

use super::repository::Repository;
use crate::TransportError;
use crate::fallback_list::FallbackList;

/// How often the list is written again because somebody else wrote it at the same moment.
const CONFLICTS_MAX: usize = 5;
/// How often a writer looks again whether it is still listed.
const LOOKS_MAX: u32 = 40;
/// How long others may take from reading the list to writing it, at least.
const SETTLING: Duration = Duration::from_secs(1);
/// The same as a multiple of what it took here: a slow registry is slow for all.
const SETTLING_FACTOR: u32 = 8;
/// Longest time that is waited before a look.
const SETTLING_MAX: Duration = Duration::from_secs(15);

/// What was entered in fallback lists, and has to be looked for again: by subject.
pub(crate) type Entered = HashMap<Digest, Entries>;

/// The entries about one subject.
#[derive(Default)]
pub(crate) struct Entries {
    /// Those of this writer.
    own: Vec<Value>,
    /// Those of others that stood in the list at some time.
    others: Vec<Value>,
    /// When the list was written last, and how long that took from reading it.
    written: Option<(Instant, Duration)>,
}

impl Repository {
    /// Enters a referrer in the list of its subject. It is sure to stay there after [`Self::settle_fallbacks`] only.
    pub(crate) async fn enter_in_fallback(
        &self,
        subject: &Digest,
        entry: &Descriptor,
    ) -> Result<(), TransportError> {
        // Two pushes of this process must not read the same list and each write their own.
        let mut entered = self.entered().lock().await;
        let entries = entered.entry(*subject).or_default();
        entries.own.push(serde_json::to_value(entry).expect("descriptors serialise"));
        self.write_fallback(subject, entries).await.map(drop)
    }

    /// Looks whether everything that was entered is still listed, and enters it again where it is not.
    pub(crate) async fn settle_fallbacks(&self) -> Result<(), TransportError> {
        let mut entered = self.entered().lock().await;
        for (subject, mut entries) in entered.drain() {
            self.settle(&subject, &mut entries).await?;
        }
        Ok(())
    }

    async fn settle(&self, subject: &Digest, entries: &mut Entries) -> Result<(), TransportError> {
        for look in 0..LOOKS_MAX {
            let Some((written, took)) = entries.written else { return Ok(()) };
            let settling = took.saturating_mul(SETTLING_FACTOR).clamp(SETTLING, SETTLING_MAX);
            tokio::time::sleep_until(written + settling + entries.stagger(look)).await;
            if !self.write_fallback(subject, entries).await? {
                return Ok(());
            }
        }
        Err(self.unlisted(subject))
    }

    /// Writes the list if it lacks an entry; the value tells whether it did.
    async fn write_fallback(&self, subject: &Digest, entries: &mut Entries) -> Result<bool, TransportError> {
        let target = TagOrDigest::Tag(Tag::referrers_fallback(subject));
        for _ in 0..CONFLICTS_MAX {
            let began = Instant::now();
            let current = self.find_manifest(&target).await?;
            let list = FallbackList::read(current.as_ref().map(|(list, _)| list))?;
            if list.is_poisoned {
                self.warn_of_poisoned_list(subject);
            }
            entries.note_others(&list);
            let Some(list) = list.with(entries.own.iter().chain(&entries.others)) else { return Ok(false) };
            let condition = current.and_then(|(_, headers)| if_match(&headers));
            let response = self.send_manifest(&list, &target, condition).await?;
            if response.status() != StatusCode::PRECONDITION_FAILED {
                entries.written = Some((Instant::now(), began.elapsed()));
                return Ok(true);
            }
        }
        Err(self.unlisted(subject))
    }

    fn unlisted(&self, subject: &Digest) -> TransportError {
        TransportError::Protocol {
            operation: format!("enter a referrer of {}@{subject}", self.full_name()),
            problem: "others kept changing the list of referrers".to_owned(),
        }
    }
}

impl Entries {
    fn note_others(&mut self, list: &FallbackList) {
        let is_known =
            |entry: &Value, known: &[Value]| known.iter().any(|one| one["digest"] == entry["digest"]);
        for entry in list.entries() {
            if !is_known(entry, &self.own) && !is_known(entry, &self.others) {
                self.others.push(entry.clone());
            }
        }
    }

    /// A pause that differs from writer to writer, so that they do not meet again and again: it follows from the digest
    /// of what is entered.
    fn stagger(&self, look: u32) -> Duration {
        let digest = self.own.first().and_then(|entry| entry["digest"].as_str()).unwrap_or_default();
        let hash = Digest::sha256_of(format!("{digest} {look}").as_bytes());
        let fraction = hash.hash().first().copied().unwrap_or_default();
        Duration::from_millis(u64::from(fraction) * 4 * u64::from(look.min(3)))
    }
}

fn if_match(headers: &HeaderMap) -> Option<(HeaderName, HeaderValue)> {
    headers.get(ETAG).map(|tag| (IF_MATCH, tag.clone()))
}
