//! Maven's own `main` compares each of its arguments with the next.

use std::cmp::Ordering;
use std::path::Path;

use plimsoll_peers::{Peer, find_peer, passed_over};
use plimsoll_vuln::Order;

use super::judge::Verdict;
use super::pairs::{self, Grammar, Pair};
use super::{assert_judged, disagreements, real_versions};

const ARTIFACT: &str = "/usr/share/java/maven3-artifact.jar";
const CLASS_PATH: &str = "/usr/share/java/maven3-artifact.jar:/usr/share/java/commons-lang3.jar";
const CLASS: &str = "org.apache.maven.artifact.versioning.ComparableVersion";

/// Of a hundred pairs, Maven may contradict itself in this many.
const CONTRADICTIONS_PERCENT_MAX: usize = 1;

#[test]
fn maven_agrees_where_it_agrees_with_itself() {
    let Some(java) = find_peer("java") else { return };
    if !Path::new(ARTIFACT).exists() {
        return passed_over("`libmaven3-core-java` is not installed");
    }
    let grammar = Grammar {
        whole: "[0-9]{1,2}([.-]?([0-9]{1,2}|0|a|b|x|alpha|Beta|m|milestone|rc|CR|SNAPSHOT|ga|Final|RELEASE|sp|jre|redhat)){0,5}",
        characters: "019.-axM",
    };
    let pairs = pairs::make(&grammar, &real_versions::of("maven-ghsa"));
    let verdicts = verdicts(&java, &pairs);
    assert_judged(&verdicts);
    let wrong = disagreements(Order::Maven, &pairs, &verdicts);
    assert!(
        wrong.len() * 100 <= pairs.len() * CONTRADICTIONS_PERCENT_MAX,
        "{} of {}",
        wrong.len(),
        pairs.len()
    );
    for found in &wrong {
        assert!(contradicts_itself(&java, found.pair, found.tool), "{found:?}");
    }
}

/// Maven says that `left < right`, and yet that `right <= between <= left` for a beginning of one of them.
fn contradicts_itself(java: &Peer, (left, right): &Pair, verdict: Ordering) -> bool {
    let starts =
        [left, right].into_iter().flat_map(|version| (1..version.len()).filter_map(|end| version.get(..end)));
    let between: Vec<_> = starts.map(str::to_owned).collect();
    let questions: Vec<_> = between
        .iter()
        .flat_map(|start| [(left.clone(), start.clone()), (start.clone(), right.clone())])
        .collect();
    verdicts(java, &questions).chunks(2).any(|answers| {
        let [Some(first), Some(second)] = answers else { return false };
        first.then(*second) != verdict && (first.is_eq() || second.is_eq() || first == second)
    })
}

fn verdicts(java: &Peer, pairs: &[Pair]) -> Vec<Verdict> {
    let versions = pairs.iter().flat_map(|(left, right)| [left, right]);
    let output = java.command().args(["-cp", CLASS_PATH, CLASS]).args(versions).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    // Between the pairs stands what the second of one is to the first of the next.
    let verdicts: Vec<_> =
        printed.lines().filter_map(|line| line.strip_prefix("   ")).step_by(2).map(verdict).collect();
    assert_eq!(verdicts.len(), pairs.len());
    verdicts
}

fn verdict(line: &str) -> Verdict {
    match line.split(' ').nth(1) {
        Some("<") => Some(Ordering::Less),
        Some("==") => Some(Ordering::Equal),
        Some(">") => Some(Ordering::Greater),
        _ => panic!("no verdict: {line}"),
    }
}
