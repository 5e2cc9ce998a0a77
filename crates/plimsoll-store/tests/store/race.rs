//! The race between the garbage collector and pushes, in every order of steps that a scheduler can find.
//!
//! It is the real catalogue that runs, in memory, and a step is one of its transactions or one work on an object.

use std::sync::Arc;

use bytes::Bytes;
use plimsoll_oci::{Algorithm, Digest, Hasher, MediaType, RepositoryName, TagOrDigest};
use plimsoll_store::catalogue::{CommitBlob, ManifestToPut, PutManifest, Upload, UploadId};
use plimsoll_store::objects::{CompletedObject, KeyKind, MemoryObjects, SuspendedObject};
use plimsoll_store::{Catalogue, ObjectKey, Objects, Timestamp};
use shuttle::future::block_on;
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::sync::Mutex;
use shuttle::thread;

const CONTENT: &[u8] = b"a layer";
const MANIFEST: &[u8] = b"a manifest";

/// How many orders of steps each scheduler tries.
const ORDERS: usize = 1000;

/// How long a blob is held after somebody asked for it, on the model's clock.
const HOLD_MS: i64 = 10;

/// A registry of one repository, with a clock that moves when a step says so.
struct Model {
    catalogue: Catalogue,
    objects: MemoryObjects,
    now_ms: Mutex<i64>,
}

impl Model {
    fn new() -> Self {
        Self {
            catalogue: block_on(Catalogue::open_memory()).unwrap(),
            objects: MemoryObjects::new(),
            now_ms: Mutex::new(0),
        }
    }

    fn objects(&self) -> &dyn Objects {
        &self.objects
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(*self.now_ms.lock().unwrap())
    }

    fn hold_until(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.now().unix_ms() + HOLD_MS)
    }

    fn repository(&self, number: usize) -> RepositoryName {
        format!("repository/{number}").parse().unwrap()
    }

    /// What a client does: asks, uploads if it must, pushes the manifest. Returns whether the push was acknowledged.
    fn push(&self, repository: &RepositoryName) -> bool {
        let digest = Digest::sha256_of(CONTENT);
        let held = block_on(self.catalogue.hold_blob(repository, digest, self.hold_until())).unwrap();
        thread::yield_now();
        if held.is_none() {
            self.upload(repository, digest);
        }
        thread::yield_now();
        self.put_manifest(repository) == PutManifest::Done
    }

    fn upload(&self, repository: &RepositoryName, digest: Digest) {
        let (id, object_key) = (UploadId::fresh(), ObjectKey::fresh(KeyKind::Blob));
        let upload = Upload {
            id,
            repository: repository.clone(),
            object_key,
            object: SuspendedObject::default(),
            hash: Hasher::new(Algorithm::Sha256).save(),
            generation: 0,
            expires_at: Timestamp::from_unix_ms(i64::MAX),
        };
        block_on(self.catalogue.begin_upload(upload, self.now())).unwrap();
        thread::yield_now();
        block_on(self.objects().put(object_key, Bytes::from_static(CONTENT))).unwrap();
        thread::yield_now();
        let commit = CommitBlob {
            upload: id,
            generation: 0,
            digest,
            size: CONTENT.len() as u64,
            object: CompletedObject { key: object_key, is_fresh: true, superseded: Vec::new() },
            hold_until: self.hold_until(),
            now: self.now(),
        };
        assert!(block_on(self.catalogue.commit_blob(commit)).unwrap());
    }

    fn put_manifest(&self, repository: &RepositoryName) -> PutManifest {
        let manifest = ManifestToPut {
            repository: repository.clone(),
            digest: Digest::sha256_of(MANIFEST),
            media_type: MediaType::IMAGE_MANIFEST,
            artifact_type: None,
            subject: None,
            bytes: Bytes::from_static(MANIFEST),
            blobs: vec![Digest::sha256_of(CONTENT)],
            tags: Vec::new(),
            actor: "model".to_owned(),
            is_image: false,
            is_fact: false,
            is_exception: false,
            is_evidence: false,
            record: Some(ObjectKey::fresh(KeyKind::Record)),
            now: self.now(),
        };
        block_on(self.catalogue.put_manifest(manifest)).unwrap()
    }

    fn delete_manifest(&self, repository: &RepositoryName) {
        let now = self.now();
        block_on(self.catalogue.delete_manifest(repository, Digest::sha256_of(MANIFEST), "model", now, now))
            .unwrap();
    }

    /// What the collector does: one transaction, and then one object after the other.
    fn collect(&self) {
        block_on(self.catalogue.sweep(self.now(), 10)).unwrap();
        thread::yield_now();
        for doomed in block_on(self.catalogue.doomed_objects(10)).unwrap() {
            thread::yield_now();
            block_on(self.objects().delete(doomed.key)).unwrap();
            thread::yield_now();
            block_on(self.catalogue.forget_doomed(doomed.key)).unwrap();
        }
    }

    /// Whatever was acknowledged and not deleted must be there with its bytes.
    fn check(&self, repository: &RepositoryName) {
        let manifest = TagOrDigest::Digest(Digest::sha256_of(MANIFEST));
        if block_on(self.catalogue.find_manifest(repository, &manifest)).unwrap().is_none() {
            return;
        }
        let blob = block_on(self.catalogue.find_blob(repository, Digest::sha256_of(CONTENT))).unwrap();
        let blob = blob.expect("a manifest's blob is in its repository");
        let size = block_on(self.objects().size(blob.object_key)).unwrap();
        assert_eq!(size, Some(CONTENT.len() as u64), "a blob has its bytes");
    }
}

fn spawn(model: &Arc<Model>, work: impl FnOnce(&Model) + Send + 'static) -> thread::JoinHandle<()> {
    let model = model.clone();
    thread::spawn(move || work(&model))
}

/// A blob lies there without a manifest and is due. One client pushes it again, the collector takes what is due, and
/// the clock moves past the hold at any moment.
fn a_push_meets_the_collector() {
    let model = Arc::new(Model::new());
    let repository = model.repository(0);
    model.upload(&repository, Digest::sha256_of(CONTENT));
    *model.now_ms.lock().unwrap() = HOLD_MS + 1;
    let pusher = spawn(&model, |model| {
        model.push(&model.repository(0));
    });
    let collector = spawn(&model, |model| {
        model.collect();
        model.collect();
    });
    let clock = spawn(&model, |model| {
        *model.now_ms.lock().unwrap() += HOLD_MS + 1;
    });
    for step in [pusher, collector, clock] {
        step.join().unwrap();
    }
    model.collect();
    model.check(&repository);
}

/// Two repositories share a content; one deletes its image while the other pushes it, and two collectors are at work.
fn a_delete_in_one_repository_meets_a_push_in_another() {
    let model = Arc::new(Model::new());
    let (one, other) = (model.repository(0), model.repository(1));
    assert!(model.push(&one));
    let deleter = spawn(&model, |model| model.delete_manifest(&model.repository(0)));
    let pusher = spawn(&model, |model| {
        assert!(model.push(&model.repository(1)), "nothing is due, so a push is acknowledged");
    });
    let collectors = [spawn(&model, Model::collect), spawn(&model, Model::collect)];
    for step in [deleter, pusher].into_iter().chain(collectors) {
        step.join().unwrap();
    }
    model.collect();
    model.check(&one);
    model.check(&other);
    let held = block_on(model.catalogue.find_blob(&other, Digest::sha256_of(CONTENT))).unwrap();
    assert!(held.is_some(), "an acknowledged image is there");
}

/// A mount takes a content from a repository that loses it at the same time.
fn a_mount_meets_the_collector() {
    let model = Arc::new(Model::new());
    let repository = model.repository(0);
    model.upload(&repository, Digest::sha256_of(CONTENT));
    *model.now_ms.lock().unwrap() = HOLD_MS + 1;
    let mounter = spawn(&model, |model| {
        let (from, into, digest) = (model.repository(0), model.repository(1), Digest::sha256_of(CONTENT));
        let mounted =
            block_on(model.catalogue.mount_blob(&from, &into, digest, model.hold_until(), model.now()));
        thread::yield_now();
        if mounted.unwrap() {
            assert_eq!(model.put_manifest(&into), PutManifest::Done, "a mounted blob is held");
        }
    });
    let collector = spawn(&model, |model| {
        model.collect();
        model.collect();
    });
    mounter.join().unwrap();
    collector.join().unwrap();
    model.check(&model.repository(1));
}

/// Tries orders of steps: some at random, some by preferring few changes of turn (probabilistic concurrency testing).
fn check(model: fn()) {
    let mut config = shuttle::Config::new();
    // SQLite wants more than the small stacks that modelled threads have by default.
    config.stack_size = 1024 * 1024;
    shuttle::Runner::new(RandomScheduler::new(ORDERS), config.clone()).run(model);
    shuttle::Runner::new(PctScheduler::new(4, ORDERS), config).run(model);
}

#[test]
fn no_order_of_steps_loses_a_pushed_blob() {
    check(a_push_meets_the_collector);
}

#[test]
fn no_order_of_steps_takes_a_content_that_another_repository_pushes() {
    check(a_delete_in_one_repository_meets_a_push_in_another);
}

#[test]
fn no_order_of_steps_loses_a_mounted_blob() {
    check(a_mount_meets_the_collector);
}
