//! The contract of the catalogue, kept in memory, by SQLite and by PostgreSQL.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use plimsoll_oci::{Algorithm, Digest, Hasher, MediaType, RepositoryName, Tag, TagOrDigest};
use plimsoll_store::catalogue::{
    CommitBlob, Grant, ImageToNote, LayerAnalysis, ManifestToPut, PostgresConfig, PutManifest,
    QuarantinedObject, Robot, SnapshotRow, TagCondition, Upload, UploadId, User,
};
use plimsoll_store::objects::{CompletedObject, KeyKind, SuspendedObject};
use plimsoll_store::{Catalogue, ObjectKey, Timestamp};
use plimsoll_testkit::Postgres;

use crate::{events, evidence, lines, log, projects, verdicts};

async fn keeps_the_contract(catalogue: &Catalogue) {
    an_upload_goes_on_where_it_was(catalogue).await;
    only_the_last_taker_of_an_upload_counts(catalogue).await;
    content_is_stored_once_and_shown_where_it_was_pushed(catalogue).await;
    a_manifest_needs_its_blobs(catalogue).await;
    tags_move_under_their_conditions_and_every_move_is_remembered(catalogue).await;
    lists_come_in_pages_and_in_ascii_order(catalogue).await;
    referrers_are_found_whichever_came_first(catalogue).await;
    garbage_is_what_nothing_needs_any_more(catalogue).await;
    asking_for_a_blob_holds_it(catalogue).await;
    damaged_content_is_healed_by_pushing_it_again(catalogue).await;
    what_a_suspended_upload_keeps_is_known(catalogue).await;
    accounts_are_kept(catalogue).await;
    what_is_inside_images_is_found_out_once(catalogue).await;
    events::changes_are_told_once_and_in_order(catalogue).await;
    events::what_is_told_is_kept_for_a_time(catalogue).await;
    lines::the_images_of_a_line_are_found_with_the_tags_they_had(catalogue).await;
    log::what_changes_names_and_rights_becomes_a_leaf(catalogue).await;
    log::an_entry_is_a_leaf_once(catalogue).await;
    log::whoever_takes_over_finishes_what_was_begun(catalogue).await;
    log::many_sequencers_extend_one_tree(catalogue).await;
    projects::projects_are_kept_and_their_changes_counted(catalogue).await;
    projects::contests_at_once_have_a_winner(catalogue).await;
    evidence::what_is_said_is_noted_and_found_by_its_subject(catalogue).await;
    evidence::what_changes_while_it_is_read_is_read_again(catalogue).await;
    evidence::a_repository_is_told_fact_by_fact_with_those_that_were_deleted(catalogue).await;
    evidence::runs_are_made_anew_from_the_log(catalogue).await;
    evidence::everything_that_the_graph_is_made_from_comes_in_pages(catalogue).await;
    verdicts::images_that_do_not_pass_a_gate_are_found_by_what_was_told(catalogue).await;
    a_lease_has_one_holder_at_a_time(catalogue).await;
    many_pushes_at_once_lose_nothing(catalogue).await;
    deletions_at_once_leave_nothing_behind(catalogue).await;
    a_cancelled_upload_that_was_committed_keeps_its_object(catalogue).await;
}

#[tokio::test]
async fn memory_keeps_the_contract() {
    keeps_the_contract(&Catalogue::open_memory().await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_keeps_the_contract() {
    let directory = tempfile::tempdir().unwrap();
    keeps_the_contract(&Catalogue::open_sqlite(&directory.path().join("catalogue.sqlite")).await.unwrap())
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_keeps_the_contract() {
    let Some(server) = Postgres::start() else { return };
    keeps_the_contract(&open_postgres(&server.url()).await).await;
}

async fn open_postgres(url: &str) -> Catalogue {
    let config = PostgresConfig { url: url.to_owned(), connections_max: 8, tls: None };
    Catalogue::open_postgres(&config).await.unwrap()
}

fn at(unix_ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(unix_ms)
}

fn repository(name: &str) -> RepositoryName {
    name.parse().unwrap()
}

fn tag(name: &str) -> Tag {
    name.parse().unwrap()
}

async fn begin(catalogue: &Catalogue, repository: &RepositoryName) -> Upload {
    let upload = Upload {
        id: UploadId::fresh(),
        repository: repository.clone(),
        object_key: ObjectKey::fresh(KeyKind::Blob),
        object: SuspendedObject::default(),
        hash: Hasher::new(Algorithm::Sha256).save(),
        generation: 0,
        expires_at: at(1_000_000),
    };
    catalogue.begin_upload(upload.clone(), at(0)).await.unwrap();
    upload
}

fn commit(upload: &Upload, content: &[u8], hold_until: i64) -> CommitBlob {
    CommitBlob {
        upload: upload.id,
        generation: upload.generation,
        digest: Digest::sha256_of(content),
        size: content.len() as u64,
        object: CompletedObject { key: upload.object_key, is_fresh: true, superseded: Vec::new() },
        hold_until: at(hold_until),
        now: at(0),
    }
}

/// Pushes a blob, and returns the key that its bytes would be under.
async fn push_blob(
    catalogue: &Catalogue,
    repository: &RepositoryName,
    content: &[u8],
    hold_until: i64,
) -> ObjectKey {
    let upload = begin(catalogue, repository).await;
    assert!(catalogue.commit_blob(commit(&upload, content, hold_until)).await.unwrap());
    upload.object_key
}

fn manifest(
    repository: &RepositoryName,
    content: &str,
    blobs: &[&[u8]],
    tags: &[(&str, TagCondition)],
) -> ManifestToPut {
    ManifestToPut {
        repository: repository.clone(),
        digest: Digest::sha256_of(content.as_bytes()),
        media_type: MediaType::IMAGE_MANIFEST,
        artifact_type: None,
        subject: None,
        bytes: Bytes::from(content.to_owned()),
        blobs: blobs.iter().map(|blob| Digest::sha256_of(blob)).collect(),
        tags: tags.iter().map(|(name, condition)| (tag(name), *condition)).collect(),
        actor: "ana".to_owned(),
        is_image: true,
        is_fact: false,
        is_exception: false,
        is_evidence: false,
        record: Some(ObjectKey::fresh(KeyKind::Record)),
        now: at(5),
    }
}

async fn put(catalogue: &Catalogue, manifest: ManifestToPut) -> PutManifest {
    catalogue.put_manifest(manifest).await.unwrap()
}

async fn an_upload_goes_on_where_it_was(catalogue: &Catalogue) {
    let name = repository("upload/resumed");
    let mut upload = begin(catalogue, &name).await;
    upload.object = SuspendedObject { length: 7, detail: "{\"parts\":[]}".into(), superseded: Vec::new() };
    let mut hasher = Hasher::new(Algorithm::Sha256);
    hasher.update(b"1234567");
    upload.hash = hasher.save();
    assert!(catalogue.advance_upload(upload.clone(), at(1)).await.unwrap());
    let found = catalogue.find_upload(&name, upload.id).await.unwrap().unwrap();
    assert_eq!((found.object, found.hash), (upload.object, upload.hash));
    assert!(catalogue.find_upload(&repository("upload/other"), upload.id).await.unwrap().is_none());
    assert!(catalogue.cancel_upload(&name, upload.id, None, at(2)).await.unwrap());
    assert!(!catalogue.cancel_upload(&name, upload.id, None, at(2)).await.unwrap());
}

async fn take_up(catalogue: &Catalogue, upload: &Upload) -> Option<Upload> {
    let fresh = ObjectKey::fresh(KeyKind::Blob);
    catalogue.take_up_upload(&upload.repository, upload.id, fresh, at(1_000_000), at(0)).await.unwrap()
}

async fn only_the_last_taker_of_an_upload_counts(catalogue: &Catalogue) {
    let name = repository("upload/contended");
    let upload = begin(catalogue, &name).await;
    let first = take_up(catalogue, &upload).await.unwrap();
    let second = take_up(catalogue, &upload).await.unwrap();
    assert_eq!(catalogue.upload_generation(upload.id).await.unwrap(), Some(second.generation));
    assert_ne!(first.object_key, second.object_key, "both may be writing, and not to the same object");
    assert!(!catalogue.advance_upload(first.clone(), at(1)).await.unwrap());
    assert!(!catalogue.commit_blob(commit(&first, b"contended", 10)).await.unwrap());
    assert!(catalogue.find_blob(&name, Digest::sha256_of(b"contended")).await.unwrap().is_none());
    assert!(catalogue.commit_blob(commit(&second, b"contended", 10)).await.unwrap());
    assert!(take_up(catalogue, &upload).await.is_none());
}

async fn content_is_stored_once_and_shown_where_it_was_pushed(catalogue: &Catalogue) {
    let (one, other, third) = (repository("blob/one"), repository("blob/other"), repository("blob/third"));
    let digest = Digest::sha256_of(b"shared");
    let first = push_blob(catalogue, &one, b"shared", 10).await;
    assert!(
        catalogue.find_blob(&other, digest).await.unwrap().is_none(),
        "a blob is seen where it was pushed"
    );
    let second = push_blob(catalogue, &other, b"shared", 10).await;
    let found = catalogue.find_blob(&other, digest).await.unwrap().unwrap();
    assert_eq!(
        (found.object_key, found.size),
        (first, 6),
        "the bytes that were there stay the ones to be read"
    );
    let doomed = catalogue.doomed_objects(1000).await.unwrap();
    assert!(doomed.iter().any(|object| object.key == second), "the bytes that came later are given up");
    assert!(catalogue.mount_blob(&one, &third, digest, at(10), at(0)).await.unwrap());
    assert!(catalogue.find_blob(&third, digest).await.unwrap().is_some());
    assert!(!catalogue.mount_blob(&repository("blob/none"), &third, digest, at(10), at(0)).await.unwrap());
    assert_eq!(catalogue.repositories_with_blob(digest, 2).await.unwrap().len(), 2);
}

async fn a_manifest_needs_its_blobs(catalogue: &Catalogue) {
    let name = repository("manifest/blobs");
    push_blob(catalogue, &name, b"here", 10).await;
    let lacking = manifest(&name, "lacking", &[b"here", b"not here"], &[("v1", TagCondition::Any)]);
    assert_eq!(
        put(catalogue, lacking).await,
        PutManifest::BlobsUnknown(vec![Digest::sha256_of(b"not here")])
    );
    assert!(catalogue.find_manifest(&name, &TagOrDigest::Tag(tag("v1"))).await.unwrap().is_none());
    let unknown = ManifestToPut { record: None, ..manifest(&name, "unknown", &[], &[]) };
    assert_eq!(put(catalogue, unknown).await, PutManifest::Gone);
    let whole = manifest(&name, "whole", &[b"here"], &[("v1", TagCondition::Any)]);
    assert_eq!(put(catalogue, whole.clone()).await, PutManifest::Done);
    assert_eq!(put(catalogue, whole.clone()).await, PutManifest::Done, "pushing again changes nothing");
    let found = catalogue.find_manifest(&name, &TagOrDigest::Tag(tag("v1"))).await.unwrap().unwrap();
    assert_eq!((found.digest, found.bytes), (whole.digest, whole.bytes));
    let check = catalogue
        .check_manifest(
            &name,
            whole.digest,
            vec![Digest::sha256_of(b"here"), Digest::sha256_of(b"no")],
            vec![tag("v1"), tag("v2")],
        )
        .await
        .unwrap();
    assert!(check.is_stored);
    assert_eq!(check.missing_blobs, [Digest::sha256_of(b"no")]);
    assert_eq!(check.tags, [Some(whole.digest), None]);
    assert_eq!(catalogue.delete_blob(&name, Digest::sha256_of(b"here"), at(1)).await.unwrap(), Some(false));
    assert_eq!(catalogue.delete_blob(&name, Digest::sha256_of(b"no"), at(1)).await.unwrap(), None);
}

async fn tags_move_under_their_conditions_and_every_move_is_remembered(catalogue: &Catalogue) {
    let name = repository("tags/moves");
    let (one, two) = (Digest::sha256_of(b"one"), Digest::sha256_of(b"two"));
    let push = |content: &str, condition| manifest(&name, content, &[], &[("v", condition)]);
    assert_eq!(put(catalogue, push("one", TagCondition::New)).await, PutManifest::Done);
    for refused in [TagCondition::New, TagCondition::Immutable, TagCondition::At(two)] {
        let outcome = put(catalogue, push("two", refused)).await;
        assert_eq!(outcome, PutManifest::TagRefused { tag: tag("v"), current: Some(one) });
    }
    assert!(catalogue.find_manifest(&name, &TagOrDigest::Digest(two)).await.unwrap().is_none());
    assert_eq!(put(catalogue, push("one", TagCondition::Immutable)).await, PutManifest::Done);
    assert_eq!(put(catalogue, push("two", TagCondition::At(one))).await, PutManifest::Done);
    assert_eq!(
        catalogue.untag(&name, &tag("v"), TagCondition::At(one), "ben", at(9)).await.unwrap(),
        Some((two, false))
    );
    assert_eq!(
        catalogue.untag(&name, &tag("v"), TagCondition::Any, "ben", at(9)).await.unwrap(),
        Some((two, true))
    );
    assert_eq!(catalogue.untag(&name, &tag("v"), TagCondition::Any, "ben", at(9)).await.unwrap(), None);
    let moves = catalogue.tag_history(&name, Some(&tag("v")), 10).await.unwrap();
    let moves: Vec<_> = moves.iter().map(|one| (one.previous, one.digest, one.moved_by.as_str())).collect();
    assert_eq!(moves, [(Some(two), None, "ben"), (Some(one), Some(two), "ana"), (None, Some(one), "ana")]);
    assert!(
        catalogue.find_manifest(&name, &TagOrDigest::Digest(two)).await.unwrap().is_some(),
        "untagging keeps it"
    );
    let pushed = catalogue.find_push(&name, two).await.unwrap().unwrap();
    assert_eq!(pushed.by, "ana");
    assert_eq!(catalogue.find_push(&repository("other"), two).await.unwrap(), None);
}

async fn lists_come_in_pages_and_in_ascii_order(catalogue: &Catalogue) {
    let name = repository("zz/lists");
    for tag in ["b", "B", "a", "_", "1", "a-", "a.b"] {
        put(catalogue, manifest(&name, "listed", &[], &[(tag, TagCondition::Any)])).await;
    }
    let all = catalogue.list_tags(&name, None, 100).await.unwrap().unwrap();
    let names: Vec<&str> = all.iter().map(|tag| tag.tag.as_str()).collect();
    assert_eq!(names, ["1", "B", "_", "a", "a-", "a.b", "b"]);
    let page = catalogue.list_tags(&name, Some("_".into()), 2).await.unwrap().unwrap();
    assert_eq!(page.iter().map(|tag| tag.tag.as_str()).collect::<Vec<_>>(), ["a", "a-"]);
    assert!(catalogue.list_tags(&repository("zz/none"), None, 1).await.unwrap().is_none());
    begin(catalogue, &repository("zz/only-an-upload")).await;
    put(catalogue, manifest(&repository("zz/lists-0"), "x", &[], &[])).await;
    put(catalogue, manifest(&repository("zz/lists/a"), "x", &[], &[])).await;
    let page = catalogue.list_repositories(Some("zz".into()), 100).await.unwrap();
    let names: Vec<&str> = page.iter().map(RepositoryName::as_str).collect();
    assert_eq!(names, ["zz/lists", "zz/lists-0", "zz/lists/a"]);
}

async fn referrers_are_found_whichever_came_first(catalogue: &Catalogue) {
    let name = repository("referrers/some");
    let subject = Digest::sha256_of(b"the subject");
    for (content, kind) in [("sbom", "application/spdx+json"), ("signature", "application/sig")] {
        let artifact_type = Some(kind.to_owned());
        let referrer =
            ManifestToPut { subject: Some(subject), artifact_type, ..manifest(&name, content, &[], &[]) };
        assert_eq!(put(catalogue, referrer).await, PutManifest::Done);
    }
    let all = catalogue.list_referrers(&name, subject, None, None, 10).await.unwrap();
    assert_eq!(all.len(), 2);
    let sboms =
        catalogue.list_referrers(&name, subject, Some("application/spdx+json"), None, 10).await.unwrap();
    assert_eq!(sboms.iter().map(|sbom| sbom.bytes.clone()).collect::<Vec<_>>(), ["sbom"]);
    let rest = catalogue.list_referrers(&name, subject, None, Some(all[0].digest), 10).await.unwrap();
    assert_eq!(rest, all[1..]);
    assert!(
        catalogue
            .list_referrers(&repository("referrers/none"), subject, None, None, 10)
            .await
            .unwrap()
            .is_empty()
    );
}

async fn garbage_is_what_nothing_needs_any_more(catalogue: &Catalogue) {
    drain(catalogue, 2_000_000).await;
    let (one, other) = (repository("gc/one"), repository("gc/other"));
    let key = push_blob(catalogue, &one, b"needed twice", 3_000_000).await;
    push_blob(catalogue, &other, b"needed twice", 3_000_000).await;
    let lonely = push_blob(catalogue, &one, b"never needed", 3_000_000).await;
    for name in [&one, &other] {
        put(catalogue, manifest(name, "image", &[b"needed twice"], &[("v", TagCondition::Any)])).await;
    }
    assert_eq!(catalogue.sweep(at(2_999_999), 100).await.unwrap().unlinked, 0, "nothing is due yet");
    let swept = catalogue.sweep(at(3_000_000), 100).await.unwrap();
    assert_eq!((swept.unlinked, swept.blobs, swept.bytes), (1, 1, 12));
    assert!(doomed(catalogue).await.contains(&lonely));
    let image = Digest::sha256_of(b"image");
    let untagged = catalogue.delete_manifest(&one, image, "ana", at(3_000_010), at(3_000_000)).await.unwrap();
    assert_eq!(untagged, Some(vec![tag("v")]));
    assert_eq!(catalogue.sweep(at(3_000_009), 100).await.unwrap().unlinked, 0, "the grace period runs");
    let swept = catalogue.sweep(at(3_000_010), 100).await.unwrap();
    assert_eq!((swept.unlinked, swept.blobs), (1, 0), "the other repository still holds the content");
    assert!(!doomed(catalogue).await.contains(&key));
    assert!(catalogue.find_blob(&other, Digest::sha256_of(b"needed twice")).await.unwrap().is_some());
    catalogue.delete_manifest(&other, image, "ana", at(3_000_011), at(3_000_011)).await.unwrap();
    assert_eq!(catalogue.sweep(at(3_000_011), 100).await.unwrap().blobs, 1);
    assert!(doomed(catalogue).await.contains(&key));
    let upload = begin(catalogue, &one).await;
    assert_eq!(catalogue.sweep(at(3_000_012), 100).await.unwrap().uploads, 1, "an upload expires");
    assert!(doomed(catalogue).await.contains(&upload.object_key));
    catalogue.forget_doomed(upload.object_key).await.unwrap();
    assert!(!doomed(catalogue).await.contains(&upload.object_key));
}

/// Takes away what earlier checks left to be collected.
async fn drain(catalogue: &Catalogue, now: i64) {
    while !catalogue.sweep(at(now), 100).await.unwrap().is_nothing() {}
}

async fn doomed(catalogue: &Catalogue) -> Vec<ObjectKey> {
    catalogue.doomed_objects(10_000).await.unwrap().into_iter().map(|object| object.key).collect()
}

async fn asking_for_a_blob_holds_it(catalogue: &Catalogue) {
    let name = repository("gc/held");
    push_blob(catalogue, &name, b"asked for", 4_000_000).await;
    let digest = Digest::sha256_of(b"asked for");
    assert!(catalogue.hold_blob(&name, digest, at(4_000_100)).await.unwrap().is_some());
    assert_eq!(catalogue.sweep(at(4_000_099), 100).await.unwrap().unlinked, 0);
    assert!(catalogue.hold_blob(&name, digest, at(4_000_050)).await.unwrap().is_some());
    assert_eq!(catalogue.sweep(at(4_000_099), 100).await.unwrap().unlinked, 0, "a hold is never shortened");
    assert_eq!(catalogue.sweep(at(4_000_100), 100).await.unwrap().unlinked, 1);
    assert!(catalogue.hold_blob(&name, digest, at(4_000_200)).await.unwrap().is_none());
}

async fn damaged_content_is_healed_by_pushing_it_again(catalogue: &Catalogue) {
    let name = repository("fsck/damaged");
    let digest = Digest::sha256_of(b"damaged");
    let key = push_blob(catalogue, &name, b"damaged", 9_000_000).await;
    put(catalogue, manifest(&name, "needs it", &[b"damaged"], &[])).await;
    let damage = QuarantinedObject { key, digest, found: "something else".into(), found_at: at(1) };
    assert!(catalogue.quarantine(damage.clone()).await.unwrap());
    assert!(!catalogue.quarantine(damage.clone()).await.unwrap());
    assert!(catalogue.find_blob(&name, digest).await.unwrap().is_none(), "damaged bytes are not served");
    assert_eq!(catalogue.blobs_without_bytes().await.unwrap(), [digest]);
    assert_eq!(catalogue.quarantined().await.unwrap(), [damage]);
    let healed = push_blob(catalogue, &name, b"damaged", 9_000_000).await;
    assert_eq!(catalogue.find_blob(&name, digest).await.unwrap().unwrap().object_key, healed);
    let known = catalogue.known_objects(&[key, healed, ObjectKey::fresh(KeyKind::Blob)]).await.unwrap();
    assert_eq!(known.len(), 2);
}

async fn what_a_suspended_upload_keeps_is_known(catalogue: &Catalogue) {
    let name = repository("fsck/suspended");
    let mut upload = begin(catalogue, &name).await;
    let (tail, stranger) = (ObjectKey::fresh(KeyKind::Blob), ObjectKey::fresh(KeyKind::Blob));
    upload.object.detail = format!(r#"{{"tail":{{"key":"{tail}"}}}}"#);
    assert!(catalogue.advance_upload(upload.clone(), at(1)).await.unwrap());
    let keys = [upload.object_key, tail, stranger];
    let known = catalogue.known_objects(&keys).await.unwrap();
    assert!(known.len() == 2 && !known.contains(&stranger), "{known:?}");
    assert!(catalogue.cancel_upload(&name, upload.id, None, at(2)).await.unwrap());
    assert_eq!(catalogue.known_objects(&keys).await.unwrap(), known, "it is doomed, and not forgotten");
    catalogue.forget_doomed(upload.object_key).await.unwrap();
    assert!(catalogue.known_objects(&keys).await.unwrap().is_empty());
}

async fn accounts_are_kept(catalogue: &Catalogue) {
    assert!(!catalogue.has_users().await.unwrap());
    let grants: Vec<Grant> = vec!["team/*:pull,push".parse().unwrap()];
    let user = User {
        name: "ana".into(),
        password_hash: "$argon2id$…".into(),
        grants: grants.clone(),
        created_at: at(1),
    };
    catalogue.put_user(user.clone()).await.unwrap();
    assert_eq!(catalogue.find_user("ana").await.unwrap(), Some(user));
    assert_eq!(catalogue.find_user("Ana").await.unwrap(), None);
    let robot = Robot {
        name: "ci".into(),
        token_hash: "hash".into(),
        grants,
        expires_at: Some(at(100)),
        created_at: at(1),
        created_by: "ana".into(),
        last_used_at: None,
    };
    assert!(catalogue.add_robot(robot.clone()).await.unwrap());
    assert!(!catalogue.add_robot(robot.clone()).await.unwrap());
    catalogue.note_robots_used(vec![("ci".into(), at(50))]).await.unwrap();
    let found = catalogue.find_robot_by_token("hash").await.unwrap().unwrap();
    assert_eq!(found, Robot { last_used_at: Some(at(50)), ..robot });
    assert!(catalogue.delete_robot("ci", at(60)).await.unwrap());
    assert!(catalogue.delete_user("ana", at(60)).await.unwrap());
    assert!(!catalogue.delete_user("ana", at(60)).await.unwrap());
    let secret = catalogue.shared_secret("key", vec![1, 2]).await.unwrap();
    assert_eq!(catalogue.shared_secret("key", vec![3]).await.unwrap(), secret);
}

async fn what_is_inside_images_is_found_out_once(catalogue: &Catalogue) {
    let name = repository("contents/app");
    let layer_key = push_blob(catalogue, &name, b"a layer", 0).await;
    let image = manifest(&name, "an image with contents", &[b"a layer"], &[("v1", TagCondition::Any)]);
    let digest = image.digest;
    let artifact = ManifestToPut { is_image: false, ..manifest(&name, "an artifact", &[], &[]) };
    put(catalogue, image.clone()).await;
    put(catalogue, artifact.clone()).await;

    // It waits, and whoever takes it has it for a while.
    let taken = take_all(catalogue, at(10), at(100)).await;
    assert!(taken.contains(&digest) && !taken.contains(&artifact.digest));
    assert!(!take_all(catalogue, at(99), at(200)).await.contains(&digest));
    catalogue.postpone_image(digest, at(50)).await.unwrap();
    assert!(take_all(catalogue, at(50), at(300)).await.contains(&digest));

    // A layer is noted once; the record of whoever comes second is doomed.
    let blob = Digest::sha256_of(b"a layer");
    assert_eq!(catalogue.blob_anywhere(blob).await.unwrap(), Some((layer_key, 7)));
    let record = || LayerAnalysis::Record {
        diff_id: plimsoll_oci::DiffId(blob),
        key: ObjectKey::fresh(KeyKind::Layer),
        size: 9,
    };
    let first = record();
    catalogue.note_layer(blob, 1, first.clone(), at(60)).await.unwrap();
    catalogue.note_layer(blob, 1, record(), at(60)).await.unwrap();
    assert_eq!(catalogue.layer_analysis(blob, 1).await.unwrap(), Some(first));
    assert_eq!(catalogue.layer_analysis(blob, 2).await.unwrap(), None);

    // Two images with a component in common share its number.
    let note = |manifest, names: &[&str]| ImageToNote {
        manifest,
        analyser: 1,
        components: names.iter().map(|name| ((*name).to_owned(), name.as_bytes().to_vec())).collect(),
        contents: Ok(b"all of it".to_vec()),
        stack: Some(plimsoll_oci::ChainId(blob)),
        now: at(70),
    };
    let one = catalogue.note_image(note(digest, &["curl", "bash"])).await.unwrap();
    let other = catalogue.note_image(note(artifact.digest, &["bash"])).await.unwrap();
    assert_eq!(one.components.len(), 2);
    assert!(one.components.contains(&other.components[0]));
    assert!(other.number > one.number);
    assert_eq!(catalogue.images_noted_after(one.number - 1, 10).await.unwrap(), [one.clone(), other]);
    let bodies = catalogue.components_after(0, 100).await.unwrap();
    assert!(one.components.iter().all(|number| bodies.iter().any(|(known, _)| known == number)));
    assert_eq!(catalogue.image_contents(digest).await.unwrap(), Some((1, Ok(b"all of it".to_vec()))));

    // Images with the same stack of layers find each other, and not themselves.
    let (stack, elsewhere) = (plimsoll_oci::ChainId(blob), plimsoll_oci::ChainId(digest));
    let held = catalogue.stacks_held(&[stack, elsewhere], digest).await.unwrap();
    assert_eq!(held.into_iter().collect::<Vec<_>>(), [stack]);
    assert_eq!(catalogue.images_with_stack(stack, digest, 10).await.unwrap(), [artifact.digest]);
    assert!(catalogue.images_with_stack(elsewhere, digest, 10).await.unwrap().is_empty());

    // It is known where the image is, and pushing it again asks for nothing.
    let places = catalogue.places_of_images(vec![digest]).await.unwrap();
    assert_eq!((places.len(), &places[0].repository, &places[0].tags), (1, &name, &vec![tag("v1")]));
    put(catalogue, image).await;
    assert!(!take_all(catalogue, at(1000), at(1001)).await.contains(&digest));

    // A newer analyser looks again.
    assert_eq!(catalogue.enqueue_outdated_images(1, at(1000)).await.unwrap(), 0);
    assert_eq!(catalogue.enqueue_outdated_images(2, at(1000)).await.unwrap(), 2);
    assert!(take_all(catalogue, at(1000), at(1001)).await.contains(&digest));

    // What cannot be known has a reason.
    let unknown = ImageToNote { contents: Err("a bomb".to_owned()), ..note(digest, &[]) };
    assert_eq!(catalogue.note_image(unknown).await.unwrap().failure.as_deref(), Some("a bomb"));
    assert_eq!(catalogue.image_contents(digest).await.unwrap(), Some((1, Err("a bomb".to_owned()))));

    // With the last repository that holds the image goes what is known of it.
    catalogue.delete_manifest(&name, digest, "ana", at(0), at(80)).await.unwrap();
    assert_eq!(catalogue.image_contents(digest).await.unwrap(), None);
}

/// Takes every image that waits.
async fn take_all(catalogue: &Catalogue, now: Timestamp, until: Timestamp) -> Vec<Digest> {
    let taken = catalogue.take_waiting_images(1000, now, until).await.unwrap();
    taken.into_iter().map(|(digest, _)| digest).collect()
}

async fn a_lease_has_one_holder_at_a_time(catalogue: &Catalogue) {
    assert!(catalogue.hold_lease("work", "one", at(10), at(0)).await.unwrap());
    assert!(!catalogue.hold_lease("work", "two", at(20), at(9)).await.unwrap());
    assert!(catalogue.hold_lease("work", "one", at(30), at(9)).await.unwrap());
    assert!(catalogue.hold_lease("work", "two", at(50), at(30)).await.unwrap());
    assert!(catalogue.is_leased("work", at(49)).await.unwrap());
    catalogue.release_lease("work", "two").await.unwrap();
    assert!(!catalogue.is_leased("work", at(49)).await.unwrap());
}

async fn many_pushes_at_once_lose_nothing(catalogue: &Catalogue) {
    let pushes = (0..40).map(|number| {
        let catalogue = catalogue.clone();
        tokio::spawn(async move {
            let name = repository("crowd/app");
            push_blob(&catalogue, &name, b"base layer", 99_000_000).await;
            let own = format!("layer {}", number % 7);
            push_blob(&catalogue, &name, own.as_bytes(), 99_000_000).await;
            let content = format!("image {number}");
            let (tag, blobs) = (format!("v{number}"), [b"base layer".as_slice(), own.as_bytes()]);
            let push = manifest(
                &name,
                &content,
                &blobs,
                &[(&tag, TagCondition::Any), ("latest", TagCondition::Any)],
            );
            put(&catalogue, push).await
        })
    });
    for push in pushes.collect::<Vec<_>>() {
        assert_eq!(push.await.unwrap(), PutManifest::Done);
    }
    let tags = catalogue.list_tags(&repository("crowd/app"), None, 100).await.unwrap().unwrap();
    assert_eq!(tags.len(), 41);
    let moves = catalogue.tag_history(&repository("crowd/app"), Some(&tag("latest")), 100).await.unwrap();
    assert_eq!(moves.len(), 40, "every move of a contended tag is in its history");
    for pair in moves.windows(2) {
        assert_eq!(pair[0].previous, pair[1].digest, "each move begins where the one before it ended");
    }
}

async fn deletions_at_once_leave_nothing_behind(catalogue: &Catalogue) {
    drain(catalogue, 200_000_000).await;
    for round in 0..20 {
        let name = repository("crowd/deleted");
        let shared = format!("shared by two in round {round}");
        push_blob(catalogue, &name, shared.as_bytes(), 300_000_000).await;
        let images = ["one", "two"].map(|image| format!("{image} of round {round}"));
        for image in &images {
            put(catalogue, manifest(&name, image, &[shared.as_bytes()], &[])).await;
        }
        let delete = |image: &str| {
            let (catalogue, name, digest) =
                (catalogue.clone(), name.clone(), Digest::sha256_of(image.as_bytes()));
            tokio::spawn(async move {
                catalogue
                    .delete_manifest(&name, digest, "ana", at(200_000_001), at(200_000_001))
                    .await
                    .unwrap()
            })
        };
        let (one, two) = tokio::join!(delete(&images[0]), delete(&images[1]));
        assert!(one.unwrap().is_some() && two.unwrap().is_some());
        drain(catalogue, 200_000_002).await;
        let left = catalogue.find_blob(&name, Digest::sha256_of(shared.as_bytes())).await.unwrap();
        assert!(left.is_none(), "a blob that two deletions let go of is collected");
    }
}

async fn a_cancelled_upload_that_was_committed_keeps_its_object(catalogue: &Catalogue) {
    let name = repository("upload/cancelled");
    for round in 0..20 {
        let content = format!("committed and cancelled {round}");
        let upload = begin(catalogue, &name).await;
        let committing = {
            let (catalogue, commit) = (catalogue.clone(), commit(&upload, content.as_bytes(), 900_000_000));
            tokio::spawn(async move { catalogue.commit_blob(commit).await.unwrap() })
        };
        let cancelled = catalogue.cancel_upload(&name, upload.id, None, at(1)).await.unwrap();
        let committed = committing.await.unwrap();
        assert_ne!(committed, cancelled, "an upload ends once");
        assert_eq!(doomed(catalogue).await.contains(&upload.object_key), cancelled);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_one_database_can_be_restored_into_the_other() {
    let Some(server) = Postgres::start() else { return };
    let directory = tempfile::tempdir().unwrap();
    let sqlite = Catalogue::open_sqlite(&directory.path().join("catalogue.sqlite")).await.unwrap();
    let name = repository("team/app");
    push_blob(&sqlite, &name, b"layer", 10).await;
    put(&sqlite, manifest(&name, "image", &[b"layer"], &[("v1", TagCondition::Any)])).await;
    let rows = snapshot(&sqlite).await;
    let postgres = open_postgres(&server.url()).await;
    assert!(postgres.is_empty().await.unwrap());
    postgres.restore(rows.clone()).await.unwrap();
    assert_eq!(sorted(snapshot(&postgres).await), sorted(rows));
    let moved = manifest(&name, "another image", &[b"layer"], &[("v1", TagCondition::Any)]);
    assert_eq!(
        put(&postgres, moved).await,
        PutManifest::Done,
        "new rows are numbered after the restored ones"
    );
    put(&postgres, manifest(&repository("team/new"), "image", &[], &[])).await;
}

async fn snapshot(catalogue: &Catalogue) -> Vec<SnapshotRow> {
    let rows = Arc::new(Mutex::new(Vec::new()));
    let taken = rows.clone();
    let each = move |row| {
        taken.lock().unwrap().push(row);
        true
    };
    catalogue.snapshot(Arc::new(each)).await.unwrap();
    std::mem::take(&mut *rows.lock().unwrap())
}

fn sorted(mut rows: Vec<SnapshotRow>) -> Vec<SnapshotRow> {
    rows.sort_by_key(|row| format!("{row:?}"));
    rows
}

#[tokio::test]
async fn a_catalogue_is_there_again_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("catalogue.sqlite");
    let name = repository("team/app");
    {
        let catalogue = Catalogue::open_sqlite(&path).await.unwrap();
        put(&catalogue, manifest(&name, "image", &[], &[("v1", TagCondition::Any)])).await;
    }
    let catalogue = Catalogue::open_sqlite(&path).await.unwrap();
    assert!(catalogue.find_manifest(&name, &TagOrDigest::Tag(tag("v1"))).await.unwrap().is_some());
}
