//! What was told of images by the rules of projects.

use plimsoll_oci::Digest;
use plimsoll_store::catalogue::{Project, PutProject, RunToTell, TellVerdict, ToldVerdicts};
use plimsoll_store::{Catalogue, Timestamp};

use crate::lines;

fn at(unix_ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(unix_ms)
}

/// The tags of the repository that lack a gate.
async fn lacking(catalogue: &Catalogue, gate: &str) -> Vec<String> {
    let images = catalogue.images_lacking(gate, None, 10_000).await.unwrap();
    let own = images.into_iter().filter(|image| image.repository.as_str() == "gate/app");
    own.map(|image| image.tag.to_string()).collect()
}

/// Of two images that run, the one that does not pass the gate `prod` is found; and one that ran is not.
async fn what_runs(catalogue: &Catalogue, passing: Digest) {
    let tell = async |image: Digest, place: &str, ended_at: Option<Timestamp>| {
        let (place, told_by) = (place.to_owned(), "ana".to_owned());
        let repository = "gate/app".parse().unwrap();
        let run = RunToTell { repository, image, place, begun_at: at(5), ended_at, told_by, told_at: at(6) };
        catalogue.tell_run(run).await.unwrap();
    };
    let (first, second) = (Digest::sha256_of(b"unknown one"), Digest::sha256_of(b"unknown two"));
    tell(passing, "prod/web", None).await;
    tell(first, "prod/web", None).await;
    tell(second, "prod/web", Some(at(9))).await;
    tell(second, "prod/worker", None).await;
    let (mut found, mut last) = (Vec::new(), None);
    loop {
        let page = catalogue.runs_lacking("prod", last, 1).await.unwrap();
        let Some(run) = page.into_iter().next() else { break };
        last = Some(run.clone());
        if run.repository.as_str() == "gate/app" {
            found.push((run.image, run.place));
        }
    }
    found.sort_by_key(|(image, _)| *image != first);
    assert_eq!(found, [(first, "prod/web".to_owned()), (second, "prod/worker".to_owned())]);
    let all = catalogue.runs_lacking("staging", None, 1000).await.unwrap();
    assert!(all.iter().any(|run| run.image == passing), "it passes at another gate");
}

pub(crate) async fn images_that_do_not_pass_a_gate_are_found_by_what_was_told(catalogue: &Catalogue) {
    let project = Project {
        name: "gate".parse().unwrap(),
        repositories: vec!["gate/*".parse().unwrap()],
        policy: "{}".to_owned(),
        set_at: at(1),
        set_by: "ana".to_owned(),
    };
    assert_eq!(catalogue.put_project(project.clone()).await.unwrap(), PutProject::Done);
    let passing = lines::push(catalogue, "gate/app", "gate one", "a", 10).await;
    lines::push(catalogue, "gate/app", "gate two", "b", 20).await;
    assert_eq!(lacking(catalogue, "prod").await, ["a", "b"], "nothing was told yet");

    lines::evidence(catalogue, "gate/app", passing).await;
    let due = catalogue.due_verdicts(at(1_000), 10_000).await.unwrap();
    let due = due.into_iter().find(|due| due.digest == passing).unwrap();
    let policy = Digest::sha256_of(b"policy");
    let holds: ToldVerdicts = [(String::new(), policy), ("prod".to_owned(), policy)].into();
    let tell = TellVerdict { due, holds, next_at: None, by: "judge".to_owned(), now: at(50) };
    assert!(catalogue.tell_verdict(tell).await.unwrap());
    assert_eq!(lacking(catalogue, "prod").await, ["b"]);
    what_runs(catalogue, passing).await;
    for other in ["pro_", "pro%", "pro", "rod", r"prod\"] {
        assert_eq!(lacking(catalogue, other).await, ["a", "b"], "{other} is another gate");
    }
    let after = Some(("gate/app".to_owned(), "b".to_owned()));
    let rest = catalogue.images_lacking("prod", after, 10_000).await.unwrap();
    assert!(rest.iter().all(|image| image.repository.as_str() > "gate/app"), "{rest:?}");
    assert!(catalogue.delete_project(project.name, "ana", at(60)).await.unwrap());
}
