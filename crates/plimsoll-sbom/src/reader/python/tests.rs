use crate::reader::tests::{read, wanted};
use crate::reader::zip::tests::Zip;
use crate::{Component, Kinship, Owned};

const SITE: &str = "usr/local/lib/python3.11/site-packages";
const METADATA: &[u8] =
    b"Metadata-Version: 2.1\nName: Flask_Login\nVersion: 0.6.2\nLicense: MIT\n\nVersion: 9\n";

fn only(path: &str, bytes: &[u8]) -> Component {
    let mut components = read(path, bytes).unwrap().components;
    assert_eq!(components.len(), 1, "{path}");
    components.remove(0)
}

#[test]
fn every_form_of_metadata_names_the_distribution() {
    let egg = Zip::default().deflated("EGG-INFO/PKG-INFO", METADATA).finish();
    for (place, bytes) in [
        ("Flask_Login-0.6.2.dist-info/METADATA", METADATA),
        ("Flask_Login-0.6.2.egg-info/PKG-INFO", METADATA),
        ("Flask_Login.egg-info/PKG-INFO", METADATA),
        ("Flask_Login-0.6.2-py3.8.egg-info", METADATA),
        ("Flask_Login-0.6.2-py3.8.egg/EGG-INFO/PKG-INFO", METADATA),
        ("Flask_Login-0.6.2-py3.8.egg", egg.as_slice()),
    ] {
        let component = only(&format!("{SITE}/{place}"), bytes);
        assert_eq!(
            (component.name.as_str(), component.version.as_str()),
            ("flask-login", "0.6.2"),
            "{place}"
        );
        assert_eq!(component.licenses, ["MIT"]);
        assert_eq!(component.kinship, Kinship::Installed);
    }
}

#[test]
fn the_directorys_name_stands_in_for_what_the_metadata_leaves_out() {
    let component = only(&format!("{SITE}/zope.event-4.5-py3.8.egg-info"), b"Metadata-Version: 1.0\n");
    assert_eq!((component.name.as_str(), component.version.as_str()), ("zope-event", "4.5"));
    assert!(read(&format!("{SITE}/x.egg-info"), b"").is_err());
    assert!(read(&format!("{SITE}/x-1.egg-info"), b"Name: -._\n").is_err());
}

#[test]
fn a_distribution_within_another_is_embedded() {
    let component = only(&format!("{SITE}/setuptools/_vendor/wheel-0.45.1.dist-info/METADATA"), METADATA);
    assert_eq!(component.kinship, Kinship::Embedded);
}

#[test]
fn a_source_trees_metadata_and_other_files_of_the_name_are_nobodys() {
    for path in ["src/x/METADATA", "src/x/PKG-INFO", "x/EGG-INFO/PKG-INFO", "srv/RECORD", "METADATA"] {
        assert!(wanted(path, METADATA).is_empty(), "{path}");
    }
}

#[test]
fn a_record_names_files_relative_to_site_packages() {
    let record = b"flask_login/__init__.py,sha256=x,10\n../../../bin/x,,\n\"a,b.py\",,\n/opt/y,,\n../../../../../../z,,\n";
    let facts = read(&format!("{SITE}/Flask_Login-0.6.2.dist-info/RECORD"), record).unwrap();
    assert_eq!(facts.owned[0].package, "flask-login");
    let Owned::Paths(paths) = &facts.owned[0].files else { panic!("{:?}", facts.owned) };
    let expected = [
        "usr/local/lib/python3.11/site-packages/flask_login/__init__.py",
        "usr/local/bin/x",
        "usr/local/lib/python3.11/site-packages/a,b.py",
        "opt/y",
    ];
    assert_eq!(paths.as_slice(), expected);
}

#[test]
fn an_eggs_files_are_relative_to_its_own_directory() {
    let facts = read("lib/x-1.0.egg-info/installed-files.txt", b"../x.py\nPKG-INFO\n").unwrap();
    let expected = vec!["lib/x.py".to_owned(), "lib/x-1.0.egg-info/PKG-INFO".to_owned()];
    assert_eq!(facts.owned[0].files, Owned::Paths(expected));
}

#[test]
fn lock_files_name_exact_versions_only() {
    let requirements = b"# comment\nDjango[argon2]==2.2.1 ; python_version < '3.8'\nflask>=1.0\nx==1.*\n\
        urllib3 == 1.26.5 \\\n    --hash=sha256:abc\n-r other.txt\n";
    let pipfile =
        br#"{"_meta":{"x":[1]},"default":{"Jinja2":{"version":"==2.10","hashes":[]},"own":{"path":"."}}}"#;
    let poetry =
        b"[[package]]\nname = \"Jinja2\"\nversion = \"2.10\"\n\n[metadata]\nlock-version = \"2.0\"\n";
    for (path, bytes, expected) in [
        ("app/requirements-dev.txt", requirements.as_slice(), &["django 2.2.1", "urllib3 1.26.5"][..]),
        ("app/Pipfile.lock", pipfile, &["jinja2 2.10"]),
        ("app/poetry.lock", poetry, &["jinja2 2.10"]),
    ] {
        let facts = read(path, bytes).unwrap();
        let found: Vec<String> = facts
            .components
            .iter()
            .map(|component| format!("{} {}", component.name, component.version))
            .collect();
        assert_eq!(found, expected, "{path}");
        assert!(facts.components.iter().all(|component| component.kinship == Kinship::Locked));
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>, which in 0usize..6) {
        let names = ["x-1.dist-info/METADATA", "x.egg-info", "x-1.dist-info/RECORD", "requirements.txt",
            "Pipfile.lock", "poetry.lock"];
        let _outcome = read(names[which], &bytes);
    }
}
