use crate::reader::tests::{read, wanted};
use crate::{Component, Kinship, Owned};

const GEMS: &str = "usr/local/bundle";
const RACK: &[u8] =
    b"# stub: rack 2.2.3 ruby lib\nGem::Specification.new do |s|\n  s.name = \"rack\".freeze\n  \
    s.version = \"2.2.3\"\n  s.licenses = [\"MIT\".freeze]\nend\n";

#[test]
fn an_installed_gem_owns_its_directory() {
    let facts = read(&format!("{GEMS}/specifications/rack-2.2.3.gemspec"), RACK).unwrap();
    assert_eq!((facts.components[0].name.as_str(), facts.components[0].version.as_str()), ("rack", "2.2.3"));
    assert_eq!(facts.components[0].licenses, ["MIT"]);
    assert_eq!(facts.components[0].architecture, None);
    assert_eq!(facts.owned[0].files, Owned::Beneath(format!("{GEMS}/gems/rack-2.2.3")));
}

#[test]
fn a_default_gems_files_are_rubys() {
    let facts = read(&format!("{GEMS}/specifications/default/rack-2.2.3.gemspec"), RACK).unwrap();
    assert_eq!(facts.components.len(), 1);
    assert!(facts.owned.is_empty());
}

#[test]
fn the_files_name_stands_in_for_what_is_computed() {
    let text = b"Gem::Specification.new do |s|\n  s.version = Json::VERSION\nend\n";
    for (file, name, version) in [
        ("json-2.6.1", "json", "2.6.1"),
        ("net-http-persistent-4.0.1", "net-http-persistent", "4.0.1"),
        ("nokogiri-1.15.4-x86_64-linux", "nokogiri", "1.15.4"),
    ] {
        let facts = read(&format!("specifications/default/{file}.gemspec"), text).unwrap();
        let component = &facts.components[0];
        assert_eq!((component.name.as_str(), component.version.as_str()), (name, version));
    }
    assert!(read("specifications/x.gemspec", text).is_err());
}

#[test]
fn a_source_trees_specification_is_nobodys() {
    for path in ["gems/rack-2.2.3/rack.gemspec", "x/myspecifications/rack.gemspec", "rack.gemspec"] {
        assert!(wanted(path, RACK).is_empty(), "{path}");
    }
}

#[test]
fn a_lock_file_names_gems_but_not_the_projects_own() {
    let text = "GIT\n  remote: https://example.com/x.git\n  revision: abc\n  specs:\n    x (0.1.0)\n\nPATH\n  \
        remote: .\n  specs:\n    own (1.0)\n\nGEM\n  remote: https://example.com/\n  specs:\n    nokogiri \
        (1.15.4-x86_64-linux)\n      racc (~> 1.4)\n    rack (2.2.3)\n\nDEPENDENCIES\n  rack (~> 2)\n";
    let facts = read("app/Gemfile.lock", text.as_bytes()).unwrap();
    let found: Vec<(&str, &str)> =
        facts.components.iter().map(|gem| (gem.name.as_str(), gem.version.as_str())).collect();
    assert_eq!(found, [("nokogiri", "1.15.4"), ("rack", "2.2.3"), ("x", "0.1.0")]);
    assert_eq!(facts.components[0].architecture.as_deref(), Some("x86_64-linux"));
    assert_eq!(facts.components[2].properties.get(Component::ORIGIN).unwrap(), "https://example.com/x.git");
    assert!(facts.components.iter().all(|gem| gem.kinship == Kinship::Locked));
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "(s\\.(name|version) = |[\"'\\[]|.|\n){0,60}") {
        let _outcome = read("specifications/x-1.gemspec", text.as_bytes());
        let _outcome = read("Gemfile.lock", text.as_bytes());
    }
}
