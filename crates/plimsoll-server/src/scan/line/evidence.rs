//! What is said about the images of a line: how they were built, and that they were approved.
//!
//! What somebody has signed whom the project trusts goes before what anybody else says, and every clock tells which it is.
//! What contradicts the registry itself, such as a build that ended after its image was pushed, is left out.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use plimsoll_attest::{
    Approval, Bundle, Decision, IN_TOTO, Material, Policy, PolicyDocument, PredicateType, Provenance,
    Statement, Trust, verify_bundle,
};
use plimsoll_index::lineage::{Clock, Origin, Source, is_lock_file};
use plimsoll_oci::{Descriptor, Digest, Manifest, RepositoryName};
use plimsoll_store::CatalogueError;
use plimsoll_store::catalogue::{HeldEvidence, Project};

use super::{Member, moment};
use crate::clock::now;
use crate::scan::Scanner;

/// Manifests with statements that are looked at, the oldest.
const EVIDENCE_MAX: usize = 50_000;

/// Bytes of a bundle that is read. A scan or an SBOM may be larger, and tells nothing of a build.
const BUNDLE_BYTES_MAX: u64 = 4 << 20;

/// Bundles that are read at a time.
const AT_A_TIME: usize = 16;

/// Statements that are kept at hand; then all are forgotten and read again.
const SAID_MAX: usize = 100_000;

/// What clients write beside a bundle. It only tells which bundles are worth being read.
const PREDICATE_TYPE: &str = "dev.sigstore.bundle.predicateType";

/// What statements say, by their bundles and the policy that they were judged by. A bundle never changes.
pub(in crate::scan) type AtHand = HashMap<(Digest, Option<Digest>), Arc<Word>>;

/// What one statement says, and whether somebody has signed it whom the project trusts.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::scan) struct Word {
    said: Said,
    is_verified: bool,
}

/// Whom a repository's project trusts.
struct Judge {
    policy: Digest,
    trust: Trust,
}

/// What one statement says, as far as a line needs it.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::scan) enum Said {
    /// How an image was built.
    Build(Box<Built>),
    /// That it is approved.
    Approved,
    /// Something else.
    Other,
}

/// How an image was built.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::scan) struct Built {
    finished: Option<jiff::Timestamp>,
    origin: Origin,
    /// The images that `FROM` names.
    bases: Option<String>,
}

/// A statement about a member.
pub(super) struct Statements {
    /// Which say that a member is approved: the member, the evidence, and when the registry got it.
    pub(super) approvals: Vec<(Digest, Clock)>,
}

impl Scanner {
    /// Reads what is said about the members, and takes it in.
    pub(super) async fn take_in_evidence(
        &self,
        repository: &RepositoryName,
        members: &mut [Member],
    ) -> Result<Statements, CatalogueError> {
        let catalogue = self.parts.storage.catalogue();
        let evidence = catalogue.evidence_of_repository(repository, Bundle::MEDIA_TYPE, EVIDENCE_MAX).await?;
        let places: HashMap<Digest, usize> =
            members.iter().enumerate().map(|(place, member)| (member.digest, place)).collect();
        let about = evidence.into_iter().filter(|evidence| places.contains_key(&evidence.subject));
        let judge = self.judge_of(repository).await?;
        let judge = judge.as_ref();
        let reading = stream::iter(about).map(|evidence| async move {
            let word = self.word_of(&evidence, judge).await?;
            Ok::<_, CatalogueError>((evidence, word))
        });
        let mut words: Vec<(HeldEvidence, Arc<Word>)> = reading.buffered(AT_A_TIME).try_collect().await?;
        words.sort_by_key(|(evidence, word)| (!word.is_verified, evidence.pushed_at));
        let mut statements = Statements { approvals: Vec::new() };
        for (evidence, word) in words {
            let source = Source::Evidence { digest: evidence.digest, is_verified: word.is_verified };
            let member = places.get(&evidence.subject).and_then(|place| members.get_mut(*place));
            match (&word.said, member) {
                // The first word counts: whoever comes later may have reasons to say otherwise.
                (Said::Build(built), Some(member)) if member.origin.is_none() => {
                    member.take_in(built, source);
                }
                (Said::Approved, Some(_)) => {
                    let clock = Clock { at: moment(evidence.pushed_at), source };
                    statements.approvals.push((evidence.subject, clock));
                }
                _ => {}
            }
        }
        Ok(statements)
    }

    /// Whom the project trusts that has rules for a repository.
    async fn judge_of(&self, repository: &RepositoryName) -> Result<Option<Judge>, CatalogueError> {
        let projects = self.parts.storage.catalogue().list_projects().await?;
        let Some(project) = Project::governing(&projects, repository) else { return Ok(None) };
        let document: Option<PolicyDocument> = serde_json::from_str(&project.policy).ok();
        let policy = document.and_then(|document| Policy::try_from(&document).ok());
        Ok(policy.map(|policy| Judge { policy: project.policy_digest(), trust: policy.trust }))
    }

    async fn word_of(
        &self,
        evidence: &HeldEvidence,
        judge: Option<&Judge>,
    ) -> Result<Arc<Word>, CatalogueError> {
        let nothing = || Arc::new(Word { said: Said::Other, is_verified: false });
        let Some(layer) = bundle_of(evidence) else { return Ok(nothing()) };
        let name = (layer.digest, judge.map(|judge| judge.policy));
        let at_hand = || self.parts.said.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(word) = at_hand().get(&name) {
            return Ok(word.clone());
        }
        let found = self.parts.storage.catalogue().blob_anywhere(layer.digest).await?;
        let Some((key, size)) = found.filter(|(_, size)| *size <= BUNDLE_BYTES_MAX) else {
            return Ok(nothing());
        };
        // Storage that fails now may be well another time, and then tells more.
        let Ok(bytes) = self.parts.storage.read_whole(key, size).await else { return Ok(nothing()) };
        let said = Said::read(&bytes, &evidence.subject);
        let is_verified = said != Said::Other
            && judge.is_some_and(|judge| {
                verify_bundle(&bytes, &evidence.subject, &judge.trust, moment(now())).is_ok()
            });
        let word = Arc::new(Word { said, is_verified });
        let mut words = at_hand();
        if words.len() >= SAID_MAX {
            words.clear();
        }
        words.insert(name, word.clone());
        Ok(word)
    }
}

impl Member {
    fn take_in(&mut self, built: &Built, source: Source) {
        let pushed = moment(self.pushed);
        self.built = built.finished.filter(|at| *at <= pushed).map(|at| Clock { at, source });
        self.origin = Some(built.origin.clone());
        self.bases = built.bases.clone();
    }
}

impl Said {
    /// Reads a bundle that refers to an image. A statement about another image says nothing.
    fn read(bundle: &[u8], image: &Digest) -> Self {
        let Ok(Bundle { envelope, .. }) = Bundle::parse(bundle) else { return Self::Other };
        if envelope.payload_type != IN_TOTO {
            return Self::Other;
        }
        match Statement::parse(&envelope.payload) {
            Ok(statement) if statement.is_about(image) => Self::of(&statement),
            _ => Self::Other,
        }
    }

    fn of(statement: &Statement) -> Self {
        if let Some(provenance) = Provenance::of(statement) {
            return Self::Build(Box::new(Built::of(provenance)));
        }
        let is_approval = statement.predicate_type == PredicateType::APPROVAL;
        let approval =
            is_approval.then(|| serde_json::from_str::<Approval>(statement.predicate.get()).ok()).flatten();
        match approval {
            Some(approval) if approval.decision == Decision::Approved => Self::Approved,
            _ => Self::Other,
        }
    }
}

impl Built {
    fn of(provenance: Provenance) -> Self {
        let mut origin = Origin::default();
        if let Some(source) = provenance.source {
            (origin.repository, origin.commit) = (Some(source.uri), Some(source.commit));
        }
        let mut bases = BTreeSet::new();
        for material in &provenance.dependencies {
            if let Some(base) = base_of(material) {
                bases.insert(base);
                continue;
            }
            let Some((path, digest)) = file_of(material) else { continue };
            if is_lock_file(path) {
                origin.lock_files.insert(path.to_owned(), digest);
            } else if is_dockerfile(path) {
                origin.dockerfile = Some(digest);
            }
        }
        let bases = bases.into_iter().collect::<Vec<_>>().join(", ");
        Self {
            finished: provenance.finished_on,
            origin,
            bases: Some(bases).filter(|bases| !bases.is_empty()),
        }
    }
}

/// The name of an image that a build took.
fn base_of(material: &Material) -> Option<String> {
    const IMAGES: [&str; 4] = ["pkg:docker/", "pkg:oci/", "docker-image://", "oci://"];
    let uri = material.uri.as_deref()?;
    IMAGES
        .iter()
        .any(|scheme| uri.starts_with(scheme))
        .then(|| material.name.as_deref().unwrap_or(uri).to_owned())
}

/// A file that a build took: its path, and its hash.
fn file_of(material: &Material) -> Option<(&str, String)> {
    let path = material.name.as_deref().or(material.uri.as_deref())?;
    let (algorithm, hash) = material.digest.iter().next()?;
    Some((path, format!("{algorithm}:{hash}")))
}

fn is_dockerfile(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    name.contains("dockerfile") || name.contains("containerfile")
}

/// The bundle that a manifest carries, if it may tell of a build or an approval.
fn bundle_of(evidence: &HeldEvidence) -> Option<Descriptor> {
    let Ok((Manifest::Image(manifest), _)) = Manifest::parse(&evidence.manifest, None) else { return None };
    let told = [PredicateType::PROVENANCE, PredicateType::PROVENANCE_V02, PredicateType::APPROVAL];
    let is_worth_reading = manifest
        .annotations
        .get(PREDICATE_TYPE)
        .is_none_or(|hint| told.iter().any(|told| told.as_str() == hint));
    let layer = manifest.layers.into_iter().find(|layer| Bundle::is_layer_type(layer.media_type.as_str()))?;
    is_worth_reading.then_some(layer)
}

#[cfg(test)]
mod tests {
    use plimsoll_attest::{Envelope, EnvelopeSignature, SigningKey};
    use serde_json::value::RawValue;
    use serde_json::{Value, json};

    use super::*;

    fn image() -> Digest {
        Digest::sha256_of(b"image")
    }

    fn statement(kind: PredicateType, predicate: &Value) -> Statement {
        Statement::about(&image(), kind, RawValue::from_string(predicate.to_string()).unwrap())
    }

    #[test]
    fn a_build_tells_its_commit_its_bases_and_its_lock_files() {
        let predicate = json!({
            "buildDefinition": { "resolvedDependencies": [
                { "uri": "git+https://example.org/app@refs/heads/main", "digest": { "gitCommit": "c0ffee" } },
                { "name": "node:22", "uri": "pkg:oci/node?repository_url=docker.io/library/node&tag=22" },
                { "name": "debian:12", "uri": "pkg:oci/debian?repository_url=docker.io/library/debian&tag=12" },
                { "name": "web/package-lock.json", "digest": { "sha256": "aa" } },
                { "name": "build/Dockerfile", "digest": { "sha256": "bb" } },
                { "name": "README.md", "digest": { "sha256": "cc" } },
            ] },
            "runDetails": { "metadata": { "finishedOn": "2026-11-22T12:00:00Z" } },
        });
        let Said::Build(built) = Said::of(&statement(PredicateType::PROVENANCE, &predicate)) else {
            panic!("it is a build")
        };
        assert_eq!(built.origin.commit.as_deref(), Some("c0ffee"));
        assert_eq!(built.origin.dockerfile.as_deref(), Some("sha256:bb"));
        let locks: Vec<_> = built.origin.lock_files.iter().collect();
        assert_eq!(locks, [(&"web/package-lock.json".to_owned(), &"sha256:aa".to_owned())]);
        assert_eq!(built.bases.as_deref(), Some("debian:12, node:22"));
        assert_eq!(built.finished.map(|at| at.to_string()).as_deref(), Some("2026-11-22T12:00:00Z"));
    }

    #[test]
    fn only_a_yes_is_an_approval_and_only_about_this_image() {
        let say = |decision: &str| {
            let predicate = json!({
                "decision": decision, "role": "approver", "gate": "prod", "issuedAt": "2026-11-22T12:00:00Z",
            });
            statement(PredicateType::APPROVAL, &predicate)
        };
        assert_eq!(Said::of(&say("approved")), Said::Approved);
        assert_eq!(Said::of(&say("rejected")), Said::Other);
        assert_eq!(Said::of(&say("whatever")), Said::Other);
        let signatures = vec![EnvelopeSignature { key_id: None, bytes: b"sig".to_vec() }];
        let payload = say("approved").to_json().into_bytes();
        let envelope = Envelope { payload, payload_type: IN_TOTO.to_owned(), signatures };
        let key = SigningKey::generate(&[7; 32]).unwrap();
        let bundle = Bundle::of_key(envelope, &key.public().id()).to_json();
        assert_eq!(Said::read(bundle.as_bytes(), &image()), Said::Approved);
        assert_eq!(Said::read(bundle.as_bytes(), &Digest::sha256_of(b"another")), Said::Other);
        assert_eq!(Said::read(b"{}", &image()), Said::Other);
    }
}
