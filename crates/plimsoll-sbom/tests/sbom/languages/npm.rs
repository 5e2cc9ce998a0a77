use std::path::Path;

use plimsoll_peers::{Peer, find_peer};
use plimsoll_sbom::Kinship;
use serde_json::{Value, json};

use super::{names, output, owner, read_tree, scratch, sorted, write};

fn pack(npm: &Peer, root: &Path, name: &str, manifest: &Value) {
    let directory = root.join("sources").join(name);
    write(directory.join("package.json"), &manifest.to_string());
    write(directory.join("lib/package.json"), r#"{"type":"module"}"#);
    output(npm.command().args(["pack", "--pack-destination"]).arg(root).current_dir(directory), root);
}

#[test]
fn an_applications_modules_are_what_npm_lists() {
    let Some(npm) = find_peer("npm") else { return };
    let (_directory, root) = scratch();
    pack(&npm, &root, "leaf", &json!({"name": "@scope/leaf", "version": "1.0.0", "license": "MIT"}));
    let branch = json!({"name": "branch", "version": "2.0.0-rc.1", "bundleDependencies": ["inner"],
        "dependencies": {"inner": "3.0.0"}});
    let inner = json!({"name": "inner", "version": "3.0.0"}).to_string();
    write(root.join("sources/branch/node_modules/inner/package.json"), &inner);
    pack(&npm, &root, "branch", &branch);
    let application = root.join("app");
    write(application.join("package.json"), r#"{"name":"app","version":"0.0.1"}"#);
    let install = [
        "install",
        "--offline",
        "--no-audit",
        "--no-fund",
        "../scope-leaf-1.0.0.tgz",
        "../branch-2.0.0-rc.1.tgz",
    ];
    output(npm.command().args(install).current_dir(&application), &root);

    let read = read_tree(&application);
    let listed = output(npm.command().args(["ls", "--all", "--json"]).current_dir(&application), &root);
    let mut expected = Vec::new();
    flatten(&serde_json::from_str(&listed).unwrap(), &mut expected);
    expected.sort();
    assert_eq!(expected, ["@scope/leaf 1.0.0", "branch 2.0.0-rc.1", "inner 3.0.0"]);
    assert_eq!(names(&read, Kinship::Installed), expected);
    assert_eq!(owner(&read, "node_modules/@scope/leaf/lib/package.json"), Some("@scope/leaf"));
    // The lock file of the application, and the one that npm keeps beside the modules.
    let twice = sorted(expected.iter().chain(&expected).cloned());
    assert_eq!(names(&read, Kinship::Locked), twice);
}

fn flatten(tree: &Value, names: &mut Vec<String>) {
    for (name, package) in tree["dependencies"].as_object().into_iter().flatten() {
        names.push(format!("{name} {}", package["version"].as_str().unwrap()));
        flatten(package, names);
    }
}
