use std::path::Path;

use plimsoll_peers::find_peer;
use plimsoll_sbom::Kinship;

use super::{names, output, owner, read_tree, scratch, sorted, write};

const SPECIFICATION: &str = r#"Gem::Specification.new do |s|
  s.name = "old-thing"
  s.version = [1, 2, "3.pre"].join(".")
  s.summary = "A test"
  s.authors = ["nobody"]
  s.licenses = ["MIT", "Ruby"]
  s.files = ["lib/old_thing.rb"]
end
"#;

#[test]
fn an_installed_gem_is_read_from_what_rubygems_wrote() {
    let Some(gem) = find_peer("gem") else { return };
    let (_directory, root) = scratch();
    write(root.join("source/old-thing.gemspec"), SPECIFICATION);
    write(root.join("source/lib/old_thing.rb"), "");
    output(gem.command().args(["build", "old-thing.gemspec"]).current_dir(root.join("source")), &root);
    let mut install = gem.command();
    install.args(["install", "--local", "--no-document", "--install-dir"]).arg(root.join("image/gems"));
    output(install.arg(root.join("source/old-thing-1.2.3.pre.gem")), &root);

    let read = read_tree(&root.join("image"));
    assert_eq!(names(&read, Kinship::Installed), ["old-thing 1.2.3.pre"]);
    assert_eq!(read[0].components[0].licenses, ["MIT", "Ruby"]);
    assert_eq!(owner(&read, "gems/gems/old-thing-1.2.3.pre/lib/old_thing.rb"), Some("old-thing"));
}

#[test]
fn the_gems_that_come_with_ruby_are_those_that_it_knows() {
    let Some(ruby) = find_peer("ruby") else { return };
    let (_directory, home) = scratch();
    let directory = output(ruby.command().args(["-e", "print Gem.default_specifications_dir"]), &home);
    let gems = directory.strip_suffix("/specifications/default").unwrap();
    let list = "Gem::Specification.each { |s| puts \"#{s.name} #{s.version}\" if s.loaded_from.start_with?(ARGV[0]) }";
    let known = output(ruby.command().args(["-e", list, gems]), &home);
    let known = sorted(known.lines().map(str::to_owned));
    assert!(known.len() > 20, "{known:?}");
    assert_eq!(names(&read_tree(Path::new(gems)), Kinship::Installed), known);
}
