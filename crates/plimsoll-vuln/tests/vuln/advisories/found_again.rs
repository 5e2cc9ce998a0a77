//! Each record of the data, read a second time by other means, against what the index says.

use std::collections::BTreeSet;
use std::fs;

use plimsoll_vuln::Ecosystem;
use plimsoll_vuln::index::{Affected, Shard};
use serde_json::Value;

use super::{REAL, files, is_enrichment};

/// What the comparison met.
#[derive(Debug, Default)]
struct Counts {
    packages: u64,
    /// Packages of which nothing is in the index.
    absent: u64,
    listed: u64,
    introduced: u64,
    fixes: u64,
}

#[test]
fn every_package_and_version_of_a_record_is_found_again() {
    let Some(real) = &*REAL else { return };
    let mut counts = Counts::default();
    let mut withdrawn = BTreeSet::new();
    for path in files().iter().filter(|path| !is_enrichment(&path.file_name().unwrap().to_string_lossy())) {
        let text = zstd::decode_all(fs::File::open(path).unwrap()).unwrap();
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let record: Value = serde_json::from_slice(line).unwrap();
            let id = record["id"].as_str().unwrap();
            if record["withdrawn"].is_string() {
                withdrawn.insert(id.to_owned());
                continue;
            }
            for affected in record["affected"].as_array().unwrap() {
                let package = &affected["package"];
                let ecosystem = package["ecosystem"].as_str().unwrap();
                assert!(Ecosystem::parse(ecosystem).is_some(), "{ecosystem}");
                let Some(shard) = real.index.shard(ecosystem) else {
                    counts.absent += 1;
                    continue;
                };
                compare(shard, id, package["name"].as_str().unwrap(), affected, &mut counts);
            }
        }
    }
    eprintln!("{counts:?}, {} withdrawn", withdrawn.len());
    let left_out: u64 = real
        .built
        .catalogue
        .sources
        .iter()
        .flat_map(|source| source.tally.refused.values().chain(source.tally.left_out.values()))
        .map(|refused| refused.count)
        .sum();
    assert!(counts.absent <= left_out, "{counts:?}: absent without a reason");
    for id in &withdrawn {
        assert!(
            !real.index.mentions(id).iter().any(|mention| mention.advisory.id().to_string() == *id),
            "{id}"
        );
    }
}

fn compare(shard: &Shard, id: &str, package: &str, said: &Value, counts: &mut Counts) {
    let is_same =
        |affected: &Affected<'_>| affected.advisory().is_some_and(|advisory| advisory.id().to_string() == id);
    let entries: Vec<Affected<'_>> = shard.affecting(package).filter(is_same).collect();
    counts.packages += 1;
    if entries.is_empty() {
        counts.absent += 1;
        return;
    }
    let contains = |version: &str| {
        let mut key = Vec::new();
        match shard.order().encode(version, &mut key) {
            Ok(()) => entries.iter().any(|affected| affected.contains(&key, version).is_some()),
            Err(_) => entries.iter().any(|affected| affected.names_unordered(version)),
        }
    };
    for version in said["versions"].as_array().into_iter().flatten() {
        counts.listed += 1;
        assert!(contains(version.as_str().unwrap()), "{id}: {package} {version}");
    }
    for event in ranges(said).flat_map(|range| range["events"].as_array().unwrap()) {
        if let Some(introduced) = event["introduced"].as_str().filter(|version| *version != "0") {
            counts.introduced += 1;
            let is_void = fixes(said).any(|fix| fix == introduced || shard.order().key(fix).is_err());
            assert!(contains(introduced) || is_void, "{id}: {package} {introduced}");
        }
    }
    compare_fix(shard, id, said, &entries, counts);
}

/// Where a record says one thing of a package, its fix is not affected.
fn compare_fix(shard: &Shard, id: &str, said: &Value, entries: &[Affected<'_>], counts: &mut Counts) {
    let all: Vec<&Value> = ranges(said).collect();
    let [range] = all.as_slice() else { return };
    let [_, last] = range["events"].as_array().unwrap().as_slice() else { return };
    let Some(fixed) = last["fixed"].as_str() else { return };
    let is_listed = said["versions"].as_array().into_iter().flatten().any(|version| version == fixed);
    let mut key = Vec::new();
    if entries.len() > 1 || is_listed || shard.order().encode(fixed, &mut key).is_err() {
        return;
    }
    if let Some(hit) = entries[0].contains(&key, fixed) {
        assert_ne!(hit.fixed, Some(fixed), "{id}: {fixed} is affected and mends it");
    } else {
        counts.fixes += 1;
    }
}

fn fixes(said: &Value) -> impl Iterator<Item = &str> {
    ranges(said)
        .flat_map(|range| range["events"].as_array().unwrap())
        .filter_map(|event| event["fixed"].as_str())
}

fn ranges(said: &Value) -> impl Iterator<Item = &Value> {
    said["ranges"].as_array().into_iter().flatten().filter(|range| range["type"] != "GIT")
}
