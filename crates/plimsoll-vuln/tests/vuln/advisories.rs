//! The index against real advisories: everything that went in is found again, and nothing else.

use std::fs::File;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use plimsoll_peers::left_out;
use plimsoll_vuln::import::{Source, import};
use plimsoll_vuln::index::{Builder, Built, Index, Refusal, Shard, ShardKind};

mod damage;
mod formats;
mod found_again;

/// What the data's own description says.
const RECORDS: u64 = 38_253;
const WITHDRAWN: u64 = 299;
/// Of the advisories with their summaries, and of what is known of CVEs beside them.
const INDEX_BYTES_MAX: u64 = 4_000_000;

struct Real {
    built: Built,
    index: Index,
    took: Duration,
}

/// The index of all real advisories; nothing where they are not at hand.
static REAL: LazyLock<Option<Real>> = LazyLock::new(|| {
    let files = files();
    if files.is_empty() {
        left_out(&format!("no advisories in {}", directory().display()));
        return None;
    }
    let start = Instant::now();
    let built = build(&files);
    let took = start.elapsed();
    let index = Index::open(built.shards.clone()).unwrap();
    Some(Real { built, index, took })
});

fn directory() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/advisories"))
}

fn files() -> Vec<PathBuf> {
    let Ok(entries) = directory().read_dir() else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|it| it == "zst")).collect();
    files.sort();
    files
}

fn build(files: &[PathBuf]) -> Built {
    let mut builder = Builder::new();
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let source = Source { name: &name, licence: None, time: None };
        import(&mut builder, &source, File::open(path).unwrap()).unwrap();
    }
    builder.finish().unwrap()
}

fn is_enrichment(name: &str) -> bool {
    name.starts_with("kev") || name.starts_with("cve-")
}

/// The fixes of what affects a version, each with the ids that name it.
fn hits<'i>(shard: &'i Shard, package: &str, version: &str) -> Vec<(Vec<String>, Option<&'i str>)> {
    let mut key = Vec::new();
    shard.order().encode(version, &mut key).unwrap();
    shard
        .affecting(package)
        .filter_map(|affected| {
            let hit = affected.contains(&key, version)?;
            let advisory = affected.advisory().unwrap();
            let ids = std::iter::once(advisory.id()).chain(advisory.aliases()).chain(advisory.upstream());
            Some((ids.map(|id| id.to_string()).collect(), hit.fixed))
        })
        .collect()
}

#[test]
fn every_record_is_kept_or_refused_for_a_reason() {
    let Some(real) = &*REAL else { return };
    let (mut read, mut withdrawn) = (0, 0);
    for source in &real.built.catalogue.sources {
        let tally = &source.tally;
        eprintln!(
            "{}: {} of {} kept, {:?}, left out {:?}",
            source.name, tally.kept, tally.read, tally.refused, tally.left_out
        );
        let refused: u64 = tally.refused.values().map(|refused| refused.count).sum();
        assert_eq!(tally.kept + refused, tally.read, "{}", source.name);
        assert_eq!(tally.refused_for(Refusal::Malformed), 0, "{}", source.name);
        if !is_enrichment(&source.name) {
            read += tally.read;
            withdrawn += tally.refused_for(Refusal::Withdrawn);
        }
    }
    assert_eq!((read, withdrawn), (RECORDS, WITHDRAWN));
}

#[test]
fn the_index_is_small_and_quick() {
    let Some(real) = &*REAL else { return };
    let of_kind = |kind| {
        let shards = real.built.catalogue.shards.iter().filter(move |shard| shard.kind == kind);
        shards.map(|shard| shard.bytes).sum::<u64>()
    };
    let bytes = [ShardKind::Advisories, ShardKind::Details, ShardKind::Enrichment].map(of_kind);
    let copies = real.built.shards.clone();
    let start = Instant::now();
    let index = Index::open(copies).unwrap();
    eprintln!(
        "built in {:?}, {} shards of {bytes:?} bytes opened in {:?}",
        real.took,
        index.shards().count(),
        start.elapsed(),
    );
    assert!(bytes.iter().sum::<u64>() <= INDEX_BYTES_MAX, "{bytes:?}");
}

#[test]
fn the_catalogue_lists_what_was_written() {
    let Some(real) = &*REAL else { return };
    let catalogue = &real.built.catalogue;
    let read = plimsoll_vuln::index::Catalogue::parse(&catalogue.to_json()).unwrap();
    assert_eq!((&read, read.digest()), (catalogue, catalogue.digest()));
    assert_eq!(catalogue.shards.len(), real.built.shards.len());
    for (listed, bytes) in catalogue.shards.iter().zip(&real.built.shards) {
        assert_eq!(catalogue.verify(&listed.name, bytes).unwrap(), listed);
        if let Some(shard) = real.index.shard(&listed.name).filter(|_| listed.kind == ShardKind::Advisories) {
            assert_eq!(u64::from(shard.advisory_count()), listed.records);
            assert_eq!(shard.packages().count() as u64, listed.packages);
            assert_eq!(
                shard.data_time().map(|time| time.as_second()),
                listed.data_time.map(|time| time.as_second())
            );
            shard.verify().unwrap();
        }
    }
    let mut changed = real.built.shards[0].clone();
    *changed.last_mut().unwrap() ^= 1;
    assert!(catalogue.verify(&catalogue.shards[0].name, &changed).is_err());
}

#[test]
fn the_order_of_reading_does_not_change_a_byte() {
    let Some(real) = &*REAL else { return };
    let mut files = files();
    files.reverse();
    let again = build(&files);
    assert_eq!(again.catalogue, real.built.catalogue);
    assert!(again.shards == real.built.shards);
}

#[test]
fn known_flaws_are_found() {
    let Some(real) = &*REAL else { return };
    for (ecosystem, package, version, id, fixed) in [
        ("PyPI", "Requests", "2.19.0", "CVE-2018-18074", Some("2.20.0")),
        ("PyPI", "requests", "2.19.0", "CVE-2023-32681", Some("2.31.0")),
        ("Debian:11", "openssl", "1.1.1k-1", "CVE-2021-3711", Some("1.1.1k-1+deb11u1")),
        ("Maven", "org.apache.logging.log4j:log4j-core", "2.14.1", "CVE-2021-44228", Some("2.15.0")),
        ("npm", "lodash", "4.17.20", "CVE-2021-23337", Some("4.17.21")),
        ("Go", "golang.org/x/crypto", "v0.0.0-20190101000000-abcdefabcdef", "CVE-2020-9283", None),
        ("crates.io", "openssl", "0.8.3", "RUSTSEC-2016-0001", Some("0.9.0")),
    ] {
        let found = hits(real.index.shard(ecosystem).unwrap(), package, version);
        let hit = found.iter().find(|(ids, _)| ids.iter().any(|known| known == id));
        let (_, fix) = hit.unwrap_or_else(|| panic!("{package} {version} has no {id} but {found:?}"));
        assert!(fixed.is_none() || *fix == fixed, "{package}: {fix:?}");
    }
    let fixed = hits(real.index.shard("PyPI").unwrap(), "requests", "2.20.0");
    assert!(!fixed.iter().any(|(ids, _)| ids.iter().any(|id| id == "CVE-2018-18074")));
}

#[test]
fn a_flaw_is_found_by_any_of_its_names() {
    let Some(real) = &*REAL else { return };
    let start = Instant::now();
    let mentions = real.index.mentions("CVE-2018-18074");
    eprintln!("an id looked up everywhere in {:?}", start.elapsed());
    let mention = mentions.iter().find(|mention| mention.shard.name() == "PyPI").unwrap();
    assert_eq!(mention.packages, ["requests"]);
    let own = mention.advisory.id().to_string();
    assert!(own.starts_with("PYSEC-2018-"), "{own}");
    assert!(
        mention.advisory.summary().is_some_and(|summary| summary.contains("Requests")),
        "{:?}",
        mention.advisory.summary()
    );
    assert!(real.index.mentions(&own).iter().any(|mention| mention.packages == ["requests"]));
    assert!(real.index.mentions("CVE-1970-0001").is_empty());
}

#[test]
fn what_is_known_of_a_cve_is_found() {
    let Some(real) = &*REAL else { return };
    let found = real.index.enrichment("CVE-2021-44228").unwrap();
    assert_eq!(found.kev_date, Some(jiff::civil::date(2021, 12, 10)));
    assert!(found.is_ransomware);
    let found = real.index.enrichment("CVE-1999-0006").unwrap();
    assert_eq!(found.vectors, ["CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"]);
    assert_eq!(real.index.enrichment("CVE-1970-0001"), None);
}

#[test]
fn information_stands_apart_from_vulnerabilities() {
    let Some(real) = &*REAL else { return };
    let count = |ecosystem: &str| {
        let shard = real.index.shard(ecosystem).unwrap();
        let mut ids: Vec<String> = shard
            .packages()
            .flat_map(|package| shard.affecting(package))
            .filter_map(|affected| affected.advisory().filter(|advisory| advisory.informational().is_some()))
            .map(|advisory| advisory.id().to_string())
            .collect();
        ids.sort();
        ids.dedup();
        ids
    };
    // 476 in the data, less those that are withdrawn.
    assert!((460..=476).contains(&count("crates.io").len()), "{}", count("crates.io").len());
    let bug_fixes = count("AlmaLinux:8");
    assert!(
        !bug_fixes.is_empty()
            && bug_fixes.iter().all(|id| id.starts_with("ALBA-") || id.starts_with("ALEA-"))
    );
}
