use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use plimsoll_peers::left_out;
use serde_json::Value;

/// Each so many-th record is read.
const RECORDS_STEP: usize = 4;

/// The versions that a file of advisories names; none where the file is not there.
pub(super) fn of(ecosystem: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/advisories");
    let Ok(file) = File::open(folder.join(ecosystem).with_extension("jsonl.zst")) else {
        left_out(&format!("there are no advisories of {ecosystem} to take versions from"));
        return Vec::new();
    };
    let mut versions = BTreeSet::new();
    for line in BufReader::new(zstd::Decoder::new(file).unwrap()).lines().step_by(RECORDS_STEP) {
        let record: Value = serde_json::from_str(&line.unwrap()).unwrap();
        for affected in list(&record["affected"]) {
            versions.extend(list(&affected["versions"]).filter_map(Value::as_str).map(str::to_owned));
            let ranges = list(&affected["ranges"]).filter(|range| range["type"] != "GIT");
            let events = ranges.flat_map(|range| list(&range["events"])).filter_map(Value::as_object);
            versions
                .extend(events.flat_map(|event| event.values()).filter_map(Value::as_str).map(str::to_owned));
        }
    }
    versions.retain(|version| version.bytes().all(|byte| byte.is_ascii_graphic()));
    versions.into_iter().collect()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
