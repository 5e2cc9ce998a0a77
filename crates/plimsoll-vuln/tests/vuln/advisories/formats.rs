//! Every format of source, made up small.

use std::io::{Cursor, Write as _};

use plimsoll_vuln::import::{ImportError, Source, import};
use plimsoll_vuln::index::{Builder, Built, Index, Refusal, Shard, Tally};

const DJANGO: &str = r#"{"id":"PYSEC-1","modified":"2024-01-02T03:04:05Z","aliases":["CVE-2024-1000"],
    "affected":[{"package":{"ecosystem":"PyPI","name":"Django"},
    "ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"2.0"},{"fixed":"2.0.5"}]}]}]}"#;

fn read(name: &str, bytes: &[u8]) -> Result<(Built, Index), ImportError> {
    let mut builder = Builder::new();
    add(&mut builder, name, bytes)?;
    let built = builder.finish().unwrap();
    let index = Index::open(built.shards.clone()).unwrap();
    Ok((built, index))
}

fn add(builder: &mut Builder, name: &str, bytes: &[u8]) -> Result<(), ImportError> {
    import(builder, &Source { name, licence: Some("CC0-1.0"), time: None }, Cursor::new(bytes)).map(drop)
}

fn tally(built: &Built) -> &Tally {
    &built.catalogue.sources[0].tally
}

/// The fix for a version; nothing where it is not affected.
fn fix<'i>(shard: &'i Shard, package: &str, version: &str) -> Option<Option<&'i str>> {
    let mut key = Vec::new();
    shard.order().encode(version, &mut key).unwrap();
    shard.affecting(package).find_map(|affected| affected.contains(&key, version)).map(|hit| hit.fixed)
}

fn one_line(json: &str) -> String {
    json.replace('\n', " ")
}

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_record_is_read_however_it_is_packed() {
    let lines = format!("{}\n\n{}", one_line(DJANGO), one_line(DJANGO).replace("PYSEC-1", "PYSEC-2"));
    let forms = [
        DJANGO.as_bytes().to_vec(),
        lines.clone().into_bytes(),
        gzipped(lines.as_bytes()),
        zstd::encode_all(lines.as_bytes(), 3).unwrap(),
        zipped(&[("PYSEC-1.json", DJANGO.as_bytes()), ("README.md", b"not a record")]),
    ];
    for form in forms {
        let (built, index) = read("form", &form).unwrap();
        assert_eq!(tally(&built).kept, tally(&built).read);
        let shard = index.shard("PyPI").unwrap();
        assert_eq!(fix(shard, "django", "2.0.4"), Some(Some("2.0.5")));
        assert_eq!(fix(shard, "django", "2.0.5"), None);
        assert_eq!(shard.data_time().unwrap().to_string(), "2024-01-02T03:04:05Z");
    }
}

#[test]
fn a_bad_record_is_counted_and_the_others_stay() {
    let good = one_line(DJANGO);
    let unknown = good.replace("PyPI", "Plan 9").replace("PYSEC-1", "PLAN-9");
    let withdrawn = good.replace(r#""id""#, r#""withdrawn":"2024-01-01T00:00:00Z","id""#);
    let unordered =
        good.replace("2.0.5", "not a version").replace("PYSEC-1", "PYSEC-3").replace("PyPI", "npm");
    let lines = [&good, "{\"id\":", &unknown, &withdrawn, &unordered, &good].join("\n");
    let (built, index) = read("mixed", lines.as_bytes()).unwrap();
    let tally = tally(&built);
    assert_eq!((tally.read, tally.kept), (6, 1));
    for reason in [
        Refusal::Malformed,
        Refusal::UnknownEcosystem,
        Refusal::Withdrawn,
        Refusal::UnparsableVersion,
        Refusal::Superseded,
    ] {
        assert_eq!(tally.refused_for(reason), 1, "{reason}: {tally:?}");
    }
    assert_eq!(tally.refused[&Refusal::UnknownEcosystem].examples, ["PLAN-9"]);
    assert_eq!(index.shards().count(), 1);
}

#[test]
fn of_two_states_of_a_record_the_newer_counts() {
    let old = one_line(DJANGO);
    let new = old.replace("2024-01-02", "2024-06-01").replace("2.0.5", "2.0.9");
    for lines in [format!("{old}\n{new}"), format!("{new}\n{old}")] {
        let (built, index) = read("two", lines.as_bytes()).unwrap();
        assert_eq!(tally(&built).refused_for(Refusal::Superseded), 1);
        assert_eq!(fix(index.shard("PyPI").unwrap(), "django", "2.0.6"), Some(Some("2.0.9")));
    }
}

#[test]
fn a_record_of_a_day_that_is_to_come_makes_no_data_newer() {
    let ahead = one_line(DJANGO).replace("PYSEC-1", "PYSEC-2").replace("2024-01-02", "2027-07-09");
    let mut builder = Builder::at("2026-11-22T00:00:00Z".parse().unwrap());
    add(&mut builder, "python", format!("{}\n{ahead}", one_line(DJANGO)).as_bytes()).unwrap();
    add(&mut builder, "future.jsonl", ahead.replace("PyPI", "npm").as_bytes()).unwrap();
    let built = builder.finish().unwrap();
    let counted: Vec<u64> =
        built.catalogue.sources.iter().map(|source| source.tally.dated_ahead.count).collect();
    assert_eq!(counted, [1, 1]);
    assert_eq!(tally(&built).dated_ahead.examples, ["PYSEC-2"]);
    let index = Index::open(built.shards).unwrap();
    let pypi = index.shard("PyPI").unwrap();
    assert_eq!(
        (pypi.data_time().unwrap().to_string(), pypi.advisory_count()),
        ("2024-01-02T03:04:05Z".into(), 2)
    );
    assert_eq!(index.shard("npm").unwrap().data_time(), None, "nothing tells how old it is");
    assert_eq!(built.catalogue.data_time, pypi.data_time());
}

#[test]
fn what_a_source_says_of_itself_counts_for_what_did_not_change_since() {
    let time = |text: &str| Some(text.parse().unwrap());
    let built = |source_time| {
        let mut builder = Builder::at("2026-11-22T00:00:00Z".parse().unwrap());
        let source = Source { name: "python", licence: None, time: source_time };
        import(&mut builder, &source, Cursor::new(DJANGO)).unwrap();
        builder.finish().unwrap().catalogue.data_time
    };
    assert_eq!(built(time("2026-11-21T00:00:00Z")), time("2026-11-21T00:00:00Z"));
    assert_eq!(built(time("2020-01-01T00:00:00Z")), time("2024-01-02T03:04:05Z"));
    assert_eq!(built(time("2027-01-01T00:00:00Z")), time("2024-01-02T03:04:05Z"));
}

#[test]
fn only_what_changed_is_named() {
    let other = one_line(DJANGO).replace("PYSEC-1", "PYSEC-2").replace("Django", "flask");
    let state = |lines: String| read("state", lines.as_bytes()).unwrap().1;
    let before = state(format!("{}\n{other}", one_line(DJANGO)));
    let fixed = state(format!("{}\n{other}", one_line(DJANGO).replace("2.0.5", "2.0.6")));
    let gone = state(other.clone());
    let titled =
        state(format!("{}\n{}", one_line(DJANGO), other.replace(r#""id""#, r#""summary":"new title","id""#)));
    assert_eq!(Index::changed(&before, &fixed), [("PyPI", "django")]);
    assert_eq!(Index::changed(&before, &gone), [("PyPI", "django")]);
    assert_eq!(Index::changed(&gone, &before), [("PyPI", "django")]);
    assert_eq!(Index::changed(&before, &titled), []);
    assert_eq!(Index::changed(&Index::default(), &gone), [("PyPI", "flask")]);
}

#[test]
fn alpine_says_what_it_mended_and_what_it_never_had() {
    let secdb = |repository: &str, package: &str| {
        format!(
            r#"{{"distroversion":"v3.19","reponame":"{repository}","packages":[{{"pkg":{{"name":"{package}",
            "secfixes":{{"1.2.3-r1":["CVE-2024-1000 XSA-1","CVE-2024-1001"],"0":["CVE-2024-1002"],"9-r0":null}}}}}}]}}"#
        )
    };
    let mut builder = Builder::new();
    add(&mut builder, "main", secdb("main", "xen").as_bytes()).unwrap();
    add(&mut builder, "community", secdb("community", "qemu").as_bytes()).unwrap();
    let built = builder.finish().unwrap();
    assert!(
        built.catalogue.sources.iter().all(|source| source.tally.kept == 3),
        "{:?}",
        built.catalogue.sources
    );
    let index = Index::open(built.shards).unwrap();
    let shard = index.shard("Alpine:v3.19").unwrap();
    for package in ["xen", "qemu"] {
        assert_eq!(fix(shard, package, "1.2.3-r0"), Some(Some("1.2.3-r1")));
        assert_eq!(fix(shard, package, "1.2.3-r1"), None);
        let never: Vec<String> = shard
            .affecting(package)
            .filter(|affected| affected.is_not_affected())
            .map(|affected| affected.advisory().unwrap().upstream().map(|id| id.to_string()).collect())
            .collect();
        assert_eq!(never, ["CVE-2024-1002"]);
    }
}

#[test]
fn debian_s_tracker_tells_each_release_apart() {
    let tracker = r#"{"openssl":{"CVE-2024-1000":{"description":"Bad things","scope":"local","releases":{
        "bookworm":{"status":"resolved","fixed_version":"3.0.11-1~deb12u2","urgency":"high","repositories":{}},
        "bullseye":{"status":"open","urgency":"unimportant"},
        "buster":{"status":"resolved","fixed_version":"0","urgency":"unimportant"},
        "trixie":{"status":"undetermined","urgency":"not yet assigned"}}}}}"#;
    let (built, index) = read("tracker", tracker.as_bytes()).unwrap();
    assert_eq!(tally(&built).kept, 1);
    assert_eq!(tally(&built).left_out[&Refusal::Undetermined].count, 1);
    let bookworm = index.shard("Debian:12").unwrap();
    assert_eq!(fix(bookworm, "openssl", "3.0.9-1"), Some(Some("3.0.11-1~deb12u2")));
    assert_eq!(fix(index.shard("Debian:11").unwrap(), "openssl", "1.1.1n-0"), Some(None));
    let never = index.shard("Debian:10").unwrap().affecting("openssl").next().unwrap();
    assert!(never.is_not_affected() && fix(index.shard("Debian:10").unwrap(), "openssl", "1.1.1").is_none());
    let affected = bookworm.affecting("openssl").next().unwrap();
    assert_eq!(affected.label(), Some("high"));
    assert_eq!(affected.advisory().unwrap().summary().as_deref(), Some("Bad things"));
    assert!(index.shard("Debian:13").is_none());
}

#[test]
fn enrichments_come_from_three_kinds_of_files() {
    let kev = r#"{"title":"CISA Catalog","catalogVersion":"2025.08.25","dateReleased":"2025-08-25T15:00:00.000Z",
        "count":2,"vulnerabilities":[{"cveID":"CVE-2021-44228","dateAdded":"2021-12-10",
        "knownRansomwareCampaignUse":"Known"},{"cveID":"nonsense","dateAdded":"2021-12-10"}]}"#;
    let epss = "#model_version:v2025.03.14,score_date:2025-08-26T00:00:00Z\ncve,epss,percentile\n\
        CVE-2021-44228,0.94358,0.99957\nCVE-2021-1,2.0,0.5\n";
    let scores = r#"{"id":"CVE-2021-44228","cvss":"CVSS:3.1/AV:N","src":"adp","ssvc":{},"kev":null}"#;
    let mut builder = Builder::new();
    add(&mut builder, "epss", &gzipped(epss.as_bytes())).unwrap();
    add(&mut builder, "kev", kev.as_bytes()).unwrap();
    add(&mut builder, "scores", scores.as_bytes()).unwrap();
    let built = builder.finish().unwrap();
    let index = Index::open(built.shards).unwrap();
    let found = index.enrichment("CVE-2021-44228").unwrap();
    assert_eq!((found.epss, found.percentile), (Some(0.943_58), Some(0.999_57)));
    assert!(found.is_ransomware);
    assert_eq!(found.vectors, ["CVSS:3.1/AV:N"]);
    assert_eq!(index.enrichments().unwrap().data_time().unwrap().to_string(), "2025-08-26T00:00:00Z");
    let refused: Vec<u64> =
        built.catalogue.sources.iter().map(|source| source.tally.refused_for(Refusal::Malformed)).collect();
    assert_eq!(refused, [1, 1, 0], "{:?}", built.catalogue.sources);
    assert_eq!(built.catalogue.shards[0].sources, ["epss", "kev", "scores"]);
}

#[test]
fn what_is_of_no_format_is_an_error_that_says_so() {
    for bytes in [&b"hello"[..], b"", b"[1]", b"{}"] {
        let error = read("odd", bytes).err().unwrap();
        assert!(matches!(error, ImportError::UnknownFormat(_)), "{error}");
    }
    assert!(matches!(read("cut", b"PK\x03\x04cut").err().unwrap(), ImportError::Archive { .. }));
    assert!(matches!(read("cut", b"\x1f\x8b\x08").err().unwrap(), ImportError::Read { .. }));
}

#[test]
fn a_member_that_unpacks_to_too_much_is_counted() {
    let bomb = format!(r#"{{"id":"{}"}}"#, " ".repeat(2 << 20));
    let (built, _) =
        read("bomb", &zipped(&[("a.json", bomb.as_bytes()), ("b.json", DJANGO.as_bytes())])).unwrap();
    assert_eq!((tally(&built).kept, tally(&built).refused_for(Refusal::TooLarge)), (1, 1));
}
