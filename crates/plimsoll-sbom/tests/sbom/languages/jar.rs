use std::path::Path;

use plimsoll_peers::{Peer, find_peer};
use plimsoll_sbom::{Component, Kinship};

use super::{components, names, output, read_tree, scratch, write};

/// Lays out an archive's pom and manifest, and packs it with more arguments of `jar`.
fn pack(jar: &Peer, root: &Path, file: &str, pom: Option<[&str; 3]>, manifest: &str, more: &[&str]) {
    let directory = root.join("classes").join(file);
    write(directory.join("A.class"), "\u{ca}");
    if let Some([group, name, version]) = pom {
        let text = format!("groupId={group}\nartifactId={name}\nversion={version}\n");
        write(directory.join(format!("META-INF/maven/{group}/{name}/pom.properties")), &text);
    }
    write(root.join("MANIFEST.MF"), manifest);
    std::fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
    let mut command = jar.command();
    command.current_dir(root).arg(more[0]).args([file, "MANIFEST.MF", "-C"]).arg(&directory).arg(".");
    output(command.args(&more[1..]), root);
}

#[test]
fn archives_that_the_jdk_packs_are_read_stored_and_deflated() {
    let Some(jar) = find_peer("jar") else { return };
    let (_directory, root) = scratch();
    let log4j = ["org.apache.logging.log4j", "log4j-core", "2.14.1"];
    pack(&jar, &root, "BOOT-INF/lib/log4j-core-2.14.1.jar", Some(log4j), "", &["cfm"]);
    let spring = "Implementation-Title: spring-core\nImplementation-Version: 5.3.1\n";
    pack(&jar, &root, "BOOT-INF/lib/spring-core-5.3.1.jar", None, spring, &["cfm"]);
    for (file, flags) in [("image/srv/stored.jar", "cf0m"), ("image/srv/deflated.war", "cfm")] {
        let application = ["com.example", file.split(['/', '.']).nth(2).unwrap(), "1.0"];
        pack(&jar, &root, file, Some(application), "", &[flags, "-C", ".", "BOOT-INF"]);
    }

    let read = read_tree(&root.join("image"));
    assert_eq!(names(&read, Kinship::Installed), ["com.example:deflated 1.0", "com.example:stored 1.0"]);
    let embedded = ["org.apache.logging.log4j:log4j-core 2.14.1", "org.springframework:spring-core 5.3.1"];
    assert_eq!(names(&read, Kinship::Embedded), [embedded[0], embedded[0], embedded[1], embedded[1]]);
    let mut inner =
        components(&read, Kinship::Embedded).map(|found| &found.properties[Component::INNER_PATH]);
    assert!(inner.all(|path| path.starts_with("BOOT-INF/lib/") && path.ends_with(".jar")));
    assert!(read.iter().all(|read| read.notes.is_empty()));
}
