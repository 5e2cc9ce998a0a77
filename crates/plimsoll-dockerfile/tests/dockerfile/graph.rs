use std::collections::BTreeMap;

use plimsoll_dockerfile::graph::{BuildChoice, Graph, Role, Source};
use plimsoll_dockerfile::parse;

fn graph(text: &str, target: Option<&str>) -> Graph {
    Graph::of(&parse(text), BuildChoice { target, ..BuildChoice::default() })
}

const STAGES: &str = include_str!("../fixtures/stages");

#[test]
fn what_the_target_needs_feeds_it_and_the_rest_is_unneeded() {
    let graph = graph(STAGES, None);
    let roles: Vec<(&str, Role)> =
        graph.stages.iter().map(|stage| (stage.name.as_deref().unwrap(), stage.role)).collect();
    use Role::{Feeds, Ships, Unneeded};
    assert_eq!(
        roles,
        [
            ("empty", Unneeded),
            ("build", Feeds),
            ("assets", Feeds),
            ("test", Feeds),
            ("unused", Unneeded),
            ("final", Ships)
        ]
    );
    let sources: Vec<&Source> = graph.stages[5].uses.iter().map(|used| &used.source).collect();
    assert!(matches!(
        sources[..],
        [Source::Stage(1), Source::Stage(2), Source::Image(_), Source::Stage(3), Source::Image(_)]
    ));
}

#[test]
fn another_target_ships_other_stages() {
    let graph = graph(STAGES, Some("TEST"));
    assert_eq!(graph.shipping(), [3, 1]);
    assert_eq!(graph.stages[2].role, Role::Unneeded);
    assert!(matches!(graph.bottom(), Some(Source::Image(image)) if image.name == "golang:1.26"));
}

#[test]
fn arguments_before_the_first_stage_name_its_base() {
    let text = "ARG TAG=1\nARG IMAGE=a/b:$TAG\nFROM ${IMAGE}\nFROM $NONE\n";
    let name = |arguments: Option<&BTreeMap<String, String>>, stage: usize| {
        let graph = Graph::of(&parse(text), BuildChoice { arguments, ..BuildChoice::default() });
        match &graph.stages[stage].base {
            Source::Image(image) => (image.name.clone(), image.reference.is_some()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(name(None, 0), ("a/b:1".to_owned(), true));
    let given = BTreeMap::from([("TAG".to_owned(), "2".to_owned())]);
    assert_eq!(name(Some(&given), 0), ("a/b:2".to_owned(), true));
    assert_eq!(name(None, 1), ("$NONE".to_owned(), false));
}

#[test]
fn circles_and_strays_are_found() {
    let graph =
        graph("RUN x\nFROM a AS one\nCOPY --from=two / /\nFROM a AS two\nCOPY --from=one / /\n", None);
    assert_eq!((graph.circular, graph.strays), (vec![0, 1], vec![0]));
}
