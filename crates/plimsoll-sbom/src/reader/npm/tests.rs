use crate::reader::tests::{read, wanted};
use crate::{Component, Kinship, Owned};

fn locked(path: &str, text: &str) -> Vec<String> {
    let facts = read(path, text.as_bytes()).unwrap();
    assert!(facts.components.iter().all(|component| component.kinship == Kinship::Locked));
    let line = |component: &Component| format!("{} {}", component.full_name(), component.version);
    facts.components.iter().map(|component| line(component).trim_end().to_owned()).collect()
}

#[test]
fn an_installed_package_owns_its_directory() {
    let json = b"\xef\xbb\xbf{\"name\":\"@babel/core\",\"version\":\"v7.1.0\",\"license\":{\"type\":\"MIT\"},\"main\":3}";
    let facts = read("app/node_modules/@babel/core/package.json", json).unwrap();
    let component = &facts.components[0];
    assert_eq!((component.full_name().as_str(), component.version.as_str()), ("@babel/core", "7.1.0"));
    assert_eq!(component.licenses, ["MIT"]);
    assert_eq!(facts.owned[0].package, "@babel/core");
    assert_eq!(facts.owned[0].files, Owned::Beneath("app/node_modules/@babel/core".to_owned()));
}

#[test]
fn only_a_packages_own_manifest_counts() {
    let json = b"{\"name\":\"x\",\"version\":\"1.0.0\"}";
    for path in [
        "usr/lib/node_modules/npm/package.json",
        "node_modules/x/package.json",
        "a/node_modules/.pnpm/x@1.0.0/node_modules/x/package.json",
        "a/node_modules/y/node_modules/@s/x/package.json",
    ] {
        assert_eq!(read(path, json).unwrap().components.len(), 1, "{path}");
    }
    for path in [
        "app/package.json",
        "node_modules/package.json",
        "a/node_modules/x/lib/package.json",
        "a/node_modules/@s/x/esm/package.json",
        "a/node_modules/@s/package.json",
        "a/node_modules/.cache/package.json",
    ] {
        assert!(wanted(path, json).is_empty(), "{path}");
    }
}

#[test]
fn a_manifest_that_names_nothing_is_passed_over_and_a_broken_one_is_malformed() {
    for json in ["{}", "{\"name\":1,\"version\":\"1\"}", "{\"name\":\"a b\",\"version\":\"1\"}"] {
        assert!(read("node_modules/x/package.json", json.as_bytes()).unwrap().is_empty(), "{json}");
    }
    let deep = format!("{{\"name\":\"x\",\"license\":{}", "[".repeat(100_000));
    for json in ["", "{", deep.as_str()] {
        assert!(read("node_modules/x/package.json", json.as_bytes()).is_err());
    }
}

#[test]
fn lock_files_of_npm_name_what_they_lock_once() {
    let first = r#"{"lockfileVersion":1,"dependencies":{
        "a":{"version":"1.0.0","requires":{"b":"^2.0.0"},"dependencies":{"b":{"version":"2.0.0"}}},
        "b":{"version":"2.0.0"},
        "alias":{"version":"npm:@s/real@3.0.0"},
        "git":{"version":"git+ssh://git@example.com/x.git#abc"}}}"#;
    assert_eq!(locked("package-lock.json", first), ["a 1.0.0", "b 2.0.0", "git", "@s/real 3.0.0"]);
    let third = r#"{"lockfileVersion":2,"packages":{
        "":{"name":"app","version":"9.9.9","dependencies":{"a":"^1.0.0"}},
        "packages/own":{"name":"own","version":"1.0.0"},
        "node_modules/own":{"resolved":"packages/own","link":true},
        "node_modules/a":{"version":"1.0.0","dependencies":{"b":"^2.0.0"}},
        "node_modules/a/node_modules/@s/b":{"version":"2.0.0"},
        "node_modules/alias":{"name":"real","version":"3.0.0"}},
        "dependencies":{"a":{"version":"1.0.0"},"twice":{"version":"1.0.0"}}}"#;
    assert_eq!(locked("x/.package-lock.json", third), ["a 1.0.0", "real 3.0.0", "@s/b 2.0.0"]);
}

#[test]
fn a_place_instead_of_a_version_is_the_origin() {
    let text = r#"{"dependencies":{"git":{"version":"git+ssh://git@example.com/x.git#abc"}}}"#;
    let facts = read("package-lock.json", text.as_bytes()).unwrap();
    let origin = facts.components[0].properties.get(Component::ORIGIN).unwrap();
    assert_eq!(origin, "git+ssh://git@example.com/x.git#abc");
}

#[test]
fn both_forms_of_yarns_lock_file_are_read() {
    let first = "# yarn lockfile v1\n\n\n\"@babel/core@^7.0.0\", \"@babel/core@^7.1.0\":\n  version \"7.1.0\"\n  \
        resolved \"https://example.com/core\"\n  dependencies:\n    version \"^9.0.0\"\n\nb@1.x:\n  version \
        \"1.2.0\"\n\nalias@npm:real@^3.0.0:\n  version \"3.0.1\"\n";
    assert_eq!(locked("yarn.lock", first), ["b 1.2.0", "real 3.0.1", "@babel/core 7.1.0"]);
    let later = "__metadata:\n  version: 6\n\n\"@babel/core@npm:^7.0.0, @babel/core@npm:^7.1.0\":\n  version: \
        7.1.0\n  resolution: \"@babel/core@npm:7.1.0\"\n\n\"app@workspace:.\":\n  version: 0.0.0-use.local\n";
    assert_eq!(locked("yarn.lock", later), ["@babel/core 7.1.0"]);
}

#[test]
fn the_keys_of_every_pnpm_version_are_read() {
    let text = "lockfileVersion: '9.0'\n\nimporters:\n\n  .:\n    dependencies: {}\n\npackages:\n\n  /a/1.0.0:\n    \
        resolution: {integrity: x}\n\n  /@s/b/2.0.0_react@17.0.0:\n    dev: true\n\n  \
        '@s/c@3.0.0(@t/d@1.0.0)(react@18.0.0)':\n    dev: false\n\n  e@4.0.0: {}\n\n  \
        github.com/x/y/abc:\n    name: y\n\nsnapshots:\n\n  f@5.0.0: {}\n";
    assert_eq!(locked("pnpm-lock.yaml", text), ["a 1.0.0", "e 4.0.0", "@s/b 2.0.0", "@s/c 3.0.0"]);
}

#[test]
fn a_lock_file_nested_without_end_is_malformed() {
    let nested = "{\"dependencies\":{\"a\":".repeat(100_000);
    assert!(read("package-lock.json", nested.as_bytes()).is_err());
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}", which in 0usize..4) {
        let names = ["node_modules/x/package.json", "package-lock.json", "yarn.lock", "pnpm-lock.yaml"];
        let _outcome = read(names[which], text.as_bytes());
    }

    #[test]
    fn damaged_lock_files_never_panic(at in 0usize..400, byte: u8, which in 0usize..3) {
        let files = [
            ("package-lock.json", "{\"packages\":{\"node_modules/@s/b\":{\"version\":\"2.0.0\"}}}"),
            ("yarn.lock", "\"@s/b@npm:^7.0.0, c@1\":\n  version: 7.1.0\n"),
            ("pnpm-lock.yaml", "packages:\n  '@s/c@3.0.0(@t/d@1.0.0)':\n  /@s/b/2.0.0_r@1:\n"),
        ];
        let (path, text) = files[which];
        let mut bytes = text.as_bytes().to_vec();
        let length = bytes.len();
        bytes[at % length] = byte;
        let _outcome = read(path, &bytes);
    }
}
