use bytes::Bytes;
use plimsoll_oci::{Digest, MediaType, RepositoryName, Tag};
use plimsoll_store::catalogue::{ImageToNote, ManifestToPut, PutManifest, TagCondition};
use plimsoll_store::objects::KeyKind;
use plimsoll_store::{Catalogue, ObjectKey, Timestamp};

fn at(unix_ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(unix_ms)
}

pub(crate) async fn push(
    catalogue: &Catalogue,
    repository: &str,
    content: &str,
    tag: &str,
    now: i64,
) -> Digest {
    put(catalogue, image(repository, content, tag, now)).await
}

/// Evidence about an image of a repository.
pub(crate) async fn evidence(catalogue: &Catalogue, repository: &str, subject: Digest) -> Digest {
    let image = image(repository, "evidence", "evidence", 40);
    let artifact_type = Some("a/bundle".to_owned());
    let subject = Some(subject);
    put(catalogue, ManifestToPut { artifact_type, subject, tags: Vec::new(), is_image: false, ..image }).await
}

async fn put(catalogue: &Catalogue, manifest: ManifestToPut) -> Digest {
    let digest = manifest.digest;
    assert_eq!(catalogue.put_manifest(manifest).await.unwrap(), PutManifest::Done);
    digest
}

fn image(repository: &str, content: &str, tag: &str, now: i64) -> ManifestToPut {
    let digest = Digest::sha256_of(content.as_bytes());
    ManifestToPut {
        repository: repository.parse().unwrap(),
        digest,
        media_type: MediaType::IMAGE_MANIFEST,
        artifact_type: Some("application/vnd.oci.image.config.v1+json".to_owned()),
        subject: None,
        bytes: Bytes::from(content.to_owned()),
        blobs: Vec::new(),
        tags: vec![(tag.parse().unwrap(), TagCondition::Any)],
        actor: "ana".to_owned(),
        is_image: true,
        is_fact: false,
        is_exception: false,
        is_evidence: false,
        record: Some(ObjectKey::fresh(KeyKind::Record)),
        now: at(now),
    }
}

/// Images come newest first with what is noted of them, and every tag that ever pointed somewhere is found.
pub(crate) async fn the_images_of_a_line_are_found_with_the_tags_they_had(catalogue: &Catalogue) {
    let line: RepositoryName = "line/app".parse().unwrap();
    let one = push(catalogue, "line/app", "line one", "latest", 10).await;
    let two = push(catalogue, "line/app", "line two", "latest", 20).await;
    push(catalogue, "line/other", "line one", "kept", 5).await;
    let noted = ImageToNote {
        manifest: one,
        analyser: 7,
        components: Vec::new(),
        contents: Err("it is damaged".to_owned()),
        stack: None,
        now: at(30),
    };
    catalogue.note_image(noted).await.unwrap();
    let images = catalogue.images_of_repository(&line, 10).await.unwrap();
    let found: Vec<(Digest, i64)> =
        images.iter().map(|image| (image.digest, image.pushed_at.unix_ms())).collect();
    assert_eq!(found, [(two, 20), (one, 10)]);
    assert_eq!(images[0].noted, None);
    let noted = images[1].noted.as_ref().unwrap();
    assert_eq!(
        (noted.analyser, noted.analysed_at, noted.failure.as_deref()),
        (7, at(30), Some("it is damaged"))
    );
    let about_one = evidence(catalogue, "line/app", one).await;
    let said = catalogue.evidence_of_repository(&line, "a/bundle", 10).await.unwrap();
    let said: Vec<_> = said.iter().map(|it| (it.digest, it.subject, it.pushed_at.unix_ms())).collect();
    assert_eq!(said, [(about_one, one, 40)]);
    assert_eq!(catalogue.evidence_of_repository(&line, "another", 10).await.unwrap(), []);
    assert_eq!(catalogue.images_of_repository(&line, 1).await.unwrap().len(), 1);
    let pointed = catalogue.tags_that_pointed_at(vec![one, Digest::sha256_of(b"nothing")]).await.unwrap();
    let pointed: Vec<(String, Tag, i64)> =
        pointed.into_iter().map(|it| (it.repository.to_string(), it.tag, it.since.unix_ms())).collect();
    let expected = [("line/app", "latest", 10), ("line/other", "kept", 5)];
    assert_eq!(pointed, expected.map(|(name, tag, since)| (name.to_owned(), tag.parse().unwrap(), since)));
}
