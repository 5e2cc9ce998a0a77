//! The transparency log in the catalogue.

use std::sync::Arc;
use std::time::Instant;

use plimsoll_store::catalogue::{AppendLimits, Appending, Grant, LogBatch, LogEntry, Standing, User};
use plimsoll_store::objects::{KeyKind, MemoryObjects};
use plimsoll_store::{Catalogue, CatalogueError, ObjectKey, Timestamp};
use plimsoll_tlog::{Edge, Hash, Leaf, LogSigner, Opened, TILE_WIDTH, TileId, leaf_hash};

const ORIGIN: &str = "registry.example";
const ONE: AppendLimits = AppendLimits { entries: 1 };

fn signer() -> Arc<LogSigner> {
    Arc::new(LogSigner::from_seeds(ORIGIN, &[1; 32], &[2; 32]).unwrap())
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_unix_ms(second * 1000)
}

fn entry(text: &str) -> LogEntry {
    LogEntry::bare(format!("{{\"test\":\"{text}\"}}"))
}

async fn append(catalogue: &Catalogue, limits: AppendLimits) -> Option<LogBatch> {
    match catalogue.append_to_log(signer(), limits, at(1000)).await.unwrap() {
        Appending::Batch(batch) => Some(batch),
        Appending::Idle => None,
    }
}

async fn publish(catalogue: &Catalogue, objects: &MemoryObjects, batch: &LogBatch) {
    let record = batch.write(objects).await.unwrap();
    catalogue.publish_log(batch.size(), record).await.unwrap();
}

/// Appends and publishes all that waits.
pub(crate) async fn drain(catalogue: &Catalogue) -> Vec<LogBatch> {
    let (objects, mut batches) = (MemoryObjects::default(), Vec::new());
    while let Some(batch) = append(catalogue, AppendLimits::default()).await {
        publish(catalogue, &objects, &batch).await;
        batches.push(batch);
    }
    batches
}

/// Reads every published entry and tile, and holds them against the signed checkpoint.
async fn verify(catalogue: &Catalogue) -> (Opened, Vec<Vec<u8>>) {
    let (size, note) = catalogue.log_checkpoint().await.unwrap().expect("a checkpoint");
    let opened = signer().verifier().open(&note).unwrap();
    assert_eq!(opened.checkpoint.size, size);
    let (mut edge, mut entries) = (Edge::default(), Vec::new());
    for index in 0..size.div_ceil(TILE_WIDTH) {
        let id = TileId::in_tree(0, index, size).unwrap();
        let bundle = catalogue.log_entries(id).await.unwrap().expect("a bundle");
        let leaves: Vec<Hash> = bundle.entries().iter().map(|entry| leaf_hash(entry)).collect();
        entries.extend(bundle.entries().iter().cloned());
        for tile in edge.append(&leaves).unwrap().tiles {
            assert_eq!(catalogue.log_tile(tile.id).await.unwrap(), Some(tile.hashes), "tile {}", tile.id);
        }
    }
    assert_eq!(edge.root(), opened.checkpoint.root);
    (opened, entries)
}

pub(crate) async fn what_changes_names_and_rights_becomes_a_leaf(catalogue: &Catalogue) {
    assert_eq!(catalogue.name_log(ORIGIN).await.unwrap(), ORIGIN);
    assert_eq!(catalogue.name_log("other.example").await.unwrap(), ORIGIN, "a log keeps its name");
    // What the tests before have pushed, moved and deleted waits already.
    drain(catalogue).await;
    let (before, entries) = verify(catalogue).await;
    let kinds: Vec<String> = entries
        .iter()
        .map(|entry| match Leaf::parse(entry).unwrap() {
            Leaf::Event(event) => event.kind,
            other => panic!("{other:?}"),
        })
        .collect();
    for kind in [
        "tag-moved",
        "tag-deleted",
        "manifest-deleted",
        "user-put",
        "user-removed",
        "robot-added",
        "robot-removed",
    ] {
        assert!(kinds.iter().any(|found| found == kind), "{kind} in {kinds:?}");
    }
    assert_eq!(before.logged_at_unix_s, Some(1000));
    let password_hash = "$argon2id$…".to_owned();
    let user = User { name: "eve".into(), password_hash, grants: vec![Grant::all()], created_at: at(77) };
    catalogue.put_user(user).await.unwrap();
    assert_eq!(catalogue.log_payload(before.checkpoint.size).await.unwrap(), None, "it is not published yet");
    drain(catalogue).await;
    let payload = catalogue.log_payload(before.checkpoint.size).await.unwrap().expect("a payload");
    assert_eq!(payload.repository, None);
    let expected = r#"{"type":"user-put","user":"eve","grants":[{"repositories":"*","actions":["pull","push","delete"]}],"atUnixMs":77000}"#;
    assert_eq!(payload.json, expected, "and nothing of the password");
    catalogue.delete_user("eve", at(78)).await.unwrap();
}

pub(crate) async fn an_entry_is_a_leaf_once(catalogue: &Catalogue) {
    drain(catalogue).await;
    let size = verify(catalogue).await.0.checkpoint.size;
    let twice = vec![entry("once"), entry("other"), entry("once")];
    catalogue.enqueue_for_log(twice.clone()).await.unwrap();
    assert_eq!(catalogue.log_standing(entry("once").leaf_hash()).await.unwrap(), Standing::Waiting);
    assert!(catalogue.is_log_waiting().await.unwrap());
    drain(catalogue).await;
    catalogue.enqueue_for_log(twice).await.unwrap();
    assert_eq!(drain(catalogue).await, []);
    assert_eq!(verify(catalogue).await.0.checkpoint.size, size + 2);
    assert_eq!(catalogue.log_standing(entry("other").leaf_hash()).await.unwrap(), Standing::Logged(size + 1));
    assert_eq!(catalogue.log_standing(entry("never").leaf_hash()).await.unwrap(), Standing::Unknown);
    assert!(!catalogue.is_log_waiting().await.unwrap());
}

/// Each step of an append, and a sequencer that dies behind it: the next one ends in the same tree.
pub(crate) async fn whoever_takes_over_finishes_what_was_begun(catalogue: &Catalogue) {
    let objects = MemoryObjects::default();
    drain(catalogue).await;
    let (before, _) = verify(catalogue).await;
    let size = before.checkpoint.size;
    catalogue.enqueue_for_log(vec![entry("a"), entry("b")]).await.unwrap();
    // Appended, and nothing more: nobody sees it, and nothing goes past it.
    let begun = append(catalogue, ONE).await.unwrap();
    assert_eq!((begun.first, begun.entries.as_slice()), (size, [entry("a")].as_slice()));
    assert_eq!(catalogue.log_standing(entry("a").leaf_hash()).await.unwrap(), Standing::Waiting);
    assert_eq!(verify(catalogue).await.0, before);
    assert_eq!(catalogue.log_tile(TileId::in_tree(0, size / 256, size + 1).unwrap()).await.unwrap(), None);
    assert_eq!(append(catalogue, ONE).await.as_ref(), Some(&begun));
    // In the journal, and not published: it is written there again.
    begun.write(&objects).await.unwrap();
    assert_eq!(verify(catalogue).await.0, before);
    assert_eq!(append(catalogue, ONE).await.as_ref(), Some(&begun));
    // Published: the answer may be lost, the leaf is not.
    publish(catalogue, &objects, &begun).await;
    assert_eq!(catalogue.log_standing(entry("a").leaf_hash()).await.unwrap(), Standing::Logged(size));
    let next = append(catalogue, ONE).await.unwrap();
    assert_eq!((next.first, next.entries.as_slice()), (size + 1, [entry("b")].as_slice()));
    publish(catalogue, &objects, &next).await;
    assert_eq!(verify(catalogue).await.0.checkpoint.size, size + 2);
}

pub(crate) async fn many_sequencers_extend_one_tree(catalogue: &Catalogue) {
    drain(catalogue).await;
    let size = verify(catalogue).await.0.checkpoint.size;
    let replicas = (0..4).map(|replica| {
        let catalogue = catalogue.clone();
        tokio::spawn(async move {
            for round in 0..25 {
                catalogue.enqueue_for_log(vec![entry(&format!("{replica} {round}"))]).await.unwrap();
                drain(&catalogue).await;
            }
        })
    });
    for replica in replicas.collect::<Vec<_>>() {
        replica.await.unwrap();
    }
    drain(catalogue).await;
    assert_eq!(verify(catalogue).await.0.checkpoint.size, size + 100);
}

#[tokio::test]
async fn a_lost_log_comes_back_from_the_journal() {
    let catalogue = Catalogue::open_memory().await.unwrap();
    catalogue.name_log(ORIGIN).await.unwrap();
    let mut batches = drain(&catalogue).await;
    for count in [1, 300, 7] {
        let entries = (0..count).map(|number| entry(&format!("{count} {number}"))).collect();
        catalogue.enqueue_for_log(entries).await.unwrap();
        batches.extend(drain(&catalogue).await);
    }
    let rebuilt = Catalogue::open_memory().await.unwrap();
    let record = || ObjectKey::fresh(KeyKind::Log);
    for batch in &batches {
        let read = LogBatch::parse(&serde_json::to_vec(batch).unwrap()).unwrap();
        assert!(rebuilt.adopt_log_batch(read.clone(), record()).await.unwrap());
        assert_eq!(rebuilt.adopt_log_batch(read, record()).await.unwrap(), batch.entries.is_empty());
    }
    assert_eq!(verify(&rebuilt).await, verify(&catalogue).await);
    assert_eq!(rebuilt.name_log("x").await.unwrap(), ORIGIN);
    // A batch whose entry was changed is not the one that was signed.
    let mut damaged = batches[2].clone();
    damaged.entries = (0..300).map(|number| entry(&format!("changed {number}"))).collect();
    damaged.first = rebuilt.log_checkpoint().await.unwrap().unwrap().0;
    let refused = rebuilt.adopt_log_batch(damaged, record()).await;
    assert!(matches!(refused, Err(CatalogueError::Damaged { .. })), "{refused:?}");
    assert_eq!(verify(&rebuilt).await, verify(&catalogue).await);
}

#[tokio::test]
async fn another_key_signs_the_same_tree_anew() {
    let catalogue = Catalogue::open_memory().await.unwrap();
    catalogue.name_log(ORIGIN).await.unwrap();
    catalogue.enqueue_for_log(vec![entry("a")]).await.unwrap();
    drain(&catalogue).await;
    let before = verify(&catalogue).await.0.checkpoint;
    let other = Arc::new(LogSigner::from_seeds(ORIGIN, &[3; 32], &[4; 32]).unwrap());
    let appended = catalogue.append_to_log(other.clone(), ONE, at(2000)).await.unwrap();
    let Appending::Batch(batch) = appended else { panic!("{appended:?}") };
    publish(&catalogue, &MemoryObjects::default(), &batch).await;
    let note = catalogue.log_checkpoint().await.unwrap().unwrap().1;
    assert_eq!(other.verifier().open(&note).unwrap().checkpoint, before);
    assert_eq!(catalogue.append_to_log(other, ONE, at(2000)).await.unwrap(), Appending::Idle);
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_entries_a_second_are_appended_durably() {
    const ENTRIES: u32 = 5000;
    let directory = tempfile::tempdir().unwrap();
    let catalogue = Catalogue::open_sqlite(&directory.path().join("catalogue.sqlite")).await.unwrap();
    catalogue.name_log(ORIGIN).await.unwrap();
    drain(&catalogue).await;
    let started = Instant::now();
    for batch in 0..ENTRIES / 500 {
        let entries = (0..500).map(|number| entry(&format!("{batch} {number}"))).collect();
        catalogue.enqueue_for_log(entries).await.unwrap();
        drain(&catalogue).await;
    }
    let per_second = f64::from(ENTRIES) / started.elapsed().as_secs_f64();
    println!("{per_second:.0} durable appends per second in batches of 500");
    assert_eq!(verify(&catalogue).await.0.checkpoint.size, u64::from(ENTRIES));
    assert!(per_second > 500.0, "{per_second}");
}
