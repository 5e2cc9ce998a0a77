//! Checks that neither the compiler nor clippy makes. Each takes values and returns what it found.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

mod docs;
mod edges;
mod lengths;
mod manifests;
mod marks;
mod names;
mod packages;
mod purity;
mod tree;

use packages::Package;
use tree::Tree;

/// Runs every check over the workspace at `root`, prints what is wrong, then the length report.
pub(crate) fn run(root: &Path) -> anyhow::Result<ExitCode> {
    let tree = Tree::read(root)?;
    let packages = packages::read(root)?;
    let problems = check(&tree, &packages);

    print!("{}", lengths::report(&tree));
    for problem in &problems {
        println!("{problem}");
    }
    match problems.len() {
        0 => {
            println!("tidy: {} files, {} crates: ok", tree.files.len(), packages.len());
            Ok(ExitCode::SUCCESS)
        }
        count => {
            println!("tidy: {count} to mend");
            Ok(ExitCode::FAILURE)
        }
    }
}

fn check(tree: &Tree, packages: &[Package]) -> Vec<Problem> {
    let mut problems = edges::check(packages);
    problems.extend(manifests::check(tree, packages));
    problems.extend(docs::check(tree, packages));
    problems.extend(purity::check(tree));
    problems.extend(names::check(tree, packages));
    problems.extend(marks::check(tree));
    problems
}

/// Something to mend, where it is, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Problem {
    path: PathBuf,
    line: Option<usize>,
    what: String,
    help: String,
}

impl Problem {
    fn in_file(path: impl Into<PathBuf>, what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { path: path.into(), line: None, what: what.into(), help: help.into() }
    }

    fn at_line(self, line: usize) -> Self {
        Self { line: Some(line), ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}\n  help: {}", self.what, self.help)
    }
}
