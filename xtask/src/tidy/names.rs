//! A file or crate is named after its idea.

use std::path::Path;

use super::Problem;
use super::packages::Package;
use super::tree::Tree;

const NOT_AN_IDEA: &[&str] = &["common", "helpers", "misc", "types", "util", "utilities", "utils"];

pub(super) fn check(tree: &Tree, packages: &[Package]) -> Vec<Problem> {
    let crates = packages.iter().filter_map(check_crate);
    crates.chain(tree.rust_files().filter_map(|file| check_path(&file.path))).collect()
}

fn check_crate(package: &Package) -> Option<Problem> {
    let last_word = package.name.rsplit('-').next().unwrap_or_default();
    NOT_AN_IDEA.contains(&last_word).then(|| {
        let what = format!("the crate's name ends in `{last_word}`, which names no idea");
        Problem::in_file(
            package.directory.join("Cargo.toml"),
            what,
            "put each type with the crate that can explain it",
        )
    })
}

fn check_path(path: &Path) -> Option<Problem> {
    let words = path.iter().filter_map(|part| part.to_str()).map(|part| part.trim_end_matches(".rs"));
    if path.file_name().is_some_and(|name| name == "mod.rs") {
        let help = "name the file after its module, beside the directory of the same name";
        return Some(Problem::in_file(path, "`mod.rs` hides the module's name", help));
    }
    let empty_word = words.into_iter().find(|word| NOT_AN_IDEA.contains(word))?;
    let what = format!("`{empty_word}` names no idea");
    Some(Problem::in_file(path, what, "name the file after what it is about"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_an_idea_is_found() {
        for path in ["crates/a/src/utils.rs", "crates/a/src/types/tag.rs", "crates/a/src/tag/mod.rs"] {
            assert_eq!(check(&Tree::of(&[(path, "")]), &[]).len(), 1, "{path}");
        }
        for path in ["crates/a/src/media_type.rs", "crates/a/src/model.rs", "docs/common.md"] {
            assert_eq!(check(&Tree::of(&[(path, "")]), &[]), [], "{path}");
        }
    }

    #[test]
    fn a_crate_is_not_called_common() {
        let package = Package { name: "plimsoll-common".to_owned(), ..Package::default() };
        assert_eq!(check(&Tree::of(&[]), &[package]).len(), 1);
    }
}
