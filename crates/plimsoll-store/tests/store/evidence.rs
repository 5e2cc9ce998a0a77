//! The evidence graph in the catalogue.

use std::time::Duration;

use bytes::Bytes;
use plimsoll_oci::{Digest, MediaType, RepositoryName};
use plimsoll_store::catalogue::{
    Edge, EdgeKind, EvidenceTask, EvidenceToNote, FactToNote, LogEntry, ManifestToPut, Node, NotedFact,
    PutManifest, RunToTell,
};
use plimsoll_store::objects::KeyKind;
use plimsoll_store::{Catalogue, ObjectKey, Timestamp};
use plimsoll_tlog::{FactLeaf, leaf_hash};

use crate::log;

fn at(second: i64) -> Timestamp {
    Timestamp::from_unix_ms(second * 1000)
}

fn repository(name: &str) -> RepositoryName {
    name.parse().unwrap()
}

/// Pushes a manifest that refers to `subject` and says something.
async fn push(catalogue: &Catalogue, name: &str, content: &'static [u8], subject: Digest) -> Digest {
    let digest = Digest::sha256_of(content);
    let put = ManifestToPut {
        repository: repository(name),
        digest,
        media_type: MediaType::IMAGE_MANIFEST,
        artifact_type: None,
        subject: Some(subject),
        bytes: Bytes::from_static(content),
        blobs: Vec::new(),
        tags: Vec::new(),
        actor: "ana".into(),
        is_image: false,
        is_fact: true,
        is_exception: false,
        is_evidence: true,
        record: Some(ObjectKey::fresh(KeyKind::Record)),
        now: at(1),
    };
    assert_eq!(catalogue.put_manifest(put).await.unwrap(), PutManifest::Done);
    digest
}

/// What a reader would note of a manifest that names a build run.
fn note(task: &EvidenceTask, subject: Digest, taken_until: Timestamp) -> EvidenceToNote {
    let run = Node::BuildRun { invocation: "7".into(), builder: "https://ci.example".into() };
    let edge = Edge { source: Node::Image(subject), kind: EdgeKind::BuiltBy, target: run };
    let leaf = FactLeaf { manifest: task.manifest.to_string(), subject: Some(subject.to_string()) };
    EvidenceToNote {
        manifest: task.manifest,
        leaf: Some(leaf.hash()),
        retraction: task.retraction.clone(),
        observed_at: Some(at(1)),
        facts: vec![FactToNote {
            layer: task.retraction.is_none().then(|| Digest::sha256_of(b"layer")),
            subject: Some(subject),
            predicate_type: Some("https://slsa.dev/provenance/v1".into()),
            is_signed: true,
            key_id: Some("key".into()),
            summary: r#"{"builder":"https://ci.example"}"#.into(),
            stated_at: Some(at(0)),
            edges: if task.retraction.is_none() { vec![edge] } else { Vec::new() },
            ..FactToNote::default()
        }],
        listed: Vec::new(),
        taken_until,
    }
}

/// Takes everything that waits, whoever left it.
async fn take(catalogue: &Catalogue, until: Timestamp) -> Vec<EvidenceTask> {
    catalogue.take_evidence(1000, at(1_000_000), until).await.unwrap()
}

async fn about(catalogue: &Catalogue, name: &str, subject: Digest) -> Vec<NotedFact> {
    catalogue.facts_about(&repository(name), subject, 100).await.unwrap()
}

pub(crate) async fn what_is_said_is_noted_and_found_by_its_subject(catalogue: &Catalogue) {
    let subject = Digest::sha256_of(b"traced image");
    let said = push(catalogue, "evidence/app", b"{\"says\":1}", subject).await;
    let until = at(2_000_000);
    let tasks = take(catalogue, until).await;
    let task = tasks.iter().find(|task| task.manifest == said).expect("it waits");
    assert_eq!(take(catalogue, until).await, [], "what is taken is nobody else's");

    catalogue.note_evidence(vec![note(task, subject, until)]).await.unwrap();
    let noted = about(catalogue, "evidence/app", subject).await;
    assert_eq!((noted.len(), noted[0].manifest, noted[0].log_index), (1, said, None));
    log::drain(catalogue).await;
    let logged = about(catalogue, "evidence/app", subject).await.remove(0).log_index;
    assert!(logged.is_some(), "its leaf is found when it is there");
    assert_eq!(about(catalogue, "evidence/other", subject).await, [], "it is told where it is");
    let run = Node::BuildRun { invocation: "7".into(), builder: "https://ci.example".into() };
    let built = catalogue.edges_to(&run, EdgeKind::BuiltBy, 10).await.unwrap();
    assert_eq!(built, [Node::Image(subject)]);

    // Noted again, it is the same.
    let fingerprint = catalogue.evidence_fingerprint().await.unwrap();
    catalogue.enqueue_evidence(vec![said], at(3)).await.unwrap();
    let task = take(catalogue, until).await.remove(0);
    catalogue.note_evidence(vec![note(&task, subject, until)]).await.unwrap();
    assert_eq!(catalogue.evidence_fingerprint().await.unwrap(), fingerprint);
    assert_eq!(catalogue.count_waiting_evidence().await.unwrap(), 0);
}

pub(crate) async fn what_changes_while_it_is_read_is_read_again(catalogue: &Catalogue) {
    let subject = Digest::sha256_of(b"raced image");
    let said = push(catalogue, "evidence/raced", b"{\"says\":2}", subject).await;
    let until = at(2_000_000);
    let task = take(catalogue, until).await.into_iter().find(|task| task.manifest == said).unwrap();
    let deleted = catalogue.delete_manifest(&repository("evidence/raced"), said, "ana", at(9), at(5)).await;
    assert!(deleted.unwrap().is_some());
    catalogue.note_evidence(vec![note(&task, subject, until)]).await.unwrap();

    let again = take(catalogue, until).await;
    let [task] = again.as_slice() else { panic!("{again:?}") };
    assert_eq!((task.manifest, task.subject), (said, Some(subject)));
    assert!(task.retraction.is_some());
    catalogue.note_evidence(vec![note(task, subject, until)]).await.unwrap();
    log::drain(catalogue).await;
    let left = about(catalogue, "evidence/raced", subject).await.remove(0);
    assert_eq!(left.fact.layer, None);
    assert!(left.retracted_at_index > left.log_index && left.log_index.is_some(), "{left:?}");
}

pub(crate) async fn a_repository_is_told_fact_by_fact_with_those_that_were_deleted(catalogue: &Catalogue) {
    let image = push(catalogue, "evidence/listed", b"{\"says\":\"image\"}", Digest::sha256_of(b"x")).await;
    let first = push(catalogue, "evidence/listed", b"{\"says\":3}", image).await;
    let gone = push(catalogue, "evidence/listed", b"{\"says\":4}", image).await;
    push(catalogue, "evidence/beside", b"{\"says\":5}", image).await;
    let name = repository("evidence/listed");
    let deleted = catalogue.delete_manifest(&name, gone, "ana", at(9), at(5)).await;
    assert!(deleted.unwrap().is_some());
    let until = at(2_000_000);
    let tasks = take(catalogue, until).await;
    let notes = tasks.iter().map(|task| note(task, task.subject.unwrap_or(image), until)).collect();
    catalogue.note_evidence(notes).await.unwrap();

    let (mut told, mut last) = (Vec::new(), None);
    while let [one] = catalogue.facts_of(&name, last, 1).await.unwrap().as_slice() {
        last = Some((one.manifest, one.fact.part));
        told.push((one.manifest, one.fact.layer.is_some()));
    }
    let mut expected = vec![(image, true), (first, true), (gone, false)];
    expected.sort_by_key(|(digest, _)| digest.to_string());
    assert_eq!(told, expected);
    assert_eq!(catalogue.facts_of(&name, None, 100).await.unwrap().len(), 3);
}

pub(crate) async fn runs_are_made_anew_from_the_log(catalogue: &Catalogue) {
    let name = repository("evidence/run");
    let image = Digest::sha256_of(b"running image");
    let run = |from: i64, to: Option<i64>, told: i64| RunToTell {
        repository: name.clone(),
        image,
        place: "prod/web/shop".into(),
        begun_at: at(from),
        ended_at: to.map(at),
        told_by: "ana".into(),
        told_at: at(told),
    };
    for told in [run(10, None, 11), run(20, None, 21)] {
        catalogue.tell_run(told).await.unwrap();
    }
    log::drain(catalogue).await;
    // The end of the first waits for its leaf.
    catalogue.tell_run(run(10, Some(15), 22)).await.unwrap();
    let runs = catalogue.runs_of(&name, &[Digest::sha256_of(b"other"), image], 10).await.unwrap();
    let times: Vec<_> = runs.iter().map(|run| (run.told.begun_at, run.told.ended_at)).collect();
    assert_eq!(times, [(at(10), Some(at(15))), (at(20), None)]);
    assert_eq!(runs.iter().filter(|run| run.log_index.is_some()).count(), 1);

    let fingerprint = catalogue.evidence_fingerprint().await.unwrap();
    assert_eq!(catalogue.remake_runs().await.unwrap(), 3);
    assert_eq!(catalogue.evidence_fingerprint().await.unwrap(), fingerprint);
    assert_eq!(catalogue.runs_of(&name, &[image], 10).await.unwrap(), runs);
    assert_eq!(catalogue.runs_in(&name, 10).await.unwrap(), runs);
    for other in [repository("evidence/other")] {
        assert_eq!(catalogue.runs_of(&other, &[image], 10).await.unwrap(), []);
        assert_eq!(catalogue.runs_in(&other, 10).await.unwrap(), []);
    }
}

pub(crate) async fn everything_that_the_graph_is_made_from_comes_in_pages(catalogue: &Catalogue) {
    let mut manifests = Vec::new();
    let mut last = None;
    loop {
        let page = catalogue.manifests_after(last, 3).await.unwrap();
        let Some((end, ..)) = page.last() else { break };
        last = Some(*end);
        manifests.extend(page.into_iter().map(|(digest, ..)| digest));
    }
    let mut distinct = manifests.clone();
    distinct.sort_by_key(Digest::to_string);
    distinct.dedup();
    assert_eq!(manifests, distinct, "each once, in order");
    let gone = Digest::sha256_of(b"nowhere");
    let some = vec![manifests[0], gone];
    assert_eq!(catalogue.manifests_gone(some).await.unwrap(), [gone]);

    let waits = LogEntry::bare(r#"{"waits":1}"#.to_owned());
    let leaf = leaf_hash(waits.entry.as_bytes());
    catalogue.enqueue_for_log(vec![waits]).await.unwrap();
    let waiting = catalogue.log_rows_waiting_after(0, 1000).await.unwrap();
    assert!(waiting.iter().any(|row| row.leaf == leaf));
    log::drain(catalogue).await;
    let logged = catalogue.log_rows_after(-1, 100_000).await.unwrap();
    assert!(logged.iter().any(|row| row.leaf == leaf));
    assert!(logged.windows(2).all(|pair| pair[0].number + 1 == pair[1].number));

    assert_eq!(catalogue.evidence_reader().await.unwrap(), None);
    catalogue.set_evidence_reader(Some(3)).await.unwrap();
    assert_eq!(catalogue.evidence_reader().await.unwrap(), Some(3));
    catalogue.set_evidence_reader(None).await.unwrap();
    assert_eq!(catalogue.evidence_reader().await.unwrap(), None);
    let later = at(1).plus(Duration::from_secs(1));
    catalogue.postpone_evidence(gone, later).await.unwrap();
    assert!(!catalogue.images_by_any_digest(&[manifests[0]], 10).await.unwrap().is_empty());
    assert!(catalogue.first_pushed_at(manifests[0]).await.unwrap().is_some());
}
