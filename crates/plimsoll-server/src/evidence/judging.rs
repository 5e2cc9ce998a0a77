//! What evidence proves, by the trust of the moment: signatures are judged when somebody asks.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};
use plimsoll_attest::{EvidenceLayer, Fact, LOG_PROOFS_BYTES_MAX, LogProofs, Statement, Trust};
use plimsoll_oci::{Descriptor, Digest, Manifest, RepositoryName};
use plimsoll_store::catalogue::NotedFact;

use super::reading::{Blob, ReadError, parse};
use crate::storage::Storage;

/// Facts about one image that are looked at.
const FACTS_MAX: usize = 2000;

/// Largest piece of evidence that is judged for a question of many; `plimsoll verify` reads larger ones.
const BYTES_MAX: u64 = 16 << 20;

/// Most documents with proofs of logs that are read.
const PROOF_DOCUMENTS_MAX: usize = 16;

/// How many pieces are read at the same time.
const AT_A_TIME: usize = 4;

/// A fact that is noted, and what it proves.
pub(super) struct Testified {
    pub(super) noted: NotedFact,
    pub(super) outcome: Outcome,
}

/// What a fact proves.
pub(super) enum Outcome {
    /// This: somebody who may say so has signed it.
    Proven(Box<Fact>),
    /// Nothing, for this reason; what it says all the same, if that can be read.
    Refused(String, Option<Box<Statement>>),
}

impl Testified {
    /// What is said, whoever says it.
    pub(super) fn statement(&self) -> Option<&Statement> {
        match &self.outcome {
            Outcome::Proven(fact) => Some(fact.statement()),
            Outcome::Refused(_, statement) => statement.as_deref(),
        }
    }

    /// Why nothing is proven.
    pub(super) fn reason(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Proven(_) => None,
            Outcome::Refused(why, _) => Some(why),
        }
    }

    /// What is proven.
    pub(super) fn fact(&self) -> Option<&Fact> {
        match &self.outcome {
            Outcome::Proven(fact) => Some(fact),
            Outcome::Refused(..) => None,
        }
    }
}

/// Whose word counts, and when.
#[derive(Clone, Copy)]
pub(super) struct Judge<'a> {
    pub(super) storage: &'a Storage,
    pub(super) trust: &'a Trust,
    pub(super) now: jiff::Timestamp,
}

impl Judge<'_> {
    /// The facts about an image in a repository of the kinds that are wanted, judged.
    pub(super) async fn facts(
        &self,
        repository: &RepositoryName,
        image: Digest,
        is_wanted: impl Fn(&NotedFact) -> bool,
    ) -> Result<Vec<Testified>, ReadError> {
        let noted = self.storage.catalogue().facts_about(repository, image, FACTS_MAX).await?;
        let wanted = noted.into_iter().filter(is_wanted);
        let proofs = &self.proofs(repository, image).await?;
        let judging = wanted.map(|noted| self.judge(noted, image, proofs));
        let mut judging = stream::iter(judging).buffered(AT_A_TIME);
        let mut judged = Vec::new();
        while let Some(one) = judging.next().await {
            judged.push(one?);
        }
        Ok(judged)
    }

    /// The proofs that are attached to an image: of what others have signed, they tell when a log held it.
    async fn proofs(&self, repository: &RepositoryName, image: Digest) -> Result<LogProofs, ReadError> {
        let mut proofs = LogProofs::default();
        if self.trust.logs().is_empty() {
            return Ok(proofs);
        }
        let catalogue = self.storage.catalogue();
        let kind = Some(LogProofs::MEDIA_TYPE);
        let holding = catalogue.list_referrers(repository, image, kind, None, PROOF_DOCUMENTS_MAX).await?;
        for stored in holding {
            let Some(Manifest::Image(image)) = parse(&stored.bytes, &stored.media_type) else { continue };
            let is_one = |layer: &&Descriptor| layer.media_type.as_str() == LogProofs::MEDIA_TYPE;
            for layer in image.layers.iter().filter(is_one).take(PROOF_DOCUMENTS_MAX) {
                if let Blob::Bytes(bytes) = self.storage.blob(layer.digest, LOG_PROOFS_BYTES_MAX).await? {
                    // What holds no proofs proves nothing.
                    let _ = proofs.add(&bytes);
                }
            }
        }
        Ok(proofs)
    }

    async fn judge(
        &self,
        noted: NotedFact,
        image: Digest,
        proofs: &LogProofs,
    ) -> Result<Testified, ReadError> {
        let refused = |why: String| Outcome::Refused(why, None);
        let outcome = match (&noted.fact.problem, noted.fact.is_signed) {
            (Some(problem), _) => refused(problem.clone()),
            (None, true) => self.verify(&noted, image, proofs).await?,
            (None, false) => self.claim(&noted).await?,
        };
        Ok(Testified { noted, outcome })
    }

    async fn verify(
        &self,
        noted: &NotedFact,
        image: Digest,
        proofs: &LogProofs,
    ) -> Result<Outcome, ReadError> {
        let Some(Layer { media_type, annotations, bytes, refers_to }) = self.layer(noted).await? else {
            let why = format!("its bytes are not in the registry, or more than {} MiB", BYTES_MAX >> 20);
            return Ok(Outcome::Refused(why, None));
        };
        let layer = EvidenceLayer {
            media_type: &media_type,
            annotations: &annotations,
            bytes: &bytes,
            witnessed_at: proofs.logged_at(&noted.manifest, refers_to.as_ref(), self.trust),
        };
        Ok(match layer.verify(&image, self.trust, self.now) {
            Ok(fact) => Outcome::Proven(Box::new(fact)),
            Err(refusal) => {
                let said = layer.read_unverified().ok().map(|read| Box::new(read.statement));
                Outcome::Refused(refusal.to_string(), said)
            }
        })
    }

    async fn claim(&self, noted: &NotedFact) -> Result<Outcome, ReadError> {
        let said = self.layer(noted).await?.and_then(|layer| Statement::parse(&layer.bytes).ok());
        Ok(Outcome::Refused("nobody has signed it".to_owned(), said.map(Box::new)))
    }

    /// The layer as its manifest describes it. Annotations hold the signature in cosign's older form.
    async fn layer(&self, noted: &NotedFact) -> Result<Option<Layer>, ReadError> {
        let Some(stored) = self.storage.catalogue().manifest_anywhere(noted.manifest).await? else {
            return Ok(None);
        };
        let Some(Manifest::Image(image)) = parse(&stored.bytes, &stored.media_type) else { return Ok(None) };
        let part = usize::try_from(noted.fact.part).unwrap_or(usize::MAX);
        let Some(layer) = image.layers.into_iter().nth(part) else { return Ok(None) };
        match self.storage.blob(layer.digest, BYTES_MAX).await? {
            Blob::Bytes(bytes) if Digest::of(layer.digest.algorithm(), &bytes) == layer.digest => {
                let (media_type, annotations) = (layer.media_type.as_str().to_owned(), layer.annotations);
                Ok(Some(Layer { media_type, annotations, bytes, refers_to: stored.subject }))
            }
            Blob::Bytes(_) | Blob::TooLarge(_) | Blob::Missing => Ok(None),
        }
    }
}

/// A layer of a manifest with evidence.
struct Layer {
    media_type: String,
    annotations: BTreeMap<String, String>,
    bytes: Vec<u8>,
    /// What the manifest names as its subject.
    refers_to: Option<Digest>,
}
