use crate::reader::tests::{read, wanted};
use crate::reader::zip::tests::Zip;
use crate::{Component, Facts, Kinship};

fn pom(group: &str, name: &str, version: &str) -> (String, Vec<u8>) {
    let text = format!("groupId={group}\nartifactId={name}\nversion={version}\n");
    (format!("META-INF/maven/{group}/{name}/pom.properties"), text.into_bytes())
}

fn jar(group: &str, name: &str, version: &str) -> Vec<u8> {
    let (path, text) = pom(group, name, version);
    Zip::default().deflated(&path, &text).finish()
}

/// `group:name version inner-path` of each component.
fn lines(facts: &Facts) -> Vec<String> {
    let inner = |component: &Component| component.properties.get(Component::INNER_PATH).cloned();
    let line = |component: &Component| {
        let inner = inner(component).unwrap_or_default();
        format!("{} {} {inner}", component.full_name(), component.version).trim_end().to_owned()
    };
    facts.components.iter().map(line).collect()
}

#[test]
fn a_jar_is_its_pom() {
    let facts = read("opt/log4j-core-2.14.1.jar", &jar("org.apache.logging.log4j", "log4j-core", "2.14.1"));
    let facts = facts.unwrap();
    assert_eq!(lines(&facts), ["org.apache.logging.log4j:log4j-core 2.14.1"]);
    assert_eq!(facts.components[0].kinship, Kinship::Installed);
}

#[test]
fn jars_within_an_executable_jar_are_embedded_whether_stored_or_deflated() {
    let inner = jar("g", "inner", "1.0");
    let deep = Zip::default().deflated("WEB-INF/lib/deep-2.0.jar", &jar("g", "deep", "2.0")).finish();
    let (path, text) = pom("com.example", "app", "3.0");
    let outer = Zip::default()
        .deflated(&path, &text)
        .stored("BOOT-INF/lib/inner-1.0.jar", &inner)
        .deflated("BOOT-INF/lib/web.war", &deep)
        .stored("BOOT-INF/lib/named-4.5.jar", &Zip::default().finish())
        .finish();
    let prefixed = [b"#!/bin/sh\nexec java -jar \"$0\"\n".as_slice(), &outer].concat();
    for bytes in [outer, prefixed] {
        let facts = read("srv/app.jar", &bytes).unwrap();
        let expected = [
            "com.example:app 3.0",
            "g:inner 1.0 BOOT-INF/lib/inner-1.0.jar",
            "g:deep 2.0 BOOT-INF/lib/web.war!/WEB-INF/lib/deep-2.0.jar",
            "named 4.5 BOOT-INF/lib/named-4.5.jar",
        ];
        assert_eq!(lines(&facts), expected);
        assert!(facts.components[1..].iter().all(|component| component.kinship == Kinship::Embedded));
        assert!(facts.notes.is_empty(), "{:?}", facts.notes);
    }
}

#[test]
fn what_is_shaded_into_a_jar_is_embedded() {
    let (own, own_text) = pom("g", "fat", "1.0");
    let (other, other_text) = pom("commons-io", "commons-io", "2.6");
    let bytes = Zip::default().deflated(&other, &other_text).deflated(&own, &own_text).finish();
    let facts = read("lib/fat-1.0.jar", &bytes).unwrap();
    let shaded = "commons-io:commons-io 2.6 META-INF/maven/commons-io/commons-io/pom.properties";
    assert_eq!(lines(&facts), ["g:fat 1.0", shaded]);
    assert_eq!(facts.components[1].kinship, Kinship::Embedded);
}

#[test]
fn the_path_of_a_pom_xml_names_the_group() {
    let bytes = Zip::default().deflated("META-INF/maven/org.example/thing/pom.xml", b"<project/>").finish();
    assert_eq!(lines(&read("lib/thing-1.2.jar", &bytes).unwrap()), ["org.example:thing 1.2"]);
}

#[test]
fn fifty_jars_within_one_another_end_in_a_note() {
    for stored in [true, false] {
        let mut bytes = jar("g", "innermost", "1.0");
        for _ in 0..50 {
            let zip = Zip::default();
            let zip = if stored { zip.stored("a.jar", &bytes) } else { zip.deflated("a.jar", &bytes) };
            bytes = zip.finish();
        }
        let facts = read("a.jar", &bytes).unwrap();
        assert!(facts.components.is_empty());
        let [note] = facts.notes.as_slice() else { panic!("{:?}", facts.notes) };
        assert!(note.text.starts_with("cannot read a.jar!/a.jar!/"), "{}", note.text);
        assert!(
            note.text.ends_with("it goes past the limit: 8 archives within one another"),
            "{}",
            note.text
        );
    }
}

#[test]
fn an_archive_too_large_to_hold_is_known_by_its_name_and_noted() {
    let zeros = vec![0; 25 << 20];
    let bytes = Zip::default().deflated("lib/bomb-1.0.jar", &zeros).finish();
    assert!(bytes.len() < 100_000);
    let facts = read("app.jar", &bytes).unwrap();
    assert_eq!(lines(&facts), ["bomb 1.0 lib/bomb-1.0.jar"]);
    assert!(facts.notes[0].text.contains("16 MiB of inflated archives"), "{}", facts.notes[0].text);
}

#[test]
fn a_member_that_lies_about_its_size_is_read_no_further_than_it_says() {
    let bytes = Zip::default().claiming("lib/x-1.0.jar", &vec![0; 4 << 20], 1000).finish();
    let facts = read("app.jar", &bytes).unwrap();
    assert_eq!(lines(&facts), ["x 1.0 lib/x-1.0.jar"]);
    assert!(facts.notes[0].text.contains("no zip directory"), "{}", facts.notes[0].text);
}

#[test]
fn many_bombs_stop_at_what_may_be_inflated() {
    let inner = [vec![0; 15 << 20], Zip::default().finish()].concat();
    let names: Vec<String> = (0..50).map(|index| format!("lib/x-{index}.0.jar")).collect();
    let bytes = Zip::default().deflated_each(&names, &inner).finish();
    assert!(bytes.len() < 8 << 20);
    let facts = read("app.jar", &bytes).unwrap();
    assert_eq!(facts.components.len(), 50);
    let refused = facts.notes.iter().filter(|note| note.text.contains("512 MiB to inflate")).count();
    assert!(refused > 1, "{:?}", facts.notes);
}

#[test]
fn members_that_overlap_are_refused() {
    let bytes = Zip::default().stored("a-1.0.jar", &[0; 100]).again("b-1.0.jar").finish();
    assert!(read("x.jar", &bytes).unwrap_err().to_string().contains("overlap"));
}

#[test]
fn a_million_members_are_not_all_looked_at() {
    let facts = read("x-1.0.jar", &Zip::many(1_000_000)).unwrap();
    assert_eq!(lines(&facts), ["x 1.0"]);
    assert!(facts.notes[0].text.contains("750000 members"), "{:?}", facts.notes);
}

#[test]
fn a_jar_of_nothing_but_poms_is_read_in_time_and_in_part() {
    let poms = (0..30_000).map(|index| pom(&format!("g{index}"), "a", "1"));
    let bytes = poms.fold(Zip::default(), |zip, (path, text)| zip.stored(&path, &text)).finish();
    let facts = read("x.jar", &bytes).unwrap();
    assert!((5_000..7_000).contains(&facts.components.len()), "{}", facts.components.len());
    assert!(facts.notes.last().unwrap().text.starts_with("and "), "{:?}", facts.notes.last());
}

#[test]
fn a_truncated_jar_is_malformed_at_every_length() {
    let whole = Zip::default().deflated("lib/inner-1.0.jar", &jar("g", "inner", "1.0")).finish();
    for length in 1..whole.len() {
        assert!(read("x.jar", &whole[..length]).is_err(), "{length} of {}", whole.len());
    }
}

#[test]
fn other_files_of_such_names_are_left_alone() {
    assert!(wanted("usr/lib/perl/x.par", b"#!/usr/bin/perl").is_empty());
    assert!(wanted("x.jar", b"").is_empty());
    assert_eq!(wanted("var/plugins/git.jpi", b"PK\x03\x04").len(), 1);
}

proptest::proptest! {
    #[test]
    fn a_damaged_jar_never_panics(at in 0usize..600, byte in proptest::num::u8::ANY, second in 0usize..600) {
        let inner = jar("g", "inner", "1.0");
        let mut bytes =
            Zip::default().stored("lib/inner-1.0.jar", &inner).deflated("lib/other-1.0.jar", &inner).finish();
        let length = bytes.len();
        bytes[at % length] = byte;
        bytes[second % length] ^= 0xff;
        let _outcome = read("x.jar", &bytes);
    }
}
