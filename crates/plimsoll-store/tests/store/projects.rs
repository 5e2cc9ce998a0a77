//! Projects in the catalogue.

use plimsoll_store::catalogue::{Project, PutProject};
use plimsoll_store::{Catalogue, Timestamp};

fn project(name: &str, pattern: &str, policy: &str) -> Project {
    Project {
        name: name.parse().unwrap(),
        repositories: vec![pattern.parse().unwrap()],
        policy: policy.to_owned(),
        set_at: Timestamp::from_unix_ms(7),
        set_by: "ana".to_owned(),
    }
}

async fn put(catalogue: &Catalogue, project: &Project) -> PutProject {
    catalogue.put_project(project.clone()).await.unwrap()
}

pub(crate) async fn projects_are_kept_and_their_changes_counted(catalogue: &Catalogue) {
    assert_eq!(catalogue.project_revision().await.unwrap(), 0);
    let (team, other) = (project("team", "team/*", r#"{"keys": []}"#), project("other", "cool/*", "{}"));
    assert_eq!(put(catalogue, &team).await, PutProject::Done);
    assert_eq!(put(catalogue, &other).await, PutProject::Done);
    let contested = put(catalogue, &project("late", "*/apps", "{}")).await;
    assert!(matches!(contested, PutProject::Contested { by, .. } if by.as_str() == "other"));
    assert_eq!(catalogue.list_projects().await.unwrap(), [other.clone(), team.clone()]);

    let changed = Project { policy: r#"{ "keys" : [ ] }"#.to_owned(), ..team };
    let before = catalogue.project_revision().await.unwrap();
    assert_eq!(put(catalogue, &changed).await, PutProject::Done);
    assert_ne!(catalogue.project_revision().await.unwrap(), before);
    assert_eq!(catalogue.list_projects().await.unwrap(), [other.clone(), changed], "every byte is kept");

    let now = Timestamp::from_unix_ms(8);
    assert!(catalogue.delete_project("team".parse().unwrap(), "ana", now).await.unwrap());
    assert!(!catalogue.delete_project("team".parse().unwrap(), "ana", now).await.unwrap());
    assert_eq!(catalogue.list_projects().await.unwrap(), [other]);
    assert!(catalogue.delete_project("other".parse().unwrap(), "ana", now).await.unwrap());
}

/// Of two that are set at once and contest each other, one is refused, whichever database orders them.
pub(crate) async fn contests_at_once_have_a_winner(catalogue: &Catalogue) {
    let (one, two) = (project("one", "contest/*", "{}"), project("two", "contest/*", "{}"));
    let (one, two) = tokio::join!(put(catalogue, &one), put(catalogue, &two));
    assert_ne!(one == PutProject::Done, two == PutProject::Done, "{one:?} {two:?}");
    for name in ["one", "two"] {
        catalogue.delete_project(name.parse().unwrap(), "ana", Timestamp::from_unix_ms(9)).await.unwrap();
    }
}
