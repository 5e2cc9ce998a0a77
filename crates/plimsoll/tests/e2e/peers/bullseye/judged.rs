use std::collections::{BTreeMap, BTreeSet};

use plimsoll_testkit::find_peer;
use serde_json::Value;

use super::super::Shore;
use super::super::bounded::run;
use super::super::real_advisories::{RealAdvisories, json, plimsoll};
use super::super::scanned::report;
use super::super::tool::Skopeo;
use super::{Bullseye, oracle};

/// The words of the scale.
const SEVERITIES: [&str; 6] = ["critical", "high", "medium", "low", "negligible", "unknown"];

/// The arguments of a scan of the image on this machine.
fn scan_here(image: &Bullseye, advisories: &RealAdvisories) -> Vec<String> {
    let db = advisories.db().display().to_string();
    let image = format!("oci:{}", image.layout());
    ["scan", "--offline", "--db", &db, "--db-age-max", "0", &image].map(str::to_owned).into()
}

/// The records that findings of one ecosystem come from, as `package record`.
fn told<'f>(findings: impl Iterator<Item = &'f Value>, ecosystem: &str) -> BTreeSet<String> {
    let of_ecosystem = findings.filter(|finding| finding["ecosystem"] == ecosystem);
    let lines = of_ecosystem.flat_map(|finding| {
        let package = finding["package"].as_str().unwrap();
        let records = finding["advisories"].as_array().unwrap().iter();
        records.map(move |record| format!("{package} {}", record.as_str().unwrap()))
    });
    lines.collect()
}

#[test]
fn what_is_found_is_what_the_records_say_by_another_reading() {
    let (Some(image), Some(advisories)) = (Bullseye::made_once(), RealAdvisories::found()) else { return };
    let home = tempfile::tempdir().unwrap();
    let scanned = json(plimsoll(home.path()).args(scan_here(image, advisories)).args(["-o", "json"]));
    let verdict = &scanned["verdict"];
    let counted = verdict["findings"].as_array().unwrap().iter().map(|found| &found["finding"]);
    let suppressed = verdict["suppressed"].as_array().unwrap();

    // Headers of a kernel have none of its flaws. Nothing else is left out.
    assert!(suppressed.len() > 10);
    for entry in suppressed {
        assert_eq!(
            (&entry["because"], &entry["found"]["finding"]["package"]),
            (&"headers-only".into(), &"linux".into())
        );
    }
    let all = || counted.clone().chain(suppressed.iter().map(|entry| &entry["found"]["finding"]));

    let Some(of_debian) = oracle::of_debian(image, home.path()) else { return };
    assert!(of_debian.len() > 25, "{of_debian:?}");
    assert_eq!(told(all(), "Debian:11"), of_debian);
    assert!(!of_debian.iter().any(|line| line.starts_with("pixman ")), "{of_debian:?}");

    let Some(of_python) = oracle::of_python(image, home.path()) else { return };
    assert!(of_python.len() > 50, "{of_python:?}");
    assert_eq!(told(all(), "PyPI"), of_python);
}

#[test]
fn command_line_and_server_tell_the_same_numbers_in_every_form() {
    let (Some(image), Some(advisories)) = (Bullseye::made_once(), RealAdvisories::found()) else { return };
    let shore = Shore::open();
    let (Some(skopeo), Some(curl)) = (Skopeo::find(shore.home()), find_peer("curl")) else { return };
    advisories.push(&shore);
    let name = shore.name("bullseye", "1");
    skopeo.push_layout(&image.layout(), &name);
    let served = report(&shore, &curl, "debian/bullseye", "1");

    let scan = scan_here(image, advisories);
    let output = |format: &str| run(plimsoll(shore.home()).args(&scan).args(["-o", format]));
    let here: Value = serde_json::from_str(&output("json")).unwrap();
    let counts = &here["verdict"]["counts"];
    let total = here["verdict"]["findings"].as_array().unwrap().len();
    assert_eq!(&served["verdict"]["counts"], counts);
    assert_eq!(served["verdict"]["findings"].as_array().unwrap().len(), total);
    let by_server =
        json(plimsoll(shore.home()).args(["scan", "--server", "--plain-http", &name, "-o", "json"]));
    assert_eq!(&by_server["verdict"]["counts"], counts);

    let sarif: Value = serde_json::from_str(&output("sarif")).unwrap();
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), total);
    assert_eq!(&sarif["runs"][0]["properties"]["counts"], counts);

    let of = |severity: &str| counts["bySeverity"][severity].as_u64().unwrap();
    let parts: Vec<String> = SEVERITIES
        .iter()
        .filter(|severity| of(severity) > 0)
        .map(|severity| format!("{} {severity}", of(severity)))
        .collect();
    let fixable = counts["fixable"].as_u64().unwrap();
    let line = format!("{total}: {}; {fixable} fixable", parts.join(", "));
    let table = output("table");
    assert!(table.contains(&line), "no `{line}` in {table}");
    assert!(parts.len() > 2, "{parts:?}");

    let metrics = run(curl.command().args(["--silent", &format!("{}/metrics", shore.server.url())]));
    let gauges: BTreeMap<&str, u64> = metrics
        .lines()
        .filter_map(|line| {
            let rest = line.strip_prefix("plimsoll_findings{severity=\"")?;
            let (severity, count) = rest.split_once("\"} ")?;
            Some((severity, count.parse().unwrap()))
        })
        .collect();
    assert_eq!(gauges, SEVERITIES.map(|severity| (severity, of(severity))).into());
}
