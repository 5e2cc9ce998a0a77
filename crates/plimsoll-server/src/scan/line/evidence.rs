//! What is said about the images of a line: how they were built, and that they were approved.
//!
//! Nothing of it is verified here, and every clock that comes from it says so. What contradicts the registry itself, such as
//! a build that ended after its image was pushed, is left out.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use plimsoll_attest::{Approval, Bundle, Decision, IN_TOTO, Material, PredicateType, Provenance, Statement};
use plimsoll_index::lineage::{Clock, Origin, Source, is_lock_file};
use plimsoll_oci::{Digest, Manifest, RepositoryName};
use plimsoll_store::CatalogueError;
use plimsoll_store::catalogue::HeldEvidence;

use super::{Member, moment};
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

/// What statements say, by their bundles. A bundle never changes.
pub(in crate::scan) type AtHand = HashMap<Digest, Arc<Said>>;

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
        let reading = stream::iter(about).map(|evidence| async move {
            let said = self.said_by(&evidence).await?;
            Ok::<_, CatalogueError>((evidence, said))
        });
        let said: Vec<(HeldEvidence, Arc<Said>)> = reading.buffered(AT_A_TIME).try_collect().await?;
        let mut statements = Statements { approvals: Vec::new() };
        for (evidence, said) in said {
            let source = Source::Evidence { digest: evidence.digest, is_verified: false };
            let member = places.get(&evidence.subject).and_then(|place| members.get_mut(*place));
            match (&*said, member) {
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

    async fn said_by(&self, evidence: &HeldEvidence) -> Result<Arc<Said>, CatalogueError> {
        let Some(bundle) = bundle_of(evidence) else { return Ok(Arc::new(Said::Other)) };
        let at_hand = || self.parts.said.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(said) = at_hand().get(&bundle) {
            return Ok(said.clone());
        }
        let found = self.parts.storage.catalogue().blob_anywhere(bundle).await?;
        let Some((key, size)) = found.filter(|(_, size)| *size <= BUNDLE_BYTES_MAX) else {
            return Ok(Arc::new(Said::Other));
        };
        // Storage that fails now may be well another time, and then tells more.
        let Ok(bytes) = self.parts.storage.read_whole(key, size).await else {
            return Ok(Arc::new(Said::Other));
        };
        let said = Arc::new(Said::read(&bytes, &evidence.subject));
        let mut statements = at_hand();
        if statements.len() >= SAID_MAX {
            statements.clear();
        }
        statements.insert(bundle, said.clone());
        Ok(said)
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
fn bundle_of(evidence: &HeldEvidence) -> Option<Digest> {
    let Ok((Manifest::Image(manifest), _)) = Manifest::parse(&evidence.manifest, None) else { return None };
    let told = [PredicateType::PROVENANCE, PredicateType::PROVENANCE_V02, PredicateType::APPROVAL];
    let is_worth_reading = manifest
        .annotations
        .get(PREDICATE_TYPE)
        .is_none_or(|hint| told.iter().any(|told| told.as_str() == hint));
    let layer = manifest.layers.iter().find(|layer| Bundle::is_layer_type(layer.media_type.as_str()))?;
    is_worth_reading.then_some(layer.digest)
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
