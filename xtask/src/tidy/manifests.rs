//! What every `Cargo.toml` says alike.

use super::Problem;
use super::packages::Package;
use super::tree::Tree;

pub(super) fn check(tree: &Tree, packages: &[Package]) -> Vec<Problem> {
    packages.iter().flat_map(|package| check_package(tree, package)).collect()
}

fn check_package(tree: &Tree, package: &Package) -> Vec<Problem> {
    let path = package.directory.join("Cargo.toml");
    let mut problems = Vec::new();
    let inherits_lints = tree.text_of(&path).is_some_and(inherits_lints);
    if !inherits_lints {
        let what = "the crate does not follow the workspace's lints";
        problems.push(Problem::in_file(&path, what, "add `[lints]` with `workspace = true`"));
    }
    if !package.features.is_empty() {
        let what = format!("the crate has feature flags: {}", package.features.join(", "));
        problems.push(Problem::in_file(&path, what, "choose at run time by configuration"));
    }
    problems
}

fn inherits_lints(manifest: &str) -> bool {
    let mut lines = manifest.lines().map(str::trim);
    lines.any(|line| line == "[lints]")
        && lines.take_while(|line| !line.starts_with('[')).any(|line| line == "workspace = true")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package() -> Package {
        Package { name: "a".to_owned(), directory: "crates/a".into(), ..Package::default() }
    }

    #[test]
    fn a_crate_follows_the_workspace_lints() {
        let good = Tree::of(&[("crates/a/Cargo.toml", "[package]\n\n[lints]\nworkspace = true\n")]);
        assert_eq!(check(&good, &[package()]), []);
        let elsewhere = "[lints]\n[dependencies.x]\nworkspace = true\n";
        for bad in ["[package]\n", elsewhere] {
            let problems = check(&Tree::of(&[("crates/a/Cargo.toml", bad)]), &[package()]);
            assert_eq!(problems.len(), 1, "{bad}");
        }
    }

    #[test]
    fn a_feature_flag_is_refused() {
        let tree = Tree::of(&[("crates/a/Cargo.toml", "[lints]\nworkspace = true\n")]);
        let problems = check(&tree, &[Package { features: vec!["postgres".to_owned()], ..package() }]);
        assert_eq!(problems[0].what, "the crate has feature flags: postgres");
    }
}
