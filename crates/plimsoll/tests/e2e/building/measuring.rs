//! What a change saves, by building with and without it.

use serde_json::Value;

use super::yard::Yard;

/// It is compiled only, and needs no library.
const PROGRAM: &str = "void _start(void) { for (;;); }\n";

/// Bytes of a file that only the build needs; it does not compress.
const TABLE_BYTES: usize = 1_000_000;

fn noise() -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_le_bytes()[7]
    };
    (0..TABLE_BYTES).map(|_| next()).collect()
}

#[test]
fn a_change_is_measured_by_building_with_and_without_it() {
    let yard = Yard::new();
    let Some(base) = yard.base() else { return };
    let dockerfile = format!(
        "FROM {base}\nCOPY table /src/table\nCOPY hello.c /src/hello.c\n\
         RUN tcc -nostdlib -static -o /usr/local/bin/hello /src/hello.c && rm /src/table\nENTRYPOINT [\"/usr/local/bin/hello\"]\n"
    );
    yard.file("app/Dockerfile", dockerfile.as_bytes());
    yard.file("app/hello.c", PROGRAM.as_bytes());
    yard.file("app/table", &noise());
    let linted = yard.run(&["lint", "--measure", "-o", "json", "app"]);
    let report: Value = serde_json::from_str(&linted.stdout).unwrap_or_else(|_| panic!("{}", linted.stderr));
    let findings = report["files"][0]["findings"].as_array().unwrap();
    let staged = findings.iter().find(|found| found["rule"] == "compiling-where-it-ships").unwrap();
    let savings = &staged["savings"];
    assert_eq!(savings["basis"], "measured", "{staged} {}", linted.stderr);
    let saved = |unit: &str| savings[unit].as_u64().unwrap();
    let table = TABLE_BYTES as u64;
    assert!((table..table + 1000).contains(&saved("bytes")), "{savings}");
    // Whoever compresses the base decides about the rest.
    assert!(saved("storedBytes") >= table, "{savings}");
    assert!(savings["seconds"].as_f64().unwrap() >= 0.02, "{savings}");
    let shown = yard.run(&["lint", "--measure", "app"]).stdout;
    assert!(shown.contains("saves: 1.0") && shown.contains("(measured)"), "{shown}");
}
