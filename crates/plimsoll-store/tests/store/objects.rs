//! The contract of objects, kept by memory, local files and S3.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, TryStreamExt as _};
use plimsoll_store::objects::{KeyKind, LocalObjects, MemoryObjects, ObjectWriter, S3Objects};
use plimsoll_store::{ObjectError, ObjectKey, Objects};
use plimsoll_testkit::{Fault, S3Service, noise};

async fn keeps_the_contract(objects: &dyn Objects) {
    a_put_object_is_read_in_any_range(objects).await;
    an_object_is_there_only_when_it_is_complete(objects).await;
    an_unfinished_object_is_shown_as_far_as_it_is_there_or_to_nobody(objects).await;
    a_suspended_object_goes_on_where_it_was(objects).await;
    an_abandoned_object_is_never_there(objects).await;
    deleting_what_is_gone_is_no_error(objects).await;
    reading_past_the_end_is_an_error(objects).await;
    a_listing_names_every_object(objects).await;
}

#[tokio::test]
async fn memory_keeps_the_contract() {
    keeps_the_contract(&MemoryObjects::new()).await;
}

#[tokio::test]
async fn local_files_keep_the_contract() {
    let directory = tempfile::tempdir().unwrap();
    let objects: &dyn Objects = &LocalObjects::open(directory.path(), 0).unwrap();
    assert_eq!(objects.read_unfinished(fresh(), 0).await.unwrap(), Some(Bytes::new()), "it shows them");
    keeps_the_contract(objects).await;
}

#[tokio::test]
async fn s3_keeps_the_contract() {
    let service = S3Service::start().await;
    keeps_the_contract(&S3Objects::new(service.config()).unwrap()).await;
}

fn fresh() -> ObjectKey {
    ObjectKey::fresh(KeyKind::Blob)
}

async fn read(
    objects: &dyn Objects,
    key: ObjectKey,
    range: std::ops::Range<u64>,
) -> Result<Bytes, ObjectError> {
    let mut stream = objects.read(key, range).await?;
    let mut bytes = BytesMut::new();
    while let Some(piece) = stream.next().await {
        bytes.extend_from_slice(&piece?);
    }
    Ok(bytes.freeze())
}

async fn write_all(writer: &mut Box<dyn ObjectWriter>, bytes: &[u8], piece: usize) {
    for piece in bytes.chunks(piece) {
        writer.write(Bytes::copy_from_slice(piece)).await.unwrap();
    }
}

async fn a_put_object_is_read_in_any_range(objects: &dyn Objects) {
    let (key, bytes) = (fresh(), noise(1, 700_000));
    objects.put(key, bytes.clone().into()).await.unwrap();
    assert_eq!(objects.size(key).await.unwrap(), Some(700_000));
    for range in [0..700_000, 0..1, 699_999..700_000, 262_143..262_145, 5..5] {
        let expected = &bytes[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()];
        assert_eq!(read(objects, key, range).await.unwrap(), expected);
    }
    let empty = fresh();
    objects.put(empty, Bytes::new()).await.unwrap();
    assert_eq!(objects.size(empty).await.unwrap(), Some(0));
    assert_eq!(read(objects, empty, 0..0).await.unwrap(), Bytes::new());
}

async fn an_object_is_there_only_when_it_is_complete(objects: &dyn Objects) {
    let (key, bytes) = (fresh(), noise(2, 20_000_000));
    let mut writer = objects.create(key).await.unwrap();
    write_all(&mut writer, &bytes, 300_000).await;
    let (completed, _) = writer.complete().await.unwrap();
    assert_eq!(read(objects, completed.key, 0..20_000_000).await.unwrap(), bytes);
}

async fn an_unfinished_object_is_shown_as_far_as_it_is_there_or_to_nobody(objects: &dyn Objects) {
    let (key, bytes) = (fresh(), noise(10, 3_000_000));
    let early = objects.read_unfinished(key, 0).await.unwrap();
    let mut writer = objects.create(key).await.unwrap();
    write_all(&mut writer, &bytes[..2_500_000], 500_000).await;
    let (suspended, claim) = writer.suspend().await.unwrap();
    let shown = shown_so_far(objects, key).await;
    assert_eq!(shown.as_deref(), early.is_some().then_some(&bytes[..2_500_000]));
    drop(claim);

    // What a lost writer left may be shown until the next one replaces it, and never after.
    let mut lost = objects.resume(key, suspended.clone()).await.unwrap();
    write_all(&mut lost, &[7; 400_000], 100_000).await;
    drop(lost);
    let mut writer = resume_patiently(objects, key, suspended).await;
    write_all(&mut writer, &bytes[2_500_000..], 500_000).await;
    let (completed, claim) = writer.complete().await.unwrap();
    drop(claim);
    if early.is_some() {
        assert_eq!(shown_so_far(objects, completed.key).await.as_deref(), Some(&bytes[..]));
    }

    objects.delete(completed.key).await.unwrap();
    assert_eq!(objects.read_unfinished(completed.key, 0).await.unwrap(), early, "as if it had never begun");
}

/// All bytes that an unfinished object shows at the moment.
async fn shown_so_far(objects: &dyn Objects, key: ObjectKey) -> Option<Bytes> {
    let mut shown = BytesMut::new();
    loop {
        let piece = objects.read_unfinished(key, shown.len() as u64).await.unwrap()?;
        if piece.is_empty() {
            return Some(shown.freeze());
        }
        shown.extend_from_slice(&piece);
    }
}

async fn a_suspended_object_goes_on_where_it_was(objects: &dyn Objects) {
    for (length, pause) in [(10, 4), (3_000_000, 1_000_001), (18_000_000, 9_000_000), (18_000_000, 1)] {
        let (key, bytes) = (fresh(), noise(3, length));
        let mut writer = objects.create(key).await.unwrap();
        write_all(&mut writer, &bytes[..pause], 500_000).await;
        let (suspended, _) = writer.suspend().await.unwrap();
        assert_eq!(suspended.length, pause as u64);

        // Somebody goes on, writes more, and is never heard of again.
        let mut lost = objects.resume(key, suspended.clone()).await.unwrap();
        lost.write(Bytes::from_static(b"lost")).await.unwrap();
        drop(lost);

        let mut writer = resume_patiently(objects, key, suspended).await;
        write_all(&mut writer, &bytes[pause..], 400_000).await;
        let (again, _) = writer.suspend().await.unwrap();
        assert_eq!(again.length, length as u64);
        let (completed, _) = objects.resume(key, again).await.unwrap().complete().await.unwrap();
        assert_eq!(read(objects, completed.key, 0..length as u64).await.unwrap(), bytes);
    }
}

/// A writer that was dropped may keep its file for as long as its last write takes.
async fn resume_patiently(
    objects: &dyn Objects,
    key: ObjectKey,
    at: plimsoll_store::objects::SuspendedObject,
) -> Box<dyn ObjectWriter> {
    for _ in 0..100 {
        match objects.resume(key, at.clone()).await {
            Err(ObjectError::Busy(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
            resumed => return resumed.unwrap(),
        }
    }
    panic!("the object stayed busy");
}

async fn an_abandoned_object_is_never_there(objects: &dyn Objects) {
    let key = fresh();
    let mut writer = objects.create(key).await.unwrap();
    write_all(&mut writer, &noise(4, 9_000_000), 1_000_000).await;
    let (suspended, _) = writer.suspend().await.unwrap();
    objects.abandon(key, Some(suspended)).await.unwrap();
    assert_eq!(objects.size(key).await.unwrap(), None);
    assert!(matches!(read(objects, key, 0..1).await, Err(ObjectError::NotFound(_))));
}

async fn deleting_what_is_gone_is_no_error(objects: &dyn Objects) {
    let key = fresh();
    objects.put(key, Bytes::from_static(b"x")).await.unwrap();
    objects.delete(key).await.unwrap();
    objects.delete(key).await.unwrap();
    assert_eq!(objects.size(key).await.unwrap(), None);
}

async fn reading_past_the_end_is_an_error(objects: &dyn Objects) {
    let key = fresh();
    objects.put(key, Bytes::from_static(b"four")).await.unwrap();
    assert!(read(objects, key, 0..5).await.is_err());
}

async fn a_listing_names_every_object(objects: &dyn Objects) {
    let mut keys: Vec<ObjectKey> = (0..5).map(|_| ObjectKey::fresh(KeyKind::Record)).collect();
    for key in &keys {
        objects.put(*key, Bytes::from_static(b"record")).await.unwrap();
    }
    let mut listed: Vec<ObjectKey> =
        objects.list(KeyKind::Record).map_ok(|object| object.key).try_collect().await.unwrap();
    keys.sort_unstable();
    listed.sort_unstable();
    assert_eq!(listed, keys);
}

#[tokio::test]
async fn two_writers_never_share_a_local_file() {
    let directory = tempfile::tempdir().unwrap();
    let objects = LocalObjects::open(directory.path(), 0).unwrap();
    let objects: &dyn Objects = &objects;
    let key = fresh();
    let mut writer = objects.create(key).await.unwrap();
    write_all(&mut writer, &[1; 2_000_000], 1_000_000).await;
    let (suspended, _) = writer.suspend().await.unwrap();
    let mut first = objects.resume(key, suspended.clone()).await.unwrap();
    first.write(Bytes::from_static(b"x")).await.unwrap();
    let busy = |resumed: Result<_, ObjectError>| matches!(resumed.err(), Some(ObjectError::Busy(_)));
    assert!(busy(objects.resume(key, suspended.clone()).await));
    let (_, claim) = first.complete().await.unwrap();
    assert!(
        busy(objects.resume(key, suspended.clone()).await),
        "the claim lives until the object is committed"
    );
    drop(claim);
    drop(objects.resume(key, suspended).await.unwrap());
    assert_eq!(objects.size(key).await.unwrap(), Some(2_000_001), "resuming alone changes nothing");
    assert!(
        matches!(objects.put(key, Bytes::new()).await, Err(ObjectError::Busy(_))),
        "no key is used twice"
    );
}

#[tokio::test]
async fn writers_of_one_s3_session_keep_out_of_each_others_way() {
    let service = S3Service::start().await;
    let objects = S3Objects::new(service.config()).unwrap();
    let objects: &dyn Objects = &objects;
    let key = fresh();
    let mut writer = objects.create(key).await.unwrap();
    write_all(&mut writer, b"begun by both ", 5).await;
    let (begun, _) = writer.suspend().await.unwrap();

    let contents = [noise(6, 20_000_000), noise(7, 9_000_000), noise(8, 9_000_000)];
    let mut writers = Vec::new();
    for content in &contents {
        let mut writer = objects.resume(key, begun.clone()).await.unwrap();
        write_all(&mut writer, content, 3_000_000).await;
        writers.push(writer);
    }
    let [first, second, third] = writers.try_into().ok().unwrap();
    assert_eq!(service.multipart_uploads(), 3);
    let (first, _) = first.complete().await.unwrap();
    let (second, _) = second.complete().await.unwrap();
    assert!(first.key != second.key && first.key != key && second.key != key);
    let (withdrawn, _) = third.suspend().await.unwrap();
    objects.withdraw(key, begun.clone(), withdrawn).await.unwrap();
    assert_eq!(service.multipart_uploads(), 0, "nothing is kept of a writer that was withdrawn");
    objects.delete(second.key).await.unwrap();

    let expected = [b"begun by both ".as_slice(), &contents[0]].concat();
    assert_eq!(read(objects, first.key, 0..expected.len() as u64).await.unwrap(), expected);
    let (again, _) = objects.resume(key, begun).await.unwrap().complete().await.unwrap();
    assert_eq!(read(objects, again.key, 0..14).await.unwrap(), "begun by both ", "the session is as it was");
}

#[tokio::test]
async fn withdrawing_leaves_what_the_session_had_before() {
    let service = S3Service::start().await;
    let objects = S3Objects::new(service.config()).unwrap();
    let objects: &dyn Objects = &objects;
    let (key, bytes) = (fresh(), noise(9, 27_000_000));
    let mut writer = objects.create(key).await.unwrap();
    write_all(&mut writer, &bytes[..18_000_000], 3_000_000).await;
    let (before, _) = writer.suspend().await.unwrap();
    let mut writer = objects.resume(key, before.clone()).await.unwrap();
    write_all(&mut writer, &bytes[..9_000_000], 3_000_000).await;
    let (withdrawn, _) = writer.suspend().await.unwrap();
    objects.withdraw(key, before.clone(), withdrawn).await.unwrap();

    let mut writer = objects.resume(key, before).await.unwrap();
    write_all(&mut writer, &bytes[18_000_000..], 3_000_000).await;
    let (completed, _) = writer.complete().await.unwrap();
    assert_eq!(read(objects, completed.key, 0..27_000_000).await.unwrap(), bytes);
    for superseded in completed.superseded {
        objects.delete(superseded).await.unwrap();
    }
    let left: Vec<_> = objects.list(KeyKind::Blob).try_collect().await.unwrap();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[tokio::test]
async fn a_file_that_was_cut_is_not_gone_on_with() {
    let directory = tempfile::tempdir().unwrap();
    let objects = LocalObjects::open(directory.path(), 0).unwrap();
    let objects: &dyn Objects = &objects;
    let key = fresh();
    let mut writer = objects.create(key).await.unwrap();
    write_all(&mut writer, &[1; 100], 100).await;
    let (suspended, _) = writer.suspend().await.unwrap();
    std::fs::File::options()
        .write(true)
        .open(directory.path().join(key.to_string()))
        .unwrap()
        .set_len(99)
        .unwrap();
    assert!(matches!(objects.resume(key, suspended).await.err(), Some(ObjectError::NotResumable { .. })));
}

#[tokio::test]
async fn writes_stop_before_the_reserve_is_touched() {
    let directory = tempfile::tempdir().unwrap();
    let objects = LocalObjects::open(directory.path(), u64::MAX).unwrap();
    let objects: &dyn Objects = &objects;
    let refused = objects.put(fresh(), Bytes::from_static(b"x")).await;
    assert!(matches!(refused, Err(ObjectError::Full(_))));
}

#[tokio::test]
async fn a_failing_s3_is_an_error_or_is_overcome_and_never_a_wrong_object() {
    let service = S3Service::start().await;
    let objects = S3Objects::new(service.config()).unwrap();
    let objects: &dyn Objects = &objects;
    let bytes = noise(5, 17_000_000);
    for fault in [Fault::Error, Fault::LostAnswer, Fault::CutAnswer, Fault::CutRequest] {
        for call in 0..5 {
            service.fail_once(call, fault);
            let mut writer = objects.create(fresh()).await.unwrap();
            let mut failed = false;
            for piece in bytes.chunks(3_000_000) {
                failed |= writer.write(Bytes::copy_from_slice(piece)).await.is_err();
            }
            let completed = if failed { None } else { writer.complete().await.ok() };
            service.heal();
            if let Some((completed, _)) = completed {
                assert_eq!(
                    read(objects, completed.key, 0..17_000_000).await.unwrap(),
                    bytes,
                    "{fault:?} {call}"
                );
            }
        }
    }
}
