use plimsoll_testkit::find_peer;

use super::{ground, scan};
use crate::image_layout::{self, Layer};

/// The number behind `name="…" value="` in JUnit's properties.
fn property(junit: &str, name: &str) -> u64 {
    let start = format!("<property name=\"{name}\" value=\"");
    let rest = junit.split_once(&start).unwrap_or_else(|| panic!("{name} in {junit}")).1;
    rest.split('"').next().unwrap().parse().unwrap()
}

#[test]
fn every_format_tells_the_same_numbers() {
    let ground = ground();
    let output = |format| scan(ground.path(), &["oci:app:1", "--fail-on", "high", "-o", format]);
    let json = output("json").json();
    let verdict = &json["verdict"];
    let total = verdict["findings"].as_array().unwrap().len();
    let count = |severity: &str| verdict["counts"]["bySeverity"][severity].as_u64().unwrap();
    assert_eq!((total, count("critical"), count("high"), count("medium")), (3, 1, 1, 1));

    assert!(output("table").stdout.contains(&format!("{total}: 1 critical, 1 high, 1 medium; 2 fixable")));
    assert!(output("markdown").stdout.contains("| 3 | 1 | 1 | 1 | 0 | 0 | 0 | 2 | 0 |"));
    let sarif = output("sarif").json();
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), total);
    assert_eq!(sarif["runs"][0]["properties"]["counts"], verdict["counts"]);
    let junit = output("junit").stdout;
    assert_eq!(junit.matches("<testcase ").count(), total);
    assert_eq!(junit.matches("<failure ").count(), 2);
    assert!(junit.contains("tests=\"3\" failures=\"2\" errors=\"0\" skipped=\"0\""), "{junit}");
    for severity in ["critical", "high", "medium", "low", "negligible", "unknown"] {
        assert_eq!(property(&junit, severity), count(severity), "{severity}");
    }
    assert_eq!(property(&junit, "fixable"), 2);
}

#[test]
fn sarif_tells_rules_levels_places_and_fingerprints() {
    let ground = ground();
    let sarif = scan(ground.path(), &["oci:app:1", "-o", "sarif"]).json();
    assert_eq!(sarif["version"], "2.1.0");
    let run = &sarif["runs"][0];
    let result = &run["results"][0];
    assert_eq!((&result["ruleId"], &result["level"]), (&"CVE-2018-18074".into(), &"error".into()));
    let rule = run.pointer(&format!("/tool/driver/rules/{}", result["ruleIndex"])).unwrap();
    assert_eq!(
        (&rule["id"], &rule["properties"]["security-severity"]),
        (&"CVE-2018-18074".into(), &"9.8".into())
    );
    assert!(rule["properties"]["tags"].as_array().unwrap().len() <= 20);
    let uri = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(*uri, super::REQUESTS_PATH);
    // An alert is known again after the next build, in which layers and digests are others.
    let layers = [Layer { instruction: "COPY", files: &[(super::REQUESTS_PATH, super::REQUESTS)] }];
    image_layout::write(&ground.path().join("again"), &layers, |_| {});
    let again = scan(ground.path(), &["oci:again:1", "-o", "sarif"]).json();
    assert_eq!(again["runs"][0]["results"][0]["partialFingerprints"], result["partialFingerprints"]);
    let others: Vec<&serde_json::Value> =
        run["results"].as_array().unwrap().iter().map(|result| &result["partialFingerprints"]).collect();
    assert_ne!(others[0], others[1]);
}

/// The schema is OASIS's own, as the package `sarif-om` carries it; Python's `jsonschema` reads it.
#[test]
fn sarif_is_valid_by_its_schema() {
    let Some(python) = find_peer("sbom-oracles/bin/python") else { return };
    let ground = ground();
    super::write_mismatched(&ground.path().join("wrong"));
    for image in ["oci:app:1", "oci:wrong:1"] {
        let sarif = scan(ground.path(), &[image, "-o", "sarif"]).stdout;
        let file = ground.path().join("log.sarif");
        std::fs::write(&file, sarif).unwrap();
        let schema = python.path().parent().unwrap().with_file_name("sarif-2.1.0.json");
        let checked = python.command().args(["-c", VALIDATE]).args([&schema, &file]).output().unwrap();
        assert!(checked.status.success(), "{image}: {}", String::from_utf8_lossy(&checked.stderr));
    }
}

const VALIDATE: &str = "
import json, sys, jsonschema
schema, log = (json.load(open(path)) for path in sys.argv[1:])
errors = list(jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker()).iter_errors(log))
sys.exit('\\n'.join(f'{list(error.absolute_path)}: {error.message[:300]}' for error in errors) or 0)
";

#[test]
fn text_of_advisories_is_no_markup() {
    let ground = ground();
    let junit = scan(ground.path(), &["oci:app:1", "-o", "junit"]).stdout;
    assert!(junit.contains("Sends &lt;credentials&gt; | over plain HTTP"), "{junit}");
    let yaml = scan(ground.path(), &["oci:app:1", "-o", "yaml"]).stdout;
    assert!(yaml.starts_with("apiVersion: plimsoll/v1\nkind: ScanReport\n"), "{yaml}");
}
