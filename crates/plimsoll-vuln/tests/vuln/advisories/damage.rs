//! Shards that were changed on the way: every answer may be wrong or missing, but there is one.

use std::io::Cursor;

use proptest::prelude::*;

use plimsoll_vuln::import::{Source, import};
use plimsoll_vuln::index::{Builder, Enrichments, Index};
use plimsoll_vuln::osv::Record;

const RECORDS: [&str; 3] = [
    r#"{"id":"GO-1","modified":"2024-01-02T03:04:05Z","aliases":["CVE-2024-1000","GHSA-jfh8-c2jp-5v3q"],"summary":"a",
        "severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N"}],"affected":[{"package":{"ecosystem":"Go","name":"m"},
        "ranges":[{"type":"SEMVER","events":[{"introduced":"1.0.0"},{"fixed":"1.2.3"},{"introduced":"2.0.0"}]}],
        "ecosystem_specific":{"imports":[{"path":"m/p","symbols":["F","T.M"],"goos":["linux"]}]}}]}"#,
    r#"{"id":"GO-2","affected":[{"package":{"ecosystem":"Go","name":"m"},"versions":["0.1.0","0.2.0"],
        "ranges":[{"type":"SEMVER","events":[{"introduced":"3.0.0"},{"last_affected":"3.1.0"}]}]}]}"#,
    r#"{"id":"GO-3","database_specific":{"severity":"HIGH"},"affected":[{"package":{"ecosystem":"Go","name":"n"},
        "ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}]}]}"#,
];

const SCORES: &str = r#"{"id":"CVE-2024-1000","cvss":"CVSS:3.1/AV:N/AC:L","src":"adp","ssvc":{},"kev":null}
{"id":"CVE-2024-1001","cvss":"CVSS:3.1/AV:N/AC:H","src":"adp","ssvc":{},"kev":null}"#;

fn shards() -> Vec<Vec<u8>> {
    let mut builder = Builder::new();
    let source = builder.source("here", None, None);
    RECORDS.iter().for_each(|json| builder.add(source, &Record::parse(json.as_bytes()).unwrap()));
    let scores = Source { name: "scores", licence: None, time: None };
    import(&mut builder, &scores, Cursor::new(SCORES)).unwrap();
    builder.finish().unwrap().shards
}

/// Asks everything that can be asked.
fn walk(index: &Index) -> usize {
    let mut answers = index.mentions("CVE-2024-1000").len() + Index::changed(index, index).len();
    answers += Enrichments::changed(None, index.enrichments()).len();
    answers += index.enrichment("CVE-2024-1001").map_or(0, |it| it.vectors.len());
    for shard in index.shards() {
        let mut key = Vec::new();
        shard.order().encode("1.1.0", &mut key).unwrap();
        for package in shard.packages().chain(["m"]) {
            for affected in shard.affecting(package) {
                answers += usize::from(affected.contains(&key, "1.1.0").is_some());
                answers += affected.symbols().count() + affected.imports().count();
                answers += affected.operating_systems().chain(affected.architectures()).count();
                answers += affected.label().map_or(0, str::len);
                if let Some(advisory) = affected.advisory() {
                    answers += advisory.severities().count() + advisory.summary().map_or(0, |it| it.len());
                    answers += advisory.aliases().chain(advisory.upstream()).count();
                }
            }
        }
    }
    answers
}

#[test]
fn a_whole_index_has_answers() {
    assert!(walk(&Index::open(shards()).unwrap()) > 10);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]
    #[test]
    fn changed_bytes_never_end_the_process(which in 0_usize..3, changes: [(usize, u8); 3], cut in 0_usize..2000) {
        let mut shards = shards();
        let bytes = &mut shards[which];
        for (at, value) in changes {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        bytes.truncate(cut.max(16));
        if let Ok(index) = Index::open(shards) {
            walk(&index);
        }
    }
}
