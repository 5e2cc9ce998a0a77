//! Which crate may use which: the table of ARCHITECTURE.md, as data.

use super::Problem;
use super::packages::{Dependency, Package};

/// A crate of the workspace and what it may use.
struct Room {
    name: &'static str,
    storey: Storey,
    may_use: &'static [&'static str],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Storey {
    /// Words and reasoning: values in, values out.
    Reasoning,
    Edge,
    Door,
    Assembly,
    Binary,
    /// Never part of what is shipped.
    Development,
}

const ROOMS: &[Room] = &[
    Room { name: "plimsoll-oci", storey: Storey::Reasoning, may_use: &[] },
    Room { name: "plimsoll-image", storey: Storey::Reasoning, may_use: &["plimsoll-oci"] },
    Room { name: "plimsoll-sbom", storey: Storey::Reasoning, may_use: &["plimsoll-oci", "plimsoll-image"] },
    Room { name: "plimsoll-vuln", storey: Storey::Reasoning, may_use: &["plimsoll-oci", "plimsoll-sbom"] },
    Room { name: "plimsoll-tlog", storey: Storey::Reasoning, may_use: &[] },
    Room { name: "plimsoll-attest", storey: Storey::Reasoning, may_use: &["plimsoll-oci", "plimsoll-tlog"] },
    Room {
        name: "plimsoll-dockerfile",
        storey: Storey::Reasoning,
        may_use: &["plimsoll-oci", "plimsoll-image"],
    },
    Room {
        name: "plimsoll-slim",
        storey: Storey::Reasoning,
        may_use: &["plimsoll-oci", "plimsoll-image", "plimsoll-sbom", "plimsoll-dockerfile"],
    },
    Room {
        name: "plimsoll-analyser",
        storey: Storey::Edge,
        may_use: &["plimsoll-oci", "plimsoll-image", "plimsoll-sbom"],
    },
    Room {
        name: "plimsoll-index",
        storey: Storey::Edge,
        may_use: &["plimsoll-oci", "plimsoll-sbom", "plimsoll-vuln"],
    },
    Room { name: "plimsoll-store", storey: Storey::Edge, may_use: &["plimsoll-oci", "plimsoll-tlog"] },
    Room {
        name: "plimsoll-transport",
        storey: Storey::Edge,
        may_use: &["plimsoll-oci", "plimsoll-image", "plimsoll-attest"],
    },
    Room {
        name: "plimsoll-build",
        storey: Storey::Edge,
        may_use: &["plimsoll-oci", "plimsoll-image", "plimsoll-dockerfile", "plimsoll-transport"],
    },
    Room {
        name: "plimsoll-runtime",
        storey: Storey::Edge,
        may_use: &["plimsoll-oci", "plimsoll-image", "plimsoll-sbom", "plimsoll-slim"],
    },
    Room {
        name: "plimsoll-registry",
        storey: Storey::Door,
        may_use: &["plimsoll-oci", "plimsoll-attest", "plimsoll-store", "plimsoll-tlog"],
    },
    Room {
        name: "plimsoll-server",
        storey: Storey::Assembly,
        may_use: &[
            "plimsoll-oci",
            "plimsoll-attest",
            "plimsoll-image",
            "plimsoll-attest",
            "plimsoll-analyser",
            "plimsoll-index",
            "plimsoll-sbom",
            "plimsoll-vuln",
            "plimsoll-store",
            "plimsoll-tlog",
            "plimsoll-transport",
            "plimsoll-registry",
        ],
    },
    Room {
        name: "plimsoll",
        storey: Storey::Binary,
        may_use: &[
            "plimsoll-oci",
            "plimsoll-attest",
            "plimsoll-analyser",
            "plimsoll-build",
            "plimsoll-dockerfile",
            "plimsoll-image",
            "plimsoll-index",
            "plimsoll-runtime",
            "plimsoll-slim",
            "plimsoll-store",
            "plimsoll-tlog",
            "plimsoll-transport",
            "plimsoll-registry",
            "plimsoll-vuln",
            "plimsoll-sbom",
            "plimsoll-server",
        ],
    },
    Room { name: "plimsoll-peers", storey: Storey::Development, may_use: &[] },
    Room {
        name: "plimsoll-testkit",
        storey: Storey::Development,
        may_use: &[
            "plimsoll-oci",
            "plimsoll-peers",
            "plimsoll-image",
            "plimsoll-store",
            "plimsoll-transport",
            "plimsoll-registry",
            "plimsoll-server",
        ],
    },
    Room {
        name: "xtask",
        storey: Storey::Development,
        // What a benchmark measures in a process of its own.
        may_use: &[
            "plimsoll-build",
            "plimsoll-dockerfile",
            "plimsoll-slim",
            "plimsoll-oci",
            "plimsoll-image",
            "plimsoll-sbom",
            "plimsoll-vuln",
            "plimsoll-attest",
            "plimsoll-tlog",
            "plimsoll-store",
            "plimsoll-index",
        ],
    },
];

/// Crates that a reasoning crate has no use for: each brings async, the network, a database, a clock or chance.
const NOT_IN_REASONING: &[&str] = &[
    "axum",
    "deadpool-postgres",
    "futures-util",
    "getrandom",
    "hyper",
    "hyper-util",
    "object_store",
    "rand",
    "reqwest",
    "rusqlite",
    "rustix",
    "rustls",
    "tempfile",
    "tokio",
    "tokio-postgres",
    "tokio-rustls",
    "tower",
    "tracing",
    "uuid",
];

const TABLE: &str = "the table is `ROOMS` in xtask/src/tidy/edges.rs and in ARCHITECTURE.md";

/// The directories of crates that take values and return values.
pub(super) fn reasoning_crates() -> impl Iterator<Item = &'static str> {
    ROOMS.iter().filter(|room| room.storey == Storey::Reasoning).map(|room| room.name)
}

pub(super) fn check(packages: &[Package]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for package in packages {
        match ROOMS.iter().find(|room| room.name == package.name) {
            Some(room) => problems.extend(check_room(room, package)),
            None => problems.push(of_manifest(package, "the crate is not in the table of rooms", TABLE)),
        }
    }
    for room in ROOMS {
        if !packages.iter().any(|package| package.name == room.name) {
            let what = format!("the table names `{}`, which does not exist", room.name);
            problems.push(Problem::in_file("xtask/src/tidy/edges.rs", what, "take the row out"));
        }
    }
    problems
}

fn check_room(room: &Room, package: &Package) -> Vec<Problem> {
    let refused = package.dependencies.iter().filter_map(|dependency| refuse(room, dependency));
    refused.map(|(what, help)| of_manifest(package, &what, help)).collect()
}

/// Why `room` may not have this dependency, and what to do; nothing when it may.
fn refuse(room: &Room, dependency: &Dependency) -> Option<(String, &'static str)> {
    let name = dependency.name.as_str();
    let other = ROOMS.iter().find(|other| other.name == name);
    let is_testkit = other.is_some_and(|other| other.storey == Storey::Development);
    let is_permitted = room.may_use.contains(&name) || (dependency.is_dev && is_testkit);
    if other.is_some() && !is_permitted {
        let what = format!("`{}` may not use `{name}`", room.name);
        return Some((what, TABLE));
    }
    let is_reasoning = room.storey == Storey::Reasoning && !dependency.is_dev;
    if is_reasoning && NOT_IN_REASONING.contains(&name) {
        let what = format!("`{}` reasons over values and may not use `{name}`", room.name);
        return Some((what, "take bytes, values and `now` as arguments, and do the rest in the caller"));
    }
    None
}

fn of_manifest(package: &Package, what: &str, help: &str) -> Problem {
    Problem::in_file(package.directory.join("Cargo.toml"), what, help)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A workspace in which every room exists and only `room` uses anything.
    fn workspace(room: &str, uses: &str, is_dev: bool) -> Vec<Package> {
        let package = |name: &str| Package { name: name.to_owned(), ..Package::default() };
        let mut packages: Vec<Package> = ROOMS.iter().map(|room| package(room.name)).collect();
        let user = packages.iter_mut().find(|package| package.name == room).unwrap();
        user.dependencies.push(Dependency { name: uses.to_owned(), is_dev });
        packages
    }

    fn whats(packages: &[Package]) -> Vec<String> {
        check(packages).into_iter().map(|problem| problem.what).collect()
    }

    #[test]
    fn an_edge_in_the_table_passes() {
        assert_eq!(check(&workspace("plimsoll-registry", "plimsoll-store", false)), []);
    }

    #[test]
    fn an_edge_upwards_is_refused() {
        let found = whats(&workspace("plimsoll-store", "plimsoll-registry", false));
        assert_eq!(found, ["`plimsoll-store` may not use `plimsoll-registry`"]);
    }

    #[test]
    fn only_tests_use_the_testkit() {
        assert_eq!(check(&workspace("plimsoll-store", "plimsoll-testkit", true)), []);
        let found = whats(&workspace("plimsoll-store", "plimsoll-testkit", false));
        assert_eq!(found, ["`plimsoll-store` may not use `plimsoll-testkit`"]);
    }

    #[test]
    fn a_reasoning_crate_does_no_async_outside_its_tests() {
        assert_eq!(check(&workspace("plimsoll-image", "tokio", true)), []);
        let found = whats(&workspace("plimsoll-image", "tokio", false));
        assert_eq!(found, ["`plimsoll-image` reasons over values and may not use `tokio`"]);
    }

    #[test]
    fn a_crate_and_the_table_know_each_other() {
        let mut packages = workspace("plimsoll-image", "plimsoll-oci", false);
        packages.retain(|package| package.name != "plimsoll");
        packages.push(Package { name: "plimsoll-extra".to_owned(), ..Package::default() });
        let found = whats(&packages);
        assert_eq!(found[0], "the crate is not in the table of rooms");
        assert_eq!(found[1], "the table names `plimsoll`, which does not exist");
    }

    #[test]
    fn every_edge_of_the_table_points_down() {
        for (height, room) in ROOMS.iter().enumerate() {
            for below in room.may_use {
                let depth = ROOMS.iter().position(|other| other.name == *below);
                assert!(depth.is_some_and(|depth| depth < height), "{} uses {below}", room.name);
            }
        }
    }
}
