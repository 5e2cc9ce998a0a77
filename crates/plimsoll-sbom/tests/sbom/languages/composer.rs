use plimsoll_peers::find_peer;
use plimsoll_sbom::Kinship;
use serde_json::json;

use super::{names, output, owner, read_tree, scratch, write};

#[test]
fn what_composer_installed_is_read_and_so_is_what_it_locked() {
    let Some(composer) = find_peer("composer") else { return };
    let (_directory, root) = scratch();
    let library = json!({"name": "acme/library", "version": "v1.2.3", "license": "MIT"});
    write(root.join("library/composer.json"), &library.to_string());
    write(root.join("library/src/a.php"), "<?php\n");
    let application = json!({
        "name": "acme/app",
        "repositories": [
            {"packagist.org": false},
            {"type": "path", "url": "../library", "options": {"symlink": false}},
        ],
        "require": {"acme/library": "^1.2"},
    });
    write(root.join("app/composer.json"), &application.to_string());
    let mut install = composer.command();
    install.args(["update", "--no-interaction", "--no-plugins", "--no-progress"]);
    install.env("COMPOSER_ALLOW_SUPERUSER", "1").env("COMPOSER_HOME", root.join("composer-home"));
    output(install.env("COMPOSER_DISABLE_NETWORK", "1").current_dir(root.join("app")), &root);

    let read = read_tree(&root.join("app"));
    assert_eq!(names(&read, Kinship::Installed), ["acme/library v1.2.3"]);
    assert_eq!(names(&read, Kinship::Locked), ["acme/library v1.2.3"]);
    assert_eq!(owner(&read, "vendor/acme/library/src/a.php"), Some("acme/library"));
}
