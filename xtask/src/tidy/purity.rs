//! Reasoning crates take bytes, values and `now`: the world is not named in them.

use super::tree::{TextFile, Tree};
use super::{Problem, edges};

/// Words that lead out of a reasoning crate. Types that are mere values (`std::net::IpAddr`) are none of them.
const WORLD: &[&str] = &[
    "std::fs",
    "std::env::var",
    "std::env::args",
    "std::process",
    "std::thread",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "ToSocketAddrs",
    "SystemTime::now",
    "Instant::now",
    "async fn",
];

pub(super) fn check(tree: &Tree) -> Vec<Problem> {
    tree.rust_files().filter(|file| is_reasoning(file)).flat_map(check_file).collect()
}

fn is_reasoning(file: &TextFile) -> bool {
    edges::reasoning_crates().any(|name| file.path.starts_with(format!("crates/{name}/src")))
}

fn check_file(file: &TextFile) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, line) in file.product_text().lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        for world in WORLD.iter().filter(|world| code.contains(**world)) {
            let what = format!("a reasoning crate names `{world}`");
            let help = "take bytes (`Read + Seek`), values and `now` as arguments, and return values";
            problems.push(Problem::in_file(&file.path, what, help).at_line(index + 1));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_read_in_a_reasoning_crate_is_found() {
        let text = "use std::fmt;\nuse std::fs::File;\n";
        let problems = check(&Tree::of(&[("crates/plimsoll-image/src/layer.rs", text)]));
        assert_eq!(problems[0].line, Some(2));
        assert_eq!(problems.len(), 1);
    }

    #[test]
    fn comments_tests_and_other_storeys_may_name_the_world() {
        let tree = Tree::of(&[
            (
                "crates/plimsoll-oci/src/a.rs",
                "// Never std::fs.\n\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n",
            ),
            ("crates/plimsoll-oci/tests/b.rs", "use std::fs;\n"),
            ("crates/plimsoll-store/src/c.rs", "use std::fs;\n"),
        ]);
        assert_eq!(check(&tree), []);
    }
}
