//! What the catalogue owes those who tell and read events: part of its contract.

use plimsoll_oci::Digest;
use plimsoll_store::catalogue::{ComponentEvent, ImageToNote, Told, ToldChange, ToldEvent};
use plimsoll_store::{Catalogue, Timestamp};

const EVER: Timestamp = Timestamp::UNIX_EPOCH;

fn at(unix_ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(unix_ms)
}

fn artifact(name: &str) -> Digest {
    Digest::sha256_of(name.as_bytes())
}

fn appeared(component: u32, vulnerability: &str) -> ComponentEvent {
    ComponentEvent {
        kind: "appeared".to_owned(),
        component: Some(component),
        vulnerability: Some(vulnerability.to_owned()),
        before: None,
        after: Some("high".to_owned()),
    }
}

/// The highest number of a component.
async fn components(catalogue: &Catalogue) -> u32 {
    catalogue.components_after(0, 100_000).await.unwrap().last().map_or(0, |(number, _)| *number)
}

async fn note_component(catalogue: &Catalogue, name: &str) {
    let image = ImageToNote {
        manifest: artifact(name),
        analyser: 1,
        components: vec![(name.to_owned(), name.as_bytes().to_vec())],
        contents: Ok(Vec::new()),
        stack: None,
        now: at(0),
    };
    catalogue.note_image(image).await.unwrap();
}

async fn vulnerabilities(catalogue: &Catalogue, after: i64, since: Timestamp) -> Vec<String> {
    let events = catalogue.events_after(after, since, 100).await.unwrap();
    events.into_iter().filter_map(|told| told.event.vulnerability).collect()
}

/// Tells a change with these vulnerabilities.
async fn tell(catalogue: &Catalogue, to: &str, ids: &[&str], now: Timestamp) -> Option<ToldChange> {
    let last = catalogue.last_told_change().await.unwrap();
    let telling = catalogue.begin_telling(last, artifact(to), None, now).await.unwrap();
    let events = ids.iter().map(|id| appeared(1, id)).collect();
    assert!(catalogue.write_events(telling, events).await.unwrap());
    assert_eq!(catalogue.tell(telling, components(catalogue).await, now).await.unwrap(), Told::Yes);
    catalogue.last_told_change().await.unwrap()
}

pub(crate) async fn changes_are_told_once_and_in_order(catalogue: &Catalogue) {
    assert_eq!(catalogue.last_told_change().await.unwrap(), None);
    let one = catalogue.begin_telling(None, artifact("one"), None, at(1)).await.unwrap();
    let again = catalogue.begin_telling(None, artifact("one"), None, at(1)).await.unwrap();
    assert!(catalogue.write_events(one, vec![appeared(1, "CVE-1"), appeared(2, "CVE-1")]).await.unwrap());
    assert!(catalogue.write_events(again, vec![appeared(1, "CVE-1")]).await.unwrap());
    assert_eq!(vulnerabilities(catalogue, 0, EVER).await, [""; 0], "nobody sees what is not told yet");

    // A component that came meanwhile is asked for.
    let known = components(catalogue).await;
    note_component(catalogue, "late").await;
    assert_eq!(catalogue.tell(one, known, at(2)).await.unwrap(), Told::Behind);
    let known = components(catalogue).await;
    assert!(catalogue.write_events(one, vec![appeared(known, "CVE-2")]).await.unwrap());
    assert_eq!(catalogue.tell(one, known, at(2)).await.unwrap(), Told::Yes);

    // Whoever comes second adds nothing, nor does the first one tell it again.
    assert_eq!(catalogue.tell(again, known, at(3)).await.unwrap(), Told::Overtaken);
    assert!(!catalogue.write_events(again, vec![appeared(1, "CVE-3")]).await.unwrap());
    assert_eq!(catalogue.tell(one, known, at(3)).await.unwrap(), Told::Overtaken);
    let told = catalogue.events_after(0, EVER, 100).await.unwrap();
    assert_eq!(told.len(), 3);
    let first: &ToldEvent = &told[0];
    assert_eq!((first.from, first.to, first.told_at), (None, artifact("one"), at(2)));
    assert_eq!(first.event, appeared(1, "CVE-1"));
    let by_id = catalogue.first_told_of(vec!["CVE-1".to_owned(), "CVE-3".to_owned()], 10).await.unwrap();
    let by_id: Vec<_> = by_id.iter().map(|it| (it.number, it.told_at, it.component)).collect();
    assert_eq!(by_id, [(told[0].number, at(2), 1), (told[1].number, at(2), 2)]);

    // The next change follows it, with higher numbers.
    let last = told.last().map_or(0, |told| told.number);
    tell(catalogue, "two", &["CVE-4"], at(10)).await;
    let news = catalogue.events_after(last, EVER, 100).await.unwrap();
    assert_eq!(news.len(), 1);
    assert_eq!((news[0].from, news[0].to), (Some(artifact("one")), artifact("two")));
    assert_eq!(vulnerabilities(catalogue, 0, at(10)).await, ["CVE-4"], "those told since then");
    assert_eq!(catalogue.events_after(0, EVER, 2).await.unwrap(), told[..2]);

    // Of two that tell at the same moment one is heard.
    let last = catalogue.last_told_change().await.unwrap();
    let begin = async || catalogue.begin_telling(last, artifact("both"), None, at(10)).await.unwrap();
    let (one, other) = (begin().await, begin().await);
    let (one, other) = tokio::join!(catalogue.tell(one, known, at(10)), catalogue.tell(other, known, at(10)));
    let told = [one.unwrap(), other.unwrap()];
    assert!(told.contains(&Told::Yes) && told.contains(&Told::Overtaken), "{told:?}");

    // What is not known to have happened is said.
    let last = catalogue.last_told_change().await.unwrap();
    let gap = Some("the artifact is gone".to_owned());
    let telling = catalogue.begin_telling(last, artifact("three"), gap.clone(), at(11)).await.unwrap();
    let event = ComponentEvent {
        kind: "gap".to_owned(),
        component: None,
        vulnerability: None,
        before: None,
        after: None,
    };
    assert!(catalogue.write_events(telling, vec![event.clone()]).await.unwrap());
    assert_eq!(catalogue.tell(telling, known, at(11)).await.unwrap(), Told::Yes);
    let news = catalogue.events_after(news[0].number, EVER, 100).await.unwrap();
    assert_eq!((&news[0].gap, &news[0].event), (&gap, &event));
}

pub(crate) async fn what_is_told_is_kept_for_a_time(catalogue: &Catalogue) {
    let prune = async |told_before, begun_before, kept_max, limit| {
        catalogue.prune_events(at(told_before), at(begun_before), kept_max, limit).await.unwrap()
    };
    prune(100, 0, 1000, 1000).await;
    assert_eq!(vulnerabilities(catalogue, 0, EVER).await, [""; 0]);
    tell(catalogue, "four", &["CVE-5", "CVE-6", "CVE-7"], at(100)).await;
    tell(catalogue, "five", &["CVE-8", "CVE-9"], at(200)).await;
    assert_eq!(prune(100, 0, 1000, 1000).await, 0, "nothing is older");
    assert_eq!(prune(101, 0, 1000, 2).await, 2, "a few at a time");
    assert_eq!(vulnerabilities(catalogue, 0, EVER).await, ["CVE-7", "CVE-8", "CVE-9"]);
    assert_eq!(prune(0, 0, 1, 1000).await, 2);
    assert_eq!(vulnerabilities(catalogue, 0, EVER).await, ["CVE-9"], "the newest is kept");

    // What somebody began and did not end goes too, and then cannot be told.
    let last = catalogue.last_told_change().await.unwrap();
    let telling = catalogue.begin_telling(last, artifact("six"), None, at(300)).await.unwrap();
    assert!(catalogue.write_events(telling, vec![appeared(1, "CVE-10")]).await.unwrap());
    assert_eq!(prune(0, 300, 1000, 1000).await, 0);
    assert_eq!(prune(0, 301, 1000, 1000).await, 1);
    assert!(!catalogue.write_events(telling, Vec::new()).await.unwrap());
    catalogue.drop_telling(telling).await.unwrap();

    // However old it is, the next change begins from the last one.
    assert_eq!(prune(1000, 1000, 1000, 1000).await, 1);
    assert_eq!(catalogue.last_told_change().await.unwrap(), last);
    assert_eq!(last.map(|last| last.artifact), Some(artifact("five")));
}
