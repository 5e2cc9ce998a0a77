use plimsoll_sbom::PackageType;
use plimsoll_vuln::verdict::{Coverage, Gate, Refusal};

use super::package;
use super::verdicts::{Scene, busybox, records, requests};

/// A high finding with a fix, and two that nobody rated, one of them with a fix.
fn scene() -> Scene {
    Scene::new(vec![busybox(), requests("2.19.0")], &records())
}

#[test]
fn a_gate_stops_what_it_names() {
    let verdict = scene().verdict();
    for (words, stopped) in [
        ("critical", 0),
        ("high", 1),
        ("High", 1),
        ("low", 1),
        ("high,critical", 1),
        ("critical,unknown", 2),
        ("unknown,fixable", 1),
        ("any", 3),
        ("fixable", 2),
        ("any,fixable", 2),
        ("high , fixable", 1),
        ("kev", 0),
        ("kev,fixable", 0),
        ("not-evaluated", 0),
    ] {
        let refusals = Gate::parse(words).unwrap().check(&verdict);
        let count: usize = refusals
            .iter()
            .map(|refusal| match refusal {
                Refusal::Findings(findings) => findings.len(),
                other => panic!("{words}: {other}"),
            })
            .sum();
        assert_eq!(count, stopped, "{words}");
    }
}

#[test]
fn a_gate_stops_what_was_not_judged_and_says_why() {
    let mut scene = scene();
    scene.components.push(package(PackageType::Rpm, "bash", "5-1", None));
    scene.owners.push(None);
    let gate = Gate::parse("critical,not-evaluated").unwrap();
    let told: Vec<String> = gate.check(&scene.verdict()).iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["1 components could not be judged in full: a package of type rpm is not the distribution's"]
    );
}

#[test]
fn a_gate_wants_to_know_what_the_image_holds() {
    let mut scene = scene();
    let gate = Gate::parse("coverage<90").unwrap();
    let told = |scene: &Scene| gate.check(&scene.verdict()).first().map(ToString::to_string);
    assert_eq!(
        told(&scene).as_deref(),
        Some("it is not known whether 90 % of the programs are accounted for")
    );
    scene.coverage = Some(Coverage { executables: 1000, accounted: 899 });
    assert_eq!(told(&scene).as_deref(), Some("89 % of the programs are accounted for, less than 90 %"));
    scene.coverage = Some(Coverage { executables: 1000, accounted: 900 });
    assert_eq!(told(&scene), None);
    scene.coverage = Some(Coverage { executables: 0, accounted: 0 });
    assert_eq!(told(&scene), None);
}

#[test]
fn an_unaccounted_program_of_the_base_does_not_stop_a_change() {
    let mut base = scene();
    base.coverage = Some(Coverage { executables: 10, accounted: 5 });
    let mut change = scene();
    change.coverage = Some(Coverage { executables: 11, accounted: 6 });
    let gate = Gate::parse("coverage<90").unwrap();
    assert_eq!(gate.check(&change.verdict().new_since(&base.verdict())), []);
    change.coverage = Some(Coverage { executables: 11, accounted: 5 });
    assert_eq!(gate.check(&change.verdict().new_since(&base.verdict())).len(), 1);
}

#[test]
fn a_word_that_is_no_condition_is_refused_with_those_that_are() {
    for words in ["", "hihg", "high,", "coverage<", "coverage<101", "coverage>90", "fixable=true"] {
        let fault = Gate::parse(words).unwrap_err().to_string();
        assert!(fault.contains("`not-evaluated`"), "{words}: {fault}");
    }
}
