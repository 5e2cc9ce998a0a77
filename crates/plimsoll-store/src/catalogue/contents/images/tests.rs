use std::sync::Arc;
use std::time::Duration;

use plimsoll_testkit::Postgres as PostgresServer;
use tokio::sync::Notify;

use super::*;
use crate::catalogue::PostgresConfig;

/// A note whose transaction stays open after it has its numbers.
struct Slow {
    image: ImageToNote,
    is_numbered: Arc<Notify>,
    may_commit: Arc<Notify>,
}

/// How long a quick note has to be done while the slow one is open.
const HEAD_START: Duration = Duration::from_millis(500);

fn image(name: &str) -> ImageToNote {
    ImageToNote {
        manifest: Digest::sha256_of(name.as_bytes()),
        analyser: 1,
        components: vec![(name.to_owned(), name.as_bytes().to_vec())],
        contents: Ok(Vec::new()),
        stack: None,
        now: Timestamp::from_unix_ms(0),
    }
}

async fn note_slowly(catalogue: Catalogue, slow: Slow) {
    let noted = catalogue.write(slow, |tx, slow| {
        async move {
            note_image(tx, &slow.image).await?;
            slow.is_numbered.notify_one();
            slow.may_commit.notified().await;
            Ok(())
        }
        .boxed()
    });
    noted.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_follows_by_number_misses_no_note_that_is_committed_late() {
    let Some(server) = PostgresServer::start() else { return };
    let config = PostgresConfig { url: server.url(), connections_max: 4, tls: None };
    let catalogue = Catalogue::open_postgres(&config).await.unwrap();
    let (is_numbered, may_commit) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow =
        Slow { image: image("slow"), is_numbered: is_numbered.clone(), may_commit: may_commit.clone() };
    let slow = tokio::spawn(note_slowly(catalogue.clone(), slow));
    is_numbered.notified().await;
    let mut quick = tokio::spawn({
        let catalogue = catalogue.clone();
        async move { catalogue.note_image(image("quick")).await.unwrap() }
    });
    let is_first = tokio::time::timeout(HEAD_START, &mut quick).await.is_ok();

    let mut images = catalogue.images_noted_after(0, 10).await.unwrap();
    let mut components = catalogue.components_after(0, 10).await.unwrap();
    may_commit.notify_one();
    slow.await.unwrap();
    if !is_first {
        quick.await.unwrap();
    }
    let last = images.last().map_or(0, |image| image.number);
    images.extend(catalogue.images_noted_after(last, 10).await.unwrap());
    let last = components.last().map_or(0, |(number, _)| *number);
    components.extend(catalogue.components_after(last, 10).await.unwrap());
    assert_eq!((images.len(), components.len()), (2, 2), "{images:?} {components:?}");
}
